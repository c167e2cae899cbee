//! Who hides what, in which images.

use super::bits::Bits;
use super::forest::Forest;
use crate::union::{Entry, Nature};
use std::sync::Arc;

/// A path, without a slash before it.
pub type Path = Arc<[u8]>;

/// All who hide something, each of them in other images.
pub type Blames = Arc<[Blame]>;

/// Why something cannot be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// A whiteout, or a directory that was made anew, hides it.
    Deleted,
    /// Something else stands in its place.
    Overwritten,
    /// A copy of the same content stands in its place.
    Unchanged,
    /// It is itself nothing but a whiteout.
    Whiteout,
}

impl Why {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Deleted, Self::Overwritten, Self::Unchanged, Self::Whiteout];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Overwritten => "overwritten",
            Self::Unchanged => "unchanged",
            Self::Whiteout => "whiteout",
        }
    }
}

/// That something is hidden in some images, by the nearest layer that does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blame {
    /// The images.
    pub images: Bits,
    /// The layer.
    pub by: usize,
    /// The path that hides it: its own, or one above it.
    pub at: Path,
    /// How.
    pub why: Why,
}

/// One layer's entry under a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own<'e> {
    pub(super) layer: usize,
    pub(super) entry: &'e Entry,
}

/// Who hides `own`, whose directory is hidden as `inherited` says, at `path`; `all` are the entries of every layer under the name, lower layers
/// first.
pub(super) fn assign(forest: &Forest, own: Own<'_>, inherited: &Blames, (path, all): (&Path, &[Own<'_>])) -> Blames {
    let cuts = all.iter().filter(|other| forest.stands_on(other.layer, own.layer));
    let cuts = cuts.filter_map(|other| Some((other.layer, cut(other.entry, own.entry)?)));
    let mut blames: Vec<Blame> = cuts.map(|(by, why)| Blame { images: forest.images_of(by), by, at: Arc::clone(path), why }).collect();
    if blames.is_empty() {
        return Arc::clone(inherited);
    }
    blames.extend(inherited.iter().cloned());
    // Layers are numbered from below, so the nearest comes first: it hid the name before another hid the directory.
    blames.sort_by_key(|blame| blame.by);
    let mut taken = Bits::none(forest.images.len());
    for blame in &mut blames {
        blame.images.remove(&taken);
        taken.add(&blame.images);
    }
    blames.retain(|blame| !blame.images.is_empty());
    blames.into()
}

/// Whether `upper` hides `lower`, and why.
fn cut(upper: &Entry, lower: &Entry) -> Option<Why> {
    match upper.nature {
        Nature::Whiteout | Nature::Opaque => Some(Why::Deleted),
        Nature::Plain => Some(Why::Overwritten),
        // Its content is there.
        Nature::Stub => (!lower.is_file()).then_some(Why::Overwritten),
        Nature::Merged => (!lower.is_directory()).then_some(Why::Overwritten),
    }
}
