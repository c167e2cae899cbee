//! Findings for people: grouped by code, the worst first, each group as short as it can be.

use super::{COLUMNS, Explain};
use crate::check::Code;
use crate::render::column::{Ids, Sizes};
use crate::render::escape;
use crate::render::filter::FilterError;
use crate::render::list::View;
use crate::render::size::{self, Digits};
use crate::render::words;
use serde_json::Value;

/// How many findings of a code are shown, and how many affected things of a finding.
const SHOWN: usize = 5;

/// The groups and what they add up to.
pub(super) fn groups(document: &Value, view: &View) -> Result<String, FilterError> {
    let all = document["findings"].as_array().cloned().unwrap_or_default();
    let total = all.len();
    let findings = view.filters.apply(all, &COLUMNS)?;
    let mut lines = Vec::new();
    let is_garbage = |finding: &Value| text(finding, "severity") == "garbage";
    let last_garbage = findings.iter().rfind(|finding| is_garbage(finding)).cloned();
    for group in findings.chunk_by(|one, other| (&one["severity"], &one["code"]) == (&other["severity"], &other["code"])) {
        lines.extend(lines_of(group, view));
        lines.push(String::new());
        if group.last() == last_garbage.as_ref() {
            lines.push("hint: `layerwise prune` shows a plan, asks, and takes back what is garbage".to_owned());
            lines.push(String::new());
        }
    }
    if document["deep"].is_object() {
        lines.push(verified(&document["deep"], view));
    }
    // What garbage weighs is known of all of it only: findings overlap.
    let weight = document["summary"].get("garbage_bytes").and_then(Value::as_u64).filter(|_| findings.len() == total);
    lines.push(sum(&findings, weight, view));
    Ok(lines.iter().map(|line| escape::line(line).into_owned() + "\n").collect())
}

/// A code, what it says, and the findings that have it.
fn lines_of(group: &[Value], view: &View) -> Vec<String> {
    let Some(first) = group.first() else { return Vec::new() };
    let code = text(first, "code").parse::<Code>().ok();
    let is_garbage = text(first, "severity") == "garbage";
    let number = if group.len() > 1 { format!(" ({})", group.len()) } else { String::new() };
    let bytes: Vec<u64> = group.iter().filter_map(|finding| finding["bytes"].as_u64()).collect();
    let weight = if is_garbage && !bytes.is_empty() { format!(", {}", shown_bytes(bytes.iter().sum(), view)) } else { String::new() };
    let sentence = code.map(Code::sentence).unwrap_or_default();
    let mut lines = vec![format!("{} {}{number}{weight}: {sentence}", text(first, "severity"), text(first, "code"))];
    let most = if view.look.ids == Ids::Full { usize::MAX } else { SHOWN };
    for finding in group.iter().take(most) {
        lines.extend(if is_garbage { vec![format!("  {}", text(finding, "path"))] } else { one(finding, most) });
    }
    if group.len() > most {
        lines.push(format!("  … and {} more (--no-trunc shows all)", group.len() - most));
    }
    lines
}

/// A finding.
fn one(finding: &Value, most: usize) -> Vec<String> {
    let place = [text(finding, "path"), text(finding, "kind")].into_iter().find(|place| !place.is_empty()).unwrap_or_default();
    let mut lines = vec![format!("  {place}: {}", text(finding, "message"))];
    if let Some(affects) = finding["affects"].as_array().filter(|affects| !affects.is_empty()) {
        let mut names: Vec<String> = affects.iter().take(most).map(|one| format!("{} {}", text(one, "kind"), text(one, "name"))).collect();
        if affects.len() > most {
            names.push(format!("{} more", affects.len() - most));
        }
        lines.push(format!("    breaks: {}", names.join(", ")));
    }
    if finding["in_progress"] == true {
        lines.push("    perhaps only in progress: a running dockerd changed it in the last ten minutes".to_owned());
    }
    let hint = text(finding, "hint");
    if !hint.is_empty() {
        lines.push(format!("    hint: {hint}"));
    }
    lines
}

/// How many findings of each severity are shown.
fn sum(findings: &[Value], weight: Option<u64>, view: &View) -> String {
    let number = |severity: &str| findings.iter().map(|finding| u64::from(text(finding, "severity") == severity)).sum();
    let count = |severity: &str| words::count(number(severity), severity);
    let garbage = number("garbage");
    let weight = weight.filter(|_| garbage > 0).map(|bytes| format!(" ({})", shown_bytes(bytes, view))).unwrap_or_default();
    format!("{}, {}, {garbage} garbage{weight}, {}", count("error"), count("warning"), count("notice"))
}

/// What was verified.
fn verified(deep: &Value, view: &View) -> String {
    let count = |key: &str| deep[key].as_u64().unwrap_or_default();
    let parts = [
        ("different", "different"),
        ("not_reproducible", "not reproducible"),
        ("unverifiable", "without anything to verify them by"),
        ("unfinished", "not finished"),
    ];
    let parts: Vec<_> = parts.iter().filter(|(key, _)| count(key) > 0).map(|(key, what)| format!(", {} {what}", count(key))).collect();
    let oldest = deep["oldest"].as_str().map(|at| format!("; none longer ago than {at}")).unwrap_or_default();
    let (verified, total) = (count("verified"), words::count(count("layers_total"), "layer"));
    format!("{verified} of {total} verified, {}{}{oldest}", shown_bytes(count("bytes"), view), parts.concat())
}

fn shown_bytes(bytes: u64, view: &View) -> String {
    match view.look.sizes {
        Sizes::Human => size::human(bytes, Digits::Four),
        Sizes::Raw => bytes.to_string(),
    }
}

fn text<'value>(item: &'value Value, key: &str) -> &'value str {
    item[key].as_str().unwrap_or_default()
}

/// What a code means, or which codes there are.
pub(super) fn explanation(explain: Explain) -> String {
    match explain {
        Explain::Code(code) => format!("{code} ({}): {}\n\n{}\n", code.severity().name(), code.sentence(), code.explanation()),
        Explain::All => {
            let lines = Code::all().map(|code| format!("{:8} {:26} {}", code.severity().name(), code.name(), code.sentence()));
            lines.collect::<Vec<_>>().join("\n") + "\n"
        }
    }
}
