//! What can be reached from what.

use super::{Edge, Graph, NodeId, Thing, Via};
use std::collections::VecDeque;

/// A set of nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set(Vec<bool>);

impl Set {
    /// The empty set of nodes of `graph`.
    #[must_use]
    pub fn empty(graph: &Graph) -> Self {
        Self(vec![false; graph.len()])
    }

    /// Whether `node` is in it.
    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        self.0.get(node.index()).copied().unwrap_or_default()
    }

    /// Adds `node`, and says whether it was not in it before.
    pub fn insert(&mut self, node: NodeId) -> bool {
        self.0.get_mut(node.index()).is_some_and(|member| !std::mem::replace(member, true))
    }
}

/// A thing that is in use on its own account, and how it comes to keep the one that was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The root.
    pub node: NodeId,
    /// The edges from it down to the thing, the first one leaving the root.
    pub chain: Vec<Edge>,
}

impl Graph {
    /// Everything reachable from `seeds`, themselves included.
    #[must_use]
    pub fn reachable(&self, seeds: impl IntoIterator<Item = NodeId>) -> Set {
        let mut reached = Set::empty(self);
        let mut open: Vec<NodeId> = seeds.into_iter().filter(|&node| reached.insert(node)).collect();
        while let Some(node) = open.pop() {
            open.extend(self.kept_by(node).iter().map(|edge| edge.to).filter(|&to| reached.insert(to)));
        }
        reached
    }

    /// The things that are in use because they are there.
    pub fn roots(&self) -> impl Iterator<Item = NodeId> {
        self.things().filter(|(_, thing)| thing.is_root()).map(|(node, _)| node)
    }

    /// Everything in use.
    #[must_use]
    pub fn live(&self) -> Set {
        self.reachable(self.roots())
    }

    /// For every node the root that keeps it and says most to a person; nodes that nothing keeps have none.
    ///
    /// That is the nearest image or container, an image with a name before one without; and where there is none, the nearest other root.
    #[must_use]
    pub fn nearest_roots(&self) -> Vec<Option<NodeId>> {
        let mut nearest = vec![None; self.len()];
        let named = |node| self.keepers_of(node).iter().any(|edge| edge.via == Via::ReferenceTo);
        let is_wanted = |thing: &Thing| thing.is_root() && !matches!(thing, Thing::Reference(_));
        let rank = |node, thing: &Thing| {
            let is_image = matches!(thing, Thing::Image(_));
            if is_image && named(node) {
                0
            } else if matches!(thing, Thing::Container(_)) {
                1
            } else if is_image {
                2
            } else {
                3
            }
        };
        let mut seeds: Vec<_> =
            self.things().filter(|(_, thing)| is_wanted(thing)).map(|(node, thing)| (rank(node, thing), node)).collect();
        seeds.sort_unstable();
        let (known, others): (Vec<_>, Vec<_>) = seeds.into_iter().partition(|&(rank, _)| rank < 3);
        let queue = |seeds: Vec<(i32, NodeId)>| seeds.into_iter().map(|(_, node)| (node, node)).collect::<VecDeque<_>>();
        // What only other roots keep, or only its directory, comes last.
        let (mut open, mut behind) = (queue(known), queue(others));
        while let Some((node, root)) = open.pop_front().or_else(|| behind.pop_front()) {
            if let Some(slot @ None) = nearest.get_mut(node.index()) {
                *slot = Some(root);
                for edge in self.kept_by(node) {
                    let queue = if edge.via == Via::DirectoryOf { &mut behind } else { &mut open };
                    queue.push_back((edge.to, root));
                }
            }
        }
        nearest
    }

    /// The roots that keep `node`, nearest first, each with the shortest chain of reasons.
    ///
    /// That a directory keeps its record is a reason only where there is no other: a record keeps its directory anyway.
    #[must_use]
    pub fn holders(&self, node: NodeId) -> Vec<Holder> {
        let is_root = |at| self.thing(at).is_some_and(Thing::is_root);
        let holders = self.search(node, |via| via != Via::DirectoryOf, is_root);
        if holders.is_empty() { self.search(node, |_| true, is_root) } else { holders }
    }

    /// The nodes in `wanted` that keep `node`, nearest first, each with the shortest chain of reasons.
    #[must_use]
    pub fn holders_among(&self, node: NodeId, wanted: &Set) -> Vec<Holder> {
        self.search(node, |_| true, |at| wanted.contains(at))
    }

    /// Goes from `node` to what keeps it, for the reasons that `counts`, as far as what `is_holder`.
    fn search(&self, node: NodeId, counts: impl Fn(Via) -> bool, is_holder: impl Fn(NodeId) -> bool) -> Vec<Holder> {
        let mut towards: Vec<Option<Edge>> = vec![None; self.len()];
        let mut seen = Set::empty(self);
        seen.insert(node);
        let mut open = VecDeque::from([node]);
        let mut holders = Vec::new();
        while let Some(at) = open.pop_front() {
            let is_end = at != node && is_holder(at);
            if is_end {
                holders.push(Holder { node: at, chain: chain(&towards, at) });
            }
            // What keeps a holder adds nothing to why the holder keeps: the chain ends there.
            if !is_end {
                for edge in self.keepers_of(at).iter().filter(|edge| counts(edge.via)) {
                    if seen.insert(edge.from) {
                        if let Some(slot) = towards.get_mut(edge.from.index()) {
                            *slot = Some(*edge);
                        }
                        open.push_back(edge.from);
                    }
                }
            }
        }
        holders
    }
}

/// The edges that lead from `at` to where the search began.
fn chain(towards: &[Option<Edge>], at: NodeId) -> Vec<Edge> {
    std::iter::successors(towards.get(at.index()).copied().flatten(), |edge| towards.get(edge.to.index()).copied().flatten()).collect()
}
