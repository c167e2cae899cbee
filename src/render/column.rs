//! The columns of a list: which key, under which header, shown in which way.

use super::age;
use super::size::{self, Digits};
use super::table::{Align, Fit, Heading};
use super::value::{self, same};
use super::words;
use crate::suggest::Unknown;
use jiff::Timestamp;
use serde_json::Value;

/// A key of the items, and how a table shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The key in the JSON items.
    pub key: &'static str,
    /// The header, in upper case.
    pub header: &'static str,
    /// What kind of value it is.
    pub kind: Kind,
    /// When it is a column of the table.
    pub show: Show,
    /// How soon it is left out where space is short, if it may be.
    pub rank: Option<u8>,
}

/// What kind of value a column has: decides how it is shown, aligned, sorted and filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An identifier, or several: shown without `sha256:`, cut to twelve characters.
    Id,
    /// A short text that identifies: never shortened.
    Name,
    /// A text, or several, shortened when the terminal is narrow.
    Text,
    /// The names of an image: the first, and how many more there are; `<none>` where there is none, as Docker shows an untagged image.
    References,
    /// A part of an image's first name; `<none>` where there is none. With `more` it says how many more names there are.
    NamePart {
        /// The key of all names.
        more: Option<&'static str>,
    },
    /// The command of a build step: on one line, and shortened.
    Step,
    /// A number of bytes, with so many digits.
    Bytes(Digits),
    /// A number of things; of a list, that of its elements.
    Count,
    /// A percentage, shown without its fraction.
    Percent,
    /// A time, shown as it is written.
    Time,
    /// A time, shown as how long ago it was.
    Age,
    /// Yes or no.
    Bool,
}

/// When a key is a column of the table; a template, a filter and `--sort` know every key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Show {
    /// In every table.
    Always,
    /// Where there is room for more: `-v`, `--no-trunc`.
    Wide,
    /// Never.
    Hidden,
}

/// How identifiers are shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ids {
    /// The first twelve characters.
    #[default]
    Short,
    /// Whole (`--no-trunc`); texts are not shortened either.
    Full,
}

/// How numbers of bytes are shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sizes {
    /// With a unit.
    #[default]
    Human,
    /// As plain numbers (`--bytes`).
    Raw,
}

/// How values are shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// How identifiers are shown.
    pub ids: Ids,
    /// How numbers of bytes are shown.
    pub sizes: Sizes,
    /// The time that ages are counted from.
    pub now: Timestamp,
}

impl Column {
    /// Describes a column that every table has.
    #[must_use]
    pub const fn new(key: &'static str, header: &'static str, kind: Kind) -> Self {
        Self { key, header, kind, show: Show::Always, rank: None }
    }

    /// Leaves the column out on a narrow terminal: of several first the one with the highest rank.
    #[must_use]
    pub const fn optional(self, rank: u8) -> Self {
        Self { rank: Some(rank), ..self }
    }

    /// Shows the column in wide tables only.
    #[must_use]
    pub const fn wide(self) -> Self {
        Self { show: Show::Wide, ..self }
    }

    /// Shows the column in no table.
    #[must_use]
    pub const fn hidden(self) -> Self {
        Self { show: Show::Hidden, ..self }
    }

    /// Describes the column to a table.
    #[must_use]
    pub fn heading(&self) -> Heading {
        Heading { title: self.header.to_owned(), align: self.kind.align(), fit: self.rank.map_or(self.kind.fit(), Fit::Omit) }
    }

    /// Shows an item's value, not yet escaped.
    #[must_use]
    pub fn show(&self, item: &Value, look: &Look) -> String {
        let shown = self.kind.show(value::of(item, self.key).unwrap_or(&Value::Null), look);
        let Kind::NamePart { more: Some(all) } = self.kind else { return shown };
        let names = value::of(item, all).and_then(value::count).unwrap_or_default();
        if names > 1 { format!("{shown} +{}", names - 1) } else { shown }
    }
}

/// Finds the column that a person means by a key or a header.
///
/// # Errors
/// If there is no such column; the error says which there are.
pub fn find(columns: &[Column], name: &str) -> Result<Column, Unknown> {
    let by_key = columns.iter().find(|column| same(column.key, name));
    let by_header = || columns.iter().find(|column| !column.header.is_empty() && same(column.header, name));
    by_key.or_else(by_header).copied().ok_or_else(|| Unknown::new("column", name, columns.iter().map(|column| column.key)))
}

impl Kind {
    /// Shows a value, not yet escaped.
    #[must_use]
    pub fn show(self, value: &Value, look: &Look) -> String {
        let shown = match self {
            Self::Id => each(value, |text| short_id(text, look.ids)),
            Self::Bytes(digits) => value.as_u64().filter(|_| look.sizes == Sizes::Human).map(|bytes| size::human(bytes, digits)),
            Self::Count => value::count(value).map(|count| count.to_string()),
            Self::Percent => value.as_f64().map(|percent| format!("{}%", percent.trunc())),
            Self::Age => time(value).map(|then| age::ago(then, look.now)),
            Self::References => texts(value).map(|names| words::names(&names, look.ids)),
            Self::Step => value.as_str().map(|command| words::step(command, look.ids)),
            Self::Name | Self::Text | Self::NamePart { .. } | Self::Time | Self::Bool => None,
        };
        let shown = shown.unwrap_or_else(|| value::plain(value));
        match (shown.is_empty(), self) {
            (false, _) => shown,
            (true, Self::References | Self::NamePart { .. }) => "<none>".to_owned(),
            (true, _) => "-".to_owned(),
        }
    }

