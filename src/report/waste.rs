//! `waste`: what images store and never show.

use super::changes::inside;
use super::layers::created_by;
use crate::audit::Audit;
use crate::id::{ChainId, DirId, ImageId};
use crate::union::Weight;
use crate::union::waste::{Copies, Copy, Culprit, Forest, Lengths, Node, Toll, Waste as Found, Why};
use serde::Serialize;
use std::collections::BTreeMap;

/// The command's own part of its document.
#[derive(Debug, Clone, Serialize)]
pub struct Waste {
    /// What all layers of these images come to, each counted once.
    pub totals: Totals,
    /// The images.
    pub items: Vec<Item>,
    /// Their layers.
    pub layers: Vec<LayerItem>,
    /// The paths that hide most.
    pub paths: Vec<PathItem>,
    /// How many more paths hide something.
    pub paths_omitted: u64,
    /// Files of the same content that images show, those that cost most first, if they were asked for.
    pub duplicates: Option<Duplicates>,
    /// Images that have layers which are not there.
    pub incomplete: Vec<ImageId>,
}

/// What all layers come to.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Totals {
    /// What is stored.
    pub bytes: u64,
    /// The inodes of that.
    pub inodes: u64,
    /// What of it none of the images shows.
    pub unseen_bytes: u64,
    /// The inodes of that.
    pub unseen_inodes: u64,
}

/// What one image stores and never shows.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    /// The image.
    pub id: ImageId,
    /// Its names.
    pub references: Vec<String>,
    /// How many layers it has.
    pub layers: u64,
    /// What they store.
    pub bytes: u64,
    /// The inodes of that.
    pub inodes: u64,
    /// What a container can see of it.
    pub visible_bytes: u64,
    /// The inodes of that.
    pub visible_inodes: u64,
    /// What it cannot.
    pub wasted_bytes: u64,
    /// The inodes of that.
    pub wasted_inodes: u64,
    /// What of it was deleted by a later layer.
    pub deleted_bytes: u64,
    /// What was overwritten by a later layer, with other content.
    pub overwritten_bytes: u64,
    /// What a later layer has again with the same content.
    pub unchanged_bytes: u64,
    /// How many inodes are whiteouts.
    pub whiteouts: u64,
    /// The score of the best-known explorer of layers, in percent.
    pub efficiency: f64,
    /// Whether it has directories that are known under another name in lower layers, so that some of what is called wasted may be seen.
    pub has_redirects: bool,
}

/// What one layer stores and nobody sees.
#[derive(Debug, Clone, Serialize)]
pub struct LayerItem {
    /// The layer.
    pub chain_id: ChainId,
    /// Its directory, if it has one.
    pub dir: Option<DirId>,
    /// How many of the images have it.
    pub images: u64,
    /// What it stores.
    pub bytes: u64,
    /// The inodes of that.
    pub inodes: u64,
    /// What of it none of these images shows.
    pub unseen_bytes: u64,
    /// The inodes of that.
    pub unseen_inodes: u64,
    /// The step that made it.
    pub created_by: Option<String>,
}

/// A path that hides something.
#[derive(Debug, Clone, Serialize)]
pub struct PathItem {
    /// The path: what is hidden is it, or in it.
    pub path: String,
    /// `deleted`, `overwritten`, `unchanged` or `whiteout`.
    pub why: &'static str,
    /// What is hidden.
    pub bytes: u64,
    /// The inodes of that.
    pub inodes: u64,
    /// How many images carry it and do not show it.
    pub images: u64,
    /// Whether another image shows some of it.
    pub is_seen_elsewhere: bool,
    /// The layer that stores it.
    pub stored_in: Option<ChainId>,
    /// The step that made that.
    pub stored_by_step: Option<String>,
    /// The layer that hides it.
    pub hidden_by: Option<ChainId>,
    /// The step that made that.
    pub hidden_by_step: Option<String>,
    /// What to change.
    pub advice: &'static str,
}

impl Waste {
    /// Tells what was found in the layers of `forest`, and at most `most` paths.
    #[must_use]
    pub fn new(audit: &Audit, forest: &Forest, found: &Found, most: usize) -> Self {
        let steps = created_by(audit);
        let mut totals = Totals::default();
        for (stored, unseen) in found.stored.iter().zip(&found.unseen) {
            totals.bytes = totals.bytes.saturating_add(stored.bytes);
            totals.inodes += stored.inodes;
            totals.unseen_bytes = totals.unseen_bytes.saturating_add(unseen.bytes);
            totals.unseen_inodes += unseen.inodes;
        }
        let layers = forest.layers.iter().zip(found.stored.iter().zip(&found.unseen));
        let paths = found.culprits.iter().filter(|(culprit, _)| culprit.why != Why::Whiteout);
        Self {
            totals,
            items: (0..forest.images.len()).filter_map(|image| item(audit, forest, found, image)).collect(),
            layers: layers.map(|(node, weights)| layer(audit, node, weights, &steps)).collect(),
            paths: paths.clone().take(most).map(|(culprit, toll)| path(forest, &steps, culprit, toll)).collect(),
            paths_omitted: number(paths.skip(most).count()),
            duplicates: None,
            incomplete: Vec::new(),
        }
    }
}

/// Files of the same content.
#[derive(Debug, Clone, Serialize)]
pub struct Duplicates {
    /// What all of them but one of each content occupy.
    pub bytes_lost: u64,
    /// How many more contents there are.
    pub omitted: u64,
    /// The contents.
    pub contents: Vec<Content>,
}

