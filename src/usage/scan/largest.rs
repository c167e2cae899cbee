//! The largest of what the walk meets, in the same order whoever met it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Something large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Large {
    /// The bytes allocated for a file, or the number of entries of a directory.
    pub weight: u64,
    /// Where it is: the first of its names in the order of bytes, if it has several.
    pub path: PathBuf,
}

/// The largest ones of a kind so far; of those that weigh the same, the ones with the lower inode numbers.
#[derive(Debug, Default)]
pub(super) struct Largest {
    room: usize,
    kept: BTreeMap<(Reverse<u64>, u64), PathBuf>,
    /// What weighs less needs no look.
    least: u64,
}

impl Largest {
    /// Keeps at most `room`.
    pub(super) fn new(room: usize) -> Self {
        Self { room, kept: BTreeMap::new(), least: if room == 0 { u64::MAX } else { 1 } }
    }

    /// Whether something that weighs so much may be one of them.
    pub(super) const fn may_take(&self, weight: u64) -> bool {
        weight >= self.least
    }

    /// Takes the inode `number`, if it is one of them; its path is asked for only then.
    pub(super) fn offer(&mut self, weight: u64, number: u64, path: impl FnOnce() -> PathBuf) {
        let key = (Reverse(weight), number);
        let is_full = self.kept.len() >= self.room;
        if !self.may_take(weight) || is_full && self.kept.keys().next_back().is_none_or(|last| key > *last) {
            return;
        }
        let path = path();
        let kept = self.kept.entry(key).or_insert_with(|| path.clone());
        if path < *kept {
            *kept = path;
        }
        if self.kept.len() > self.room {
            self.kept.pop_last();
        }
        if let Some(((Reverse(least), _), _)) = self.kept.last_key_value().filter(|_| self.kept.len() == self.room) {
            self.least = *least;
        }
    }

    /// Takes what another has kept.
    pub(super) fn merge(&mut self, other: Self) {
        for ((Reverse(weight), number), path) in other.kept {
            self.offer(weight, number, || path);
        }
    }

    /// All of them, the largest first, and those that weigh the same by path.
    pub(super) fn into_sorted(self) -> Vec<Large> {
        let mut sorted: Vec<_> = self.kept.into_iter().map(|((Reverse(weight), _), path)| Large { weight, path }).collect();
        sorted.sort_by(|a, b| b.weight.cmp(&a.weight).then_with(|| a.path.cmp(&b.path)));
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Offers inodes, each with its weight, number and path, and says which paths were kept.
    fn kept(room: usize, offered: &[(u64, u64, &str)]) -> Vec<String> {
        let mut largest = Largest::new(room);
        for &(weight, number, path) in offered {
            largest.offer(weight, number, || path.into());
        }
        largest.into_sorted().into_iter().map(|large| large.path.display().to_string()).collect()
    }

    #[test]
    fn whatever_comes_first_the_largest_are_kept() {
        let mut offered = [(5, 1, "e"), (9, 2, "a"), (5, 3, "c"), (5, 3, "b"), (7, 4, "d"), (5, 5, "a"), (0, 6, "z")];
        for _ in 0..offered.len() {
            offered.rotate_left(1);
            assert_eq!(kept(4, &offered), ["a", "d", "b", "e"]);
            offered.reverse();
            assert_eq!(kept(9, &offered), ["a", "d", "a", "b", "e"]);
            assert!(kept(0, &offered).is_empty());
        }
    }

    #[test]
    fn no_path_is_made_of_what_is_not_kept() {
        let mut largest = Largest::new(1);
        largest.offer(5, 1, || "a".into());
        largest.offer(5, 2, || unreachable!("an inode with a higher number"));
        largest.offer(4, 0, || unreachable!("a lighter one"));
    }
}
