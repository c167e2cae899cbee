//! What everything comes to: per image, per layer, and per path that hides something.

use super::bits::Bits;
use super::blame::{Blame, Blames, Path, Why};
use super::copies::Copy;
use super::efficiency::Efficiency;
use super::forest::Forest;
use super::walk::no_images;
use super::watch::Sight;
use crate::dir::tree::Inode;
use crate::union::Weight;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What of an image cannot be seen, by reason.
pub type ByReason = BTreeMap<Why, Weight>;

/// Something that wastes space: a path, the layer that hides it, the layer that stores what is hidden, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Culprit {
    /// The path.
    pub at: Path,
    /// The layer that hides it.
    pub by: usize,
    /// The layer that stores it.
    pub stored: usize,
    /// Why it is hidden.
    pub why: Why,
}

/// What a culprit wastes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Toll {
    /// What is stored and hidden.
    pub weight: Weight,
    /// The images that have it and cannot see it.
    pub images: Bits,
    /// Whether another image sees some of it.
    pub is_seen: bool,
}

/// The sums, of a directory or of everything.
#[derive(Debug)]
pub(super) struct Sums {
    sets: Vec<Bits>,
    /// What each layer stores.
    pub(super) stored: Vec<Weight>,
    /// What of each layer no image sees.
    pub(super) unseen: Vec<Weight>,
    /// What each image cannot see of its layers.
    pub(super) wasted: Vec<ByReason>,
    /// What hides it.
    pub(super) culprits: HashMap<Culprit, Toll>,
    /// Images with directories that are known under another name, which are not followed.
    pub(super) redirected: Bits,
    /// What the efficiency is computed from.
    pub(super) efficiency: Efficiency,
    /// The files whose contents are to be compared.
    pub(super) files: Vec<Copy>,
    /// What was watched for.
    pub(super) sights: Vec<Sight>,
    linked: HashMap<(usize, u64), Linked>,
}

/// A file with several names: it is hidden where all of them are.
#[derive(Debug)]
struct Linked {
    inode: Inode,
    names: Vec<(Path, Blames)>,
}

impl Sums {
    pub(super) fn new(forest: &Forest) -> Self {
        Self {
            sets: forest.layers.iter().map(|node| node.images.clone()).collect(),
            stored: vec![Weight::default(); forest.layers.len()],
            unseen: vec![Weight::default(); forest.layers.len()],
            wasted: vec![ByReason::new(); forest.images.len()],
            culprits: HashMap::new(),
            redirected: no_images(forest),
            efficiency: Efficiency::new(forest),
            files: Vec::new(),
            sights: Vec::new(),
            linked: HashMap::new(),
        }
    }

    /// Charges an inode to its layer, and to those who hide it.
    pub(super) fn charge(&mut self, layer: usize, inode: &Inode, blames: &[Blame]) {
        let weight = Weight::of(inode.allocated);
        if let Some(stored) = self.stored.get_mut(layer) {
            *stored += weight;
        }
        if inode.file_type() == rustix::fs::FileType::RegularFile {
            self.efficiency.store(layer, inode.size);
        }
        if blames.is_empty() {
            return;
        }
        let Some(images) = self.sets.get(layer) else { return };
        let mut seeing = images.clone();
        for blame in blames {
            seeing.remove(&blame.images);
        }
        if seeing.is_empty()
            && let Some(unseen) = self.unseen.get_mut(layer)
        {
            *unseen += weight;
        }
        for blame in blames {
            for image in blame.images.iter() {
                if let Some(wasted) = self.wasted.get_mut(image) {
                    *wasted.entry(blame.why).or_default() += weight;
                }
            }
            let culprit = Culprit { at: Arc::clone(&blame.at), by: blame.by, stored: layer, why: blame.why };
            let toll = self.culprits.entry(culprit).or_insert_with(|| Toll { images: blame.images.clone(), ..Toll::default() });
            toll.weight += weight;
            toll.images.add(&blame.images);
            toll.is_seen |= !seeing.is_empty();
        }
    }

    /// Notes one name of an inode that has several.
    pub(super) fn link(&mut self, layer: usize, inode: &Inode, path: &Path, blames: &Blames) {
        let linked = self.linked.entry((layer, inode.number)).or_insert_with(|| Linked { inode: *inode, names: Vec::new() });
        linked.names.push((Arc::clone(path), Arc::clone(blames)));
    }

    /// Adds the sums of another directory.
    pub(super) fn add(&mut self, other: Self) {
        let add = |to: &mut Vec<Weight>, from: Vec<Weight>| to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        add(&mut self.stored, other.stored);
        add(&mut self.unseen, other.unseen);
        for (own, other) in self.wasted.iter_mut().zip(other.wasted) {
            for (why, weight) in other {
                *own.entry(why).or_default() += weight;
            }
        }
        for (culprit, toll) in other.culprits {
            match self.culprits.entry(culprit) {
                std::collections::hash_map::Entry::Vacant(entry) => drop(entry.insert(toll)),
                std::collections::hash_map::Entry::Occupied(mut entry) => {
                    let own = entry.get_mut();
                    own.weight += toll.weight;
                    own.images.add(&toll.images);
                    own.is_seen |= toll.is_seen;
                }
            }
        }
        self.files.extend(other.files);
        self.sights.extend(other.sights);
        self.redirected.add(&other.redirected);
        self.efficiency.add(other.efficiency);
        for (key, linked) in other.linked {
            match self.linked.entry(key) {
                std::collections::hash_map::Entry::Vacant(entry) => drop(entry.insert(linked)),
                std::collections::hash_map::Entry::Occupied(mut entry) => entry.get_mut().names.extend(linked.names),
            }
        }
    }

    /// Charges the files with several names, once all of those are known.
    pub(super) fn settle(&mut self) {
        let mut linked: Vec<_> = std::mem::take(&mut self.linked).into_iter().collect();
        linked.sort_unstable_by_key(|(key, _)| *key);
        for ((layer, number), Linked { inode, mut names }) in linked {
            names.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            let Some((path, blames)) = names.first() else { continue };
            self.efficiency.name(layer, number, (path, inode.size));
            if inode.file_type() == rustix::fs::FileType::RegularFile {
                self.efficiency.delete(inode.size, blames, path);
            }
            let mut blames = blames.to_vec();
            for blame in &mut blames {
                for (_, others) in names.iter().skip(1) {
                    let mut seeing = blame.images.clone();
                    others.iter().for_each(|other| seeing.remove(&other.images));
                    blame.images.remove(&seeing);
                }
            }
            blames.retain(|blame| !blame.images.is_empty());
            self.charge(layer, &inode, &blames);
        }
    }
}
