//! What is wrong in a database that is otherwise sound.

use crate::store::bolt;
use crate::unreadable::Pins;
use std::fmt;

/// How many problems are told one by one.
const MOST: usize = 1000;

/// How many bytes of a name are shown.
const SHOWN: usize = 80;

/// The values that make no sense, and what they might keep.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<(String, Pins)>);

impl Problems {
    /// Notes what is wrong at `path`, the names of buckets and at last a key.
    ///
    /// # Errors
    /// When there are so many that the database as a whole makes no sense.
    pub(super) fn note(&mut self, path: &[&[u8]], pins: Pins, problem: impl fmt::Display) -> Result<(), bolt::Error> {
        if self.0.len() >= MOST {
            return Err(bolt::Error::Content(format!("more than {MOST} entries make no sense")));
        }
        let names: Vec<_> = path.iter().map(|name| shown(name)).collect();
        self.0.push((format!("{}: {problem}", names.join("/")), pins));
        Ok(())
    }
}

impl IntoIterator for Problems {
    type Item = (String, Pins);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A name as it can be shown: without control characters, and not endless.
fn shown(name: &[u8]) -> String {
    match name.get(..SHOWN) {
        Some(beginning) if name.len() > SHOWN => format!("{}…", beginning.escape_ascii()),
        _ => name.escape_ascii().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_cut() {
        let mut problems = Problems::default();
        problems.note(&[b"a\x1b", &[b'x'; 100]], Pins::Everything, "no chain").unwrap();
        let (problem, _) = problems.into_iter().next().unwrap();
        assert_eq!(problem, format!("a\\x1b/{}…: no chain", "x".repeat(SHOWN)));
    }

    #[test]
    fn too_many_are_one() {
        let mut problems = Problems::default();
        for _ in 0..MOST {
            problems.note(&[b"a"], Pins::Nothing, "").unwrap();
        }
        assert!(problems.note(&[b"a"], Pins::Nothing, "").is_err());
    }
}
