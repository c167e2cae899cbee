//! `--filter KEY=VALUE`: which items of a list are shown, by Docker's rules and some more.
//!
//! | written | an item stays if |
//! |---|---|
//! | `key=value`, repeated for the same key | any of the values is its value (for a list: any of its elements) |
//! | `key=…` for several keys | each of the keys matches |
//! | `key!=value` | it does not have the value; each repetition must hold |
//! | `key>value`, `>=`, `<`, `<=` | its number, size or time compares so; each repetition must hold |
//!
//! Identifiers match by their beginning, with or without `sha256:`; texts as a whole, with `*` for any part; sizes may have a unit
//! (`bytes>100MB`); times are RFC 3339 or a date. A counted list is compared with a number by its length (`layers>5`), with anything else by the
//! beginnings of its elements (`layers=sha256:4711`). What has no value matches only `key=` and `key!=value`.

mod condition;

use self::condition::Condition;
use super::column::{self, Column};
use super::value::{of, same};
use crate::suggest::Unknown;
use serde_json::Value;
use std::str::FromStr;

/// One `--filter` as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    key: String,
    operator: Operator,
    value: String,
}

/// How a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Is,
    IsNot,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// Why items cannot be filtered as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// It has no operator or no key.
    #[error("{0} is not a filter: write KEY=VALUE, KEY!=VALUE or KEY>VALUE")]
    Malformed(String),
    /// No item has such a key.
    #[error("{0}")]
    Key(#[from] Unknown),
    /// The value is not of the column's kind.
    #[error("cannot filter by {key}: {cause}")]
    Value {
        /// The column's key.
        key: &'static str,
        /// What is wrong with the value.
        cause: String,
    },
}

/// Everything that `--filter` said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filters(Vec<Filter>);

impl FromIterator<Filter> for Filters {
    fn from_iter<I: IntoIterator<Item = Filter>>(filters: I) -> Self {
        Self(filters.into_iter().collect())
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let malformed = || FilterError::Malformed(super::escape::brief(text));
        let at = text.find(['=', '!', '<', '>']).filter(|at| *at > 0).ok_or_else(malformed)?;
        let (key, rest) = text.split_at(at);
        let operators = [
            ("!=", Operator::IsNot),
            (">=", Operator::AtLeast),
            ("<=", Operator::AtMost),
            ("=", Operator::Is),
            (">", Operator::More),
            ("<", Operator::Less),
        ];
        let found = operators.into_iter().find_map(|(sign, operator)| Some((operator, rest.strip_prefix(sign)?)));
        let (operator, value) = found.ok_or_else(malformed)?;
        Ok(Self { key: key.to_owned(), operator, value: value.to_owned() })
    }
}

impl Filter {
    /// The key, as it was written, and the value, if this is `key=value`.
    #[must_use]
    pub fn equality(&self) -> Option<(&str, &str)> {
        (self.operator == Operator::Is).then_some((&*self.key, &*self.value))
    }
}

impl Filters {
    /// Puts what `replace` gives for a column's key and a value in the place of the value, in every `=` and `!=`.
    ///
    /// # Errors
    /// If `replace` fails.
    pub fn replace<E>(&mut self, columns: &[Column], mut replace: impl FnMut(&str, &str) -> Result<Option<String>, E>) -> Result<(), E> {
        for filter in self.0.iter_mut().filter(|filter| matches!(filter.operator, Operator::Is | Operator::IsNot)) {
            if let Ok(column) = column::find(columns, &filter.key)
                && !filter.value.is_empty()
                && let Some(value) = replace(column.key, &filter.value)?
            {
                filter.value = value;
            }
        }
        Ok(())
    }

    /// Makes sure that every filter names a column and gives it a value that it can have.
    ///
    /// # Errors
    /// If one does not.
    pub fn check(&self, columns: &[Column]) -> Result<(), FilterError> {
        self.rules(columns).map(drop)
    }

    /// Keeps the items that all filters let through, in their order.
    ///
    /// # Errors
    /// If a filter names no column, or gives it a value that it cannot have.
    pub fn apply(&self, items: Vec<Value>, columns: &[Column]) -> Result<Vec<Value>, FilterError> {
        let rules = self.rules(columns)?;
        Ok(items.into_iter().filter(|item| rules.iter().all(|rule| rule.lets_through(item))).collect())
    }

    /// Gathers the equalities of each key into one rule, and makes one of every other filter.
    fn rules(&self, columns: &[Column]) -> Result<Vec<Rule>, FilterError> {
        let mut rules: Vec<Rule> = Vec::new();
        for filter in &self.0 {
            let column = column::find(columns, &filter.key)?;
            let condition = Condition::parse(&column, filter.operator, &filter.value)?;
            let alike = rules.iter_mut().find(|rule| same(rule.key, column.key) && rule.mode == Mode::Any);
            match (filter.operator, alike) {
                (Operator::Is, Some(rule)) => rule.conditions.push(condition),
                (Operator::Is, None) => rules.push(Rule { key: column.key, mode: Mode::Any, conditions: vec![condition] }),
                (Operator::IsNot, _) => rules.push(Rule { key: column.key, mode: Mode::None, conditions: vec![condition] }),
                _ => rules.push(Rule { key: column.key, mode: Mode::Each, conditions: vec![condition] }),
            }
        }
        Ok(rules)
    }
}

