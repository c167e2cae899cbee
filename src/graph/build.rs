//! Building the graph from what was read.

use super::{Edge, Graph, Missing, NodeId, Thing, Via, unleased};
use crate::id::{ChainId, DirId, LinkId};
use crate::inventory::{DRIVER, Inventory};
use crate::store::buildkit::SnapshotKey;
use crate::store::leftovers::Leftover;
use crate::store::overlay2::LayerDir;
use std::collections::HashMap;
use std::ffi::OsString;

/// The most directories that are kept for calling themselves by one link.
const MOST_OF_A_LINK: usize = 16;

/// The edges found so far, by things; those whose target is not there are set aside.
struct Builder<'inventory> {
    inventory: &'inventory Inventory,
    graph: Graph,
    /// The directories that call themselves by a link, for links that are missing in `l/`.
    dirs_of_link: HashMap<LinkId, Vec<DirId>>,
    /// The directories that call themselves by a link which leads to another that is not there.
    renamed: HashMap<DirId, Vec<DirId>>,
    /// The records that are being made or removed of a layer that has no other.
    leftovers: HashMap<ChainId, Vec<Thing>>,
}

impl Graph {
    /// Builds the graph of everything in `inventory`.
    #[must_use]
    pub fn build(inventory: &Inventory) -> Self {
        let mut dirs_of_link: HashMap<_, Vec<_>> = HashMap::new();
        for (link, dir) in inventory.overlay2.dirs.values().filter_map(|dir| Some((dir.link?, dir.id))) {
            dirs_of_link.entry(link).or_default().push(dir);
        }
        let mut renamed: HashMap<_, Vec<_>> = HashMap::new();
        for (link, &target) in &inventory.overlay2.links {
            let Some(target) = target.filter(|target| !inventory.overlay2.dirs.contains_key(target)) else { continue };
            let called_so = dirs_of_link.get(link).into_iter().flatten().take(MOST_OF_A_LINK);
            renamed.entry(target).or_default().extend(called_so.copied());
        }
        let leftovers = leftovers_by_layer(inventory);
        let mut builder = Builder { inventory, graph: Self::default(), dirs_of_link, renamed, leftovers };
        builder.add_nodes();
        builder.add_images();
        builder.add_containers();
        builder.add_layers();
        builder.add_build_cache();
        builder.add_directories();
        builder.add_live_mounts();
        builder.add_processes();
        builder.graph.seal();
        builder.graph
    }

    fn add(&mut self, thing: Thing) {
        let next = NodeId(u32::try_from(self.things.len()).unwrap_or(u32::MAX));
        if let std::collections::hash_map::Entry::Vacant(slot) = self.index.entry(thing) {
            self.things.push(slot.key().clone());
            slot.insert(next);
        }
    }

    /// Sorts the edges and indexes them in both directions.
    fn seal(&mut self) {
        self.edges.sort_unstable();
        self.edges.dedup();
        self.reversed.clone_from(&self.edges);
        self.reversed.sort_unstable_by_key(|edge| (edge.to, edge.from, edge.via));
        self.from_starts = starts(&self.edges, self.things.len(), |edge| edge.from);
        self.to_starts = starts(&self.reversed, self.things.len(), |edge| edge.to);
        self.missing.sort_unstable();
    }
}

/// Where the edges of each node begin, and where the last one's end.
fn starts(edges: &[Edge], nodes: usize, end: impl Fn(&Edge) -> NodeId) -> Vec<usize> {
    let mut starts = Vec::with_capacity(nodes + 1);
    let mut at = 0;
    for node in 0..=nodes {
        at += edges.get(at..).unwrap_or_default().iter().take_while(|edge| end(edge).index() < node).count();
        starts.push(at);
    }
    starts
}

/// What is left of the records of layers, by the layers.
fn leftovers_by_layer(inventory: &Inventory) -> HashMap<ChainId, Vec<Thing>> {
    let removals = inventory.layerdb.removals.iter().map(|(name, leftover)| (leftover, Thing::Removal(name.clone())));
    let write_sets = inventory.layerdb.write_sets.iter().map(|(name, leftover)| (leftover, Thing::WriteSet(name.clone())));
    let mut leftovers: HashMap<ChainId, Vec<Thing>> = HashMap::new();
    for (leftover, thing) in removals.chain(write_sets) {
        for &chain in &leftover.chains {
            leftovers.entry(chain).or_default().push(thing.clone());
        }
    }
    leftovers
}

