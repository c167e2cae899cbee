//! JUnit's XML, as most CI systems read it: a suite, a case for each rule and subject, a failure in those that are broken.
//!
//! Warnings are no failures, and JUnit has no word for them: they stand in the output of a case that passed.

use super::Lint;
use crate::lint::Verdict;
use std::fmt::Write as _;

/// The whole document.
#[must_use]
pub fn junit(lint: &Lint) -> String {
    let (cases, failures) = (lint.results.len(), lint.summary.failed);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"layerwise lint {}\" tests=\"{cases}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\" time=\"0\">\n",
        escape(&lint.policy)
    );
    for item in &lint.results {
        let (rule, subject, sentence) = (escape(item.outcome.rule), escape(&item.subject), escape(&item.sentence()));
        // Writing to a string does not fail.
        let _ = match item.outcome.verdict {
            Verdict::Pass => writeln!(text, "    <testcase classname=\"layerwise.{rule}\" name=\"{subject}\" time=\"0\"/>"),
            Verdict::Warn => writeln!(
                text,
                "    <testcase classname=\"layerwise.{rule}\" name=\"{subject}\" time=\"0\">\n      <system-out>warning: {sentence}</system-out>\n    </testcase>"
            ),
            Verdict::Fail => writeln!(
                text,
                "    <testcase classname=\"layerwise.{rule}\" name=\"{subject}\" time=\"0\">\n      <failure type=\"{rule}\" message=\"{sentence}\">{sentence}</failure>\n    </testcase>"
            ),
        };
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
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
