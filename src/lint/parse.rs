//! Reading a policy.
//!
//! ```toml
//! [max-size]                 # one rule of a kind …
//! limit = "1GB"
//!
//! [[max-layers]]             # … or several
//! images = ["shop/*"]        # which images; all that have a name if left out
//! except = ["shop/base"]
//! limit = 12
//! level = "warn"             # fail if left out
//! missing = "fail"           # if there is no such image; warn if left out
//! ```

use super::amount::Limit;
use super::policy::{Check, Level, Missing, Policy, Rule};
use crate::render::size;
use crate::suggest::Unknown;
use toml::{Table, Value};

/// What every rule may say.
const COMMON: [&str; 4] = ["images", "except", "level", "missing"];

/// How a rule's own key becomes a check.
type Read = fn(Own<'_>) -> Result<Check, String>;

/// Every rule: its name, the key that it needs beside those, and how that is read.
const RULES: [(&str, Option<&str>, Read); 12] = [
    ("base", Some("on"), |own| own.patterns().map(Check::Base)),
    ("max-exclusive", Some("limit"), |own| own.limit().map(Check::MaxExclusive)),
    ("max-inodes", Some("limit"), |own| own.count().map(Check::MaxInodes)),
    ("max-layers", Some("limit"), |own| own.count().map(Check::MaxLayers)),
    ("max-set-size", Some("limit"), |own| own.bytes().map(Check::MaxSetSize)),
    ("max-size", Some("limit"), |own| own.bytes().map(Check::MaxSize)),
    ("min-free-inodes", Some("limit"), |own| own.limit().map(Check::MinFreeInodes)),
    ("min-free-space", Some("limit"), |own| own.limit().map(Check::MinFreeSpace)),
    ("min-shared", Some("limit"), |own| own.limit().map(Check::MinShared)),
    ("no-duplicate-layers", None, |_| Ok(Check::NoDuplicateLayers)),
    ("no-garbage", None, |_| Ok(Check::NoGarbage)),
    ("same-base", None, |_| Ok(Check::SameBase)),
];

/// Why a policy cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is no TOML.
    #[error("{0}")]
    Syntax(String),
    /// There is no such rule.
    #[error("{0}")]
    Rule(Unknown),
    /// A rule has no such key.
    #[error("{rule}: {unknown}")]
    Key {
        /// The rule.
        rule: String,
        /// The key.
        unknown: Unknown,
    },
    /// A value means nothing.
    #[error("{rule}: {key}: {cause}")]
    Value {
        /// The rule.
        rule: String,
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        cause: String,
    },
}

/// The value of a rule's own key, if it has one.
#[derive(Clone, Copy)]
struct Own<'t>(Option<&'t Value>);

/// Reads a policy.
///
/// # Errors
/// When it is no TOML, or names a rule or a key that does not exist, or a value means nothing: a rule that is not understood must not seem to
/// be kept.
pub fn parse(text: &str) -> Result<Policy, PolicyError> {
    let table: Table = toml::from_str(text).map_err(|error| PolicyError::Syntax(error.to_string().trim_end().to_owned()))?;
    let mut rules = Vec::new();
    for (name, value) in &table {
        let known = RULES.iter().find(|(known, ..)| known == name);
        let &(_, own, check) = known.ok_or_else(|| PolicyError::Rule(Unknown::new("rule", name, RULES.iter().map(|(name, ..)| *name))))?;
        for (number, table) in tables(name, value)?.into_iter().enumerate() {
            let shown = if value.is_array() { format!("[[{name}]] number {}", number + 1) } else { format!("[{name}]") };
            rules.push(rule(&shown, table, own, check)?);
        }
    }
    Ok(Policy { rules })
}

/// The tables of one kind of rule.
fn tables<'t>(name: &str, value: &'t Value) -> Result<Vec<&'t Table>, PolicyError> {
    let one_or_more = match value {
        Value::Table(table) => Some(vec![table]),
        Value::Array(tables) => tables.iter().map(Value::as_table).collect(),
        _ => None,
    };
    one_or_more.ok_or_else(|| PolicyError::Syntax(format!("{name} is a rule: write it as a table, [{name}] or [[{name}]]")))
}

