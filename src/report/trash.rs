//! `trash`: what was put aside, and what became of what was to be restored.

use crate::apply::{Item, Origin, Restored, Run, State};
use serde::Serialize;

/// A thing in the trash.
#[derive(Debug, Clone, Serialize)]
pub struct Trashed {
    /// What to call it: the run and its number there, or the run alone for one that is only left to be deleted.
    pub id: String,
    /// The run that took it.
    pub run: String,
    /// When that was.
    pub created: Option<String>,
    /// What is to become of it.
    pub state: &'static str,
    /// What kind of garbage it was.
    pub class: Option<&'static str>,
    /// The word for the thing.
    pub kind: Option<String>,
    /// The thing's own ID.
    pub subject: Option<String>,
    /// Where it lay below the data-root.
    pub path: Option<String>,
    /// The allocated bytes that it had, if they were measured.
    pub bytes: Option<u64>,
    /// The first part of it that is neither in the trash nor where it belongs.
    pub lacks: Option<String>,
}

/// What became of something that was to be restored.
#[derive(Debug, Clone, Serialize)]
pub struct BroughtBack {
    /// What it is called in the trash.
    pub id: String,
    /// The word for the thing.
    pub kind: String,
    /// The thing's own ID.
    pub subject: String,
    /// Whether it is back.
    pub restored: bool,
    /// Why it is not, or not all of it.
    pub why: Option<String>,
}

/// The name of an item: its run and its number there.
#[must_use]
pub fn name(run: &Run, item: &Item) -> String {
    format!("{}/{}", run.id, item.number)
}

/// Everything in the trash.
#[must_use]
pub fn list(runs: &[Run]) -> Vec<Trashed> {
    runs.iter().flat_map(of_run).collect()
}

fn of_run(run: &Run) -> Vec<Trashed> {
    let state = match run.state {
        State::Kept | State::Interrupted if run.origin == Origin::Copied => "copied",
        State::Kept => "kept",
        State::Interrupted => "interrupted",
        State::Doomed => "being-deleted",
        State::Unreadable(_) => "unreadable",
    };
    let created = Some(run.created.clone()).filter(|created| !created.is_empty());
    let whole = Trashed {
        id: run.id.clone(),
        run: run.id.clone(),
        created,
        state,
        class: None,
        kind: None,
        subject: None,
        path: None,
        bytes: None,
        lacks: None,
    };
    if run.items.is_empty() {
        return vec![whole];
    }
    let item = |item: &Item| Trashed {
        id: name(run, item),
        class: Some(item.class.code()),
        kind: Some(item.kind.clone()),
        subject: Some(item.id.clone()),
        path: Some(item.path.to_string()),
        bytes: item.bytes,
        lacks: run.lacks(item.number),
        state: if state == "kept" && run.lacks(item.number).is_some() { "partial" } else { state },
        ..whole.clone()
    };
    run.items.iter().map(item).collect()
}

/// What became of an item.
#[must_use]
pub fn brought_back(run: &Run, item: &Item, restored: Restored) -> BroughtBack {
    let (restored, why) = match restored {
        Restored::Whole => (true, None),
        Restored::Refused(why) => (false, Some(why)),
        Restored::Partly(why) => (false, Some(format!("only in part: {why}"))),
    };
    BroughtBack { id: name(run, item), kind: item.kind.clone(), subject: item.id.clone(), restored, why }
}
