//! Rules about all images of a set together.

use super::amount::Amount;
use super::evaluate::Found;
use super::policy::Check;
use super::scene::{Image, Scene, short};
use crate::id::{ChainId, DiffId};
use crate::render::size::{self, Digits};
use crate::render::words;
use std::collections::{BTreeMap, BTreeSet};

/// What a set of images has of what is asked for; nothing if the check is not about sets.
pub(super) fn look(check: &Check, scene: &Scene, set: &[&Image]) -> Option<Found> {
    match check {
        Check::SameBase => Some(same_base(set)),
        Check::MaxSetSize(limit) => {
            let (bytes, _) = scene.weigh(set.iter().flat_map(|image| image.chain.iter().copied()));
            let message = format!("{} weigh {} together", images(set.len()), size::human(bytes, Digits::Four));
            Some(
                Found::at_most(Amount::Bytes(bytes), Amount::Bytes(*limit), message)
                    .fix("`layerwise images --sort exclusive_bytes` says which has most of its own"),
            )
        }
        Check::NoDuplicateLayers => Some(no_duplicate_layers(scene, set)),
        _ => None,
    }
}

fn images(count: usize) -> String {
    words::count(words::to_u64(count), "image")
}

/// Whether all have the same layer at the bottom; an image without layers has none.
fn same_base(set: &[&Image]) -> Found {
    let mut bases: BTreeMap<Option<&ChainId>, Vec<String>> = BTreeMap::new();
    for image in set {
        bases.entry(image.chain.first()).or_default().push(image.name());
    }
    let measured = Amount::Count(words::to_u64(bases.len()));
    let mut groups: Vec<_> = bases.into_iter().collect();
    groups.sort_by_key(|(base, names)| (std::cmp::Reverse(names.len()), *base));
    let shown = groups.iter().map(|(base, names)| {
        let base = base.map_or_else(|| "no layer".to_owned(), short);
        format!("{base}: {}", names.join(", "))
    });
    let message =
        format!("{} stand on {} ({})", images(set.len()), words::count(measured.number(), "base"), shown.collect::<Vec<_>>().join("; "));
    let others: Vec<_> = groups.iter().skip(1).flat_map(|(_, names)| names.iter().map(String::as_str)).collect();
    Found::at_most(measured, Amount::Count(1), message).fix(format!("build {} again on the base of the others", others.join(", ")))
}

/// A content that images have at different places.
struct Duplicate<'s> {
    bytes_lost: u64,
    /// Each place: the chain, and an image that has it there, with the number of the layer.
    places: Vec<(&'s ChainId, String, usize)>,
    step: Option<&'s str>,
}

/// The contents of layers, each with the places where the images of a set have it.
type Places<'s> = BTreeMap<DiffId, BTreeMap<&'s ChainId, (String, usize)>>;

fn places<'s>(scene: &Scene, set: &[&'s Image]) -> Places<'s> {
    let mut places = Places::new();
    for image in set {
        for (chain, number) in image.chain.iter().zip(1..) {
            if let Some(diff) = scene.layers.get(chain).and_then(|layer| layer.diff) {
                places.entry(diff).or_default().entry(chain).or_insert_with(|| (image.name(), number));
            }
        }
    }
    places.retain(|_, places| places.len() > 1);
    places
}

/// Whether each content is stored once: the same content on top of something else is another layer.
fn no_duplicate_layers(scene: &Scene, set: &[&Image]) -> Found {
    tell(scene, places(scene, set))
}

/// Whether no more contents are stored more than once, or at more places, than they were `before`. What the same step makes is the same content,
/// made again.
pub(super) fn no_new_duplicates((scene, set): (&Scene, &[&Image]), (before, former): (&Scene, &[&Image])) -> Found {
    let known = places(before, former);
    let step = |scene: &Scene, places: &BTreeMap<&ChainId, (String, usize)>| {
        places.keys().find_map(|chain| scene.layers.get(*chain)?.step.clone())
    };
    let steps: BTreeMap<Option<String>, usize> = known.values().map(|places| (step(before, places), places.len())).collect();
    let is_known = |diff: &DiffId, places: &BTreeMap<&ChainId, (String, usize)>| {
        let by_content = known.get(diff).map(BTreeMap::len);
        let by_step = step(scene, places).and_then(|step| steps.get(&Some(step)).copied());
        by_content.max(by_step).is_some_and(|count| places.len() <= count)
    };
    let mut new = places(scene, set);
    new.retain(|diff, places| !is_known(diff, places));
    tell(scene, new)
}

fn tell(scene: &Scene, places: Places<'_>) -> Found {
    let mut duplicates: Vec<Duplicate<'_>> = places.into_values().map(|places| duplicate(scene, places)).collect();
    duplicates.sort_by_key(|duplicate| std::cmp::Reverse(duplicate.bytes_lost));
    let lost = duplicates.iter().fold(0, |sum: u64, duplicate| sum.saturating_add(duplicate.bytes_lost));
    let count = words::to_u64(duplicates.len());
    let mut message =
        format!("{} stored more than once, {} lost to copies", words::count(count, "content"), size::human(lost, Digits::Four));
    for duplicate in duplicates.iter().take(3) {
        message.push_str("; ");
        message.push_str(&duplicate.describe());
    }
    let fix = duplicates.first().map(Duplicate::fix).unwrap_or_default();
    Found::at_most(Amount::Count(count), Amount::Count(0), message).fix(fix)
}

fn duplicate<'s>(scene: &'s Scene, places: BTreeMap<&'s ChainId, (String, usize)>) -> Duplicate<'s> {
    let layers = || places.keys().filter_map(|chain| scene.layers.get(*chain));
    let all = layers().fold(0, |sum: u64, layer| sum.saturating_add(layer.bytes));
    let largest = layers().map(|layer| layer.bytes).max().unwrap_or_default();
    let step = layers().find_map(|layer| layer.step.as_deref());
    let places = places.into_iter().map(|(chain, (image, number))| (chain, image, number)).collect();
    Duplicate { bytes_lost: all.saturating_sub(largest), places, step }
}

impl Duplicate<'_> {
    fn describe(&self) -> String {
        let places = self.places.iter().map(|(_, image, number)| format!("layer {number} of {image}"));
        places.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" is ")
    }

    fn fix(&self) -> String {
        let step = self.step.map_or_else(|| "the step that makes it".to_owned(), |step| format!("`{step}`"));
        format!("move {step} below everything in which these images differ: a layer is shared only with the same layers below it")
    }
}
