//! One comparison of a filter, read once and then tried on every item.

use super::{FilterError, Operator};
use crate::glob::matches;
use crate::render::column::{self, Column, Kind};
use crate::render::escape::brief;
use crate::render::{size, value};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Number, Value};
use std::cmp::Ordering;

/// What a value is compared with, and how.
pub(super) enum Condition {
    /// It has no value.
    Missing,
    Flag(bool),
    Prefix(String),
    Glob(String),
    Number(Operator, f64, Option<u64>),
    Time(Operator, Timestamp),
}

impl Condition {
    /// Reads a filter's value as the column's kind of value.
    pub(super) fn parse(column: &Column, operator: Operator, value: &str) -> Result<Self, FilterError> {
        let is_equality = matches!(operator, Operator::Is | Operator::IsNot);
        if is_equality && value.is_empty() {
            return Ok(Self::Missing);
        }
        let condition = match column.kind {
            Kind::Bytes(_) => size::parse(value).map(|bytes| whole(operator, bytes)).map_err(|error| error.to_string()),
            Kind::Count => match value.parse() {
                Ok(count) => Ok(whole(operator, count)),
                Err(_) if is_equality => Ok(Self::prefix(value)),
                Err(_) => Err(format!("{} is not a whole number", brief(value))),
            },
            Kind::Percent => number(value).map(|(float, exact)| Self::Number(operator, float, exact)),
            Kind::Time | Kind::Age => time(value).map(|time| Self::Time(operator, time)),
            Kind::Bool | Kind::Id | Kind::Name | Kind::Text | Kind::References | Kind::NamePart { .. } | Kind::Step if !is_equality => {
                Err("it is compared with = and != only".to_owned())
            }
            Kind::Bool => flag(value).map(Self::Flag),
            Kind::Id => Ok(Self::prefix(value)),
            Kind::Name | Kind::Text | Kind::References | Kind::NamePart { .. } | Kind::Step => Ok(Self::Glob(value.to_owned())),
        };
        condition.map_err(|cause| FilterError::Value { key: column.key, cause })
    }

    fn prefix(id: &str) -> Self {
        Self::Prefix(bare(id).to_ascii_lowercase())
    }

    /// Tells whether the condition holds for a value; on a list it holds if it does for any element.
    pub(super) fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Missing => value::plain(value).is_empty(),
            Self::Flag(wanted) => value.as_bool() == Some(*wanted),
            Self::Number(operator, float, exact) => compare(value, *float, *exact).is_some_and(|ordering| operator.accepts(ordering)),
            Self::Time(operator, time) => column::time(value).is_some_and(|own| operator.accepts(own.cmp(time))),
            Self::Prefix(prefix) => any(value, |text| bare(text).starts_with(prefix.as_str())),
            Self::Glob(pattern) => any(value, |text| matches(pattern, text)),
        }
    }
}

/// Tells whether a text, or any of a list's, is one of those that are looked for; an empty one never is.
fn any(value: &Value, is_meant: impl Fn(&str) -> bool) -> bool {
    let elements = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    elements.iter().map(value::scalar).any(|text| !text.is_empty() && is_meant(&text))
}

impl Operator {
    /// Tells whether a value that is so ordered to the filter's passes; `!=` is the negation of `=` and made of it by the rule.
    fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Is | Self::IsNot => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
            Self::More => ordering.is_gt(),
            Self::AtLeast => ordering.is_ge(),
        }
    }
}

/// Compares exactly if both are whole numbers.
fn compare(value: &Value, float: f64, exact: Option<u64>) -> Option<Ordering> {
    match (value::count(value), exact) {
        (Some(own), Some(exact)) => Some(own.cmp(&exact)),
        _ => value.as_f64()?.partial_cmp(&float),
    }
}

fn whole(operator: Operator, number: u64) -> Condition {
    Condition::Number(operator, Number::from(number).as_f64().unwrap_or_default(), Some(number))
}

fn number(text: &str) -> Result<(f64, Option<u64>), String> {
    let digits = text.strip_suffix('%').unwrap_or(text);
    let float = digits.parse().ok().filter(|float: &f64| float.is_finite());
    float.map(|float| (float, digits.parse().ok())).ok_or_else(|| format!("{} is not a number", brief(text)))
}

fn flag(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(format!("{} is neither true nor false", brief(text))),
    }
}

/// Reads a time, or a date as its first moment in UTC.
fn time(text: &str) -> Result<Timestamp, String> {
    let midnight = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let is_date = text.len() == "2024-05-01".len();
    let time = if is_date { midnight() } else { text.parse().ok() };
    time.ok_or_else(|| format!("{} is not a time: write 2024-05-01 or 2024-05-01T10:00:00Z", brief(text)))
}

fn bare(id: &str) -> &str {
    id.strip_prefix("sha256:").unwrap_or(id)
}
