//! Docker's own fields of what is listed, by the names that templates for `docker` use: what they print is what Docker prints.
//!
//! The fields are made from an item's keys. Times are in UTC.

mod containers;
mod images;
mod others;

use super::age;
use super::column::{self, Ids, Look, short_id};
use super::size::{self, Digits};
use super::template::Template;
use super::value;
use jiff::Timestamp;
use serde_json::{Map, Value};

pub use containers::CONTAINERS;
pub use images::IMAGES;
pub use others::{DISK_USAGE, HISTORY, VOLUMES};

/// What Docker says where it has no answer.
const NOT_AVAILABLE: &str = "N/A";

/// Docker's fields of the items of a list.
#[derive(Debug, Clone, Copy)]
pub struct Fields {
    /// Their names, each with the title above its column.
    pub names: &'static [(&'static str, &'static str)],
    /// What they are of an item: once, or once for each row that Docker prints for it.
    pub rows: fn(&Value, &Asked) -> Vec<Map<String, Value>>,
}

/// What is asked of an item.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// How values are shown.
    pub look: Look,
    /// Whether there is to be a row for each name of an image.
    pub names: bool,
    /// Whether there is to be a row for each digest of one.
    pub digests: bool,
}

impl Asked {
    /// What `template` asks of each item.
    #[must_use]
    pub fn by(template: &Template, look: Look) -> Self {
        let digests = template.names("Digest");
        Self { look, names: digests || template.names("Repository") || template.names("Tag"), digests }
    }

    fn is_full(self) -> bool {
        self.look.ids == Ids::Full
    }

    fn id(&self, id: &str) -> String {
        short_id(id, self.look.ids)
    }

    fn ago(&self, item: &Value, key: &str) -> String {
        age::ago(time(item, key), self.look.now)
    }

    /// How long ago something was that is known to the fraction of a second.
    fn span(&self, item: &Value, key: &str) -> String {
        let then = value::of(item, key).and_then(column::time).unwrap_or(self.look.now);
        age::span(self.look.now.duration_since(then).as_secs())
    }
}

/// A time as Go prints it.
fn moment(item: &Value, key: &str) -> String {
    time(item, key).strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string()
}

fn size(item: &Value, key: &str, digits: Digits) -> String {
    let bytes = value::of(item, key).and_then(Value::as_u64);
    bytes.map_or_else(|| NOT_AVAILABLE.to_owned(), |bytes| size::human(bytes, digits))
}

/// A time of an item, without its fraction; one that is not there is the first that Go knows.
fn time(item: &Value, key: &str) -> Timestamp {
    const FIRST: i64 = -62_135_596_800;
    let second = value::of(item, key).and_then(column::time).map_or(FIRST, Timestamp::as_second);
    Timestamp::from_second(second).unwrap_or_default()
}

fn text(item: &Value, key: &str) -> String {
    value::of(item, key).map(value::plain).unwrap_or_default()
}

/// Labels as Docker lists them.
fn labels(item: &Value) -> String {
    let labels = value::of(item, "labels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten().map(|(key, value)| format!("{key}={}", value::scalar(value)));
    labels.collect::<Vec<_>>().join(",")
}

/// Cuts a text as Docker does.
fn ellipsis(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

fn row<const N: usize>(fields: [(&str, String); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect()
}
