//! The name that was probably meant, when an unknown one is given.

use crate::render::escape;
use std::fmt;

/// Names longer than this are not compared, so that a comparison costs little whatever is given.
const LONGEST: usize = 64;

/// A name that is not among the known ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    what: &'static str,
    given: String,
    nearest: Option<String>,
    known: Vec<String>,
}

impl Unknown {
    /// Reports that `given` is no `what` (a singular noun), and which there are.
    pub fn new<'a, I: IntoIterator<Item = &'a str>>(what: &'static str, given: &str, known: I) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        Self {
            what,
            given: escape::brief(given),
            nearest: nearest(given, known.iter().copied()).map(escape::brief),
            known: known.into_iter().map(escape::brief).collect(),
        }
    }

    /// The known name that was probably meant.
    #[must_use]
    pub fn nearest(&self) -> Option<&str> {
        self.nearest.as_deref()
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown {} {}", self.what, self.given)?;
        if let Some(nearest) = &self.nearest {
            write!(f, ", did you mean {nearest}?")?;
        }
        match self.known.as_slice() {
            [] => write!(f, " (there is none)"),
            known => write!(f, " (there are {})", known.join(", ")),
        }
    }
}

impl std::error::Error for Unknown {}

/// Finds the known name that is most like `given`, if any is like it: few typing errors away, or containing it.
///
/// Case, underscores and hyphens do not count; of several equally near the first is returned.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = folded(given)?;
    let ranked = known.into_iter().filter_map(|name| Some((rank(&given, &folded(name)?)?, name)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, name)| name)
}

/// How unlike two names are: first those a few errors apart, then those of which one contains the other.
fn rank(given: &[char], name: &[char]) -> Option<(u8, usize)> {
    let errors = distance(given, name);
    let allowed = (given.len().max(name.len()) / 3).max(1);
    if errors <= allowed && errors < given.len() {
        return Some((0, errors));
    }
    let (short, long) = if given.len() < name.len() { (given, name) } else { (name, given) };
    let is_part = short.len() >= 3 && long.windows(short.len()).any(|part| part == short);
    is_part.then(|| (1, long.len() - short.len()))
}

fn folded(name: &str) -> Option<Vec<char>> {
    let folded: Vec<char> =
        name.chars().take(LONGEST + 1).filter(|c| !matches!(c, '_' | '-' | ' ')).map(|c| c.to_ascii_lowercase()).collect();
    (1..=LONGEST).contains(&folded.len()).then_some(folded)
}

/// Counts the insertions, deletions, replacements and swaps of neighbours between two names.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    let mut from_before = None;
    for (row, a) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        let mut to_before = None;
        for (column, b) in to.iter().enumerate() {
            let at = |cells: &[usize], index: usize| cells.get(index).copied().unwrap_or(usize::MAX / 2);
            let replaced = at(&last, column) + usize::from(a != b);
            let mut best = replaced.min(at(&last, column + 1) + 1).min(at(&current, column) + 1);
            if from_before == Some(b) && to_before == Some(a) {
                best = best.min(at(&before_last, column.saturating_sub(1)) + 1);
            }
            current.push(best);
            to_before = Some(b);
        }
        from_before = Some(a);
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 6] = ["id", "references", "bytes", "docker_size", "created", "shared_bytes"];

    #[test]
    fn counts_typing_errors() {
        let distance = |from: &str, to: &str| {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            distance(&chars(from), &chars(to))
        };
        for (from, to, errors) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("bytse", "bytes", 1),
            ("ab", "ba", 1),
            ("ca", "abc", 3),
        ] {
            assert_eq!(distance(from, to), errors, "{from} {to}");
        }
    }

    #[test]
    fn finds_the_name_that_was_meant() {
        for (given, meant) in [
            ("bytse", Some("bytes")),
            ("DockerSiz", Some("docker_size")),
            ("sharedbyte", Some("shared_bytes")),
            ("size", Some("docker_size")),
            ("ids", Some("id")),
            ("creatd", Some("created")),
            ("creation", None),
            ("x", None),
            ("", None),
            ("colour", None),
        ] {
            assert_eq!(nearest(given, KEYS), meant, "{given}");
        }
        assert_eq!(nearest(&"bytes".repeat(100_000), KEYS), None);
    }

    #[test]
    fn says_what_there_is() {
        assert_eq!(
            Unknown::new("column", "bytse", ["id", "bytes"]).to_string(),
            "unknown column bytse, did you mean bytes? (there are id, bytes)"
        );
        assert_eq!(Unknown::new("field", "\u{1b}", ["id"]).to_string(), r"unknown field \x1b (there are id)");
        assert_eq!(Unknown::new("field", "x", []).to_string(), "unknown field x (there is none)");
    }
}