    fn align(self) -> Align {
        match self {
            Self::Bytes(_) | Self::Count | Self::Percent => Align::Right,
            Self::Id
            | Self::Name
            | Self::Text
            | Self::References
            | Self::NamePart { .. }
            | Self::Step
            | Self::Time
            | Self::Age
            | Self::Bool => Align::Left,
        }
    }

    fn fit(self) -> Fit {
        match self {
            Self::Text | Self::References | Self::NamePart { .. } | Self::Step => Fit::Shorten,
            Self::Id | Self::Name | Self::Bytes(_) | Self::Count | Self::Percent | Self::Time | Self::Age | Self::Bool => Fit::Keep,
        }
    }
}

/// Cuts an identifier as Docker does, but no name that stands among identifiers; the `-init` of a container's second layer is kept, for
/// without it that would look like the first.
#[must_use]
pub fn short_id(id: &str, ids: Ids) -> String {
    const SHOWN: usize = 12;
    /// The shortest identifiers are BuildKit's.
    const LEAST: usize = 25;
    const INIT: &str = "-init";
    match ids {
        Ids::Full => id.to_owned(),
        Ids::Short => {
            let id = id.strip_prefix("sha256:").unwrap_or(id);
            let (id, init) = id.strip_suffix(INIT).map_or((id, ""), |id| (id, INIT));
            let is_id = id.chars().take_while(char::is_ascii_alphanumeric).count() >= LEAST;
            let cut: String = id.chars().take(if is_id { SHOWN } else { usize::MAX }).collect();
            cut + init
        }
    }
}

/// Reads a time of a report.
#[must_use]
pub fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|element| element.as_str().map(str::to_owned)).collect()
}

fn each(value: &Value, show: impl Fn(&str) -> String) -> Option<String> {
    match value {
        Value::String(text) => Some(show(text)),
        Value::Array(_) => texts(value).map(|texts| texts.iter().map(|text| show(text)).collect::<Vec<_>>().join(", ")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HEX: &str = "4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1";

    fn look(ids: Ids, sizes: Sizes) -> Look {
        Look { ids, sizes, now: Timestamp::from_second(1_000_000_000).unwrap() }
    }

    #[test]
    fn shows_each_kind_in_its_way() {
        let then = Timestamp::from_second(1_000_000_000 - 7200).unwrap().to_string();
        for (kind, value, shown) in [
            (Kind::Id, json!(format!("sha256:{HEX}")), "4f4fb700ef54"),
            (Kind::Id, json!(format!("{HEX}-init")), "4f4fb700ef54-init"),
            (Kind::Id, json!([HEX, "abc"]), "4f4fb700ef54, abc"),
            (Kind::Id, json!(null), "-"),
            (Kind::Name, json!("web"), "web"),
            (Kind::Text, json!(["a", "b"]), "a, b"),
            (Kind::Text, json!(""), "-"),
            (Kind::References, json!([]), "<none>"),
            (Kind::References, json!(["a:1", "a:2"]), "a:1 +1"),
            (Kind::NamePart { more: None }, json!(null), "<none>"),
            (Kind::Step, json!("/bin/sh -c a \\\n && b"), "RUN a && b"),
            (Kind::Bytes(Digits::Three), json!(1_234_567), "1.23MB"),
            (Kind::Bytes(Digits::Four), json!(1_234_567), "1.235MB"),
            (Kind::Bytes(Digits::Four), json!(null), "-"),
            (Kind::Bytes(Digits::Four), json!(0), "0B"),
            (Kind::Count, json!(7), "7"),
            (Kind::Count, json!([1, 2, 3]), "3"),
            (Kind::Count, json!([]), "0"),
            (Kind::Percent, json!(94.9), "94%"),
            (Kind::Percent, json!(100), "100%"),
            (Kind::Time, json!(then), "2001-09-08T23:46:40Z"),
            (Kind::Age, json!(then), "2 hours ago"),
            (Kind::Age, json!("yesterday"), "yesterday"),
            (Kind::Bool, json!(false), "false"),
        ] {
            assert_eq!(kind.show(&value, &look(Ids::Short, Sizes::Human)), shown, "{kind:?}");
        }
    }

    #[test]
    fn shows_all_of_it_when_asked() {
        let full = look(Ids::Full, Sizes::Raw);
        assert_eq!(Kind::Id.show(&json!(format!("sha256:{HEX}")), &full), format!("sha256:{HEX}"));
        assert_eq!(Kind::Bytes(Digits::Three).show(&json!(1_234_567), &full), "1234567");
    }

    #[test]
    fn finds_a_column_by_key_and_by_header() {
        let columns = [
            Column::new("id", "IMAGE ID", Kind::Id),
            Column::new("docker_size", "SIZE", Kind::Count).hidden(),
            Column::new("x", "", Kind::Text),
        ];
        for (name, key) in [("ID", "id"), ("image-id", "id"), ("size", "docker_size"), ("DockerSize", "docker_size")] {
            assert_eq!(find(&columns, name).unwrap().key, key);
        }
        assert_eq!(
            find(&columns, "dockersiz").unwrap_err().to_string(),
            "unknown column dockersiz, did you mean docker_size? (there are id, docker_size, x)"
        );
        assert!(find(&columns, "").is_err());
    }
}
