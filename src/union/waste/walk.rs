//! The walk: all layers of all images at once, directory by directory, so that each directory of each layer is read once however many images
//! have it, and no more is kept than the directories that are being read.

use super::bits::Bits;
use super::blame::{Blame, Blames, Own, Path, Why, assign};
use super::copies::Copy;
use super::efficiency::{Leaf, Leaves, Length};
use super::forest::Forest;
use super::sums::Sums;
use super::watch::Watch;
use crate::union::{Entry, Layer, Listing, Nature, join};
use rayon::Scope;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Everything that the threads share.
pub(super) struct Walk<'w> {
    pub(super) forest: &'w Forest,
    pub(super) layers: &'w [Layer],
    /// The sums of those who are not at work; whoever begins takes one.
    pub(super) sums: &'w Mutex<Vec<Sums>>,
    /// From which length on files are compared with all others, if they are.
    pub(super) copies: Option<u64>,
    /// What is told of what images show.
    pub(super) watch: &'w Watch,
    /// How many inodes were met.
    pub(super) met: &'w AtomicU64,
}

/// What a layer has under a name, and who hides its directory.
type Hidden<'e> = (Own<'e>, &'e Blames);

/// A directory as the layers have it.
struct Task {
    path: Path,
    /// The layers that have it, lower ones first, and who hides it there.
    parts: Vec<(usize, Blames)>,
}

