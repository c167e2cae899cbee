//! Rules about one image, which may speak of the others that the rule is about.

use super::amount::{Amount, Limit};
use super::evaluate::Found;
use super::policy::{Check, is_named};
use super::scene::{Image, Scene, short};
use super::within;
use crate::id::ChainId;
use crate::render::size::{self, Digits};
use crate::render::words;

/// What an image of a set has of what is asked for; nothing if the check is about something else.
pub(super) fn look(check: &Check, scene: &Scene, (image, set): (&Image, &[&Image])) -> Option<Found> {
    let (bytes, inodes) = scene.weigh(image.chain.iter().copied());
    match check {
        Check::Base(patterns) => Some(base(scene, image, patterns)),
        Check::MinShared(limit) => Some(min_shared(scene, (image, set), *limit)),
        Check::MaxExclusive(limit) => Some(max_exclusive(scene, (image, set), *limit)),
        Check::MaxSize(limit) => {
            let message = format!("it weighs {}", human(bytes));
            Some(Found::at_most(Amount::Bytes(bytes), Amount::Bytes(*limit), message).fix(heaviest(scene, image.chain.iter().copied())))
        }
        Check::MaxLayers(limit) => {
            let count = words::to_u64(image.chain.len());
            let message = format!("it has {}", words::count(count, "layer"));
            Some(Found::at_most(Amount::Count(count), Amount::Count(*limit), message).fix("join steps that are always changed together"))
        }
        Check::MaxInodes(limit) => {
            let message = format!("it has {}", words::count(inodes, "inode"));
            Some(Found::at_most(Amount::Count(inodes), Amount::Count(*limit), message).fix(heaviest(scene, image.chain.iter().copied())))
        }
        Check::MaxWaste(_) | Check::MinEfficiency(_) | Check::MaxUserWaste(_) | Check::NoSetuid { .. } | Check::NoPath { .. } => {
            within::look(check, scene, image)
        }
        Check::SameBase
        | Check::MaxGrowth(_)
        | Check::MaxSharingLost(_)
        | Check::NoNewDuplicates
        | Check::MaxSetSize(_)
        | Check::NoDuplicateLayers
        | Check::NoGarbage
        | Check::MinFreeSpace(_)
        | Check::MinFreeInodes(_) => None,
    }
}

fn base(scene: &Scene, image: &Image, patterns: &[String]) -> Found {
    let wanted = patterns.join(" or ");
    let bases: Vec<&Image> = scene
        .images
        .iter()
        .filter(|base| !base.chain.is_empty() && patterns.iter().any(|pattern| is_named(&base.names, pattern)))
        .collect();
    let below = bases.iter().filter(|base| image.chain.starts_with(&base.chain)).max_by_key(|base| base.chain.len());
    if let Some(base) = below {
        return Found::is(true, format!("it stands on {}", base.name()));
    }
    let mut named = scene.images.iter().filter(|base| patterns.iter().any(|pattern| is_named(&base.names, pattern)));
    if let Some(why) = named.find_map(|base| scene.unread.images.get(&base.id)) {
        return Found::unknown(why);
    }
    if bases.is_empty() {
        return Found::is(false, format!("no image here is called {wanted}, so nobody can tell whether it stands on that"))
            .fix(format!("pull {wanted} first, or correct `on`"));
    }
    let nearest = bases.iter().max_by_key(|base| common(&base.chain, &image.chain));
    let (have, of) = nearest.map_or((0, 0), |base| (common(&base.chain, &image.chain), base.chain.len()));
    let message = format!("it does not stand on {wanted}: of that one's {} it has {have}", words::count(words::to_u64(of), "layer"));
    Found::is(false, message).fix(format!("build it again FROM {wanted} as it is here: an older or a newer one has other layers"))
}

/// How many layers two chains have in common.
fn common(one: &[ChainId], other: &[ChainId]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

/// The layers of an image that another of the set has too, or those that none has.
pub(super) fn layers_of((image, set): (&Image, &[&Image]), shared: bool) -> Vec<ChainId> {
    let others = || set.iter().filter(|other| other.id != image.id);
    image.chain.iter().copied().filter(|chain| others().any(|other| other.chain.contains(chain)) == shared).collect()
}

fn min_shared(scene: &Scene, (image, set): (&Image, &[&Image]), limit: Limit) -> Found {
    let (whole, _) = scene.weigh(image.chain.iter().copied());
    let (shared, _) = scene.weigh(layers_of((image, set), true));
    let others = words::count(words::to_u64(set.len().saturating_sub(1)), "other");
    let message = format!("it shares {} of {} with {others}", human(shared), human(whole));
    Found::at_least(limit.measure_down(shared, whole), limit.amount(), message)
        .fix("build it on the base of the others, and let steps that all have come first and in the same order")
}

fn max_exclusive(scene: &Scene, (image, set): (&Image, &[&Image]), limit: Limit) -> Found {
    let (whole, _) = scene.weigh(image.chain.iter().copied());
    let alone = layers_of((image, set), false);
    let (bytes, _) = scene.weigh(alone.iter().copied());
    let message = format!("{} of {} are its own", human(bytes), human(whole));
    Found::at_most(limit.measure_up(bytes, whole), limit.amount(), message).fix(heaviest(scene, alone))
}

/// Which of some layers to look at first.
pub(super) fn heaviest(scene: &Scene, chains: impl IntoIterator<Item = ChainId>) -> String {
    let layers = chains.into_iter().filter_map(|chain| Some((chain, scene.layers.get(&chain)?)));
    let Some((chain, layer)) = layers.max_by_key(|(chain, layer)| (layer.bytes, *chain)) else { return "it has no layers".to_owned() };
    let step = layer.step.as_ref().map(|step| format!(", made by `{step}`")).unwrap_or_default();
    format!("begin with the heaviest layer, {} with {} in {}{step}", short(&chain), human(layer.bytes), words::count(layer.inodes, "inode"))
}

fn human(bytes: u64) -> String {
    size::human(bytes, Digits::Four)
}
