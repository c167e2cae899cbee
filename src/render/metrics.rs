//! Figures in the text format that Prometheus reads.
//!
//! ```text
//! # HELP layerwise_class_bytes Bytes allocated.
//! # TYPE layerwise_class_bytes gauge
//! layerwise_class_bytes{data_root="/var/lib/docker",class="image-layers"} 1790000
//! ```
//! Without times: the textfile collector refuses a file that has any, and tells that of the file itself.

use super::escape;
use std::fmt::{self, Write as _};

/// Samples of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// The name, which ends with the unit.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub help: &'static str,
    /// The samples; without any the family is not told of.
    pub samples: Vec<Sample>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What tells it from the others of its name.
    pub labels: Vec<(&'static str, String)>,
    /// How much it is.
    pub number: Number,
}

/// How much something is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// Bytes, or anything else that is counted.
    Count(u64),
    /// Seconds, with what there is of another.
    Seconds(f64),
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Seconds(seconds) => seconds.fmt(f),
        }
    }
}

/// Writes gauges; every sample also has the labels `common`.
#[must_use]
pub fn text(families: &[Family], common: &[(&'static str, String)]) -> String {
    let mut text = String::new();
    for Family { name, help, samples } in families.iter().filter(|family| !family.samples.is_empty()) {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for Sample { labels, number } in samples {
            let labels: Vec<_> = common.iter().chain(labels).map(|(label, value)| format!("{label}=\"{}\"", quoted(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(text, "{name}{labels} {number}");
        }
    }
    text
}

/// The value of a label between quotation marks, harmless on a terminal, too.
fn quoted(value: &str) -> String {
    escape::line(value).replace('\\', r"\\").replace('"', r#"\""#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_explained_once_and_an_empty_one_is_left_out() {
        let sample = |class: &str, number| Sample { labels: vec![("class", class.to_owned())], number };
        let samples = vec![sample("a", Number::Count(u64::MAX)), sample("b", Number::Seconds(0.25))];
        let families =
            [Family { name: "x_bytes", help: "Bytes.", samples }, Family { name: "y_bytes", help: "None of them.", samples: Vec::new() }];
        assert_eq!(
            text(&families, &[("root", "/d".to_owned())]),
            "# HELP x_bytes Bytes.\n# TYPE x_bytes gauge\nx_bytes{root=\"/d\",class=\"a\"} 18446744073709551615\nx_bytes{root=\"/d\",class=\"b\"} 0.25\n"
        );
    }

    #[test]
    fn a_label_cannot_end_its_line_or_its_quotation() {
        assert_eq!(quoted("a\"b\\c\nd\u{1b}"), r#"a\"b\\c\\nd\\x1b"#);
        let bare = Family { name: "x", help: "X.", samples: vec![Sample { labels: Vec::new(), number: Number::Count(1) }] };
        assert!(text(&[bare], &[]).ends_with("\nx 1\n"));
    }
}
