//! The journal of a run: what is in its slots and where it belongs.

use crate::plan::{Action, Class, Evidence, New, Object, Plan, RelPath, Role};
use serde::{Deserialize, Serialize};

/// The schema of a journal; a run of another version is left alone.
pub(super) const SCHEMA: &str = "layerwise/trash/1";

/// The largest journal that is read.
pub(super) const LIMIT: u64 = 256 << 20;

/// What a run was going to take from one file system: written before anything is taken, and never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// `layerwise/trash/1`.
    pub schema: String,
    /// The version of the program that wrote it.
    pub version: String,
    /// When, in RFC 3339.
    pub created: String,
    /// Whether the run is to stay until somebody empties the trash; else it was to be deleted at once.
    pub keep: bool,
    /// Everything to be taken, in this order.
    pub items: Vec<Item>,
}

/// A thing that was taken with its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its number in the run, the same in the journals of all file systems.
    pub number: usize,
    /// What kind of garbage it was.
    pub class: Class,
    /// The word for the thing.
    pub kind: String,
    /// Its ID.
    pub id: String,
    /// Where it lay below the data-root.
    pub path: RelPath,
    /// The allocated bytes of all its parts, if they were measured.
    pub bytes: Option<u64>,
    /// The items, by their numbers, whose things lie on it.
    pub after: Vec<usize>,
    /// Its parts on this file system, in the order in which they were taken.
    pub objects: Vec<Slot>,
}

/// A part, and the slot that it is in once it was taken: what it was, and what it is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The name of the slot.
    pub number: u64,
    /// Where it belongs, below the data-root.
    pub path: RelPath,
    /// What it was when it was judged.
    pub evidence: Evidence,
    /// What it is to the thing.
    pub role: Role,
    /// What was put in its place, if anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put: Option<New>,
}

impl Slot {
    /// The name in the directory of the run under which the object lies once it was taken.
    #[must_use]
    pub fn name(&self) -> String {
        self.number.to_string()
    }

    /// The name in the directory of the run under which what is to be put lies until then.
    #[must_use]
    pub fn new_name(&self) -> String {
        format!("{}{NEW}", self.number)
    }
}

/// What the names of things end with that were made to be put somewhere, and were not yet.
pub(super) const NEW: &str = ".new";

impl Journal {
    /// The journal of what `plan` takes from the file system of which `is_here` is true; slots are numbered through the whole plan.
    pub(super) fn of(plan: &Plan, (created, keep): (jiff::Timestamp, bool), is_here: impl Fn(&RelPath) -> bool) -> Self {
        let mut slots = 0..;
        let mut items = Vec::new();
        for (number, action) in plan.actions.iter().enumerate() {
            let numbered = action.objects.iter().zip(&mut slots);
            let objects: Vec<Slot> = numbered
                .filter(|(object, _)| is_here(&object.path))
                .map(|(object, number)| {
                    let Object { path, evidence, role, put } = object.clone();
                    Slot { number, path, evidence, role, put }
                })
                .collect();
            if !objects.is_empty() {
                let Action { class, kind, id, path, bytes, after, .. } = action.clone();
                items.push(Item { number, class, kind, id, path, bytes, after, objects });
            }
        }
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { schema: SCHEMA.to_owned(), version, created: created.to_string(), keep, items }
    }

    /// Reads a journal, if it is one that this version can act on.
    ///
    /// # Errors
    /// When it is not, with the reason.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let journal: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if journal.schema != SCHEMA {
            return Err(format!("it is of another version ({})", journal.schema));
        }
        Ok(journal)
    }
}
