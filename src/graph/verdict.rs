//! In use, garbage, or neither proven: what the graph says of each thing.
//!
//! Garbage is only what is *proven* dead: no root reaches it, no doubt covers it, and no running dockerd may be about to name it. Every
//! directory that something else explains (an interrupted removal, a write set) bears that name; orphans are what remains. What something left
//! behind besides, such as a half-written file, is judged last: it goes with what it lies in.

use super::doubt::{self, Doubt};
use super::reach::Set;
use super::{Graph, NodeId, Thing, Via};
use crate::id::MountName;
use crate::inventory::Inventory;
use crate::store::layerdb::Layer;
use crate::unreadable::Pins;
use std::collections::BTreeSet;

pub use super::garbage::{Garbage, is_record};

/// What is known of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Something that dockerd or the kernel can ask for uses it.
    InUse,
    /// Nothing uses it, and nothing can.
    Garbage(Garbage),
    /// Nothing is known to use it, but for the doubt at this index.
    Unknown(usize),
}

/// What somebody says about a store that the disk does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assumptions {
    /// What it means if nothing is in use.
    pub emptiness: Emptiness,
    /// Images, build snapshots and read-write layers that nobody will ask for any more; where something else keeps one it is in use all the
    /// same.
    pub given_up: BTreeSet<Thing>,
}

/// What it means that a store has directories and nothing that uses them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Emptiness {
    /// That the metadata are lost or elsewhere: nothing is dead.
    #[default]
    Suspect,
    /// That everything was removed: somebody who knows has said so.
    Believed,
}

/// The verdict on every thing.
#[derive(Debug, Clone)]
pub struct Verdicts {
    by_node: Vec<Verdict>,
    doubts: Vec<Doubt>,
}

impl Verdicts {
    /// Judges every thing of `graph`, which was built from `inventory`.
    #[must_use]
    pub fn reach(graph: &Graph, inventory: &Inventory) -> Self {
        Self::reach_with(graph, inventory, &Assumptions::default())
    }

    /// As [`Verdicts::reach`], where somebody has said more than the disk does.
    #[must_use]
    pub fn reach_with(graph: &Graph, inventory: &Inventory, assumptions: &Assumptions) -> Self {
        let emptiness = assumptions.emptiness;
        let is_given_up = |node| graph.thing(node).is_some_and(|thing| assumptions.given_up.contains(thing));
        let kept = graph.reachable(graph.roots().filter(|&node| !is_given_up(node)));
        let by_node = graph.nodes().map(|node| kept.contains(node).then_some(Verdict::InUse)).collect();
        let mut judge = Judge { graph, inventory, kept, by_node, doubts: Vec::new(), emptiness };
        judge.name_the_trash();
        if emptiness == Emptiness::Suspect
            && let Some(doubt) = doubt::nothing_in_use(graph, inventory)
        {
            judge.keep(judge.open(|_| true), doubt);
        }
        judge.keep_what_is_at_work();
        judge.keep_the_young();
        judge.keep_the_loaded();
        judge.keep_what_a_person_renamed();
        judge.keep_the_doubtful();
        judge.keep_unowned_data(&assumptions.given_up);
        judge.classify();
        let last = Verdict::Unknown(judge.doubts.len());
        judge.doubts.push(Doubt { pins: Pins::Nothing, why: "nothing is known of it".to_owned() });
        Self { by_node: judge.by_node.into_iter().map(|verdict| verdict.unwrap_or(last)).collect(), doubts: judge.doubts }
    }

    /// The verdict on `node`.
    #[must_use]
    pub fn of(&self, node: NodeId) -> Verdict {
        self.by_node.get(node.index()).copied().unwrap_or(Verdict::Unknown(usize::MAX))
    }

    /// Why the doubt at `index` stands.
    #[must_use]
    pub fn doubt(&self, index: usize) -> &str {
        self.doubts.get(index).map_or("nothing is known of it", |doubt| &doubt.why)
    }

    /// The first doubt because of which `garbage` outside the graph cannot be proven, if any.
    #[must_use]
    pub fn general_doubt(&self) -> Option<usize> {
        self.doubts.iter().position(|doubt| doubt.pins == Pins::Everything)
    }
}

