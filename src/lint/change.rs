//! Rules about what became of images since a baseline was saved.

use super::amount::{Amount, Limit};
use super::baseline::Baseline;
use super::evaluate::Found;
use super::image::{heaviest, layers_of};
use super::policy::{Check, Level, Missing, Policy, Rule};
use super::scene::{Image, Scene};
use super::set;
use crate::id::ChainId;
use crate::render::size::{self, Digits};

/// How much an image may grow or share less, in percent of what it weighed, where a policy says nothing.
const USUAL: Limit = Limit::Percent(10);

impl Policy {
    /// The same with the usual rules about change, if it has none.
    #[must_use]
    pub fn about_change(mut self) -> Self {
        if !self.rules.iter().any(|rule| rule.check.is_about_change()) {
            let rule = |check| Rule { check, images: Vec::new(), except: Vec::new(), level: Level::Fail, missing: Missing::Warn };
            self.rules.extend([Check::MaxGrowth(USUAL), Check::MaxSharingLost(USUAL), Check::NoNewDuplicates].map(rule));
        }
        self
    }
}

/// What became of one image; nothing if the check is about something else.
pub(super) fn of_image(rule: &Rule, scene: &Scene, (image, set): (&Image, &[&Image])) -> Option<Found> {
    let baseline = scene.baseline.as_ref()?;
    let (Check::MaxGrowth(limit) | Check::MaxSharingLost(limit)) = rule.check else { return None };
    let Some(before) = baseline.counterpart(image) else {
        return Some(Found::is(true, "it is new since the baseline".to_owned()));
    };
    let former: Vec<&Image> = baseline.scene.images.iter().filter(|image| rule.is_about(&image.names)).collect();
    let (whole, _) = baseline.scene.weigh(before.chain.iter().copied());
    let is_shared = matches!(rule.check, Check::MaxSharingLost(_));
    let (then, _) = baseline.scene.weigh(layers_of((before, &former), is_shared));
    let (now, _) = scene.weigh(layers_of((image, set), is_shared));
    let what = if is_shared { "shared with others" } else { "its own" };
    let message = format!("{} are {what}, and {} were in the baseline", human(now), human(then));
    let change = if is_shared { then.saturating_sub(now) } else { now.saturating_sub(then) };
    let found = Found::at_most(of_whole(limit, change, whole), limit.amount(), message);
    Some(if is_shared {
        found.fix("build it on the base of the others again, and let steps that all have come first and in the same order")
    } else {
        let own = layers_of((image, set), false);
        let new: Vec<ChainId> = own.iter().copied().filter(|chain| !baseline.scene.layers.contains_key(chain)).collect();
        found.fix(heaviest(scene, if new.is_empty() { own } else { new }))
    })
}

/// What became of all images together; nothing if the check is about something else.
pub(super) fn of_set(rule: &Rule, scene: &Scene, set: &[&Image]) -> Option<Found> {
    let baseline = scene.baseline.as_ref()?;
    if rule.check != Check::NoNewDuplicates {
        return None;
    }
    let former: Vec<&Image> = baseline.scene.images.iter().filter(|image| rule.is_about(&image.names)).collect();
    Some(set::no_new_duplicates((scene, set), (&baseline.scene, &former)))
}

/// A change in the unit of its limit; of nothing, as if that were one byte.
fn of_whole(limit: Limit, change: u64, whole: u64) -> Amount {
    match limit {
        Limit::Bytes(_) => Amount::Bytes(change),
        Limit::Percent(_) => {
            let percent = (u128::from(change) * 100).div_ceil(u128::from(whole.max(1)));
            Amount::Percent(u64::try_from(percent).unwrap_or(u64::MAX))
        }
    }
}

/// What a rule says that has nothing to compare with.
pub(super) fn nothing_to_compare() -> Found {
    Found::is(false, "there is no baseline to compare with".to_owned())
        .fix("save one with --save-baseline FILE, and give it with --baseline FILE")
}

impl Scene {
    /// The same with something to compare with.
    #[must_use]
    pub fn since(self, baseline: Baseline) -> Self {
        Self { baseline: Some(Box::new(baseline.matched(&self))), ..self }
    }
}

fn human(bytes: u64) -> String {
    size::human(bytes, Digits::Four)
}
