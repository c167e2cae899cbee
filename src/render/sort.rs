//! `--sort COLUMN[:asc|desc]`: the order of a list.

use super::column::{self, Column, Kind};
use super::value;
use crate::suggest::Unknown;
use jiff::Timestamp;
use serde_json::Value;
use std::cmp::Ordering;
use std::str::FromStr;

/// By which column a list is sorted, and in which direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    column: String,
    order: Option<Order>,
}

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The smallest, earliest first.
    Ascending,
    /// The largest, latest first.
    Descending,
}

/// Why a text is not an order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SortError {
    /// No column is named.
    #[error("no column to sort by: write COLUMN, COLUMN:asc or COLUMN:desc")]
    NoColumn,
    /// What follows the colon is no direction.
    #[error("{0}")]
    Order(Unknown),
}

impl FromStr for Sort {
    type Err = SortError;

    fn from_str(text: &str) -> Result<Self, SortError> {
        let (column, order) = text.split_once(':').map_or((text, None), |(column, order)| (column, Some(order)));
        if column.is_empty() {
            return Err(SortError::NoColumn);
        }
        let order = order.map(parse_order).transpose()?;
        Ok(Self { column: column.to_owned(), order })
    }
}

impl Sort {
    /// Makes sure that there is such a column.
    ///
    /// # Errors
    /// If there is none.
    pub fn check(&self, columns: &[Column]) -> Result<(), Unknown> {
        column::find(columns, &self.column).map(drop)
    }

    /// Sorts items; equal ones stay in their order, those without a value come last in either direction.
    ///
    /// # Errors
    /// If there is no such column.
    pub fn apply(&self, items: Vec<Value>, columns: &[Column]) -> Result<Vec<Value>, Unknown> {
        let column = column::find(columns, &self.column)?;
        let order = self.order.unwrap_or_else(|| natural(column.kind));
        let mut keyed: Vec<(Option<Key>, Value)> = items.into_iter().map(|item| (key(&item, &column), item)).collect();
        keyed.sort_by(|(a, _), (b, _)| match (a, b) {
            (Some(a), Some(b)) => match order {
                Order::Ascending => a.compare(b),
                Order::Descending => b.compare(a),
            },
            (a, b) => a.is_none().cmp(&b.is_none()),
        });
        Ok(keyed.into_iter().map(|(_, item)| item).collect())
    }
}

fn parse_order(text: &str) -> Result<Order, SortError> {
    match text {
        "asc" => Ok(Order::Ascending),
        "desc" => Ok(Order::Descending),
        other => Err(SortError::Order(Unknown::new("order", other, ["asc", "desc"]))),
    }
}

/// What people look for comes first: the largest, the latest; texts in alphabetical order.
const fn natural(kind: Kind) -> Order {
    match kind {
        Kind::Bytes(_) | Kind::Count | Kind::Percent | Kind::Time | Kind::Age => Order::Descending,
        Kind::Id | Kind::Name | Kind::Text | Kind::References | Kind::NamePart { .. } | Kind::Step | Kind::Bool => Order::Ascending,
    }
}

/// What items are compared by; values of different kinds in this order.
#[derive(Debug, Clone, PartialEq)]
enum Key {
    Flag(bool),
    /// The whole number decides where the float is too coarse.
    Number(f64, u64),
    Time(Timestamp),
    Text(String),
}

fn key(item: &Value, column: &Column) -> Option<Key> {
    let value = value::of(item, column.key)?;
    match (value, column.kind) {
        (Value::Array(_), Kind::Count) => value::count(value).map(number),
        (Value::Null, _) => None,
        (Value::Bool(flag), _) => Some(Key::Flag(*flag)),
        (Value::Number(float), _) => value.as_u64().map(number).or_else(|| float.as_f64().map(|float| Key::Number(float, 0))),
        (_, Kind::Time | Kind::Age) => column::time(value).map(Key::Time).or_else(|| text(value)),
        _ => text(value),
    }
}

fn number(number: u64) -> Key {
    // The conversion is monotone, so two numbers that it makes equal are ordered by the second.
    Key::Number(serde_json::Number::from(number).as_f64().unwrap_or_default(), number)
}

fn text(value: &Value) -> Option<Key> {
    let text = value::plain(value);
    (!text.is_empty()).then_some(Key::Text(text))
}

impl Key {
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Flag(a), Self::Flag(b)) => a.cmp(b),
            (Self::Number(a, a_whole), Self::Number(b, b_whole)) => a.total_cmp(b).then(a_whole.cmp(b_whole)),
            (Self::Time(a), Self::Time(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Flag(_) => 0,
            Self::Number(..) => 1,
            Self::Time(_) => 2,
            Self::Text(_) => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::size::Digits;
    use serde_json::json;

    const COLUMNS: [Column; 6] = [
        Column::new("id", "ID", Kind::Id),
        Column::new("bytes", "SIZE", Kind::Bytes(Digits::Four)),
        Column::new("layers", "LAYERS", Kind::Count),
        Column::new("created", "CREATED", Kind::Age).hidden(),
        Column::new("share", "SHARE", Kind::Percent),
        Column::new("tags", "TAGS", Kind::References),
    ];

    fn items() -> Vec<Value> {
        vec![
            json!({"id": "c", "bytes": 5, "layers": ["x", "y"], "created": "2024-01-01T00:00:00Z", "share": 1.5, "tags": []}),
            json!({"id": "a", "bytes": null, "layers": [], "created": null, "share": 10, "tags": ["b"]}),
            json!({"id": "b", "bytes": u64::MAX, "layers": ["x"], "created": "2024-01-01T00:00:00.5Z", "share": 2, "tags": ["a", "z"]}),
            json!({"id": "d", "bytes": 5, "layers": ["x"], "created": "2024-01-01T01:00:00+02:00", "share": null, "tags": ["a"]}),
            json!({"id": "e", "bytes": u64::MAX - 1, "created": "?"}),
        ]
    }

    #[test]
    fn sorts_by_a_column() {
        for (sort, order) in [
            ("id", "abcde"),
            ("id:desc", "edcba"),
            ("bytes", "becda"),
            ("SIZE:asc", "cdeba"),
            ("layers", "cbdae"),
            ("layers:asc", "abdce"),
            ("created", "ebcda"),
            ("created:asc", "dcbea"),
            ("share", "abcde"),
            ("tags", "dbace"),
        ] {
            let sorted = sort.parse::<Sort>().unwrap().apply(items(), &COLUMNS).unwrap();
            let ids: String = sorted.iter().filter_map(|item| value::of(item, "id")?.as_str()).collect();
            assert_eq!(ids, order, "{sort}");
        }
    }

    #[test]
    fn refuses_what_is_no_column_or_no_order() {
        assert_eq!("".parse::<Sort>(), Err(SortError::NoColumn));
        assert_eq!(":asc".parse::<Sort>(), Err(SortError::NoColumn));
        assert_eq!("id:dsc".parse::<Sort>().unwrap_err().to_string(), "unknown order dsc, did you mean asc? (there are asc, desc)");
        let unknown = "byte".parse::<Sort>().unwrap().apply(Vec::new(), &COLUMNS).unwrap_err();
        assert_eq!(unknown.nearest(), Some("bytes"));
    }
}