/// The verdicts so far; a thing without one is open.
pub(super) struct Judge<'a> {
    pub(super) graph: &'a Graph,
    pub(super) inventory: &'a Inventory,
    /// What is in use or covered by a doubt.
    kept: Set,
    by_node: Vec<Option<Verdict>>,
    doubts: Vec<Doubt>,
    emptiness: Emptiness,
}

impl Judge<'_> {
    /// The verdict on `node` so far.
    pub(super) fn verdict(&self, node: NodeId) -> Option<Verdict> {
        self.by_node.get(node.index()).copied().flatten()
    }

    pub(super) fn is_open(&self, node: NodeId) -> bool {
        self.by_node.get(node.index()).is_some_and(Option::is_none)
    }

    pub(super) fn set(&mut self, node: NodeId, verdict: Verdict) {
        if let Some(slot) = self.by_node.get_mut(node.index()) {
            *slot = Some(verdict);
        }
    }

    /// The things without a verdict of which `is` is true.
    pub(super) fn open(&self, is: impl Fn(&Thing) -> bool) -> Vec<NodeId> {
        self.graph.things().filter(|(node, thing)| self.is_open(*node) && is(thing)).map(|(node, _)| node).collect()
    }

    /// Keeps what a running dockerd may have made and be about to name.
    fn keep_the_young(&mut self) {
        let Some(running) = &self.inventory.running else { return };
        let made = |thing: &Thing| !matches!(thing, Thing::Link(_)) && running.may_have_made(self.inventory.stamp(thing));
        self.keep(self.open(made), Doubt { pins: Pins::Nothing, why: running.why_unproven() });
    }

    /// Keeps the layers that a running dockerd has loaded: it takes them for the next pull or build that has the same ones, however old
    /// they are, and whatever it did so since the images were read.
    fn keep_the_loaded(&mut self) {
        let Some(running) = &self.inventory.running else { return };
        let layers = &self.inventory.layerdb.layers;
        let is_loaded = |thing: &Thing| matches!(thing, Thing::Layer(chain) if layers.get(chain).is_some_and(Layer::is_whole));
        self.keep(self.open(is_loaded), Doubt { pins: Pins::Nothing, why: running.why_loaded() });
    }

    /// Keeps the records of read-write layers that have a name which no dockerd gives: a person has renamed or copied them.
    fn keep_what_a_person_renamed(&mut self) {
        let renamed = self.open(|thing| matches!(thing, Thing::Mount(MountName::Other(_))));
        let why = "no dockerd gives this record its name, so a person has renamed or copied it: move it out of layerdb/mounts/ if nothing needs it";
        self.keep(renamed, Doubt { pins: Pins::Nothing, why: why.to_owned() });
    }

    /// Keeps what was written in containers that are not there any more, unless a person gives it up: it may be all that is left of it.
    fn keep_unowned_data(&mut self, given_up: &BTreeSet<Thing>) {
        let data = &self.inventory.unowned_data;
        let kept = self.open(|thing| matches!(thing, Thing::Mount(name) if data.contains(name)) && !given_up.contains(thing));
        let why = "no container uses this read-write layer, but something was written in it: look into the `diff` of its directory; `prune --include unowned-data` takes it";
        if !kept.is_empty() {
            self.keep(kept, Doubt { pins: Pins::Nothing, why: why.to_owned() });
            self.keep_the_doubtful();
        }
    }

    /// Keeps what could have been named by something that was lost, and again what could have been named by what is kept for that.
    fn keep_the_doubtful(&mut self) {
        let mut covered = BTreeSet::new();
        loop {
            let doubts = doubt::find(self.graph, self.inventory, &self.kept, self.emptiness);
            // One doubt of a kind covers all that others of that kind do.
            let new: Vec<Doubt> = doubts.into_iter().filter(|doubt| covered.insert(doubt.pins)).collect();
            if new.is_empty() {
                return;
            }
            for doubt in new {
                let seeds = self.graph.nodes().filter(|&node| self.is_open(node) && self.covers(doubt.pins, node));
                self.keep(seeds.collect(), doubt);
            }
        }
    }

    /// Keeps `seeds` and all that is reachable from them, for `doubt`.
    pub(super) fn keep(&mut self, seeds: Vec<NodeId>, doubt: Doubt) {
        let verdict = Verdict::Unknown(self.doubts.len());
        self.doubts.push(doubt);
        let mut open = seeds;
        while let Some(node) = open.pop() {
            if self.is_open(node) && self.kept.insert(node) {
                self.set(node, verdict);
                open.extend(self.graph.kept_by(node).iter().map(|edge| edge.to));
            }
        }
    }

    /// Says of everything still open how it came to belong to nothing.
    fn classify(&mut self) {
        for garbage in Garbage::ALL {
            for (node, thing) in self.graph.things() {
                if self.is_open(node) && is_record(garbage, thing, self.inventory) {
                    self.classify_record(node, garbage);
                }
            }
        }
        for (node, thing) in self.graph.things() {
            if let (true, Thing::Link(link)) = (self.is_open(node), thing) {
                let target = self.inventory.overlay2.links.get(link).copied().flatten();
                // A link that cannot be read is not proven to lead nowhere, and one by which something calls itself is somebody's.
                let Some(target) = target.filter(|_| !self.inventory.overlay2.borne_by_others.contains(link)) else { continue };
                let exists = self.inventory.overlay2.dirs.contains_key(&target);
                self.set(node, Verdict::Garbage(if exists { Garbage::DuplicateLink } else { Garbage::DanglingLink }));
            }
        }
        self.classify_leftovers();
    }

    /// Classifies a record; if one of its directories is not proven dead, neither is the record.
    fn classify_record(&mut self, node: NodeId, garbage: Garbage) {
        let parts = self.graph.kept_by(node).iter().filter(|edge| names_part(edge.via));
        let mut verdicts = parts.filter_map(|edge| self.by_node.get(edge.to.index()).copied().flatten());
        match verdicts.find(|verdict| matches!(verdict, Verdict::Unknown(_))) {
            Some(unknown) => self.set(node, unknown),
            None => self.name_parts(node, garbage),
        }
    }

    /// Gives a record, its directories, and the links of those one name.
    fn name_parts(&mut self, node: NodeId, garbage: Garbage) {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            if self.is_open(node) {
                self.set(node, Verdict::Garbage(garbage));
                let parts = self.graph.kept_by(node).iter();
                let parts = parts.filter(|edge| names_part(edge.via) || edge.via == Via::OwnLink);
                open.extend(parts.map(|edge| edge.to));
            }
        }
    }
}

