//! Filters of `docker`'s that are no keys of ours: `dangling=true`, `reference='app*'`, `ancestor=app`, `label=a=b` …

use super::args::{Choice, ListArgs};
use super::exit::Failure;
use super::targets;
use crate::audit::Audit;
use crate::graph::Thing;
use crate::id::ImageId;
use crate::render::escape::brief;
use crate::report::target::Target;
use crate::store::repositories;
use crate::store::shown::Labels;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// The filters of Docker's, by their keys.
#[derive(Debug, Default)]
pub(super) struct Habits(Vec<(String, String)>);

impl Habits {
    /// Takes the filters with one of these keys out of the list's arguments; all others stay there.
    pub(super) fn take(args: &ListArgs, keys: &[&str]) -> (Self, ListArgs) {
        let meant = |filter: &crate::render::filter::Filter| {
            let (key, value) = filter.equality().filter(|(key, value)| keys.contains(key) && !value.is_empty())?;
            Some((key.to_owned(), value.to_owned()))
        };
        let (mut habits, mut rest) = (Vec::new(), Vec::new());
        for filter in &args.choice.filter {
            match meant(filter) {
                Some(habit) => habits.push(habit),
                None => rest.push(filter.clone()),
            }
        }
        (Self(habits), ListArgs { choice: Choice { sort: args.choice.sort.clone(), filter: rest }, no_scan: args.no_scan })
    }

    /// The values that were given for a key.
    pub(super) fn of<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> + Clone {
        self.0.iter().filter(move |(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Whether a key was given.
    pub(super) fn has(&self, key: &str) -> bool {
        self.of(key).next().is_some()
    }

    /// Whether any of the values of a key holds, or none was given.
    pub(super) fn any(&self, key: &str, holds: impl Fn(&str) -> bool) -> bool {
        !self.has(key) || self.of(key).any(holds)
    }

    /// Whether every label that was asked for is there.
    pub(super) fn label(&self, labels: &Labels) -> bool {
        self.of("label").all(|asked| match asked.split_once('=') {
            Some((key, value)) => labels.get(key).is_some_and(|label| label == value),
            None => labels.contains_key(asked),
        })
    }

    /// What a key that is true or false was given.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, Failure> {
        self.of(key).last().map(|value| flag(key, value)).transpose()
    }
}

fn flag(key: &str, value: &str) -> Result<bool, Failure> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "t" => Ok(true),
        "false" | "0" | "f" => Ok(false),
        _ => Err(Failure::usage(format!("cannot filter by {key}: {} is neither true nor false", brief(value)))),
    }
}

/// The image that a name means.
pub(super) fn image(audit: &Audit, text: &str) -> Result<ImageId, Failure> {
    match targets::named(audit, text, "give the name or the id of an image")? {
        Target::Thing(Thing::Image(id)) => Ok(id),
        target => Err(Failure::not_found(format!("{} is a {}, and no image", brief(text), target.kind()))),
    }
}

/// An image and all that were built upon it.
pub(super) fn descendants(audit: &Audit, image: ImageId) -> BTreeSet<ImageId> {
    let (mut found, mut open) = (BTreeSet::new(), vec![image]);
    while let Some(id) = open.pop() {
        if found.insert(id) {
            open.extend(audit.inventory.images.values().filter(|image| image.parent == Some(id)).map(|image| image.id));
        }
    }
    found
}

/// When something was made.
pub(super) fn created(text: Option<&str>) -> Timestamp {
    text.and_then(|text| text.parse().ok()).unwrap_or(Timestamp::MIN)
}

/// The time that `until=` means: one that is written out, a date, or so long ago.
pub(super) fn until(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let date = || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let long = || text.parse::<SignedDuration>().ok().and_then(|long| now.checked_sub(long).ok());
    let seconds = || text.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let time = if text.len() == "2026-01-31".len() { date().or_else(long) } else { long().or_else(seconds) };
    time.ok_or_else(|| Failure::usage(format!("cannot filter by until: {} is neither a time nor a duration such as 24h", brief(text))))
}

/// Tells whether a name of an image is what `reference=` or `images NAME` means: a pattern for its whole name or for its repository.
pub(super) fn is_reference(pattern: &str, name: &str) -> bool {
    let pattern = repositories::familiar(pattern);
    let repository = crate::report::images::split(name).repository;
    path_matches(&pattern, name) || path_matches(&pattern, repository)
}

