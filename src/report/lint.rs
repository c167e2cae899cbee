//! `lint`: which rules of a policy hold, and what to change where one does not.

mod github;
mod junit;
mod sarif;

pub use github::{annotations, summary};
pub use junit::junit;
pub use sarif::sarif;

use crate::lint::{Amount, Outcome, Subject, Verdict};
use crate::render::words;
use serde::Serialize;
use std::collections::BTreeSet;

/// The own part of `lint`.
#[derive(Debug, Serialize)]
pub struct Lint {
    /// The file of the policy.
    pub policy: String,
    /// What came of each rule, the worst first.
    pub results: Vec<Item>,
    /// How many there are of each.
    pub summary: Summary,
    /// What they were compared with, if they were.
    pub baseline: Option<Compared>,
}

/// What the images were compared with.
#[derive(Debug, Serialize)]
pub struct Compared {
    /// The file.
    pub file: String,
    /// The images that it does not know.
    pub new: Vec<String>,
    /// The images that it knows and that are not here.
    pub gone: Vec<String>,
}

/// What came of one rule for one image, for a set of images, or for the host.
#[derive(Debug, Serialize)]
pub struct Item {
    /// Whom it is about, in words.
    pub subject: String,
    /// What came of it, with the numbers.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The limit as people write it.
    pub allowed: Option<String>,
    /// What was measured as people write it.
    pub found: Option<String>,
}

/// How other tools are told of an outcome: they know no more than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Severity {
    Fine,
    Warning,
    Error,
}

/// How many rules held.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Those that hold.
    pub passed: u64,
    /// Those that are broken, where that is to be told.
    pub warned: u64,
    /// Those that are broken, where that is a failure.
    pub failed: u64,
    /// Those of which nobody knows, because something could not be read.
    pub unknown: u64,
}

/// Reports outcomes; those about images of other names than `only` are left out, if there are any in it.
#[must_use]
pub fn report(policy: String, outcomes: Vec<Outcome>, only: &BTreeSet<String>) -> Lint {
    let is_wanted = |outcome: &Outcome| {
        let images = &outcome.subject.images;
        only.is_empty() || images.is_empty() || images.iter().any(|image| only.contains(image))
    };
    let mut outcomes: Vec<Outcome> = outcomes.into_iter().filter(is_wanted).collect();
    outcomes.sort_by_key(|outcome| std::cmp::Reverse((outcome.fails(), outcome.verdict)));
    let count = |verdict| words::to_u64(outcomes.iter().filter(|outcome| outcome.verdict == verdict).count());
    let summary = Summary {
        passed: count(Verdict::Pass),
        warned: count(Verdict::Warn),
        failed: count(Verdict::Fail),
        unknown: count(Verdict::Unknown),
    };
    let shown = |amount: Option<Amount>| amount.map(|amount| amount.to_string());
    let item = |outcome: Outcome| Item {
        subject: describe(&outcome.subject),
        allowed: shown(outcome.limit),
        found: shown(outcome.measured),
        outcome,
    };
    Lint { policy, results: outcomes.into_iter().map(item).collect(), summary, baseline: None }
}

/// Whom an outcome is about, in words.
fn describe(subject: &Subject) -> String {
    match subject.images.as_slice() {
        [] if subject.kind == "host" => "this host".to_owned(),
        [] => "no image".to_owned(),
        [one] => one.clone(),
        images => words::count(words::to_u64(images.len()), "image"),
    }
}

impl Compared {
    /// What is new and what is gone, in a sentence.
    #[must_use]
    pub fn describe(&self) -> String {
        let list = |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        format!("since {}: new {}; gone {}", self.file, list(&self.new), list(&self.gone))
    }
}

impl Lint {
    /// Whether anything in it makes the whole fail.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.results.iter().any(|item| item.outcome.fails())
    }
}

impl Item {
    /// What must be done about it.
    fn severity(&self) -> Severity {
        match self.outcome.verdict {
            Verdict::Pass => Severity::Fine,
            _ if self.outcome.fails() => Severity::Error,
            Verdict::Warn | Verdict::Unknown | Verdict::Fail => Severity::Warning,
        }
    }

    /// What is wrong and what to change, in one line.
    #[must_use]
    pub fn sentence(&self) -> String {
        let fix = self.outcome.fix.as_ref().map(|fix| format!(": {fix}")).unwrap_or_default();
        format!("{}{fix}", self.outcome.message)
    }
}

impl Summary {
    /// In words.
    #[must_use]
    pub fn describe(self) -> String {
        let unknown = if self.unknown > 0 { format!(", {} unknown", self.unknown) } else { String::new() };
        format!("{} passed, {} warned, {} failed{unknown}", self.passed, self.warned, self.failed)
    }
}
