//! Which images, containers and cache records do not work when something does not.

use crate::graph::reach::Set;
use crate::graph::{Edge, Graph, NodeId, Thing, Via};
use crate::id::DirId;
use std::cell::Cell;

/// How many things are named for one finding.
const MOST: usize = 1000;

/// How many nodes are looked at for all findings together: what lies on top of a layer is looked at once for each finding below it, and a
/// disk on which everything is broken must not make that endless.
const BUDGET: usize = 50_000_000;

/// Follows what keeps things to what a person knows of.
#[derive(Debug)]
pub(super) struct Affected<'a> {
    graph: &'a Graph,
    budget: Cell<usize>,
}

impl<'a> Affected<'a> {
    pub(super) const fn new(graph: &'a Graph) -> Self {
        Self { graph, budget: Cell::new(BUDGET) }
    }

    /// The images, containers and cache records among `seeds` and all that keeps these because it needs them, sorted.
    pub(super) fn by(&self, seeds: impl IntoIterator<Item = NodeId>) -> Vec<Thing> {
        let mut seen = Set::empty(self.graph);
        let mut open: Vec<NodeId> = seeds.into_iter().filter(|&node| seen.insert(node)).collect();
        let mut affected = Vec::new();
        while let (Some(node), true) = (open.pop(), affected.len() < MOST) {
            let Some(left) = self.budget.get().checked_sub(1) else { break };
            self.budget.set(left);
            let thing = self.graph.thing(node);
            affected.extend(thing.filter(|thing| is_known_to_people(thing)).cloned());
            open.extend(
                self.graph.keepers_of(node).iter().filter(|edge| needs(edge)).map(|edge| edge.from).filter(|&from| seen.insert(from)),
            );
        }
        affected.sort_unstable();
        affected
    }

    /// Those that have a directory mounted as their uppermost layer, or put a new one directly on it: what lies on it already does not ask
    /// it again what lies below.
    pub(super) fn by_mount_of(&self, dir: DirId) -> Vec<Thing> {
        let keepers = |node: NodeId| self.graph.keepers_of(node).iter().filter(|edge| needs(edge));
        let owners = self.graph.node(&Thing::Dir(dir)).into_iter().flat_map(keepers);
        let owners = owners.filter(|edge| !matches!(edge.via, Via::LowerEntry(_) | Via::LinkTarget | Via::InitOf)).map(|edge| edge.from);
        let users = owners.flat_map(|owner| {
            let above = keepers(owner).filter(move |edge| match edge.via {
                Via::RootFs(position) => self.is_top(edge.from, position),
                Via::ParentLayer | Via::MountParent => false,
                _ => true,
            });
            above.map(|edge| edge.from).chain([owner])
        });
        let mut affected: Vec<Thing> =
            users.filter_map(|node| self.graph.thing(node)).filter(|thing| is_known_to_people(thing)).cloned().collect();
        affected.sort_unstable();
        affected.dedup();
        affected
    }

    /// Whether the layer at `position` is the uppermost of an image.
    fn is_top(&self, image: NodeId, position: u32) -> bool {
        let positions =
            self.graph.kept_by(image).iter().filter_map(|edge| if let Via::RootFs(position) = edge.via { Some(position) } else { None });
        positions.max() == Some(position)
    }

    /// What does not work without one thing.
    pub(super) fn by_thing(&self, thing: &Thing) -> Vec<Thing> {
        self.by(self.graph.node(thing))
    }
}

/// Whether the thing that keeps another does not work without it.
const fn needs(edge: &Edge) -> bool {
    match edge.via {
        Via::RootFs(_)
        | Via::RwLayer
        | Via::ImageMount
        | Via::BoundInto
        | Via::MountId
        | Via::InitId
        | Via::MountParent
        | Via::InitOf
        | Via::CacheId
        | Via::ParentLayer
        | Via::LowerEntry(_)
        | Via::OwnLink
        | Via::LinkTarget
        | Via::SnapshotDir
        | Via::SnapshotCommitted
        | Via::SnapshotChain
        | Via::SnapshotParent
        | Via::CacheRecord => true,
        // A name, a lease and a mount that is there already lose nothing; a container runs without the image that it was made from.
        Via::ReferenceTo
        | Via::ParentImage
        | Via::CreatedFrom
        | Via::LiesIn
        | Via::DirectoryOf
        | Via::Leased
        | Via::MountedIn(_)
        | Via::HeldBy(..) => false,
    }
}

const fn is_known_to_people(thing: &Thing) -> bool {
    matches!(thing, Thing::Image(_) | Thing::Container(_) | Thing::Record(_))
}
