//! `--format`: in which form a report is printed.

use super::template::{Template, TemplateError};
use crate::suggest;
use std::str::FromStr;

/// The form in which a report is printed.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Format {
    /// `table`: for people.
    #[default]
    Table,
    /// `json`: the whole document on one line.
    Json,
    /// `jsonl`: each item on a line of its own.
    JsonLines,
    /// `table TEMPLATE`: a header and a row an item, with columns where the template has tabs.
    TableOf(Template),
    /// `TEMPLATE`: what the template says of each item, on a line of its own.
    Template(Template),
}

/// Why a text is not a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// It is neither a format's name nor a template.
    #[error("unknown format {given}{hint} (there are table, json, jsonl, a template such as '{{{{.ID}}}}', and table with a template)")]
    Unknown {
        /// What was given.
        given: String,
        /// What was probably meant, in words.
        hint: String,
    },
    /// It is a template that cannot be read.
    #[error("{0}")]
    Template(#[from] TemplateError),
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let trimmed = text.trim_matches(' ');
        match trimmed {
            "table" => return Ok(Self::Table),
            "json" => return Ok(Self::Json),
            "jsonl" => return Ok(Self::JsonLines),
            _ => {}
        }
        let columns = trimmed.strip_prefix("table").filter(|rest| rest.starts_with([' ', '\t', '{']) || rest.starts_with("\\t"));
        match columns {
            _ if !trimmed.contains("{{") => Err(unknown(trimmed)),
            Some(template) => Ok(Self::TableOf(Template::parse(template.trim_start_matches(' '))?)),
            None => Ok(Self::Template(Template::parse(trimmed)?)),
        }
    }
}

fn unknown(given: &str) -> FormatError {
    let nearest = suggest::nearest(given, ["table", "json", "jsonl"]);
    FormatError::Unknown {
        given: super::escape::brief(given),
        hint: nearest.map(|nearest| format!(", did you mean {nearest}?")).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_formats() {
        let template = |text: &str| Template::parse(text).unwrap();
        for (text, format) in [
            ("table", Format::Table),
            ("json", Format::Json),
            ("jsonl", Format::JsonLines),
            ("{{.ID}}", Format::Template(template("{{.ID}}"))),
            ("json {{.ID}}", Format::Template(template("json {{.ID}}"))),
            ("tables {{.ID}}", Format::Template(template("tables {{.ID}}"))),
            (r"table {{.ID}}\t{{.Size}}", Format::TableOf(template("{{.ID}}\t{{.Size}}"))),
            ("table{{.ID}}", Format::TableOf(template("{{.ID}}"))),
        ] {
            assert_eq!(text.parse::<Format>().as_ref(), Ok(&format), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_format() {
        let error = |text: &str| text.parse::<Format>().unwrap_err().to_string();
        let known = "(there are table, json, jsonl, a template such as '{{.ID}}', and table with a template)";
        assert_eq!(error("jsno"), format!("unknown format jsno, did you mean json? {known}"));
        assert_eq!(error("yaml"), format!("unknown format yaml {known}"));
        assert_eq!(error("table ID"), format!("unknown format table ID, did you mean table? {known}"));
        assert_eq!(error(""), format!("unknown format  {known}"));
        assert_eq!(error("{{.ID"), "cannot read the template at character 1: {{ without }}");
    }
}
