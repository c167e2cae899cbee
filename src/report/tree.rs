//! `tree`: images over their layers, every shared layer once.
//!
//! Layers form a forest: a layer's children are the layers whose `parent` it is. An image stands on its topmost layer.

use super::images;
use super::layers;
use crate::audit::Audit;
use crate::id::ChainId;
use crate::store::layerdb::Layer;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A layer or an image in the forest.
#[derive(Debug, Clone, Serialize)]
pub struct Node {
    /// `layer` or `image`.
    pub kind: &'static str,
    /// The ChainID or the image ID.
    pub id: String,
    /// The names of an image.
    pub references: Vec<String>,
    /// The step that made a layer.
    pub created_by: Option<String>,
    /// The allocated bytes of a layer, or of all layers of an image.
    pub bytes: Option<u64>,
    /// The inodes of the same.
    pub inodes: Option<u64>,
    /// Docker's size of a layer, or of an image.
    pub docker_size: Option<u64>,
    /// How many of the images shown contain a layer.
    pub images: u64,
    /// The place of the node above in the list; `null` at a root.
    pub above: Option<usize>,
    /// How many nodes are above.
    pub level: usize,
}

/// The forest under the images of which `is_wanted` is true, as a list in which every node comes after the one above it.
#[must_use]
pub fn forest(audit: &Audit, is_wanted: impl Fn(&images::Item) -> bool) -> Vec<Node> {
    let images: Vec<_> = images::list(audit).into_iter().filter(is_wanted).collect();
    let steps = layers::created_by(audit);
    let mut children: BTreeMap<Option<ChainId>, BTreeSet<ChainId>> = BTreeMap::new();
    let mut tops: BTreeMap<Option<ChainId>, Vec<&images::Item>> = BTreeMap::new();
    let mut counts: BTreeMap<ChainId, u64> = BTreeMap::new();
    for image in &images {
        let mut below = None;
        for &layer in &image.layers {
            children.entry(below).or_default().insert(layer);
            *counts.entry(layer).or_default() += 1;
            below = Some(layer);
        }
        tops.entry(below).or_default().push(image);
    }
    let mut forest = Forest { audit, steps: &steps, counts: &counts, nodes: Vec::new() };
    // A stack of what is still to be shown, the next one last.
    let mut open: Vec<(ChainId, Option<usize>, usize)> = Vec::new();
    forest.add_images(tops.get(&None), None, 0);
    open.extend(children.get(&None).into_iter().flatten().rev().map(|&layer| (layer, None, 0)));
    while let Some((layer, above, level)) = open.pop() {
        let place = forest.add_layer(layer, above, level);
        forest.add_images(tops.get(&Some(layer)), Some(place), level + 1);
        open.extend(children.get(&Some(layer)).into_iter().flatten().rev().map(|&child| (child, Some(place), level + 1)));
    }
    forest.nodes
}

struct Forest<'a> {
    audit: &'a Audit,
    steps: &'a BTreeMap<ChainId, String>,
    counts: &'a BTreeMap<ChainId, u64>,
    nodes: Vec<Node>,
}

impl Forest<'_> {
    fn add_layer(&mut self, chain: ChainId, above: Option<usize>, level: usize) -> usize {
        let layer = self.audit.inventory.layerdb.layers.get(&chain);
        let dir = layer.and_then(Layer::dir);
        let usage = self.audit.account.as_ref().zip(dir).map(|(account, dir)| account.directory(dir));
        self.nodes.push(Node {
            kind: "layer",
            id: chain.to_string(),
            references: Vec::new(),
            created_by: self.steps.get(&chain).cloned(),
            bytes: usage.map(|usage| usage.bytes),
            inodes: usage.map(|usage| usage.inodes),
            docker_size: layer.and_then(|layer| layer.size.value().copied()),
            images: self.counts.get(&chain).copied().unwrap_or_default(),
            above,
            level,
        });
        self.nodes.len() - 1
    }

    fn add_images(&mut self, images: Option<&Vec<&images::Item>>, above: Option<usize>, level: usize) {
        for image in images.into_iter().flatten() {
            self.nodes.push(Node {
                kind: "image",
                id: image.id.to_string(),
                references: image.references.clone(),
                created_by: None,
                bytes: image.bytes,
                inodes: image.inodes,
                docker_size: image.docker_size,
                images: 1,
                above,
                level,
            });
        }
    }
}
