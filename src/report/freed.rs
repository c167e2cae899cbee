//! `freed`: what removing exactly these images and containers would give back.
//!
//! Removing is what dockerd does: an image goes with the untagged images that it was built upon and that nothing else is built upon; an
//! image that a container was made from, or that another image was built upon, stays. A layer stays below every layer and read-write
//! layer that dockerd has loaded, even one that is garbage. What is mounted of a container goes with it: a running one is stopped first.

use super::why::{HeldBy, describe, held_by};
use crate::audit::Audit;
use crate::graph::reach::Set;
use crate::graph::{NodeId, Thing, Via};
use crate::id::ChainId;
use crate::store::layerdb::Layer;
use serde::Serialize;
use std::collections::BTreeSet;

/// What would be freed.
#[derive(Debug, Clone, Serialize)]
pub struct Freed {
    /// The allocated bytes.
    pub bytes: Option<u64>,
    /// The inodes.
    pub inodes: Option<u64>,
    /// The layers that would go.
    pub layers: Vec<ChainId>,
    /// The images that would go, those without a name that go along included.
    pub images: Vec<String>,
    /// The containers that would go.
    pub containers: Vec<String>,
    /// What would stay, and why.
    pub kept_because: Vec<Kept>,
}

/// Something that would stay.
#[derive(Debug, Clone, Serialize)]
pub struct Kept {
    /// The word for what it is.
    pub kind: String,
    /// Its ID.
    pub id: String,
    /// Its allocated bytes.
    pub bytes: Option<u64>,
    /// How many things hold it.
    pub holders: u64,
    /// The nearest of them.
    pub held_by: Option<HeldBy>,
}

/// Finds what removing `asked`, images and containers, would give back.
#[must_use]
pub fn find(audit: &Audit, asked: &BTreeSet<Thing>) -> Freed {
    let removed = with_untagged_parents(audit, asked);
    let graph = &audit.graph;
    let unmounted = mounts_of(audit, &removed);
    let gone = |node: NodeId| {
        let is_gone = |thing| removed.contains(thing) || unmounted.contains(thing) || names_removed(audit, &removed, thing);
        graph.thing(node).is_some_and(is_gone)
    };
    // A process that has a file open keeps nobody from removing it.
    let asks = |node: &NodeId| !matches!(graph.thing(*node), Some(Thing::Process(_)));
    let before = graph.reachable(graph.roots().filter(asks));
    let loaded = loaded(audit, &before);
    let stays = graph.roots().filter(asks).filter(|&node| !gone(node));
    let after = graph.reachable(stays.chain(graph.nodes().filter(|&node| loaded.contains(node))));
    let freed: Vec<&Thing> =
        graph.things().filter(|(node, _)| before.contains(*node) && !after.contains(*node)).map(|(_, thing)| thing).collect();
    let weighed = audit.account.as_ref().map(|account| {
        let usages = freed.iter().map(|thing| account.of_thing(thing));
        usages.fold((0, 0), |(bytes, inodes), usage| (bytes + usage.bytes, inodes + usage.inodes))
    });
    let ids = |wanted: fn(&Thing) -> bool| freed.iter().filter(|thing| wanted(thing)).map(ToString::to_string).collect();
    Freed {
        bytes: weighed.map(|sum| sum.0),
        inodes: weighed.map(|sum| sum.1),
        layers: freed.iter().filter_map(|thing| if let Thing::Layer(chain) = thing { Some(*chain) } else { None }).collect(),
        images: ids(|thing| matches!(thing, Thing::Image(_))),
        containers: ids(|thing| matches!(thing, Thing::Container(_))),
        kept_because: kept(audit, &removed, (&after, &loaded)),
    }
}