/// Tells whether a pattern matches a text, as Go's `path.Match` does: `*` and `?` stand for no slash, `[a-z]` for one of these.
fn path_matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // For every place in the text, whether the rest of the pattern matches from there.
    let mut matched: BTreeSet<usize> = BTreeSet::from([0]);
    let mut rest = pattern.as_slice();
    while let Some((&first, after)) = rest.split_first() {
        if first == '*' {
            let mut all = BTreeSet::new();
            for place in matched {
                let mut reached = place;
                while all.insert(reached) && text.get(reached).is_some_and(|&c| c != '/') {
                    reached += 1;
                }
            }
            (matched, rest) = (all, after);
            continue;
        }
        let (one, after) = single(first, after);
        matched = matched.into_iter().filter(|&place| text.get(place).is_some_and(|&c| one.stands_for(c))).map(|place| place + 1).collect();
        rest = after;
    }
    matched.contains(&text.len())
}

/// What stands for one character.
enum One<'a> {
    Any,
    Char(char),
    Of(bool, &'a [char]),
}

fn single(first: char, after: &[char]) -> (One<'_>, &[char]) {
    match (first, after.split_first()) {
        ('?', _) => (One::Any, after),
        ('\\', Some((&c, after))) => (One::Char(c), after),
        ('[', _) => {
            let end = after.iter().position(|&c| c == ']').unwrap_or(after.len());
            let (set, after) = after.split_at(end);
            let (negated, set) = set.strip_prefix(&['^']).map_or((false, set), |set| (true, set));
            (One::Of(negated, set), after.get(1..).unwrap_or_default())
        }
        (c, _) => (One::Char(c), after),
    }
}

impl One<'_> {
    fn stands_for(&self, c: char) -> bool {
        match self {
            Self::Any => c != '/',
            Self::Char(own) => *own == c,
            Self::Of(negated, set) => {
                let range = set.windows(3).any(|range| matches!(range, [from, '-', to] if (*from..=*to).contains(&c)));
                c != '/' && (range || set.contains(&c)) != *negated
            }
        }
    }
}

/// Tells whether a container's name is what `name=` means: a part of it, from its beginning with `^`, to its end with `$`; `*` stands for any
/// part.
pub(super) fn is_name(pattern: &str, name: &str) -> bool {
    if pattern.contains('*') {
        return crate::glob::matches(pattern, name);
    }
    let (start, rest) = pattern.strip_prefix('^').map_or((false, pattern), |rest| (true, rest));
    let rest = if start { rest.strip_prefix('/').unwrap_or(rest) } else { rest };
    let (end, part) = rest.strip_suffix('$').map_or((false, rest), |part| (true, part));
    let slashed = format!("/{name}");
    match (start, end) {
        (true, true) => name == part,
        (true, false) => name.starts_with(part),
        (false, true) => slashed.ends_with(part),
        (false, false) => slashed.contains(part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_references_as_docker_does() {
        for (pattern, name, is_match) in [
            ("app", "app:1", true),
            ("app:1", "app:1", true),
            ("app:2", "app:1", false),
            ("ap*", "app:1", true),
            ("*", "app:1", true),
            ("*", "team/app:1", false),
            ("*/*", "team/app:1", true),
            ("a?p", "app:1", true),
            ("a[o-q]p:[0-9]", "app:1", true),
            ("a[^p]p", "app:1", false),
            ("docker.io/library/app", "app:1", true),
            ("app", "app@sha256:12", true),
            ("*:1", "app:1", true),
            ("[", "app:1", false),
        ] {
            assert_eq!(is_reference(pattern, name), is_match, "{pattern} {name}");
        }
        assert!(!path_matches(&"*a".repeat(2000), &"a".repeat(1999)));
    }

    #[test]
    fn knows_names_as_docker_does() {
        for (pattern, name, is_match) in [
            ("run", "c-run-1", true),
            ("^run", "c-run-1", false),
            ("^c-", "c-run-1", true),
            ("^/c-run-1$", "c-run-1", true),
            ("/c", "c-run-1", true),
            ("1$", "c-run-1", true),
            ("c*1", "c-run-1", true),
            ("run*", "c-run-1", false),
        ] {
            assert_eq!(is_name(pattern, name), is_match, "{pattern} {name}");
        }
    }
}
