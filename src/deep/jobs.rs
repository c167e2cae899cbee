//! Which layers are to be verified.

use super::Job;
use crate::audit::Audit;
use crate::graph::Thing;
use crate::graph::verdict::Verdict;
use crate::id::{ChainId, DirId};
use crate::store::layerdb::Layer;
use std::collections::BTreeSet;

/// The most layers that are followed below one.
const DEEPEST: usize = 1024;

/// Every layer whose record tells its content and its directory, but for what is garbage; of `wanted` alone, if that is given.
#[must_use]
pub fn jobs(audit: &Audit, wanted: Option<&BTreeSet<ChainId>>) -> Vec<Job> {
    let layers = audit.inventory.layerdb.layers.values();
    let asked = layers.filter(|layer| match wanted {
        Some(wanted) => wanted.contains(&layer.chain),
        None => !is_garbage(audit, layer),
    });
    asked.filter_map(|layer| job(audit, layer)).collect()
}

fn is_garbage(audit: &Audit, layer: &Layer) -> bool {
    let node = audit.graph.node(&Thing::Layer(layer.chain));
    node.is_some_and(|node| matches!(audit.verdicts.of(node), Verdict::Garbage(_)))
}

fn job(audit: &Audit, layer: &Layer) -> Option<Job> {
    let (diff, dir) = (*layer.diff.value()?, layer.dir()?);
    audit.inventory.overlay2.dirs.get(&dir).filter(|dir| dir.diff)?;
    Some(Job { chain: layer.chain, diff, dir, lower: lower(audit, layer), bytes: layer.size.value().copied().unwrap_or_default() })
}

/// The directories of the layers below, nearest first, as far as they are known.
fn lower(audit: &Audit, layer: &Layer) -> Vec<DirId> {
    let layers = &audit.inventory.layerdb.layers;
    let below = |layer: &&Layer| layers.get(layer.parent.value()?);
    std::iter::successors(below(&layer), below).take(DEEPEST).filter_map(Layer::dir).collect()
}