impl Walk<'_> {
    /// Walks all layers to the end.
    pub(super) fn run(&self) {
        let nothing: Blames = Arc::new([]);
        let parts: Vec<_> = (0..self.layers.len()).map(|layer| (layer, Arc::clone(&nothing))).collect();
        let mut own = self.take();
        for (number, layer) in self.layers.iter().enumerate() {
            if let Some(entry) = layer.look(b"") {
                own.charge(number, &entry.inode, &[]);
            }
        }
        self.give_back(own);
        rayon::scope(|scope| self.enter(&Task { path: Arc::new([]), parts }, scope));
    }

    fn take(&self) -> Sums {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_else(|| Sums::new(self.forest))
    }

    fn give_back(&self, own: Sums) {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).push(own);
    }

    /// Looks at one directory, and leaves those in it to whoever is free.
    fn enter<'s>(&'s self, task: &Task, scope: &Scope<'s>) {
        let mut own = self.take();
        let below = self.look(task, &mut own);
        self.give_back(own);
        for task in below {
            scope.spawn(move |scope| self.enter(&task, scope));
        }
    }

    fn look(&self, task: &Task, sums: &mut Sums) -> Vec<Task> {
        let listings: Vec<Listing> =
            task.parts.iter().map(|(layer, _)| self.layers.get(*layer).map(|layer| layer.list(&task.path)).unwrap_or_default()).collect();
        self.met.fetch_add(listings.iter().map(Listing::len).sum(), Ordering::Relaxed);
        let mut names: BTreeMap<&[u8], Vec<Hidden<'_>>> = BTreeMap::new();
        for (listing, (layer, blames)) in listings.iter().zip(&task.parts) {
            for (name, entry) in listing.iter() {
                names.entry(name).or_default().push((Own { layer: *layer, entry }, blames));
            }
        }
        let mut below = Vec::new();
        for (name, all) in names {
            let path: Path = join(&task.path, name).into();
            let owns: Vec<Own<'_>> = all.iter().map(|(own, _)| *own).collect();
            let mut parts = Vec::new();
            for (own, inherited) in all {
                let blames = self.assign(own, inherited, (&path, &owns));
                if own.entry.redirect.is_some() {
                    sums.redirected.add(&self.forest.images_of(own.layer));
                }
                self.charge(own, &blames, &path, sums);
                self.remember(own, &blames, &path, sums);
                sums.sights.extend(self.watch.see(self.forest, (own, &blames), (&path, &owns)));
                if own.entry.is_directory() {
                    parts.push((own.layer, blames));
                }
            }
            self.measure(&path, &owns, sums);
            if !parts.is_empty() {
                below.push(Task { path, parts });
            }
        }
        below
    }

    /// Who hides an entry; of what is overwritten it is found out whether by the same content.
    fn assign(&self, own: Own<'_>, inherited: &Blames, (path, all): (&Path, &[Own<'_>])) -> Blames {
        let blames = assign(self.forest, own, inherited, (path, all));
        let is_same = |blame: &Blame| {
            let other = all.iter().find(|other| other.layer == blame.by).filter(|_| blame.at == *path);
            other.is_some_and(|other| blame.why == Why::Overwritten && self.has_same_content(own, *other, path))
        };
        if !own.entry.is_file() || !blames.iter().any(is_same) {
            return blames;
        }
        blames.iter().map(|blame| Blame { why: if is_same(blame) { Why::Unchanged } else { blame.why }, ..blame.clone() }).collect()
    }

    fn has_same_content(&self, own: Own<'_>, other: Own<'_>, path: &[u8]) -> bool {
        let is_whole = |entry: &Entry| entry.is_file() && entry.nature == Nature::Plain && entry.inode.size > 0;
        if !is_whole(own.entry) || !is_whole(other.entry) || own.entry.inode.size != other.entry.inode.size {
            return false;
        }
        let (Some(layer), Some(upper)) = (self.layers.get(own.layer), self.layers.get(other.layer)) else { return false };
        layer.is_same(path, (upper, path)).unwrap_or(false)
    }

    fn charge(&self, own: Own<'_>, blames: &Blames, path: &Path, sums: &mut Sums) {
        let inode = &own.entry.inode;
        if own.entry.nature == Nature::Whiteout {
            // Nobody ever sees it, whatever lies above.
            let images = self.forest.images_of(own.layer);
            let blame = Blame { images, by: own.layer, at: Arc::clone(path), why: Why::Whiteout };
            let blames: Blames = Arc::new([blame]);
            return if inode.links > 1 { sums.link(own.layer, inode, path, &blames) } else { sums.charge(own.layer, inode, &blames) };
        }
        if inode.links > 1 && !own.entry.is_directory() {
            return sums.link(own.layer, inode, path, blames);
        }
        sums.charge(own.layer, inode, blames);
        if own.entry.is_file() {
            sums.efficiency.delete(inode.size, blames, path);
        }
    }

    /// Remembers a file that some image shows, if its content is to be compared with that of others.
    fn remember(&self, own: Own<'_>, blames: &Blames, path: &Path, sums: &mut Sums) {
        let inode = &own.entry.inode;
        let is_wanted = self.copies.is_some_and(|least| inode.size >= least.max(1));
        if !is_wanted || !own.entry.is_file() || own.entry.nature != Nature::Plain {
            return;
        }
        let mut seeing = self.forest.images_of(own.layer);
        for blame in blames.iter() {
            seeing.remove(&blame.images);
        }
        if !seeing.is_empty() {
            let (layer, number) = (own.layer, inode.number);
            sums.files.push(Copy { layer, inode: number, path: Arc::clone(path), size: inode.size, bytes: inode.allocated });
        }
    }

    /// Notes the lengths under one name for the efficiency.
    fn measure(&self, path: &Path, all: &[Own<'_>], sums: &mut Sums) {
        if all.iter().all(|own| own.entry.is_directory()) {
            return;
        }
        let leaf = |own: &Own<'_>| {
            let length = match own.entry.nature {
                Nature::Whiteout if self.hides_directory(*own, all) => Length::Deleted,
                Nature::Merged | Nature::Opaque if !self.is_empty(own.layer, path) => return None,
                Nature::Plain | Nature::Stub if own.entry.is_file() && own.entry.inode.links > 1 => Length::Linked(own.entry.inode.number),
                Nature::Plain | Nature::Stub if own.entry.is_file() => Length::Known(own.entry.inode.size),
                _ => Length::Known(0),
            };
            Some(Leaf { layer: own.layer, length })
        };
        let leaves: Vec<Leaf> = all.iter().filter_map(leaf).collect();
        sums.efficiency.note(self.forest, Leaves { path: Arc::clone(path), leaves });
    }

    /// Whether what a whiteout hides is a directory.
    fn hides_directory(&self, own: Own<'_>, all: &[Own<'_>]) -> bool {
        let nearest = all.iter().rev().find(|other| self.forest.stands_on(own.layer, other.layer));
        nearest.is_some_and(|nearest| nearest.entry.is_directory())
    }

    fn is_empty(&self, layer: usize, path: &[u8]) -> bool {
        self.layers.get(layer).is_none_or(|layer| layer.list(path).iter().next().is_none())
    }
}

/// The images of a set, as an empty one of the same size.
pub(super) fn no_images(forest: &Forest) -> Bits {
    Bits::none(forest.images.len())
}