impl Builder<'_> {
    fn add_nodes(&mut self) {
        let inventory = self.inventory;
        let graph = &mut self.graph;
        inventory.references.keys().for_each(|name| graph.add(Thing::Reference(name.clone())));
        inventory.images.keys().for_each(|&id| graph.add(Thing::Image(id)));
        inventory.containers.keys().for_each(|&id| graph.add(Thing::Container(id)));
        inventory.mounts.keys().for_each(|name| graph.add(Thing::Mount(name.clone())));
        inventory.layerdb.layers.keys().for_each(|&chain| graph.add(Thing::Layer(chain)));
        inventory.layerdb.removals.keys().for_each(|name| graph.add(Thing::Removal(name.clone())));
        inventory.layerdb.write_sets.keys().for_each(|name| graph.add(Thing::WriteSet(name.clone())));
        if let Some(buildkit) = &inventory.buildkit {
            buildkit.snapshots.keys().for_each(|key| graph.add(Thing::Snapshot(key.clone())));
            buildkit.leases.keys().for_each(|id| graph.add(Thing::Lease(id.clone())));
            buildkit.records.keys().for_each(|id| graph.add(Thing::Record(id.clone())));
        }
        inventory.overlay2.dirs.keys().for_each(|&id| graph.add(Thing::Dir(id)));
        inventory.overlay2.links.keys().for_each(|&id| graph.add(Thing::Link(id)));
        inventory.leftovers.iter().filter_map(Leftover::thing).for_each(|thing| graph.add(thing));
    }

    /// Adds the edge from a thing that is there to one that may not be.
    fn keep(&mut self, from: &Thing, to: Thing, via: Via) {
        self.keep_if_there(from, &to, via);
        let Some(from) = self.graph.node(from) else { return };
        if self.graph.node(&to).is_none() {
            self.graph.missing.push(Missing { from, to, via });
        }
    }

    /// Adds the edge only if its target, or what has taken its place, is there: for names that need not stand for anything.
    fn keep_if_there(&mut self, from: &Thing, to: &Thing, via: Via) {
        let Some(from) = self.graph.node(from) else { return };
        let found: Vec<NodeId> = match self.graph.node(to) {
            Some(to) => vec![to],
            None => self.under_another_name(to).iter().filter_map(|thing| self.graph.node(thing)).collect(),
        };
        self.graph.edges.extend(found.into_iter().map(|to| Edge { from, to, via }));
    }

    /// What something that is not there may be called now: a directory that still calls itself by the link that leads to it, or the record of
    /// a layer under the name that it has while it is made or removed.
    fn under_another_name(&self, missing: &Thing) -> Vec<Thing> {
        match missing {
            Thing::Dir(dir) => self.renamed.get(dir).into_iter().flatten().take(MOST_OF_A_LINK).map(|&dir| Thing::Dir(dir)).collect(),
            Thing::Layer(chain) => self.leftovers.get(chain).cloned().unwrap_or_default(),
            Thing::Reference(_)
            | Thing::Image(_)
            | Thing::Container(_)
            | Thing::Mount(_)
            | Thing::Snapshot(_)
            | Thing::Lease(_)
            | Thing::Record(_)
            | Thing::Removal(_)
            | Thing::WriteSet(_)
            | Thing::LiveMount(..)
            | Thing::Process(_)
            | Thing::Link(_)
            | Thing::Temporary(_)
            | Thing::Probe(_)
            | Thing::Trash(_) => Vec::new(),
        }
    }

    fn add_images(&mut self) {
        let inventory = self.inventory;
        for (name, &id) in &inventory.references {
            self.keep(&Thing::Reference(name.clone()), Thing::Image(id), Via::ReferenceTo);
        }
        for image in inventory.images.values() {
            let from = Thing::Image(image.id);
            if let Some(parent) = image.parent {
                self.keep(&from, Thing::Image(parent), Via::ParentImage);
            }
            // Every prefix: a chain must not hang on one `parent` file.
            for (chain, position) in ChainId::chain(&image.config.diff_ids).zip(1..) {
                self.keep(&from, Thing::Layer(chain), Via::RootFs(position));
            }
        }
    }

    fn add_containers(&mut self) {
        let inventory = self.inventory;
        for container in inventory.containers.values() {
            let from = Thing::Container(container.id);
            let rw_layer = Thing::Mount(container.id.into());
            match &container.config {
                // What another driver keeps for it lies elsewhere.
                Some(config) if config.driver != DRIVER => self.keep_if_there(&from, &rw_layer, Via::RwLayer),
                _ => self.keep(&from, rw_layer, Via::RwLayer),
            }
            for &dir in &container.asked_for {
                self.keep_if_there(&from, &Thing::Dir(dir), Via::BoundInto);
            }
            let Some(config) = &container.config else { continue };
            for mount in &config.image_mounts {
                self.keep(&from, Thing::Mount(mount.clone()), Via::ImageMount);
            }
            // It may be one of another data-root.
            for &dir in &config.bound {
                self.keep_if_there(&from, &Thing::Dir(dir), Via::BoundInto);
            }
            if let Some(image) = config.image {
                self.keep_if_there(&from, &Thing::Image(image), Via::CreatedFrom);
            }
        }
        for mount in inventory.mounts.values() {
            let from = Thing::Mount(mount.name.clone());
            for around in mount.name.around() {
                self.keep_if_there(&from, &Thing::Mount(around), Via::LiesIn);
            }
            for (id, via) in [(&mount.mount_id, Via::MountId), (&mount.init_id, Via::InitId)] {
                if let Some(&id) = id.value() {
                    self.keep(&from, Thing::Dir(id), via);
                    self.keep_if_there(&Thing::Dir(id), &from, Via::DirectoryOf);
                }
            }
            // Where `mount-id` says something else, the init layer still bears the name of the RW layer.
            if let Some(&DirId::Init(digits)) = mount.init_id.value() {
                self.keep_if_there(&from, &Thing::Dir(DirId::Hex(digits)), Via::MountId);
            }
            if let Some(&parent) = mount.parent.value() {
                self.keep(&from, Thing::Layer(parent), Via::MountParent);
            }
        }
    }

    fn add_layers(&mut self) {
        let layerdb = &self.inventory.layerdb;
        for layer in layerdb.layers.values() {
            let from = Thing::Layer(layer.chain);
            if let Some(&parent) = layer.parent.value() {
                self.keep(&from, Thing::Layer(parent), Via::ParentLayer);
            }
            if let Some(id) = layer.dir() {
                self.keep(&from, Thing::Dir(id), Via::CacheId);
                self.keep_if_there(&Thing::Dir(id), &from, Via::DirectoryOf);
            }
        }
        let removals = layerdb.removals.iter().map(|(name, leftover)| (Thing::Removal(name.clone()), leftover));
        let write_sets = layerdb.write_sets.iter().map(|(name, leftover)| (Thing::WriteSet(name.clone()), leftover));
        for (from, leftover) in removals.chain(write_sets) {
            if let Some(id) = leftover.cache_id {
                self.keep_if_there(&from, &Thing::Dir(id), Via::CacheId);
            }
        }
    }

    fn add_build_cache(&mut self) {
        let Some(buildkit) = &self.inventory.buildkit else { return };
        let live = unleased::live(buildkit);
        for (key, snapshot) in &buildkit.snapshots {
            let from = Thing::Snapshot(key.clone());
            self.keep_snapshot(&from, key, Via::SnapshotDir);
            let (dir, via) = match snapshot.committed {
                Some(dir) => (Some(dir), Via::SnapshotCommitted),
                // One that was exported to layerdb, or comes from there, has that layer's directory.
                None => (key.dir().filter(|_| snapshot.chain.is_none()), Via::SnapshotDir),
            };
            match dir {
                // What nothing asks for may be the key that removing a snapshot leaves.
                Some(dir) if live.contains(key) => self.keep(&from, Thing::Dir(dir), via),
                Some(dir) => self.keep_if_there(&from, &Thing::Dir(dir), via),
                None => {}
            }
            if let Some(chain) = snapshot.chain {
                self.keep(&from, Thing::Layer(chain), Via::SnapshotChain);
            }
            if let Some(parent) = &snapshot.parent {
                self.keep_if_there(&from, &Thing::Snapshot(parent.clone()), Via::SnapshotParent);
                self.keep_snapshot(&from, parent, Via::SnapshotParent);
            }
        }
        for (id, lease) in &buildkit.leases {
            let from = Thing::Lease(id.clone());
            for key in &lease.snapshots {
                self.keep_if_there(&from, &Thing::Snapshot(key.clone()), Via::Leased);
                self.keep_snapshot(&from, key, Via::Leased);
            }
        }
        for (id, record) in &buildkit.records {
            let from = Thing::Record(id.clone());
            let key = record.snapshot.clone().unwrap_or_else(|| SnapshotKey::parse(id.as_bytes()));
            self.keep_snapshot(&from, &key, Via::CacheRecord);
            self.keep_if_there(&from, &Thing::Snapshot(key), Via::CacheRecord);
            if let Some(chain) = record.chain {
                self.keep_if_there(&from, &Thing::Layer(chain), Via::CacheRecord);
            }
        }
    }

    /// Adds what a snapshot's key may itself be the name of: a directory or a layer.
    fn keep_snapshot(&mut self, from: &Thing, key: &SnapshotKey, via: Via) {
        if let SnapshotKey::Chain(chain) = key {
            self.keep_if_there(from, &Thing::Layer(*chain), via);
        }
        if let Some(dir) = key.dir() {
            self.keep_if_there(from, &Thing::Dir(dir), via);
        }
    }

    fn add_directories(&mut self) {
        let overlay2 = &self.inventory.overlay2;
        for (&link, &target) in &overlay2.links {
            if let Some(target) = target {
                self.keep(&Thing::Link(link), Thing::Dir(target), Via::LinkTarget);
                // Where the directory's own link is lost, or what it calls itself does not lead back, any link that leads here may be it.
                let own = overlay2.dirs.get(&target).and_then(|dir| dir.link);
                let leads_back = own.is_some_and(|own| overlay2.links.get(&own) == Some(&Some(target)));
                if !leads_back {
                    self.keep_if_there(&Thing::Dir(target), &Thing::Link(link), Via::OwnLink);
                }
            }
        }
        for dir in overlay2.dirs.values() {
            let from = Thing::Dir(dir.id);
            if let Some(link) = dir.link {
                self.keep(&from, Thing::Link(link), Via::OwnLink);
            }
            if let DirId::Hex(digits) = dir.id {
                self.keep_if_there(&from, &Thing::Dir(DirId::Init(digits)), Via::InitOf);
            }
            self.add_lower(dir);
        }
    }

    /// Adds what `lower` names: all of it, unless the nearest directory's own `lower` says the rest in the same words.
    fn add_lower(&mut self, dir: &LayerDir) {
        let Some((first, rest)) = dir.lower.value().and_then(|lower| lower.split_first()) else { return };
        self.keep_lower(dir.id, *first, 1);
        let nearest = self.dir_of(*first).and_then(|id| self.inventory.overlay2.dirs.get(&id));
        if nearest.is_none_or(|nearest| nearest.lower.value().map(Vec::as_slice).unwrap_or_default() != rest) {
            for (&link, position) in rest.iter().zip(2..) {
                self.keep_lower(dir.id, link, position);
            }
        }
    }

    fn keep_lower(&mut self, dir: DirId, link: LinkId, position: u32) {
        let via = Via::LowerEntry(position);
        let from = Thing::Dir(dir);
        self.keep(&from, Thing::Link(link), via);
        // Whichever directory calls itself so, even if the link is gone or leads elsewhere. No copying makes so many that they are left out,
        // and then the missing link is a doubt; but each of them could lie on all.
        for owner in self.dirs_of_link.get(&link).filter(|dirs| dirs.len() <= MOST_OF_A_LINK).cloned().unwrap_or_default() {
            self.keep_if_there(&from, &Thing::Dir(owner), via);
        }
    }

    /// The directory that a link stands for.
    fn dir_of(&self, link: LinkId) -> Option<DirId> {
        let called_so = || self.dirs_of_link.get(&link).and_then(|dirs| dirs.first().copied());
        self.inventory.overlay2.links.get(&link).copied().flatten().or_else(called_so)
    }

    fn add_live_mounts(&mut self) {
        for mount in &self.inventory.live_mounts {
            let from = Thing::LiveMount(mount.pid, mount.mount_point.to_string_lossy().into_owned());
            let via = Via::MountedIn(mount.pid);
            let called_so = |link: &LinkId| self.dirs_of_link.get(link).into_iter().flatten().copied();
            let dirs = mount.directories.iter().copied().chain(mount.links.iter().flat_map(called_so)).map(Thing::Dir);
            let links = || mount.links.iter().map(|&id| Thing::Link(id));
            let used: Vec<_> = dirs.chain(links()).chain(probes(&mount.others)).filter(|thing| self.graph.node(thing).is_some()).collect();
            if used.is_empty() {
                continue;
            }
            // A link that is gone from `l/` and that no directory bears: any may be below this mount.
            let lost: Vec<_> = links().filter(|link| self.is_lost(link)).collect();
            self.graph.add(from.clone());
            for thing in used {
                self.keep_if_there(&from, &thing, via);
            }
            for thing in lost {
                self.keep(&from, thing, via);
            }
        }
    }

    /// Whether nothing is there of a link that a mount names, neither itself nor a directory that calls itself so.
    fn is_lost(&self, link: &Thing) -> bool {
        let is_borne = matches!(link, Thing::Link(link) if self.dirs_of_link.contains_key(link));
        self.graph.node(link).is_none() && !is_borne
    }

    fn add_processes(&mut self) {
        for holder in &self.inventory.holders {
            let from = Thing::Process(holder.pid);
            for dir in holder.directories.iter().map(|&id| Thing::Dir(id)).chain(probes(&holder.others)) {
                if self.graph.node(&dir).is_some() {
                    self.graph.add(from.clone());
                    self.keep_if_there(&from, &dir, Via::HeldBy(holder.via, holder.pid));
                }
            }
        }
    }
}

/// The probe directories among what is used of `overlay2/` and is no layer directory.
fn probes(others: &[OsString]) -> impl Iterator<Item = Thing> {
    others.iter().filter_map(|name| name.to_str()).map(|name| Thing::Probe(name.to_owned()))
}
