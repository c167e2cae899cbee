//! Files that have the same content, wherever they are.
//!
//! Only files of the same length are read, and every inode once.

use super::blame::Path;
use super::forest::Forest;
use crate::union::Layer;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// A file that some image shows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Copy {
    /// The layer that has it.
    pub layer: usize,
    /// Its inode there.
    pub inode: u64,
    /// The first of its paths.
    pub path: Path,
    /// Its length.
    pub size: u64,
    /// What is allocated for it.
    pub bytes: u64,
}

/// Files of the same content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copies {
    /// The SHA-256 of the content.
    pub digest: [u8; 32],
    /// The files, by layer and path.
    pub files: Vec<Copy>,
}

impl Copies {
    /// What all of them but the largest occupy.
    #[must_use]
    pub fn bytes_lost(&self) -> u64 {
        let all = self.files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.bytes));
        all.saturating_sub(self.files.iter().map(|file| file.bytes).max().unwrap_or_default())
    }

    /// Whether there is an image that has two of them.
    #[must_use]
    pub fn are_in_one_image(&self, forest: &Forest) -> bool {
        let mut seen = super::walk::no_images(forest);
        self.files.iter().any(|file| {
            let images = forest.images_of(file.layer);
            let mut both = images.clone();
            both.keep(&seen);
            seen.add(&images);
            !both.is_empty()
        })
    }
}

/// Finds the files among `files` that have the same content, those that cost most first.
pub(super) fn find(layers: &[Layer], mut files: Vec<Copy>) -> Vec<Copies> {
    files.sort_unstable();
    files.dedup_by_key(|file| (file.layer, file.inode));
    files.sort_by_key(|file| file.size);
    let candidates: Vec<&[Copy]> = files.chunk_by(|a, b| a.size == b.size).filter(|group| group.len() > 1).collect();
    let hashed: Vec<_> = candidates
        .par_iter()
        .flat_map_iter(|group| group.iter())
        .filter_map(|file| Some((layers.get(file.layer)?.digest(&file.path)?, file)))
        .collect();
    let mut by_content: BTreeMap<(u64, [u8; 32]), Vec<Copy>> = BTreeMap::new();
    for (digest, file) in hashed {
        by_content.entry((file.size, digest)).or_default().push(file.clone());
    }
    let same = by_content.into_iter().filter(|(_, files)| files.len() > 1);
    let mut found: Vec<Copies> = same.map(|((_, digest), files)| Copies { digest, files }).collect();
    for copies in &mut found {
        copies.files.sort_unstable();
    }
    found.sort_by(|a, b| b.bytes_lost().cmp(&a.bytes_lost()).then_with(|| a.digest.cmp(&b.digest)));
    found
}
