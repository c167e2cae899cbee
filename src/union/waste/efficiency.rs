//! How efficient an image is, as the best-known explorer of layers counts it, so that its numbers and these can be compared.
//!
//! For each path the lengths of all files that the layers of the image have there are added up, and the least of them is noted. The efficiency is the
//! sum of the least ones divided by the sum of all; 1 for an image without content. Whiteouts count too: one of a directory with the lengths
//! of all that it hides, any other with 0. Of directories only those count that are empty in their layer, with 0, and so do links, devices
//! and all names of a file but its first. So a file that was written twice or deleted lowers the score; a whole directory that was deleted, by the way it
//! is counted, hardly does.
//!
//! The same explorer calls wasted all that several layers of an image have under one name, what of it is seen too, and sets that in relation to what
//! the layers above the lowest one store.

use super::bits::Bits;
use super::blame::{Blame, Path, Why};
use super::forest::Forest;
use super::walk::no_images;
use std::collections::HashMap;
use std::sync::Arc;

/// What has a length under some name.
#[derive(Debug, Clone)]
pub(super) struct Leaves {
    pub(super) path: Path,
    pub(super) leaves: Vec<Leaf>,
}

/// What one layer has there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    pub(super) layer: usize,
    pub(super) length: Length,
}

/// How long it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Length {
    /// This long.
    Known(u64),
    /// As long as all that the whiteout hides.
    Deleted,
    /// As long as this inode, if it is the first of its names.
    Linked(u64),
}

/// The sums of lengths that scores are computed from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lengths {
    /// Of each path the least.
    pub least: u128,
    /// Everything.
    pub all: u128,
    /// Of each path that several layers have, everything.
    pub repeated: u128,
    /// Every file of the layers above the lowest one.
    pub above_base: u128,
}

impl Lengths {
    /// The efficiency.
    #[must_use]
    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a score has a few digits")]
    pub fn score(self) -> f64 {
        if self.all == 0 { 1.0 } else { self.least as f64 / self.all as f64 }
    }

    /// The efficiency in whole percents, a broken one left out.
    #[must_use]
    pub fn efficiency_percent(self) -> u64 {
        let percent = self.least.saturating_mul(100).checked_div(self.all).unwrap_or(100);
        u64::try_from(percent).unwrap_or(u64::MAX)
    }

    /// What is repeated, in whole percents of what is above the lowest layer, a broken one counted as a whole one. Where nothing is above it,
    /// as if that were one byte.
    #[must_use]
    pub fn user_waste_percent(self) -> u64 {
        u64::try_from(self.repeated.saturating_mul(100).div_ceil(self.above_base.max(1))).unwrap_or(u64::MAX)
    }
}

/// The first name of a file that has several, and its length.
type Named = (Path, u64);

/// What the efficiency of every image is computed from.
#[derive(Debug)]
pub(super) struct Efficiency {
    /// Of each layer, the lengths under names that no other layer has.
    alone: Vec<u128>,
    /// Of each layer, the lengths of all its files.
    stored: Vec<u128>,
    /// Of each image, the lengths under all other names.
    images: Vec<Lengths>,
    /// What can be added up only when everything is known.
    pending: Vec<Leaves>,
    /// What each whiteout of a directory hides.
    deleted: HashMap<(usize, Path), u128>,
    /// The first name of each file that has several.
    names: HashMap<(usize, u64), Named>,
}

impl Efficiency {
    pub(super) fn new(forest: &Forest) -> Self {
        Self {
            alone: vec![0; forest.layers.len()],
            stored: vec![0; forest.layers.len()],
            images: vec![Lengths::default(); forest.images.len()],
            pending: Vec::new(),
            deleted: HashMap::new(),
            names: HashMap::new(),
        }
    }

    /// Notes what has a length under one name.
    pub(super) fn note(&mut self, forest: &Forest, leaves: Leaves) {
        match leaves.leaves.as_slice() {
            [Leaf { layer, length: Length::Known(length) }] => {
                if let Some(alone) = self.alone.get_mut(*layer) {
                    *alone += u128::from(*length);
                }
            }
            all if all.iter().all(|leaf| matches!(leaf.length, Length::Known(_))) => self.sum(forest, &leaves),
            _ => self.pending.push(leaves),
        }
    }

