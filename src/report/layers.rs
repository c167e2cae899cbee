//! `layers`: every read-only layer, who stands on it, and contents that are stored more than once.

use super::chains::{Users, ancestry};
use super::verdict_words;
use crate::audit::Audit;
use crate::graph::Thing;
use crate::graph::verdict::Verdict;
use crate::id::{ChainId, ContainerId, DiffId, DirId, ImageId, LinkId};
use crate::store::layerdb::Layer;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// A layer.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    /// Its name.
    pub chain_id: ChainId,
    /// Its content.
    pub diff_id: Option<DiffId>,
    /// The layer below.
    pub parent: Option<ChainId>,
    /// Its directory in `overlay2/`.
    pub dir: Option<DirId>,
    /// The short name of its directory.
    pub link: Option<LinkId>,
    /// How many layers it stands on, itself included: 1 for a base layer.
    pub depth: u64,
    /// The images that contain it.
    pub images: Vec<ImageId>,
    /// The containers that stand on it.
    pub containers: Vec<ContainerId>,
    /// The build snapshots that are it or stand on it.
    pub build_cache: Vec<String>,
    /// `in-use`, `garbage` or `unknown`.
    pub state: &'static str,
    /// The kind of garbage, or why nothing is proven.
    pub reason: Option<String>,
    /// The allocated bytes of its directory and link.
    pub bytes: Option<u64>,
    /// The apparent bytes of the same.
    pub apparent_bytes: Option<u64>,
    /// The inodes of the same.
    pub inodes: Option<u64>,
    /// Its size as Docker counts.
    pub docker_size: Option<u64>,
    /// The step that made it, of the first image that says.
    pub created_by: Option<String>,
    /// How many layers have the same content, itself included.
    pub copies: u64,
}

/// A content that is stored more than once.
#[derive(Debug, Clone, Serialize)]
pub struct StoredMoreThanOnce {
    /// The content.
    pub diff_id: DiffId,
    /// The layers that store it, largest first.
    pub layers: Vec<ChainId>,
    /// The allocated bytes of all but the largest.
    pub bytes_lost: Option<u64>,
}

/// Lists every layer.
#[must_use]
pub fn list(audit: &Audit) -> Vec<Item> {
    let users = Users::find(audit);
    let steps = created_by(audit);
    let mut copies: HashMap<DiffId, u64> = HashMap::new();
    audit
        .inventory
        .layerdb
        .layers
        .values()
        .filter_map(|layer| layer.diff.value().copied())
        .for_each(|diff| *copies.entry(diff).or_default() += 1);
    let mut items: Vec<_> = audit.inventory.layerdb.layers.values().map(|layer| item(audit, layer, &users, &steps)).collect();
    for item in &mut items {
        item.copies = item.diff_id.and_then(|diff| copies.get(&diff).copied()).unwrap_or(1);
    }
    items
}

fn item(audit: &Audit, layer: &Layer, users: &Users, steps: &BTreeMap<ChainId, String>) -> Item {
    let users = users.of(layer.chain).cloned().unwrap_or_default();
    let usage = audit.account.as_ref().map(|account| layer.dir().map(|dir| account.directory(dir)).unwrap_or_default());
    let node = audit.graph.node(&Thing::Layer(layer.chain));
    let verdict = node.map_or(Verdict::Unknown(usize::MAX), |node| audit.verdicts.of(node));
    let dir = layer.dir().and_then(|dir| audit.inventory.shown(dir));
    let (state, reason) = verdict_words(&audit.verdicts, verdict);
    Item {
        chain_id: layer.chain,
        diff_id: layer.diff.value().copied(),
        parent: layer.parent.value().copied(),
        dir,
        link: dir.and_then(|dir| audit.inventory.overlay2.dirs.get(&dir)?.link),
        depth: ancestry(audit, Some(layer.chain)).map(|_| 1).sum(),
        images: users.images.into_iter().collect(),
        containers: users.containers.into_iter().collect(),
        build_cache: users.snapshots.iter().map(ToString::to_string).collect(),
        state,
        reason,
        bytes: usage.map(|usage| usage.bytes),
        apparent_bytes: usage.map(|usage| usage.apparent_bytes),
        inodes: usage.map(|usage| usage.inodes),
        docker_size: layer.size.value().copied(),
        created_by: steps.get(&layer.chain).cloned(),
        copies: 1,
    }
}

/// The step that made each layer, by the first image that says.
#[must_use]
pub fn created_by(audit: &Audit) -> BTreeMap<ChainId, String> {
    let mut steps = BTreeMap::new();
    for image in audit.inventory.images.values() {
        for (chain, step) in ChainId::chain(&image.config.diff_ids).zip(image.config.steps()) {
            let step = step.and_then(|step| step.created_by.clone().or_else(|| step.comment.clone()));
            if let Some(step) = step.filter(|step| !step.is_empty()) {
                steps.entry(chain).or_insert(step);
            }
        }
    }
    steps
}

/// Lists the contents that are stored under several chains, the most bytes lost first.
#[must_use]
pub fn stored_more_than_once(audit: &Audit) -> Vec<StoredMoreThanOnce> {
    let mut by_diff: BTreeMap<DiffId, Vec<(u64, ChainId)>> = BTreeMap::new();
    for layer in audit.inventory.layerdb.layers.values() {
        if let Some(&diff) = layer.diff.value() {
            let bytes = audit.account.as_ref().zip(layer.dir()).map(|(account, dir)| account.directory(dir).bytes);
            by_diff.entry(diff).or_default().push((bytes.unwrap_or_default(), layer.chain));
        }
    }
    let mut copies: Vec<_> = by_diff
        .into_iter()
        .filter(|(_, layers)| layers.len() > 1)
        .map(|(diff_id, mut layers)| {
            layers.sort_unstable_by_key(|&(bytes, chain)| (std::cmp::Reverse(bytes), chain));
            let lost = layers.iter().skip(1).map(|(bytes, _)| bytes).sum();
            let layers = layers.into_iter().map(|(_, chain)| chain).collect();
            StoredMoreThanOnce { diff_id, layers, bytes_lost: audit.account.is_some().then_some(lost) }
        })
        .collect();
    copies.sort_by_key(|copy| std::cmp::Reverse(copy.bytes_lost));
    copies
}
