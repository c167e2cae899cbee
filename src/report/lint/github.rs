//! Workflow commands, which GitHub Actions shows as annotations, and the summary of a step.

use super::{Item, Lint, Severity};
use crate::lint::Verdict;
use std::fmt::Write as _;

/// One command for each broken rule.
#[must_use]
pub fn annotations(lint: &Lint) -> String {
    let mut text = String::new();
    for item in &lint.results {
        let command = match item.severity() {
            Severity::Fine => continue,
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let title = property(&format!("layerwise {}", item.outcome.rule));
        // Writing to a string does not fail.
        let _ = writeln!(text, "::{command} title={title}::{}", data(&format!("{}: {}", item.subject, item.sentence())));
    }
    text
}

/// A table in Markdown.
#[must_use]
pub fn summary(lint: &Lint) -> String {
    let mut text = format!(
        "### layerwise lint: {}\n\n| verdict | rule | image | limit | measured | what |\n|---|---|---|---|---|---|\n",
        lint.summary.describe()
    );
    for item in &lint.results {
        let Item { outcome, allowed, found, .. } = item;
        let verdict = match outcome.verdict {
            Verdict::Pass => "pass",
            Verdict::Warn => "**warn**",
            Verdict::Unknown => "**unknown**",
            Verdict::Fail => "**fail**",
        };
        let number = |number: &Option<String>| cell(number.as_deref().unwrap_or("–"));
        let (subject, sentence) = (cell(&item.subject), cell(&item.sentence()));
        let _ = writeln!(text, "| {verdict} | {} | {subject} | {} | {} | {sentence} |", outcome.rule, number(allowed), number(found));
    }
    if let Some(compared) = &lint.baseline {
        let _ = writeln!(text, "\n{}", cell(&compared.describe()));
    }
    text
}

/// What stands in a cell of a table: nothing that ends it, and nothing that means something.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' => cell.push(' '),
            '|' | '*' | '_' | '`' | '[' | ']' | '<' | '>' | '\\' | '#' => cell.extend(['\\', character]),
            other => cell.push(other),
        }
    }
    cell
}

/// The text of a command, in which the runner reads percent signs.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_command_or_a_cell_too_early() {
        assert_eq!(data("100%\n::error::x"), "100%25%0A::error::x");
        assert_eq!(property("a:b,c"), "a%3Ab%2Cc");
        assert_eq!(cell("a|b\n`c`<d>"), "a\\|b \\`c\\`\\<d\\>");
    }
}
