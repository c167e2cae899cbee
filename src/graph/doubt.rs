//! Why something that nothing is known to use cannot be proven dead.
//!
//! Knowledge that was lost could name it. Each doubt says what was lost and what kind of thing that could have named; as long as there is one,
//! nothing of that kind is garbage. What is lost in a record that is itself dead matters to nobody: doubts come from what is *kept*, because
//! it is in use or because another doubt covers it.

mod directory;

use directory::Depths;
pub(super) use directory::may_lie_on;

use super::reach::Set;
use super::verdict::Emptiness;
use super::{Graph, Missing, Thing, Via};
use crate::id::DirId;
use crate::inventory::{DRIVER, Inventory};
use crate::store::Told;
use crate::store::buildkit::SnapshotKey;
use crate::store::containers::{self, Status};
use crate::store::layerdb::Layer;
use crate::store::mounts::Mount;
use crate::unreadable::{Pins, Unreadable};
use std::collections::BTreeSet;

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
    let depths = Depths::of(inventory);
    doubts.extend(graph.missing().iter().flat_map(|missing| of_missing(graph, inventory, (kept, &depths), missing)));
    doubts.extend(directory::find(graph, inventory, kept, &depths));
    if emptiness == Emptiness::Suspect {
        doubts.extend(no_containers(inventory));
    }
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

/// The doubts about a name of something that is not there.
///
/// Where the name leads through a record that is gone, any directory may be meant; where it is that of a directory, one that no record explains:
/// its name in the record may be wrong, or it may have got another name.
fn of_missing(graph: &Graph, inventory: &Inventory, (kept, depths): (&Set, &Depths), missing: &Missing) -> Vec<Doubt> {
    let Some(from) = graph.thing(missing.from) else { return Vec::new() };
    let is_found = || graph.kept_by(missing.from).iter().any(|edge| edge.via == missing.via);
    let pins: &[Pins] = match (missing.via, from) {
        (Via::ReferenceTo, _) => &[Pins::Layers],
        (_, _) if !kept.contains(missing.from) => &[],
        // A directory may call itself by the link although `l/` does not: then it is kept.
        (Via::LowerEntry(_), _) if is_found() => &[],
        (Via::RwLayer, Thing::Container(id)) if has_let_go(inventory, *id) || is_misplaced(inventory, *id) => &[],
        // The record may have got another name.
        (Via::RwLayer | Via::ImageMount, _) => &[Pins::Directories, Pins::Mounts],
        (Via::LowerEntry(_) | Via::RootFs(_) | Via::ParentLayer | Via::MountParent | Via::MountedIn(_), _) => &[Pins::Directories],
        (via, _) if !directory::is_named_by(via) || is_found() => &[],
        (_, Thing::Mount(name)) if directory::was_let_go(inventory, name) => &[],
        (_, _) => &[Pins::OneDirectory(depths.of_missing(inventory, from, &missing.to))],
    };
    let why = format!("{} {from} names {} {} ({}), which is not there", from.kind(), missing.to.kind(), missing.to, missing.via);
    pins.iter().map(|&pins| doubt(pins, directory::advise(pins, &why))).collect()
}

/// Whether a container has no read-write layer of ours to lose: dockerd marks a container dead before it removes its layers, and their
/// record last; and other drivers keep their layers elsewhere.
///
/// A container without a config was either being made, before which its layers' record is complete, or lost it; then `Pins::ImageMounts` covers
/// what only it knew.
pub(super) fn has_let_go(inventory: &Inventory, id: crate::id::ContainerId) -> bool {
    let config = inventory.containers.get(&id).and_then(|container| container.config.as_ref());
    config.is_none_or(|config| matches!(config.status, Status::Dead | Status::Removing) || config.driver != DRIVER)
}

/// Whether a container's config lies where dockerd does not look for it: a copy, or one that was put aside, may have no layer any more.
fn is_misplaced(inventory: &Inventory, id: crate::id::ContainerId) -> bool {
    inventory.containers.get(&id).is_some_and(|container| container.found_in.is_some())
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

/// Why it is not known which containers there are, if it is not: then what they refer to is not known either.
#[must_use]
pub fn unknown_containers(inventory: &Inventory) -> Option<String> {
    let home = inventory.root.join(containers::PATH);
    let hides_one = |unreadable: &&Unreadable| {
        let pins = matches!(unreadable.pins, Pins::Mounts | Pins::Container | Pins::ContainerConfig | Pins::ImageMounts | Pins::Everything);
        pins && unreadable.path.starts_with(&home)
    };
    let hidden = || inventory.unreadable.iter().find(hides_one);
    let told = |unreadable: &Unreadable| format!("cannot {} {}: {}", unreadable.operation, unreadable.path.display(), unreadable.error);
    no_containers(inventory).map(|doubt| doubt.why).or_else(|| hidden().map(told))
}

/// The doubt about read-write layers of containers where there is not one container: `containers/` may be a file system of its own that is
/// not mounted, or be gone.
fn no_containers(inventory: &Inventory) -> Option<Doubt> {
    let of_a_container = |mount: &Mount| !matches!(mount.init_id, Told::Absent);
    let why = "there are read-write layers of containers, but not one container: is something to be mounted on containers/?";
    (inventory.containers.is_empty() && inventory.mounts.values().any(of_a_container)).then(|| doubt(Pins::Mounts, why.to_owned()))
}
