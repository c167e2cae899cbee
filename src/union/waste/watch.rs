//! What images show and somebody watches for.

use super::bits::Bits;
use super::blame::{Blames, Own, Path};
use super::forest::Forest;
use crate::glob;
use crate::union::{Entry, Nature};
use std::sync::Arc;

/// Which of the paths that images show are told of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watch {
    /// Whether files are that run with the rights of their owner or group, whoever starts them.
    pub set_id: bool,
    /// The patterns of the others, from the root: `/etc/*`.
    pub patterns: Vec<String>,
}

/// Something that was watched for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sight {
    /// The path.
    pub path: Path,
    /// The layer that has it.
    pub layer: usize,
    /// Its type and permissions.
    pub mode: u32,
    /// The images that show it.
    pub images: Bits,
}

/// The bits that let a file run with the rights of its owner or group.
const SET_ID: u32 = 0o6000;

/// Whether something with this mode runs with the rights of its owner or group; for a directory those bits mean something else.
#[must_use]
pub fn runs_as_owner(mode: u32) -> bool {
    rustix::fs::FileType::from_raw_mode(mode) == rustix::fs::FileType::RegularFile && mode & SET_ID != 0
}

/// A path as patterns are held against it.
#[must_use]
pub fn text(path: &[u8]) -> String {
    format!("/{}", String::from_utf8_lossy(path))
}

impl Watch {
    /// Whether nothing is watched for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        !self.set_id && self.patterns.is_empty()
    }

    fn meets(&self, path: &[u8], entry: &Entry) -> bool {
        if entry.nature == Nature::Whiteout {
            return false;
        }
        if self.set_id && runs_as_owner(entry.inode.mode) {
            return true;
        }
        !self.patterns.is_empty() && {
            let text = text(path);
            self.patterns.iter().any(|pattern| glob::matches(pattern, &text))
        }
    }

    /// What a layer has at `path`, if it is watched for and images show it; `all` are the entries of every layer there.
    pub(super) fn see(&self, forest: &Forest, (own, blames): (Own<'_>, &Blames), (path, all): (&Path, &[Own<'_>])) -> Option<Sight> {
        if self.is_empty() || !self.meets(path, own.entry) {
            return None;
        }
        let mut images = forest.images_of(own.layer);
        blames.iter().for_each(|blame| images.remove(&blame.images));
        if !own.entry.is_directory() {
            // A file that is there again without its content has the permissions that are seen.
            all.iter()
                .filter(|other| forest.stands_on(other.layer, own.layer))
                .for_each(|other| images.remove(&forest.images_of(other.layer)));
        }
        (!images.is_empty()).then(|| Sight { path: Arc::clone(path), layer: own.layer, mode: own.entry.inode.mode, images })
    }
}
