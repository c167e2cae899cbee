//! Holding a policy against a scene.

use super::amount::Amount;
use super::policy::{Level, Missing, Policy, Rule};
use super::scene::{Image, Scene};
use super::{change, host, image, set};
use crate::id::ChainId;
use serde::Serialize;

/// What came of one rule for one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The rule's name.
    pub rule: &'static str,
    /// What it was held against.
    #[serde(flatten)]
    pub subject: Subject,
    /// What it allows, if that is a number.
    pub limit: Option<Amount>,
    /// What was measured, in the unit of the limit.
    pub measured: Option<Amount>,
    /// `bytes`, `count` or `percent`.
    pub unit: Option<&'static str>,
    /// What came of it.
    pub verdict: Verdict,
    /// What it means if that is not `pass`.
    pub level: Level,
    /// Whether it is about what became of images since a baseline was saved.
    #[serde(skip)]
    pub is_about_change: bool,
    /// What is the case, in a sentence.
    pub message: String,
    /// What to change; nothing where nothing is wrong.
    pub fix: Option<String>,
    /// The paths in the image that break it, the worst or the first of them.
    pub places: Vec<Place>,
}

/// A path in an image that breaks a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The path.
    pub path: String,
    /// What it occupies, if that is the matter.
    pub bytes: Option<u64>,
    /// The layer that has it.
    pub layer: Option<ChainId>,
    /// The step that made that.
    pub step: Option<String>,
    /// The layer that hides it, if that is the matter.
    pub hidden_by: Option<ChainId>,
    /// The step that made that.
    pub hidden_by_step: Option<String>,
}

/// What a rule is held against.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Subject {
    /// `image`, `set` or `host`.
    pub kind: &'static str,
    /// The names of the images that it is about.
    pub images: Vec<String>,
}

/// What came of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is kept.
    Pass,
    /// It is broken, and that is to be told.
    Warn,
    /// What could be read keeps it, and not everything could be read: that is not kept.
    Unknown,
    /// It is broken, and that makes the whole fail.
    Fail,
}

/// What a check finds before it is known what a breach means.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) holds: bool,
    pub(super) numbers: Option<(Amount, Amount)>,
    pub(super) message: String,
    pub(super) fix: Option<String>,
    /// What could not be read and might have broken the rule.
    pub(super) doubt: Option<String>,
    /// The paths in an image that break the rule.
    pub(super) places: Vec<Place>,
}

/// What to do where something could not be read.
const DAMAGE: &str = "`layerwise check` says what is damaged and how to mend it; run lint as root";

/// Holds every rule against what it is about.
#[must_use]
pub fn evaluate(policy: &Policy, scene: &Scene) -> Vec<Outcome> {
    policy.rules.iter().flat_map(|rule| evaluate_rule(rule, scene)).collect()
}

fn evaluate_rule(rule: &Rule, scene: &Scene) -> Vec<Outcome> {
    let outcome = |kind, images: &[&Image], found: Found| {
        let images = images.iter().map(|image| image.name()).collect();
        found.judged(rule, Subject { kind, images })
    };
    if rule.check.is_about_host() {
        let Some(host) = &scene.host else {
            // Like a rule that no image matches: it must not look as if it were kept.
            return vec![Outcome { verdict: Verdict::Warn, ..outcome("host", &[], host::there_is_none()) }];
        };
        return host::look(&rule.check, host).map(|found| outcome("host", &[], found)).into_iter().collect();
    }
    if rule.check.is_about_change() && scene.baseline.is_none() {
        // Like a rule that no image matches: it must not look as if it were kept.
        return vec![Outcome { verdict: Verdict::Warn, ..outcome("set", &[], change::nothing_to_compare()) }];
    }
    // A name that is lost may be that of an image that breaks the rule.
    let lost = scene.unread.names.as_ref().map(|why| outcome("set", &[], Found::unknown(why)));
    let set: Vec<&Image> = scene.images.iter().filter(|image| rule.is_about(&image.names)).collect();
    let mut outcomes = if set.is_empty() {
        let told = (lost.is_none() && rule.missing != Missing::Ignore).then(|| nothing_matches(rule));
        told.into_iter().collect()
    } else if let Some(found) = set::look(&rule.check, scene, &set).or_else(|| change::of_set(rule, scene, &set)) {
        vec![outcome("set", &set, found.doubted(set.iter().find_map(|image| scene.doubt(image))))]
    } else {
        let found = |one| image::look(&rule.check, scene, (one, &set)).or_else(|| change::of_image(rule, scene, (one, &set)));
        let look = |one| Some(found(one)?.doubted(scene.doubt(one)));
        set.iter().filter_map(|&one| Some(outcome("image", &[one], look(one)?))).collect()
    };
    outcomes.extend(lost);
    outcomes
}

