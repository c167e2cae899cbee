//! JUnit's XML, as most CI systems read it: a suite, a case for each rule and subject, a failure in those that are broken, an error in those of which
//! nobody knows.
//!
//! Warnings are no failures, and JUnit has no word for them: they stand in the output of a case that passed.

use super::{Item, Lint, Severity};
use crate::lint::Verdict;
use std::fmt::Write as _;

/// The whole document.
#[must_use]
pub fn junit(lint: &Lint) -> String {
    let count = |element: &str| lint.results.iter().filter(|item| element_of(item) == Some(element)).count();
    let (cases, failures, errors) = (lint.results.len(), count("failure"), count("error"));
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"layerwise lint {}\" tests=\"{cases}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"0\" time=\"0\">\n",
        escape(&lint.policy)
    );
    for item in &lint.results {
        let (rule, subject, sentence) = (escape(item.outcome.rule), escape(&item.subject), escape(&item.sentence()));
        let case = format!("<testcase classname=\"layerwise.{rule}\" name=\"{subject}\" time=\"0\"");
        // Writing to a string does not fail.
        let _ = match (element_of(item), item.severity()) {
            (Some(element), _) => writeln!(
                text,
                "    {case}>\n      <{element} type=\"{rule}\" message=\"{sentence}\">{sentence}</{element}>\n    </testcase>"
            ),
            (None, Severity::Fine) => writeln!(text, "    {case}/>"),
            (None, _) => writeln!(text, "    {case}>\n      <system-out>warning: {sentence}</system-out>\n    </testcase>"),
        };
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

/// The element that tells of what makes the whole fail.
fn element_of(item: &Item) -> Option<&'static str> {
    match (item.severity(), item.outcome.verdict) {
        (Severity::Error, Verdict::Unknown) => Some("error"),
        (Severity::Error, _) => Some("failure"),
        _ => None,
    }
}

/// Text as it may stand in an attribute or an element; what XML has no place for is left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\r' | '\t' => escaped.push(' '),
            '\u{0}'..'\u{20}' | '\u{FFFE}' | '\u{FFFF}' => {}
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_to_xml_is_escaped() {
        assert_eq!(escape("a<b> & \"c\"\n\u{1b}[0m"), "a&lt;b&gt; &amp; &quot;c&quot; [0m");
    }
}
