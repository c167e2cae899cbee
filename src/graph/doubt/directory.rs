//! Doubts about which directory a record means.
//!
//! ```text
//! layerdb/sha256/<chain>/cache-id ─► X      X is not there: the text may be wrong, or the directory got another name
//! two records ─► X                          one of them means another directory
//! overlay2/X/lower has 3 entries            and the layer lies on 4 others: X is not its directory
//! ```
//!
//! The directory that is meant is then one that no record explains. Only what proves that a directory is not the one is let off: it lies on
//! another number of directories.

use super::{Doubt, doubt, has_let_go};
use crate::graph::reach::Set;
use crate::graph::{Graph, Thing, Via};
use crate::id::{ChainId, DirId, MountName};
use crate::inventory::Inventory;
use crate::store::Told;
use crate::store::mounts::Mount;
use crate::unreadable::Pins;
use std::collections::HashMap;

/// Whether this is how something names a layer directory by the directory's own name.
pub(super) const fn is_named_by(via: Via) -> bool {
    matches!(via, Via::CacheId | Via::MountId | Via::InitId | Via::SnapshotDir | Via::SnapshotCommitted | Via::LinkTarget)
}

/// Adds what to do where all orphans are kept for one name.
pub(super) fn advise(pins: Pins, why: &str) -> String {
    if matches!(pins, Pins::OneDirectory(_)) {
        return format!("{why}, so an unknown directory may be the one: remove what needs it, or mend its name (`layerwise check`)");
    }
    why.to_owned()
}

/// Whether dockerd was removing the container to which a read-write layer belongs, and so its directories.
pub(super) fn was_let_go(inventory: &Inventory, mount: &MountName) -> bool {
    let container = mount.to_string().parse().ok().filter(|id| inventory.containers.contains_key(id));
    container.is_some_and(|id| has_let_go(inventory, id))
}

/// How many layers are below each layer, as far as the records of its chain tell.
#[derive(Debug)]
pub(super) struct Depths(HashMap<ChainId, usize>);

impl Depths {
    /// Counts from the lowest layers up, each layer once, however long chains are.
    pub(super) fn of(inventory: &Inventory) -> Self {
        let mut above: HashMap<ChainId, Vec<ChainId>> = HashMap::new();
        let mut open = Vec::new();
        for layer in inventory.layerdb.layers.values() {
            match layer.parent {
                Told::Is(parent) => above.entry(parent).or_default().push(layer.chain),
                Told::Absent if layer.computed_chain() == Some(layer.chain) => open.push((layer.chain, 0)),
                Told::Absent | Told::Lost => {}
            }
        }
        let mut depths = HashMap::new();
        while let Some((chain, depth)) = open.pop() {
            if depths.insert(chain, depth).is_none() {
                open.extend(above.get(&chain).into_iter().flatten().map(|&upper| (upper, depth + 1)));
            }
        }
        Self(depths)
    }

    fn below_layer(&self, chain: ChainId) -> Option<usize> {
        self.0.get(&chain).copied()
    }

    /// How many directories are below one of a read-write layer's.
    fn below_mount(&self, mount: &Mount, dir: DirId) -> Option<usize> {
        // Without a parent it is a container from scratch, or the parent is lost.
        let image = self.below_layer(*mount.parent.value()?)? + 1;
        let is_above_init = mount.mount_id.value() == Some(&dir) && !matches!(mount.init_id, Told::Absent);
        Some(image + usize::from(is_above_init))
    }

    /// How many directories the one lies on that `from` names and that is not there, if that is known.
    pub(super) fn of_missing(&self, inventory: &Inventory, from: &Thing, missing: &Thing) -> Option<usize> {
        match (from, missing) {
            (Thing::Layer(chain), _) => self.below_layer(*chain),
            (Thing::Mount(name), Thing::Dir(dir)) => self.below_mount(inventory.mounts.get(name)?, *dir),
            _ => None,
        }
    }
}

/// The doubts about directories that are there and may not be those that are meant.
pub(super) fn find(graph: &Graph, inventory: &Inventory, kept: &Set, depths: &Depths) -> Vec<Doubt> {
    let is_kept = |thing: &Thing| graph.node(thing).is_some_and(|node| kept.contains(node));
    let layers = inventory.layerdb.layers.values();
    let layers = layers.filter_map(|layer| Some((Thing::Layer(layer.chain), layer.dir()?, depths.below_layer(layer.chain))));
    let of_mount = |mount: &Mount| {
        let dirs: Vec<DirId> = mount.dirs().collect();
        let named = dirs.into_iter().map(|dir| (Thing::Mount(mount.name.clone()), dir, depths.below_mount(mount, dir)));
        named.collect::<Vec<_>>()
    };
    let named = layers.chain(inventory.mounts.values().flat_map(of_mount)).filter(|(thing, ..)| is_kept(thing));
    let mut doubts = Vec::new();
    // No layer has the directory of a record that was being made or removed.
    let removals = inventory.layerdb.removals.iter().map(|(name, leftover)| (Thing::Removal(name.clone()), leftover));
    let write_sets = inventory.layerdb.write_sets.iter().map(|(name, leftover)| (Thing::WriteSet(name.clone()), leftover));
    let leftovers = removals.chain(write_sets);
    let mut owners: HashMap<DirId, Thing> = leftovers.filter_map(|(thing, leftover)| Some((leftover.cache_id?, thing))).collect();
    for (thing, dir, below) in named {
        if let Some(other) = owners.insert(dir, thing.clone()) {
            let why = format!("{} {other} and {} {thing} both name the directory overlay2/{dir}", other.kind(), thing.kind());
            let pins = Pins::OneDirectory(None);
            doubts.push(doubt(pins, advise(pins, &why)));
        }
        if let Some(below) = below
            && let Some(lower) = inventory.overlay2.dirs.get(&dir).and_then(|dir| dir.lower.value())
            && lower.len() != below
        {
            let why = format!("overlay2/{dir} lies on {} others, and {} {thing}, which names it, on {below}", lower.len(), thing.kind());
            doubts.push(doubt(Pins::Directories, why));
        }
    }
    doubts
}

/// Whether a directory that no record explains may be one that lies on `below` others.
pub(in crate::graph) fn may_lie_on(inventory: &Inventory, dir: DirId, below: Option<usize>) -> bool {
    let lower = inventory.overlay2.dirs.get(&dir).and_then(|dir| dir.lower.value());
    below.zip(lower).is_none_or(|(below, lower)| lower.len() == below)
}