/// A rule about nothing keeps nobody from anything, and somebody should know.
fn nothing_matches(rule: &Rule) -> Outcome {
    let message = if rule.images.is_empty() {
        "no image here has a name".to_owned()
    } else {
        format!("no image here is called {}", rule.images.join(" or "))
    };
    let found = Found::is(false, message).fix("correct the patterns of the rule, or remove it");
    let verdict = if rule.missing == Missing::Fail { Verdict::Fail } else { Verdict::Warn };
    Outcome { verdict, ..found.judged(rule, Subject { kind: "set", images: Vec::new() }) }
}

impl Outcome {
    /// Whether it makes the whole fail.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.verdict == Verdict::Fail || self.verdict == Verdict::Unknown && self.level == Level::Fail
    }
}

impl Found {
    /// Something without numbers.
    pub(super) const fn is(holds: bool, message: String) -> Self {
        Self { holds, numbers: None, message, fix: None, doubt: None, places: Vec::new() }
    }

    /// A limit from above.
    pub(super) fn at_most(measured: Amount, limit: Amount, message: String) -> Self {
        Self { numbers: Some((measured, limit)), ..Self::is(measured.number() <= limit.number(), message) }
    }

    /// A limit from below.
    pub(super) fn at_least(measured: Amount, limit: Amount, message: String) -> Self {
        Self { numbers: Some((measured, limit)), ..Self::is(measured.number() >= limit.number(), message) }
    }

    /// Nothing that could be looked at.
    pub(super) fn unknown(why: &str) -> Self {
        Self::is(true, String::new()).doubted(Some(why))
    }

    /// Says what to change.
    pub(super) fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }

    /// Says where it is.
    pub(super) fn at(self, places: Vec<Place>) -> Self {
        Self { places, ..self }
    }

    /// Says what could not be read; what was known before comes first.
    pub(super) fn doubted(self, doubt: Option<&str>) -> Self {
        Self { doubt: self.doubt.or_else(|| doubt.map(str::to_owned)), ..self }
    }

    /// What comes of it; a rule that is broken by what could be read is broken, whatever else there is.
    fn judged(self, rule: &Rule, subject: Subject) -> Outcome {
        let verdict = match (self.holds, rule.level) {
            (true, _) if self.doubt.is_some() => Verdict::Unknown,
            (true, _) => Verdict::Pass,
            (false, Level::Warn) => Verdict::Warn,
            (false, Level::Fail) => Verdict::Fail,
        };
        let (message, fix) = match self.doubt.filter(|_| self.holds) {
            None => (self.message, self.fix.filter(|_| !self.holds)),
            Some(doubt) if self.message.is_empty() => (format!("nobody can tell: {doubt}"), Some(DAMAGE.to_owned())),
            Some(doubt) => (format!("{}, as far as it could be read: {doubt}", self.message), Some(DAMAGE.to_owned())),
        };
        Outcome {
            rule: rule.check.name(),
            places: if self.holds { Vec::new() } else { self.places },
            subject,
            limit: self.numbers.map(|(_, limit)| limit),
            measured: self.numbers.map(|(measured, _)| measured),
            unit: self.numbers.map(|(measured, _)| measured.unit()),
            verdict,
            level: rule.level,
            is_about_change: rule.check.is_about_change(),
            message,
            fix,
        }
    }
}