fn rule(name: &str, table: &Table, own: Option<&'static str>, check: Read) -> Result<Rule, PolicyError> {
    let keys = || COMMON.into_iter().chain(own);
    if let Some(unknown) = table.keys().find(|key| !keys().any(|known| known == key.as_str())) {
        return Err(PolicyError::Key { rule: name.to_owned(), unknown: Unknown::new("key", unknown, keys()) });
    }
    let error = |key, cause| PolicyError::Value { rule: name.to_owned(), key, cause };
    let patterns = |key| table.get(key).map_or(Ok(Vec::new()), |value| Own(Some(value)).patterns().map_err(|cause| error(key, cause)));
    let check = check(Own(own.and_then(|key| table.get(key)))).map_err(|cause| error(own.unwrap_or_default(), cause))?;
    let level = table.get("level").map_or(Ok(Level::default()), level).map_err(|cause| error("level", cause))?;
    let missing = table.get("missing").map_or(Ok(Missing::default()), missing).map_err(|cause| error("missing", cause))?;
    let rule = Rule { check, images: patterns("images")?, except: patterns("except")?, level, missing };
    if rule.check.is_about_host() && ["images", "except", "missing"].into_iter().any(|key| table.contains_key(key)) {
        return Err(error("images", "the rule is about the host, not about images".to_owned()));
    }
    Ok(rule)
}

fn level(value: &Value) -> Result<Level, String> {
    match value.as_str() {
        Some("fail") => Ok(Level::Fail),
        Some("warn") => Ok(Level::Warn),
        _ => Err("write \"fail\" or \"warn\"".to_owned()),
    }
}

fn missing(value: &Value) -> Result<Missing, String> {
    match value.as_str() {
        Some("ignore") => Ok(Missing::Ignore),
        Some("warn") => Ok(Missing::Warn),
        Some("fail") => Ok(Missing::Fail),
        _ => Err("write \"fail\", \"warn\" or \"ignore\"".to_owned()),
    }
}