/// What one key of an item must be.
struct Rule {
    key: &'static str,
    mode: Mode,
    conditions: Vec<Condition>,
}

#[derive(PartialEq, Eq)]
enum Mode {
    Any,
    None,
    Each,
}

impl Rule {
    fn lets_through(&self, item: &Value) -> bool {
        let value = of(item, self.key).unwrap_or(&Value::Null);
        let mut results = self.conditions.iter().map(|condition| condition.holds(value));
        match self.mode {
            Mode::Any => results.any(|holds| holds),
            Mode::None => !results.any(|holds| holds),
            Mode::Each => results.all(|holds| holds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::column::Kind;
    use crate::render::size::Digits;
    use serde_json::json;

    const COLUMNS: [Column; 8] = [
        Column::new("id", "ID", Kind::Id),
        Column::new("name", "NAME", Kind::Name),
        Column::new("references", "", Kind::References),
        Column::new("layers", "LAYERS", Kind::Count),
        Column::new("bytes", "SIZE", Kind::Bytes(Digits::Four)),
        Column::new("in_use", "IN USE", Kind::Bool),
        Column::new("created", "CREATED", Kind::Age),
        Column::new("share", "SHARE", Kind::Percent).hidden(),
    ];

    fn kept(filters: &[&str]) -> Result<String, FilterError> {
        let items = vec![
            json!({"id": "sha256:aaa1", "name": "web", "references": ["alpine:3", "app:1"], "layers": ["sha256:f1", "sha256:f2"], "bytes": 100_000_000,
                   "in_use": true, "created": "2024-05-01T10:00:00Z", "share": 50.5}),
            json!({"id": "aab2", "name": "", "references": [], "layers": [], "bytes": 100_000_001, "in_use": false, "created": null, "share": 50}),
            json!({"id": "bbb3", "name": "web2", "references": ["app:2"], "layers": ["sha256:f1"], "bytes": 0, "in_use": true,
                   "created": "2024-05-02T00:00:00Z", "share": null}),
        ];
        let filters: Filters = filters.iter().map(|filter| filter.parse()).collect::<Result<Vec<_>, _>>()?.into_iter().collect();
        let kept = filters.apply(items, &COLUMNS)?;
        Ok(kept.iter().filter_map(|item| of(item, "id")?.as_str()?.chars().last()).collect())
    }

    #[test]
    fn keeps_what_docker_would_and_compares() {
        for (filters, ids) in [
            (&[][..], "123"),
            (&["id=aaa"], "1"),
            (&["id=sha256:aa"], "12"),
            (&["id=AA"], "12"),
            (&["id="], ""),
            (&["id!=aa"], "3"),
            (&["name=web"], "1"),
            (&["name=web*"], "13"),
            (&["name="], "2"),
            (&["name=*"], "13"),
            (&["name!=web"], "23"),
            (&["name=web", "name=web2"], "13"),
            (&["name=web", "NAME=web2", "in-use=false"], ""),
            (&["name!=web", "name!=web2"], "2"),
            (&["references=app:*"], "13"),
            (&["references=app:*", "references!=alpine:3"], "3"),
            (&["references="], "2"),
            (&["layers=f2"], "1"),
            (&["layers=sha256:f1"], "13"),
            (&["layers=1"], "3"),
            (&["layers>0"], "13"),
            (&["bytes>100MB"], "2"),
            (&["bytes>=100MB"], "12"),
            (&["bytes=0.1GB"], "1"),
            (&["bytes>0", "bytes<=100000kB"], "1"),
            (&["size<1"], "3"),
            (&["in_use=true"], "13"),
            (&["in_use=no"], "2"),
            (&["in_use!=1"], "2"),
            (&["created<2024-05-02"], "1"),
            (&["created>=2024-05-02T02:00:00+02:00"], "3"),
            (&["created="], "2"),
            (&["share>50"], "1"),
            (&["share<=50"], "2"),
            (&["share=50%"], "2"),
        ] {
            assert_eq!(kept(filters).as_deref(), Ok(ids), "{filters:?}");
        }
    }

    #[test]
    fn explains_what_it_cannot_do() {
        for (filter, error) in [
            ("", " is not a filter: write KEY=VALUE, KEY!=VALUE or KEY>VALUE"),
            ("dangling", "dangling is not a filter: write KEY=VALUE, KEY!=VALUE or KEY>VALUE"),
            ("=x", "=x is not a filter: write KEY=VALUE, KEY!=VALUE or KEY>VALUE"),
            ("id!x", "id!x is not a filter: write KEY=VALUE, KEY!=VALUE or KEY>VALUE"),
            ("nam=x", "unknown column nam, did you mean name? (there are id, name, references, layers, bytes, in_use, created, share)"),
            ("in_use=maybe", "cannot filter by in_use: maybe is neither true nor false"),
            ("created=monday", "cannot filter by created: monday is not a time: write 2024-05-01 or 2024-05-01T10:00:00Z"),
            ("share>half", "cannot filter by share: half is not a number"),
            ("layers>1e3", "cannot filter by layers: 1e3 is not a whole number"),
            ("name>x", "cannot filter by name: it is compared with = and != only"),
        ] {
            assert_eq!(kept(&[filter]).unwrap_err().to_string(), error);
        }
        assert!(kept(&["bytes>12XB"]).unwrap_err().to_string().starts_with("cannot filter by bytes: 12XB is not a size: "));
    }
}