/// A content that several files have.
#[derive(Debug, Clone, Serialize)]
pub struct Content {
    /// Its SHA-256.
    pub digest: String,
    /// Its length.
    pub size: u64,
    /// What all of the files but the largest occupy.
    pub bytes_lost: u64,
    /// Whether one image carries two of them.
    pub in_one_image: bool,
    /// The files.
    pub copies: Vec<CopyItem>,
}

/// One of several files of the same content.
#[derive(Debug, Clone, Serialize)]
pub struct CopyItem {
    /// The first of its paths.
    pub path: String,
    /// The layer that has it.
    pub layer: Option<ChainId>,
    /// The step that made that.
    pub created_by: Option<String>,
}

impl Duplicates {
    /// Tells which files of the same content were found, and at most `most` contents.
    #[must_use]
    pub fn new(audit: &Audit, forest: &Forest, found: &Found, most: usize) -> Self {
        let steps = created_by(audit);
        let copy = |copy: &Copy| {
            let layer = forest.layers.get(copy.layer).map(|node| node.chain);
            CopyItem { path: inside(&copy.path), layer, created_by: layer.and_then(|chain| steps.get(&chain).cloned()) }
        };
        let content = |copies: &Copies| Content {
            digest: copies.digest.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}")),
            size: copies.files.first().map(|file| file.size).unwrap_or_default(),
            bytes_lost: copies.bytes_lost(),
            in_one_image: copies.are_in_one_image(forest),
            copies: copies.files.iter().map(copy).collect(),
        };
        Self {
            bytes_lost: found.copies.iter().fold(0, |sum, copies| sum.saturating_add(copies.bytes_lost())),
            omitted: number(found.copies.len().saturating_sub(most)),
            contents: found.copies.iter().take(most).map(content).collect(),
        }
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn item(audit: &Audit, forest: &Forest, found: &Found, image: usize) -> Option<Item> {
    let id = *forest.images.get(image)?;
    let mut stored = Weight::default();
    let own = || forest.layers.iter().zip(&found.stored).filter(|(node, _)| node.images.contains(image));
    own().for_each(|(_, weight)| stored += *weight);
    let by_reason = found.wasted.get(image)?;
    let of = |why: Why| by_reason.get(&why).copied().unwrap_or_default();
    let mut wasted = Weight::default();
    for why in Why::ALL {
        wasted += of(why);
    }
    Some(Item {
        id,
        references: audit.inventory.names_of(id).map(str::to_owned).collect(),
        layers: number(own().count()),
        bytes: stored.bytes,
        inodes: stored.inodes,
        visible_bytes: stored.bytes.saturating_sub(wasted.bytes),
        visible_inodes: stored.inodes.saturating_sub(wasted.inodes),
        wasted_bytes: wasted.bytes,
        wasted_inodes: wasted.inodes,
        deleted_bytes: of(Why::Deleted).bytes,
        overwritten_bytes: of(Why::Overwritten).bytes,
        unchanged_bytes: of(Why::Unchanged).bytes,
        whiteouts: of(Why::Whiteout).inodes,
        efficiency: percent(found.lengths.get(image).copied().unwrap_or_default()),
        has_redirects: found.redirected.contains(image),
    })
}

/// A score as a percentage with two digits, so that the same layers always give the same text.
fn percent(lengths: Lengths) -> f64 {
    (lengths.score() * 10_000.0).round() / 100.0
}

fn layer(audit: &Audit, node: &Node, (stored, unseen): (&Weight, &Weight), steps: &BTreeMap<ChainId, String>) -> LayerItem {
    LayerItem {
        chain_id: node.chain,
        dir: audit.inventory.shown(node.dir),
        images: node.images.count().into(),
        bytes: stored.bytes,
        inodes: stored.inodes,
        unseen_bytes: unseen.bytes,
        unseen_inodes: unseen.inodes,
        created_by: steps.get(&node.chain).cloned(),
    }
}

fn path(forest: &Forest, steps: &BTreeMap<ChainId, String>, culprit: &Culprit, toll: &Toll) -> PathItem {
    let chain = |layer: usize| forest.layers.get(layer).map(|node| node.chain);
    let step = |layer: usize| steps.get(&chain(layer)?).cloned();
    PathItem {
        path: inside(&culprit.at),
        why: culprit.why.name(),
        bytes: toll.weight.bytes,
        inodes: toll.weight.inodes,
        images: toll.images.count().into(),
        is_seen_elsewhere: toll.is_seen,
        stored_in: chain(culprit.stored),
        stored_by_step: step(culprit.stored),
        hidden_by: chain(culprit.by),
        hidden_by_step: step(culprit.by),
        advice: advice(culprit, toll),
    }
}

/// What to change so that it is not stored.
pub(crate) const fn advice(culprit: &Culprit, toll: &Toll) -> &'static str {
    match culprit.why {
        Why::Deleted | Why::Overwritten if toll.is_seen => "other images need it: build from a base without it",
        Why::Deleted => "delete it in the step that makes it, or copy what is needed from an earlier stage",
        Why::Overwritten => "make it once: move the later change into the step that makes it",
        Why::Unchanged => "set mode and owner in the step that makes it (COPY --chmod, --chown), or leave it alone",
        Why::Whiteout => "leave it out of the step that makes it",
    }
}