impl<'t> Own<'t> {
    fn there(self) -> Result<&'t Value, String> {
        self.0.ok_or_else(|| "the rule needs it".to_owned())
    }

    /// One pattern, or a list of some.
    fn patterns(self) -> Result<Vec<String>, String> {
        let patterns: Option<Vec<String>> = match self.there()? {
            Value::String(one) => Some(vec![one.clone()]),
            Value::Array(some) => some.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        patterns
            .filter(|patterns| !patterns.is_empty())
            .ok_or_else(|| "write a name or a list of names, in which * stands for anything".to_owned())
    }

    fn count(self) -> Result<u64, String> {
        let count = self.there()?.as_integer().and_then(|count| u64::try_from(count).ok());
        count.ok_or_else(|| "write a whole number".to_owned())
    }

    /// The text of a size: a number of bytes needs no quotes.
    fn text(self) -> Result<String, String> {
        match self.there()? {
            Value::String(text) => Ok(text.clone()),
            Value::Integer(number) => Ok(number.to_string()),
            _ => Err("write a size such as \"500MB\", or a percentage where there is a whole".to_owned()),
        }
    }

    fn bytes(self) -> Result<u64, String> {
        size::parse(&self.text()?).map_err(|error| error.to_string())
    }

    fn limit(self) -> Result<Limit, String> {
        Limit::parse(&self.text()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Rule {
        let policy = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(policy.rules.len(), 1, "{text}");
        policy.rules[0].clone()
    }

    #[test]
    fn every_rule_is_read() {
        for (text, check) in [
            ("[base]\non = 'debian:12'", Check::Base(vec!["debian:12".to_owned()])),
            ("[base]\non = ['a', 'b']", Check::Base(vec!["a".to_owned(), "b".to_owned()])),
            ("[max-exclusive]\nlimit = '10%'", Check::MaxExclusive(Limit::Percent(10))),
            ("[max-inodes]\nlimit = 7", Check::MaxInodes(7)),
            ("[max-layers]\nlimit = 7", Check::MaxLayers(7)),
            ("[max-set-size]\nlimit = '1kB'", Check::MaxSetSize(1000)),
            ("[max-size]\nlimit = 4096", Check::MaxSize(4096)),
            ("[min-free-inodes]\nlimit = '5%'", Check::MinFreeInodes(Limit::Percent(5))),
            ("[min-free-space]\nlimit = '5GB'", Check::MinFreeSpace(Limit::Bytes(5_000_000_000))),
            ("[min-shared]\nlimit = '1MB'", Check::MinShared(Limit::Bytes(1_000_000))),
            ("[no-duplicate-layers]", Check::NoDuplicateLayers),
            ("[no-garbage]", Check::NoGarbage),
            ("[same-base]", Check::SameBase),
        ] {
            let rule = one(text);
            assert_eq!((rule.check.name(), rule.level), (text[1..].split(']').next().unwrap(), Level::Fail));
            assert_eq!(rule.check, check);
        }
        assert_eq!(RULES.len(), 12);
    }

    #[test]
    fn rules_of_one_kind_stand_beside_each_other() {
        let policy =
            parse("[[max-size]]\nimages = ['a*']\nexcept = 'ab'\nlevel = 'warn'\nmissing = 'fail'\nlimit = 1\n[[max-size]]\nlimit = 2\n")
                .unwrap();
        let [first, second] = policy.rules.as_slice() else { panic!("{policy:?}") };
        assert_eq!(
            (first.images.as_slice(), first.except.as_slice(), first.level),
            (["a*".to_owned()].as_slice(), ["ab".to_owned()].as_slice(), Level::Warn)
        );
        assert_eq!((first.missing, second.missing), (Missing::Fail, Missing::Warn));
        assert_eq!((&first.check, &second.check), (&Check::MaxSize(1), &Check::MaxSize(2)));
    }

    #[test]
    fn what_is_not_understood_is_an_error_that_says_where() {
        for (text, error) in [
            ("[max-sise]\nlimit = 1", "unknown rule max-sise, did you mean max-size?"),
            ("[[max-size]]\nlimit = 1\n[[max-size]]\nlimits = 1", "[[max-size]] number 2: unknown key limits, did you mean limit?"),
            ("[max-size]", "[max-size]: limit: the rule needs it"),
            ("[max-size]\nlimit = 'big'", "[max-size]: limit: "),
            ("[max-size]\nlimit = -1", "[max-size]: limit: "),
            ("[max-layers]\nlimit = '7'", "[max-layers]: limit: write a whole number"),
            ("[min-shared]\nlimit = '140%'", "[min-shared]: limit: 140% is no percentage"),
            ("[same-base]\nlevel = 'maybe'", "[same-base]: level: write \"fail\" or \"warn\""),
            ("[same-base]\nmissing = 'maybe'", "[same-base]: missing: write \"fail\", \"warn\" or \"ignore\""),
            ("[no-garbage]\nmissing = 'fail'", "[no-garbage]: images: the rule is about the host"),
            ("[same-base]\nimages = []", "[same-base]: images: write a name"),
            ("[same-base]\nlimit = 1", "[same-base]: unknown key limit"),
            ("[no-garbage]\nimages = 'a'", "[no-garbage]: images: the rule is about the host"),
            ("max-size = 1", "max-size is a rule: write it as a table"),
            ("[max-size", "TOML parse error at line 1"),
        ] {
            let found = parse(text).expect_err(text).to_string();
            assert!(found.starts_with(error), "{text}: {found}");
        }
    }

    #[test]
    fn an_empty_policy_has_no_rules() {
        assert_eq!(parse("# nothing\n"), Ok(Policy::default()));
    }
}
