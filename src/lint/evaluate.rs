//! Holding a policy against a scene.

use super::amount::Amount;
use super::policy::{Level, Policy, Rule};
use super::scene::{Image, Scene};
use super::{host, image, set};
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
    /// What is the case, in a sentence.
    pub message: String,
    /// What to change; nothing where nothing is wrong.
    pub fix: Option<String>,
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
}

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
        return scene.host.iter().filter_map(|host| host::look(&rule.check, host)).map(|found| outcome("host", &[], found)).collect();
    }
    let set: Vec<&Image> = scene.images.iter().filter(|image| rule.is_about(&image.names)).collect();
    if set.is_empty() {
        return vec![outcome("set", &[], nothing_matches(rule))]
            .into_iter()
            .map(|outcome| Outcome { verdict: Verdict::Warn, ..outcome })
            .collect();
    }
    if let Some(found) = set::look(&rule.check, scene, &set) {
        return vec![outcome("set", &set, found)];
    }
    set.iter().filter_map(|one| Some(outcome("image", &[one], image::look(&rule.check, scene, (one, &set))?))).collect()
}

/// A rule about nothing keeps nobody from anything, and somebody should know.
fn nothing_matches(rule: &Rule) -> Found {
    let patterns = if rule.images.is_empty() {
        "no image here has a name".to_owned()
    } else {
        format!("no image here is called {}", rule.images.join(" or "))
    };
    Found { holds: false, numbers: None, message: patterns, fix: Some("correct the patterns of the rule, or remove it".to_owned()) }
}

impl Found {
    /// A limit from above.
    pub(super) fn at_most(measured: Amount, limit: Amount, message: String) -> Self {
        Self { holds: measured.number() <= limit.number(), numbers: Some((measured, limit)), message, fix: None }
    }

    /// A limit from below.
    pub(super) fn at_least(measured: Amount, limit: Amount, message: String) -> Self {
        Self { holds: measured.number() >= limit.number(), numbers: Some((measured, limit)), message, fix: None }
    }

    /// Says what to change.
    pub(super) fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }

    fn judged(self, rule: &Rule, subject: Subject) -> Outcome {
        let verdict = match (self.holds, rule.level) {
            (true, _) => Verdict::Pass,
            (false, Level::Warn) => Verdict::Warn,
            (false, Level::Fail) => Verdict::Fail,
        };
        Outcome {
            rule: rule.check.name(),
            subject,
            limit: self.numbers.map(|(_, limit)| limit),
            measured: self.numbers.map(|(measured, _)| measured),
            unit: self.numbers.map(|(measured, _)| measured.unit()),
            verdict,
            message: self.message,
            fix: self.fix.filter(|_| !self.holds),
        }
    }
}
