//! The journal of a run: what is in its slots and where it belongs.
//!
//! A run has one in each place in which it has slots, and each of them has everything that the run takes: so each says what the others have. Older
//! ones have only the slots of their own place, and say neither which that is nor what things looked like.

use super::look::Traits;
use super::top::Place;
use crate::plan::{Action, Class, Evidence, Inode, New, Object, Plan, RelPath, Role};
use serde::{Deserialize, Serialize};

/// The schema of a journal; a run of another version is left alone.
pub(super) const SCHEMA: &str = "layerwise/trash/1";

/// The largest journal that is read.
pub(super) const LIMIT: u64 = 256 << 20;

/// What a run was going to take: written before anything is taken, and never changed.
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
    /// Which inode the directory is that it lies in: where it is another one, the trash was copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<Inode>,
    /// Everything to be taken, in this order.
    pub items: Vec<Item>,
}

/// A thing that was taken with its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its number in the run, the same in all journals.
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
    /// Its parts, in the order in which they were taken.
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
    /// In which trash the slot is; where that is not said, in that of the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What it looked like, by which a copy of it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traits: Option<Traits>,
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
    /// The journal of what `plan` takes; `whither` says of each path in which trash its slot is, and what stands there.
    pub(super) fn of(plan: &Plan, (created, keep): (jiff::Timestamp, bool), whither: impl Fn(&RelPath) -> (Place, Option<Traits>)) -> Self {
        let mut slots = 0..;
        let mut items = Vec::new();
        for (number, action) in plan.actions.iter().enumerate() {
            let numbered = action.objects.iter().zip(&mut slots);
            let objects: Vec<Slot> = numbered
                .map(|(object, number)| {
                    let Object { path, evidence, role, put } = object.clone();
                    let (place, traits) = whither(&path);
                    Slot { number, path, evidence, role, place: Some(place), traits, put }
                })
                .collect();
            if !objects.is_empty() {
                let Action { class, kind, id, path, bytes, after, .. } = action.clone();
                items.push(Item { number, class, kind, id, path, bytes, after, objects });
            }
        }
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { schema: SCHEMA.to_owned(), version, created: created.to_string(), keep, home: None, items }
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