    /// Notes that a layer has a file of this length.
    pub(super) fn store(&mut self, layer: usize, length: u64) {
        if let Some(stored) = self.stored.get_mut(layer) {
            *stored += u128::from(length);
        }
    }

    /// Notes that a file of this length at `path` is hidden by those who are to blame.
    pub(super) fn delete(&mut self, length: u64, blames: &[Blame], path: &[u8]) {
        for blame in blames.iter().filter(|blame| blame.why == Why::Deleted && *blame.at != *path) {
            *self.deleted.entry((blame.by, Arc::clone(&blame.at))).or_default() += u128::from(length);
        }
    }

    /// Notes the first name of a file that has several.
    pub(super) fn name(&mut self, layer: usize, inode: u64, (path, length): (&Path, u64)) {
        self.names.insert((layer, inode), (Arc::clone(path), length));
    }

    pub(super) fn add(&mut self, other: Self) {
        self.alone.iter_mut().zip(other.alone).for_each(|(own, other)| *own += other);
        self.stored.iter_mut().zip(other.stored).for_each(|(own, other)| *own += other);
        for (own, other) in self.images.iter_mut().zip(other.images) {
            own.least += other.least;
            own.all += other.all;
            own.repeated += other.repeated;
        }
        self.pending.extend(other.pending);
        other.deleted.into_iter().for_each(|(key, length)| *self.deleted.entry(key).or_default() += length);
        self.names.extend(other.names);
    }

    /// The lengths of every image, once everything is known.
    pub(super) fn conclude(mut self, forest: &Forest) -> Vec<Lengths> {
        for leaves in std::mem::take(&mut self.pending) {
            self.sum(forest, &leaves);
        }
        for (node, (alone, stored)) in forest.layers.iter().zip(self.alone.iter().zip(&self.stored)) {
            for image in node.images.iter() {
                if let Some(lengths) = self.images.get_mut(image) {
                    lengths.least += alone;
                    lengths.all += alone;
                    lengths.above_base += if node.depth > 0 { *stored } else { 0 };
                }
            }
        }
        self.images
    }

    /// Adds up what each image has under one name.
    fn sum(&mut self, forest: &Forest, leaves: &Leaves) {
        let lengths: Vec<(Bits, u128)> =
            leaves.leaves.iter().map(|leaf| (forest.images_of(leaf.layer), self.length(leaf, &leaves.path))).collect();
        let mut images = no_images(forest);
        for (of, _) in &lengths {
            images.add(of);
        }
        for image in images.iter() {
            let own = || lengths.iter().filter(|(of, _)| of.contains(image)).map(|(_, length)| *length);
            if let Some(lengths) = self.images.get_mut(image) {
                let sum = own().sum::<u128>();
                lengths.least += own().min().unwrap_or_default();
                lengths.all += sum;
                lengths.repeated += if own().nth(1).is_some() { sum } else { 0 };
            }
        }
    }

    fn length(&self, leaf: &Leaf, path: &Path) -> u128 {
        match leaf.length {
            Length::Known(length) => length.into(),
            Length::Deleted => self.deleted.get(&(leaf.layer, Arc::clone(path))).copied().unwrap_or_default(),
            Length::Linked(inode) => match self.names.get(&(leaf.layer, inode)) {
                Some((first, length)) if first == path => (*length).into(),
                _ => 0,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_are_rounded_against_the_image_and_nothing_is_divided_by_nothing() {
        let lengths = |least, all, repeated, above_base| Lengths { least, all, repeated, above_base };
        for (lengths, efficiency, user_waste) in [
            (lengths(0, 0, 0, 0), 100, 0),
            (lengths(2, 3, 1, 3), 66, 34),
            (lengths(3, 3, 3, 3), 100, 100),
            (lengths(1, 2, 5, 2), 50, 250),
            (lengths(1, 2, 2, 0), 50, 200),
        ] {
            assert_eq!((lengths.efficiency_percent(), lengths.user_waste_percent()), (efficiency, user_waste), "{lengths:?}");
        }
    }
}
