//! What keeps what: pure, built from an [`Inventory`](crate::inventory::Inventory) and nothing else.
//!
//! ```text
//! reference ─► image ─► layer ─► layer directory ─► link ─► layer directory …     (`lower` names links, links name directories)
//! container ─► mount ─► RW, init directory; layer
//! build snapshot, lease, cache record ─► directory, layer, snapshot
//! live mount, process ─► directory, link
//! removal, write set ─► directory                                                 (named, but not kept)
//! temporary file, probe directory, trash                                          (left behind: they keep nothing, nothing keeps them)
//! ```
//!
//! An edge says *why*: [`Via`]. What is reachable from a root is in use; the roots are whatever dockerd or the kernel can still ask for:
//! images, containers, BuildKit's snapshots, leases and records, mounts in any namespace, and processes that have something open there.

#![warn(clippy::wildcard_enum_match_arm, reason = "a thing that is added must be judged, not fall to a default")]

pub mod build;
pub mod doubt;
pub mod garbage;
mod leftover;
pub mod reach;
pub mod thing;
pub mod unleased;
pub mod untagged;
pub mod verdict;

use std::collections::HashMap;
pub use thing::{Thing, Via};

/// A thing's place in its graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// Its position among [`Graph::nodes`].
    #[must_use]
    pub fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// One thing keeps another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The thing that keeps.
    pub from: NodeId,
    /// The thing that is kept.
    pub to: NodeId,
    /// Why.
    pub via: Via,
}

/// A name of something that is not there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// The thing that names it.
    pub from: NodeId,
    /// What is not there.
    pub to: Thing,
    /// Why it is named.
    pub via: Via,
}

/// Every thing on the disk and what it keeps.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    things: Vec<Thing>,
    index: HashMap<Thing, NodeId>,
    /// Sorted by `from`.
    edges: Vec<Edge>,
    /// The same, sorted by `to`.
    reversed: Vec<Edge>,
    /// Where the edges from, and to, each node begin.
    from_starts: Vec<usize>,
    to_starts: Vec<usize>,
    missing: Vec<Missing>,
}

impl Graph {
    /// Every node, in a fixed order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..u32::try_from(self.things.len()).unwrap_or(u32::MAX)).map(NodeId)
    }

    /// Every thing with its node.
    pub fn things(&self) -> impl Iterator<Item = (NodeId, &Thing)> {
        self.nodes().zip(&self.things)
    }

    /// The number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.things.len()
    }

    /// Whether there is nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.things.is_empty()
    }

    /// The node of `thing`, if it is there.
    #[must_use]
    pub fn node(&self, thing: &Thing) -> Option<NodeId> {
        self.index.get(thing).copied()
    }

    /// The thing at `node`.
    #[must_use]
    pub fn thing(&self, node: NodeId) -> Option<&Thing> {
        self.things.get(node.index())
    }

    /// What `node` keeps.
    #[must_use]
    pub fn kept_by(&self, node: NodeId) -> &[Edge] {
        slice(&self.edges, &self.from_starts, node)
    }

    /// What keeps `node`.
    #[must_use]
    pub fn keepers_of(&self, node: NodeId) -> &[Edge] {
        slice(&self.reversed, &self.to_starts, node)
    }

    /// Names of things that are not there.
    #[must_use]
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }
}

fn slice<'edges>(edges: &'edges [Edge], starts: &[usize], node: NodeId) -> &'edges [Edge] {
    let bounds = starts.get(node.index()).zip(starts.get(node.index() + 1));
    bounds.and_then(|(&start, &end)| edges.get(start..end)).unwrap_or_default()
}