impl Judge<'_> {
    /// Whether a thing could have been named by what `pins` stands for.
    fn covers(&self, pins: Pins, node: NodeId) -> bool {
        let Some(thing) = self.graph.thing(node) else { return false };
        // A directory that cannot be read is not among the things, but its links are.
        let is_directory = matches!(thing, Thing::Dir(_) | Thing::Link(_));
        // An init layer that is told makes it a container's.
        let is_image_mount = || {
            let has_no_init = |name| self.inventory.mounts.get(name).is_none_or(|mount| mount.init_id.value().is_none());
            matches!(thing, Thing::Mount(name) if has_no_init(name))
        };
        match pins {
            Pins::Everything => true,
            Pins::Nothing | Pins::Own | Pins::Images => false,
            Pins::Layers => matches!(thing, Thing::Layer(_)),
            Pins::Directories => is_directory,
            Pins::OneDirectory(below) => {
                let is_explained = || self.graph.keepers_of(node).iter().any(|edge| names_part(edge.via));
                matches!(thing, Thing::Dir(dir) if doubt::may_lie_on(self.inventory, *dir, below) && !is_explained())
            }
            Pins::ImageMounts => is_image_mount(),
            Pins::ContainerConfig => is_directory || is_image_mount(),
            Pins::Container => is_directory || matches!(thing, Thing::Mount(_)),
            Pins::Mounts => matches!(thing, Thing::Mount(_)),
        }
    }
}

/// Whether this is how a record names a directory that is nobody else's.
#[must_use]
pub const fn names_part(via: Via) -> bool {
    matches!(via, Via::CacheId | Via::MountId | Via::InitId | Via::SnapshotDir | Via::SnapshotCommitted)
}
