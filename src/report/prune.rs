//! `prune`: the plan, and what became of it.

use crate::apply::{Collected, Status};
use crate::plan::{Action, Plan};
use crate::render::escape;
use serde::Serialize;
use std::time::Duration;

/// The own part of `prune`.
#[derive(Debug, Serialize)]
pub struct Prune<'a> {
    /// What is to be taken back, and what not and why.
    pub plan: &'a Plan,
    /// What became of it; nothing for a dry run.
    pub outcome: Option<Outcome>,
}

/// What became of a plan.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// What became of each action.
    pub actions: Vec<Done>,
    /// The allocated bytes of what was really deleted, by this run and of earlier ones that it finished.
    pub reclaimed_bytes: u64,
    /// Its inodes.
    pub reclaimed_inodes: u64,
    /// The run in the trash that the things are in, if they were kept.
    pub kept: Option<String>,
    /// What they weigh, as far as it was measured.
    pub trash_bytes: u64,
    /// What could not be deleted, the first thousand.
    pub failures: Vec<Failure>,
    /// How many could not be deleted.
    pub failed: u64,
    /// Whether it was interrupted.
    pub stopped: bool,
    /// For how many milliseconds dockerd could not start; nothing if it was not kept from that.
    pub locked_ms: Option<u64>,
    /// How many milliseconds the deleting took, after that.
    pub deleting_ms: u64,
}

/// What became of an action.
#[derive(Debug, Serialize)]
pub struct Done {
    /// The word for the thing.
    pub kind: String,
    /// Its ID.
    pub id: String,
    /// What became of it.
    pub status: Became,
    /// Why it is still there.
    pub why: Option<String>,
}

/// What became of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Became {
    /// It was taken.
    Taken,
    /// Nothing of it was touched.
    Skipped,
    /// Some of it could not be taken.
    Failed,
    /// The work was stopped before it.
    NotReached,
}

/// Something that could not be deleted.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// Where it is.
    pub path: String,
    /// Why it is still there.
    pub error: String,
}

impl Became {
    /// What is said of it.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Taken => "Taken",
            Self::Skipped => "Skipped",
            Self::Failed => "Failed",
            Self::NotReached => "Not reached",
        }
    }
}

impl<'a> Prune<'a> {
    /// A plan that nothing was done with.
    #[must_use]
    pub const fn planned(plan: &'a Plan) -> Self {
        Self { plan, outcome: None }
    }

    /// A plan that was applied.
    #[must_use]
    pub fn done(plan: &'a Plan, collected: &Collected) -> Self {
        let deletion = &collected.deletion;
        let taken = collected.statuses.iter().filter(|(_, status)| *status == Status::Taken);
        let trash_bytes = taken.filter_map(|(action, _)| action.bytes).fold(0, u64::saturating_add);
        let failures = deletion.failures.iter().map(|failure| Failure { path: escape::path(&failure.path), error: failure.error.clone() });
        let outcome = Outcome {
            actions: collected.statuses.iter().map(|(action, status)| done(action, status)).collect(),
            reclaimed_bytes: deletion.bytes,
            reclaimed_inodes: deletion.inodes,
            trash_bytes: if collected.kept.is_some() { trash_bytes } else { 0 },
            kept: collected.kept.clone(),
            failures: failures.collect(),
            failed: deletion.failed,
            stopped: collected.stopped,
            locked_ms: collected.locked.map(milliseconds),
            deleting_ms: milliseconds(collected.deleting),
        };
        Self { plan, outcome: Some(outcome) }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn done(action: &Action, status: &Status) -> Done {
    let (status, why) = match status {
        Status::Taken => (Became::Taken, None),
        Status::Skipped(why) => (Became::Skipped, Some(why.clone())),
        Status::Failed(why) => (Became::Failed, Some(why.clone())),
        Status::NotReached => (Became::NotReached, None),
    };
    Done { kind: action.kind.clone(), id: action.id.clone(), status, why }
}
