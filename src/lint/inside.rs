//! What is inside of images: what they waste, and what they show that a rule may not want.
//!
//! ```text
//! Policy, names of images ─► Wanted ─► a walk of the layers ─► Inside, of each image ─► Scene
//! ```
//! Only layers of images are read that a rule asks about, and each of those once, whoever walks them.

use super::policy::{Check, Policy};
use super::scene::Scene;
use crate::id::{ChainId, ImageId};
use crate::report::changes::inside as shown_path;
use crate::report::waste::advice;
use crate::union::waste::{Culprit, Forest, Incomplete, Lengths, Path, Toll, Waste, Watch, Why, text};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What has to be known of the inside of images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The images.
    pub images: BTreeSet<ImageId>,
    /// What is looked for in them.
    pub watch: Watch,
}

/// What is inside of images, or why nobody knows.
pub type Insides = BTreeMap<ImageId, Result<Inside, String>>;

/// What is inside of an image.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inside {
    /// The bytes that its layers store.
    pub stored: u64,
    /// The bytes of that that no container sees.
    pub wasted: u64,
    /// The sums of lengths that scores are computed from.
    pub lengths: Lengths,
    /// What hides most of what is wasted, most first.
    pub worst: Vec<Hidden>,
    /// What it shows and somebody watched for, by path; images that have the same layer share it.
    pub shown: Vec<Arc<Shown>>,
    /// What of it could not be read.
    pub doubt: Option<String>,
}

/// Something that an image stores and does not show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hidden {
    /// The path, as it is shown to people.
    pub path: String,
    /// Why it is hidden.
    pub why: Why,
    /// What it occupies.
    pub bytes: u64,
    /// The layer that stores it.
    pub stored_in: Option<ChainId>,
    /// The layer that hides it.
    pub hidden_by: Option<ChainId>,
    /// What to change.
    pub advice: &'static str,
}

/// Something that an image shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The path as patterns are held against it.
    pub text: String,
    /// The path as it is shown to people.
    pub path: String,
    /// Its type and permissions.
    pub mode: u32,
    /// The layer that has it, the lowest one of a directory that several have.
    pub layer: Option<ChainId>,
}

/// How many of the worst places of an image are kept.
const WORST: usize = 10;

impl Policy {
    /// What has to be known of the inside of images to hold them against this policy.
    #[must_use]
    pub fn wanted(&self, scene: &Scene) -> Wanted {
        let mut wanted = Wanted::default();
        for rule in self.rules.iter().filter(|rule| rule.check.is_about_inside()) {
            wanted.images.extend(scene.images.iter().filter(|image| rule.is_about(&image.names)).map(|image| image.id));
            match &rule.check {
                Check::NoSetuid { .. } => wanted.watch.set_id = true,
                Check::NoPath { paths, .. } => wanted.watch.patterns.extend(paths.iter().map(str::to_owned)),
                _ => {}
            }
        }
        wanted.watch.patterns.sort_unstable();
        wanted.watch.patterns.dedup();
        wanted
    }
}

/// What a walk of the layers of `forest` found in each image.
#[must_use]
pub fn insides(forest: &Forest, incomplete: &[Incomplete], found: &Waste) -> Insides {
    let absent = incomplete.iter().map(|missing| (missing.image, Err(format!("there is no directory of its layer {}", missing.layer))));
    let mut worst = worst(forest, found);
    let mut shown = shown(forest, found);
    let lost =
        found.lost.first().map(|lost| format!("cannot {} {}: {}", lost.operation, crate::render::escape::path(&lost.path), lost.error));
    let inside = |(image, id): (usize, &ImageId)| {
        // Where a layer could not be opened, nothing was walked.
        let wasted = found.wasted.get(image).zip(found.lengths.get(image));
        let Some((wasted, lengths)) = wasted else { return (*id, Err(lost.clone().unwrap_or_default())) };
        if found.redirected.contains(image) {
            return (*id, Err("it has directories that were renamed by reference, which are not followed".to_owned()));
        }
        let layers = forest.layers.iter().zip(&found.stored).filter(|(node, _)| node.images.contains(image));
        let inside = Inside {
            stored: layers.fold(0, |sum: u64, (_, weight)| sum.saturating_add(weight.bytes)),
            wasted: wasted.values().fold(0, |sum: u64, weight| sum.saturating_add(weight.bytes)),
            lengths: *lengths,
            worst: worst.remove(&image).unwrap_or_default(),
            shown: shown.remove(&image).unwrap_or_default(),
            doubt: lost.clone().filter(|_| found.unread.contains(image)),
        };
        (*id, Ok(inside))
    };
    let mut insides: Insides = forest.images.iter().enumerate().map(inside).collect();
    insides.extend(absent);
    insides
}

/// The culprits of each image, those first that hide most.
fn worst(forest: &Forest, found: &Waste) -> BTreeMap<usize, Vec<Hidden>> {
    let chain = |layer: usize| forest.layers.get(layer).map(|node| node.chain);
    let hidden = |culprit: &Culprit, toll: &Toll| Hidden {
        path: shown_path(&culprit.at),
        why: culprit.why,
        bytes: toll.weight.bytes,
        stored_in: chain(culprit.stored),
        hidden_by: chain(culprit.by),
        advice: advice(culprit, toll),
    };
    let mut worst: BTreeMap<usize, Vec<Hidden>> = BTreeMap::new();
    for (culprit, toll) in found.culprits.iter().filter(|(culprit, _)| culprit.why != Why::Whiteout) {
        for image in toll.images.iter() {
            let of_image = worst.entry(image).or_default();
            if of_image.len() < WORST {
                of_image.push(hidden(culprit, toll));
            }
        }
    }
    worst
}

/// What each image shows of what was watched for, by path.
fn shown(forest: &Forest, found: &Waste) -> BTreeMap<usize, Vec<Arc<Shown>>> {
    let mut shown: BTreeMap<usize, Vec<Arc<Shown>>> = BTreeMap::new();
    let mut last: BTreeMap<usize, &Path> = BTreeMap::new();
    // By path and, of one path, from the lowest layer up: that is the one that made a directory.
    for sight in &found.sights {
        let one = Arc::new(Shown {
            text: text(&sight.path),
            path: shown_path(&sight.path),
            mode: sight.mode,
            layer: forest.layers.get(sight.layer).map(|node| node.chain),
        });
        for image in sight.images.iter() {
            if last.insert(image, &sight.path) != Some(&sight.path) {
                shown.entry(image).or_default().push(Arc::clone(&one));
            }
        }
    }
    shown
}