/// The images that go along: untagged ones that something removed was built upon, and nothing else that stays.
fn with_untagged_parents(audit: &Audit, asked: &BTreeSet<Thing>) -> BTreeSet<Thing> {
    let inventory = &audit.inventory;
    let mut removed = asked.clone();
    let mut open: Vec<_> = asked.iter().filter_map(|thing| if let Thing::Image(id) = thing { Some(*id) } else { None }).collect();
    while let Some(parent) = open.pop().and_then(|id| inventory.images.get(&id)?.parent) {
        let stays = |thing: &Thing| !removed.contains(thing);
        let child_stays = inventory.images.values().any(|image| image.parent == Some(parent) && stays(&Thing::Image(image.id)));
        let mut containers = inventory.containers.values().filter(|container| stays(&Thing::Container(container.id)));
        let used = containers.any(|container| container.config.as_ref().is_some_and(|config| config.image == Some(parent)));
        if inventory.names_of(parent).next().is_none() && !child_stays && !used && removed.insert(Thing::Image(parent)) {
            open.push(parent);
        }
    }
    removed
}

/// What is mounted of the read-write layers of removed containers, wherever.
fn mounts_of(audit: &Audit, removed: &BTreeSet<Thing>) -> BTreeSet<Thing> {
    let graph = &audit.graph;
    let containers = removed.iter().filter(|thing| matches!(thing, Thing::Container(_))).filter_map(|thing| graph.node(thing));
    let read_write = |via| matches!(via, Via::RwLayer | Via::MountId);
    let kept = |node| graph.kept_by(node).iter().filter(move |edge| read_write(edge.via)).map(|edge| edge.to);
    let dirs: BTreeSet<NodeId> = containers.flat_map(kept).flat_map(kept).collect();
    let holders = dirs.iter().flat_map(|&dir| graph.keepers_of(dir)).filter_map(|edge| graph.thing(edge.from));
    holders.filter(|thing| matches!(thing, Thing::LiveMount(..))).cloned().collect()
}

/// What nothing in use keeps but dockerd loads all the same, so that it counts as a user of the layers below.
fn loaded(audit: &Audit, live: &Set) -> Set {
    let is_loaded = |thing: &Thing| match thing {
        Thing::Mount(_) => true,
        Thing::Layer(chain) => audit.inventory.layerdb.layers.get(chain).is_some_and(Layer::is_whole),
        _ => false,
    };
    let mut loaded = Set::empty(&audit.graph);
    for (node, _) in audit.graph.things().filter(|(node, thing)| !live.contains(*node) && is_loaded(thing)) {
        loaded.insert(node);
    }
    loaded
}

/// Whether a thing is only a name of something removed.
fn names_removed(audit: &Audit, removed: &BTreeSet<Thing>, thing: &Thing) -> bool {
    let Thing::Reference(name) = thing else { return false };
    audit.inventory.references.get(name).is_some_and(|&id| removed.contains(&Thing::Image(id)))
}

/// What of the removed things stays: themselves where something needs them, and their layers.
fn kept(audit: &Audit, removed: &BTreeSet<Thing>, (after, loaded): (&Set, &Set)) -> Vec<Kept> {
    let graph = &audit.graph;
    let mut parts: BTreeSet<NodeId> = BTreeSet::new();
    for node in removed.iter().filter_map(|thing| graph.node(thing)) {
        parts.insert(node);
        parts.extend(graph.kept_by(node).iter().filter(|edge| matches!(edge.via, Via::RootFs(_))).map(|edge| edge.to));
    }
    let kept = parts.into_iter().filter(|&node| after.contains(node));
    kept.filter_map(|node| {
        let thing = graph.thing(node)?;
        let removed: BTreeSet<String> = removed.iter().map(ToString::to_string).collect();
        let mut holders: Vec<_> = held_by(audit, node).into_iter().filter(|holder| !removed.contains(&holder.id)).collect();
        if holders.is_empty() {
            holders = graph.holders_among(node, loaded).iter().filter_map(|holder| describe(audit, holder)).collect();
        }
        // What is younger or farther says less: the nearest holder is the first.
        let count = holders.len();
        let bytes = audit.account.as_ref().map(|account| match thing {
            Thing::Layer(chain) => {
                let dir = audit.inventory.layerdb.layers.get(chain).and_then(Layer::dir);
                dir.map(|dir| account.directory(dir).bytes).unwrap_or_default()
            }
            other => account.of_thing(other).bytes,
        });
        Some(Kept {
            kind: thing.kind().to_owned(),
            id: thing.to_string(),
            bytes,
            holders: u64::try_from(count).unwrap_or(u64::MAX),
            held_by: if holders.is_empty() { None } else { Some(holders.swap_remove(0)) },
        })
    })
    .collect()
}
