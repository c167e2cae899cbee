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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dir::Kind;
    use crate::dir::tree::Inode;
    use crate::id::{ChainId, DirId, ImageId};

    /// A chain of three layers, each of which is the top of an image.
    fn forest() -> Forest {
        let layer = |digit: u8| {
            let hex = [digit; 64];
            (ChainId::from_hex(&hex).unwrap(), DirId::try_from(&hex[..]).unwrap())
        };
        let chain = [b'a', b'b', b'c'].map(layer);
        let image = |length: usize| (ImageId::from_bytes([u8::try_from(length).unwrap(); 32]), chain[..length].to_vec());
        Forest::of(&[1, 2, 3].map(image))
    }

    fn entry(nature: Nature) -> Entry {
        let mode = if matches!(nature, Nature::Merged | Nature::Opaque) { 0o040_755 } else { 0o100_644 };
        let (number, user, group, links, size, allocated) = (1, 0, 0, 1, 0, 0);
        let inode = Inode { number, kind: Kind::File, mode, user, group, links, size, allocated, modified: (0, 0), device: (0, 0) };
        Entry { inode, nature, redirect: None }
    }

    /// Who is to blame that the entry of the lowest layer is hidden: layer, reason and images.
    fn blamed(natures: &[(usize, Nature)], inherited: &[Blame]) -> Vec<(usize, Why, Vec<usize>)> {
        let entries: Vec<_> = natures.iter().map(|&(layer, nature)| (layer, entry(nature))).collect();
        let all: Vec<Own<'_>> = entries.iter().map(|(layer, entry)| Own { layer: *layer, entry }).collect();
        let path: Path = b"d/x"[..].into();
        let blames = assign(&forest(), all[0], &inherited.into(), (&path, &all));
        blames.iter().map(|blame| (blame.by, blame.why, blame.images.iter().collect())).collect()
    }

    #[test]
    fn the_nearest_layer_is_to_blame() {
        use Nature::{Merged, Opaque, Plain, Stub, Whiteout};
        assert_eq!(blamed(&[(0, Plain), (1, Plain), (2, Plain)], &[]), [(1, Why::Overwritten, vec![1, 2])]);
        assert_eq!(blamed(&[(0, Plain), (2, Whiteout)], &[]), [(2, Why::Deleted, vec![2])]);
        assert_eq!(blamed(&[(0, Merged), (1, Merged), (2, Opaque)], &[]), [(2, Why::Deleted, vec![2])]);
        // As a tar brings it: a directory in the place of a file, without a mark.
        assert_eq!(blamed(&[(0, Plain), (1, Merged)], &[]), [(1, Why::Overwritten, vec![1, 2])]);
        assert_eq!(blamed(&[(0, Plain), (1, Stub)], &[]), []);
        assert_eq!(blamed(&[(0, Merged), (1, Stub)], &[]), [(1, Why::Overwritten, vec![1, 2])]);
    }

    #[test]
    fn who_hides_the_directory_is_to_blame_if_nearer() {
        let directory = |by: usize| Blame { images: forest().images_of(by), by, at: b"d"[..].into(), why: Why::Deleted };
        // The directory was deleted, and then made again with the same name in it.
        assert_eq!(blamed(&[(0, Nature::Plain), (2, Nature::Plain)], &[directory(1)]), [(1, Why::Deleted, vec![1, 2])]);
        // The file was overwritten, and then the directory deleted.
        assert_eq!(blamed(&[(0, Nature::Plain), (1, Nature::Plain)], &[directory(2)]), [(1, Why::Overwritten, vec![1, 2])]);
    }
}
