//! Why something that nothing is known to use cannot be proven dead.
//!
//! Knowledge that was lost could name it. Each doubt says what was lost and what kind of thing that could have named; as long as there is one,
//! nothing of that kind is garbage. What is lost in a record that is itself dead matters to nobody: doubts come from what is *kept*, because
//! it is in use or because another doubt covers it.

use super::reach::Set;
use super::verdict::Emptiness;
use super::{Graph, Missing, Thing, Via};
use crate::id::DirId;
use crate::inventory::{DRIVER, Inventory};
use crate::store::Told;
use crate::store::buildkit::SnapshotKey;
use crate::store::containers::Status;
use crate::store::layerdb::Layer;
use crate::store::mounts::Mount;
use crate::unreadable::Pins;
use std::collections::{BTreeSet, HashMap};

/// A reason to keep what nothing is known to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// What it could keep alive.
    pub pins: Pins,
    /// What is not known, in a sentence.
    pub why: String,
}

/// Every doubt that follows from what was read, given what is `kept`.
#[must_use]
pub fn find(graph: &Graph, inventory: &Inventory, kept: &Set, emptiness: Emptiness) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    for unreadable in &inventory.unreadable {
        if !matches!(unreadable.pins, Pins::Nothing | Pins::Own | Pins::Images) {
            let why = format!("cannot {} {}: {}", unreadable.operation, unreadable.path.display(), unreadable.error);
            doubts.push(Doubt { pins: unreadable.pins, why });
        }
    }
    let is_kept = |thing: Thing| graph.node(&thing).is_some_and(|node| kept.contains(node));
    let layers = inventory.layerdb.layers.values().filter(|layer| is_kept(Thing::Layer(layer.chain)));
    doubts.extend(layers.flat_map(of_layer));
    let mounts = inventory.mounts.values().filter(|mount| is_kept(Thing::Mount(mount.name.clone())));
    doubts.extend(mounts.flat_map(of_mount));
    let upper = lies_on_others(inventory);
    for dir in inventory.overlay2.dirs.values().filter(|dir| is_kept(Thing::Dir(dir.id))) {
        let lost = dir.lower.is_lost() || matches!(dir.lower, Told::Absent) && upper.contains(&dir.id);
        doubts.extend(lost.then(|| doubt(Pins::Directories, format!("overlay2/{}/lower, which names the layers below, is lost", dir.id))));
    }
    doubts.extend(graph.missing().iter().filter_map(|missing| of_missing(graph, inventory, kept, missing)));
    if emptiness == Emptiness::Suspect {
        doubts.extend(no_containers(inventory));
    }
    doubts.extend(misspelt(graph, kept));
    doubts
}

const fn doubt(pins: Pins, why: String) -> Doubt {
    Doubt { pins, why }
}

/// What a layer that is kept no longer tells.
fn of_layer(layer: &Layer) -> impl Iterator<Item = Doubt> + use<> {
    let unverified = layer.computed_chain().is_some_and(|computed| computed != layer.chain);
    // A record without `diff` cannot show that it never had a parent.
    let parent = layer.parent.is_lost() || unverified || layer.diff.value().is_none() && layer.parent.value().is_none();
    let chain = layer.chain;
    let parent = parent.then(|| doubt(Pins::Layers, format!("the record of layer {chain} does not tell its parent any more")));
    let cache_id = layer.cache_id.value().is_none();
    let cache_id = cache_id.then(|| doubt(Pins::Directories, format!("the record of layer {chain} does not tell its directory any more")));
    [parent, cache_id].into_iter().flatten()
}

/// What a read-write layer that is kept no longer tells.
fn of_mount(mount: &Mount) -> impl Iterator<Item = Doubt> + use<> {
    let dirs = mount.mount_id.value().is_none() || mount.init_id.is_lost();
    let name = &mount.name;
    let dirs = dirs.then(|| doubt(Pins::Directories, format!("the record of mount {name} does not tell its directories any more")));
    let parent = mount.parent.is_lost();
    let parent = parent.then(|| doubt(Pins::Layers, format!("the record of mount {name} does not tell its parent any more")));
    [dirs, parent].into_iter().flatten()
}

/// The directories that something says lie on others, so that they must have a `lower`.
fn lies_on_others(inventory: &Inventory) -> BTreeSet<DirId> {
    let mut upper = BTreeSet::new();
    for mount in inventory.mounts.values() {
        let has_parent = !matches!(mount.parent, Told::Absent);
        upper.extend(mount.init_id.value().filter(|_| has_parent));
        upper.extend(mount.mount_id.value().filter(|_| has_parent || !matches!(mount.init_id, Told::Absent)));
    }
    upper.extend(inventory.layerdb.layers.values().filter(|layer| !matches!(layer.parent, Told::Absent)).filter_map(Layer::dir));
    for (key, snapshot) in inventory.buildkit.iter().flat_map(|buildkit| &buildkit.snapshots) {
        if let (Some(_), SnapshotKey::Build(chars)) = (&snapshot.parent, key) {
            upper.insert(DirId::Build(*chars));
        }
    }
    upper
}

