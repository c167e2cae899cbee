//! What an earlier walk measured of layer directories, so that a later one need not walk those again.
//!
//! ```text
//! overlay2/<id>/          inode, birth and change time ─┐
//! overlay2/<id>/diff/     inode, birth and change time  ├─ as before: charged what it was charged before, not entered
//! overlay2/<id>/work/     inode, birth and change time ─┘
//! ```
//! An inode with names in several places is charged only once, so that what one layer is charged may depend on what lies elsewhere. Such
//! inodes are remembered apart ([`Open`]), and their names are met again as if the layer was walked. All names of an inode must be met
//! in the end, or be the very ones that were not met before ([`Outside`]); and whoever meets an inode must see it in the same state.
//! Where that is not so, an inode of a remembered layer has got or lost a name elsewhere, and [`Walked::is_closed`] says that nothing of
//! the sum can be relied upon.

use super::Measured;
use super::found::Found;
use super::inode::{Inode, Usage};
use super::links::Notes;
use crate::dir::Stamp;
use crate::id::DirId;
use crate::store::place::{Area, Owner};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// More inodes than these with names in several places are not remembered, nor is any layer then: memory is bounded.
pub(super) const MOST_OPEN: usize = 1 << 18;

/// What a walk may take instead of walking.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// The layer directories that are worth remembering, and what is remembered of them.
    pub layers: BTreeMap<DirId, Option<Arc<Layer>>>,
    /// The inodes of which not all names were met.
    pub outside: BTreeSet<Outside>,
}

/// What is remembered of a layer directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// By what it is known again.
    pub stamps: Stamps,
    /// When it was walked: seconds since 1970.
    pub measured: i64,
    /// What is charged to [`Area::LayerDir`] and [`Area::LayerDiff`], without [`Layer::open`].
    pub usage: [Usage; 2],
    /// The inodes that have names elsewhere too.
    pub open: Vec<Open>,
}

/// By what the directories of a layer are known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamps {
    /// The layer directory.
    pub dir: Stamp,
    /// Its `diff/`.
    pub diff: Stamp,
    /// Its `work/`, which a base layer does not have.
    pub work: Option<Stamp>,
}

impl Stamps {
    /// When any of them was changed last.
    #[must_use]
    pub fn changed(&self) -> (i64, u32) {
        let work = self.work.map_or((i64::MIN, 0), |work| work.changed);
        self.dir.changed.max(self.diff.changed).max(work)
    }
}

/// The two owners that a layer directory has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The directory itself and all that is not in `diff/`.
    Dir,
    /// `diff/`.
    Diff,
}

/// An inode with a name in a layer directory and another elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    pub(super) inode: Inode,
    /// Where the names are.
    pub part: Part,
    /// How many there are.
    pub names: u32,
}

/// An inode that has names outside of what is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outside {
    /// Its number.
    pub number: u64,
    /// How many names it has.
    pub links: u32,
    /// How many of them were met.
    pub met: u32,
    /// When it was changed: getting or losing a name changes it.
    pub changed: (i64, u32),
}

/// What a walk found that was helped by a memory.
#[derive(Debug)]
pub struct Walked {
    /// What it measured.
    pub measured: Measured,
    /// The layers that were taken from memory.
    pub recalled: BTreeSet<DirId>,
    /// Those that were walked and can be remembered, with the time left open.
    pub learnt: BTreeMap<DirId, Layer>,
    /// The inodes of which not all names were met; nothing if they, or those with names in several places, were too many.
    pub outside: Option<BTreeSet<Outside>>,
    /// Whether what was taken from memory fits to what was walked.
    pub is_closed: bool,
}

/// What can be remembered of the layers that were walked, and had nothing in them that cannot be.
pub(super) fn learn(owners: &BTreeMap<Owner, Usage>, found: &Found, notes: &mut Notes) -> BTreeMap<DirId, Layer> {
    if !notes.is_whole {
        return BTreeMap::new();
    }
    let spoilt: BTreeSet<_> = found.spoilt.iter().collect();
    let layer = |&(id, stamps): &(DirId, Stamps)| {
        let name = id.to_string();
        let usage = |area| owners.get(&Owner::new(area, name.as_bytes())).copied().unwrap_or_default();
        let open = notes.open.remove(&id).unwrap_or_default();
        (id, Layer { stamps, measured: 0, usage: [usage(Area::LayerDir), usage(Area::LayerDiff)], open })
    };
    found.begun.iter().filter(|(id, _)| !spoilt.contains(id)).map(layer).collect()
}

/// The layer directory, and which part of it, that an owner is.
pub(super) fn part_of(owner: &Owner) -> Option<(DirId, Part)> {
    let part = match owner.area {
        Area::LayerDir => Part::Dir,
        Area::LayerDiff => Part::Diff,
        _ => return None,
    };
    Some((DirId::try_from(&*owner.name).ok()?, part))
}

impl Open {
    /// All that is known of it.
    pub(crate) fn to_words(self) -> [u64; 9] {
        let [number, links, kind, seconds, nanoseconds, bytes, size] = self.inode.to_words();
        [number, links, kind, seconds, nanoseconds, bytes, size, u64::from(self.part == Part::Diff), self.names.into()]
    }

    /// What this says, if it says anything.
    pub(crate) fn from_words(words: [u64; 9]) -> Option<Self> {
        let [number, links, kind, seconds, nanoseconds, bytes, size, part, names] = words;
        let part = match part {
            0 => Part::Dir,
            1 => Part::Diff,
            _ => return None,
        };
        let inode = Inode::from_words([number, links, kind, seconds, nanoseconds, bytes, size])?;
        Some(Self { inode, part, names: names.try_into().ok()? })
    }
}
