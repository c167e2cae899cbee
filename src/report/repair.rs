//! `repair`: what is to be mended, what cannot be and what to do about that, and what became of it.

use crate::apply::{Collected, Status};
use crate::check::{self, Finding};
use crate::inventory::Inventory;
use crate::plan::{Action, Plan};
use crate::render::escape;
use serde::Serialize;

/// The own part of `repair`.
#[derive(Debug, Serialize)]
pub struct Repair<'a> {
    /// What is to be mended, and what could be and is not to be, and why.
    pub plan: &'a Plan,
    /// What cannot be mended; where the plan was applied, what is left.
    pub unmendable: Vec<Unmendable>,
    /// What to do about that, in this order.
    pub way_out: Vec<Step>,
    /// What became of the plan; nothing for a dry run.
    pub outcome: Option<Outcome>,
}

/// Damage that nothing on the disk mends.
#[derive(Debug, Serialize)]
pub struct Unmendable {
    /// What it is.
    pub code: &'static str,
    /// Where it is.
    pub path: String,
    /// What was found.
    pub message: String,
    /// Why it cannot be mended.
    pub why: &'static str,
    /// What to do about this alone.
    pub hint: Option<String>,
    /// Whether what to do about it is a part of the way out of all.
    #[serde(skip)]
    pub is_in_way_out: bool,
}

/// A step on the way out.
#[derive(Debug, Serialize)]
pub struct Step {
    /// What to do.
    pub step: String,
    /// Why.
    pub why: &'static str,
}

/// What became of a plan.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// What became of each action.
    pub actions: Vec<Done>,
    /// The run in the trash that undoes it, if anything was changed.
    pub kept: Option<String>,
    /// How many places can be mended now that could not before, or were not reached.
    pub more: usize,
    /// Whether it was interrupted.
    pub stopped: bool,
}

/// What became of an action.
#[derive(Debug, Serialize)]
pub struct Done {
    /// What was wrong.
    pub class: &'static str,
    /// Where.
    pub path: String,
    /// What became of it.
    pub status: Became,
    /// Why it is as it was.
    pub why: Option<String>,
}

/// What became of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Became {
    /// It is mended.
    Mended,
    /// Nothing of it was touched.
    Skipped,
    /// It could not be done, or only in part.
    Failed,
    /// The work was stopped before it.
    NotReached,
}

impl Became {
    /// What is said of it.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Mended => "Mended",
            Self::Skipped => "Skipped",
            Self::Failed => "Failed",
            Self::NotReached => "Not reached",
        }
    }
}

impl<'a> Repair<'a> {
    /// A plan, and what of `findings` it cannot mend.
    #[must_use]
    pub fn new(plan: &'a Plan, findings: &[Finding], inventory: &Inventory) -> Self {
        let unmendable = |finding: &Finding| {
            Some(Unmendable {
                why: check::why_not(finding)?,
                code: finding.code.name(),
                path: escape::path(&finding.path),
                message: finding.message.clone(),
                hint: finding.hint.clone(),
                is_in_way_out: check::is_in_way_out(finding),
            })
        };
        let way_out = check::way_out(findings, inventory).into_iter().map(|step| Step { step: step.step, why: step.why });
        Self { plan, unmendable: findings.iter().filter_map(unmendable).collect(), way_out: way_out.collect(), outcome: None }
    }

    /// The same, with what became of the plan, and what there would be to do next.
    #[must_use]
    pub fn done(self, collected: &Collected, next: &Plan) -> Self {
        let outcome = Outcome {
            actions: collected.statuses.iter().map(|(action, status)| done(action, status)).collect(),
            kept: collected.kept.clone(),
            more: next.actions.len(),
            stopped: collected.stopped,
        };
        Self { outcome: Some(outcome), ..self }
    }
}

fn done(action: &Action, status: &Status) -> Done {
    let (status, why) = match status {
        Status::Taken => (Became::Mended, None),
        Status::Skipped(why) => (Became::Skipped, Some(why.clone())),
        Status::Failed(why) => (Became::Failed, Some(why.clone())),
        Status::NotReached => (Became::NotReached, None),
    };
    Done { class: action.class.code(), path: action.path.to_string(), status, why }
}