/// The doubt about a name of something that is not there.
///
/// Where the name itself says which directory is meant, nothing is hidden; where it leads through a record that is gone, any directory may
/// be meant.
fn of_missing(graph: &Graph, inventory: &Inventory, kept: &Set, missing: &Missing) -> Option<Doubt> {
    let from = graph.thing(missing.from)?;
    let pins = match (missing.via, from) {
        (Via::ReferenceTo, _) => Pins::Layers,
        (_, _) if !kept.contains(missing.from) => return None,
        // A directory may call itself by the link although `l/` does not: then it is kept.
        (Via::LowerEntry(_), _) if graph.kept_by(missing.from).iter().any(|edge| edge.via == missing.via) => return None,
        (Via::RwLayer, Thing::Container(id)) if has_let_go(inventory, *id) => return None,
        (Via::RwLayer | Via::LowerEntry(_) | Via::RootFs(_) | Via::ParentLayer | Via::MountParent | Via::ImageMount, _) => {
            Pins::Directories
        }
        _ => return None,
    };
    let why = format!("{} {from} names {} {} ({}), which is not there", from.kind(), missing.to.kind(), missing.to, missing.via);
    Some(doubt(pins, why))
}

/// The doubt about a directory that nothing names, where something that is kept names one that is not there by nearly the same name.
///
/// Names are random, so two of them never agree in a half of their characters but by damage to one of them.
fn misspelt(graph: &Graph, kept: &Set) -> Option<Doubt> {
    let is_name = |missing: &&Missing| matches!(missing.via, Via::CacheId | Via::MountId | Via::InitId) && kept.contains(missing.from);
    let mut missing = graph.missing().iter().filter(is_name).peekable();
    missing.peek()?;
    let unknown = graph.things().filter(|(node, thing)| matches!(thing, Thing::Dir(_)) && !kept.contains(*node));
    let known: HashMap<_, _> = unknown.flat_map(|(_, thing)| halves(thing).map(|half| (half, thing))).collect();
    missing.find_map(|missing| {
        let from = graph.thing(missing.from)?;
        let meant = halves(&missing.to).into_iter().find_map(|half| known.get(&half))?;
        let why =
            format!("{} {from} names directory {} ({}), which is not there, and may mean {meant}", from.kind(), missing.to, missing.via);
        Some(doubt(Pins::Directories, why))
    })
}

/// The two halves of a thing's name, each with where it stands.
fn halves(thing: &Thing) -> [(bool, String); 2] {
    let mut name = thing.to_string();
    let rest = name.split_off(name.len() / 2);
    [(false, name), (true, rest)]
}

/// Whether a container has no read-write layer of ours to lose: dockerd marks a container dead before it removes its layers, and their
/// record last; and other drivers keep their layers elsewhere.
///
/// A container without a config was either being made, before which its layers' record is complete, or lost it; then `Pins::ImageMounts` covers
/// what only it knew.
fn has_let_go(inventory: &Inventory, id: crate::id::ContainerId) -> bool {
    let config = inventory.containers.get(&id).and_then(|container| container.config.as_ref());
    config.is_none_or(|config| matches!(config.status, Status::Dead | Status::Removing) || config.driver != DRIVER)
}

/// The doubt about a store of which nothing that is there has even one directory: what had them is elsewhere, or lost.
///
/// A mount or a process shows that a directory is used, but not that those who use the others are known.
#[must_use]
pub fn nothing_in_use(graph: &Graph, inventory: &Inventory) -> Option<Doubt> {
    let known = graph
        .things()
        .filter(|(_, thing)| thing.is_root() && !matches!(thing, Thing::LiveMount(..) | Thing::Process(_)))
        .map(|(node, _)| node);
    let used = graph.reachable(known);
    let mut dirs = graph.things().filter(|(_, thing)| matches!(thing, Thing::Dir(_)));
    let why = "there are layer directories, but not one image, container or build that has one of them";
    (!inventory.overlay2.dirs.is_empty() && !dirs.any(|(node, _)| used.contains(node))).then(|| doubt(Pins::Everything, why.to_owned()))
}

/// The doubt about read-write layers of containers where there is not one container: `containers/` may be a file system of its own that is
/// not mounted, or be gone.
fn no_containers(inventory: &Inventory) -> Option<Doubt> {
    let of_a_container = |mount: &Mount| !matches!(mount.init_id, Told::Absent);
    let why = "there are read-write layers of containers, but not one container: is something to be mounted on containers/?";
    (inventory.containers.is_empty() && inventory.mounts.values().any(of_a_container)).then(|| doubt(Pins::Mounts, why.to_owned()))
}
