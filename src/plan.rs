//! What is to be taken back or mended, in which order, and on what evidence: pure, and a value that can be printed, saved, read again and compared.
//!
//! ```text
//! Audit, Leftovers ─► Draft::new ─► Draft::withhold … ─► Plan ─► (printed, saved)
//!                                                          │
//! Audit again, under the lock ─► Draft::new ─► keep_only(Plan) ─► Plan ─► apply
//! ```
//!
//! A plan holds only what the graph *proves* dead. It is never applied as it is: what is applied is a plan drawn up anew under the lock, with
//! everything taken out that was not in the first one to the letter. So neither a plan that is old, nor one that somebody has edited, can
//! make anything go away that is not garbage at that moment; and a dry run and a real run decide by the same code.
//!
//! A mend is an action too: an object of it is *put* besides being taken. What stands in its place, if anything does, is taken by the same step,
//! and so kept. What is to be there is a part of the plan, and so of what has to be the same when it is drawn up again.
//!
//! An action takes one thing with its parts: a layer's record with its directory and links, or an orphan directory with its links. Children
//! come before what they lie on; what is withheld keeps back everything that it lies on.

mod class;
mod draft;
mod evidence;
mod gather;
mod mend;
mod new;
mod order;
mod path;
mod references;
mod wanted;
mod withhold;

pub use class::Class;
pub use draft::Draft;
pub use evidence::{Evidence, Inode, Kind};
pub use mend::{Basis, Standing, places};
pub use new::{Content, New, Owners};
pub use path::{PathError, RelPath};
pub use wanted::{Include, Wanted};
pub use withhold::{Age, Limits};

use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The schema of a plan; a plan of another version is not applied.
pub const SCHEMA: &str = "layerwise/plan/1";

/// Everything that is to be taken back, and what is not and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`SCHEMA`].
    pub schema: String,
    /// The version of the program that drew it up.
    pub version: String,
    /// When, in RFC 3339.
    pub created: String,
    /// The data-root that it is about, as a person names it.
    pub data_root: String,
    /// Which directory that was.
    pub identity: Evidence,
    /// Whether dockerd may be running when it is applied.
    pub mode: Mode,
    /// What is to be done, in this order.
    pub actions: Vec<Action>,
    /// What is not, and why.
    pub withheld: Vec<Withheld>,
}

/// Whether dockerd may be running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It must not: its lock is held meanwhile.
    Offline,
    /// It may: only what no running dockerd can know is taken.
    Online,
}

/// One thing to take back, with its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// What kind of garbage it is.
    pub class: Class,
    /// The word for the thing.
    pub kind: String,
    /// Its ID.
    pub id: String,
    /// Where it lies below the data-root: what tells it from all other actions.
    pub path: RelPath,
    /// Why it may go, in a sentence.
    pub reason: String,
    /// The allocated bytes of all its parts, if they were measured.
    pub bytes: Option<u64>,
    /// Their inodes.
    pub inodes: Option<u64>,
    /// Its parts, in the order in which they are taken.
    pub objects: Vec<Object>,
    /// The actions, by their place in the plan, that have to be done before this one: what they take lies on what this one takes.
    pub after: Vec<usize>,
}

/// A name on the disk that is taken away with all that it names, or that is to name something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Where it is, below the data-root.
    pub path: RelPath,
    /// What it was when it was judged.
    pub evidence: Evidence,
    /// What it is to the thing that is taken.
    pub role: Role,
    /// What is to be there instead, if anything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put: Option<New>,
}

/// What an object is to the thing that it is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The record by which dockerd finds the rest.
    Record,
    /// A directory, a link, a file.
    Part,
}

/// Something that is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Withheld {
    /// Why, in a sentence.
    pub reason: String,
    /// What kind of garbage it would be, where that much is proven.
    pub class: Option<Class>,
    /// The word for the thing.
    pub kind: String,
    /// Its ID.
    pub id: String,
    /// Where it lies below the data-root.
    pub path: String,
    /// Its allocated bytes, if they were measured.
    pub bytes: Option<u64>,
}

impl Action {
    /// Whether `other` takes the same things on the same evidence; what they weigh, and what else is done, does not matter.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (self.class, &self.kind, &self.id, &self.objects) == (other.class, &other.kind, &other.id, &other.objects)
    }
}

impl Plan {
    /// Reads a plan, if it is one that this version can apply.
    ///
    /// # Errors
    /// When it is not, with the reason.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let plan: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if plan.schema == SCHEMA { Ok(plan) } else { Err(format!("it is a {:?}, and this version applies {SCHEMA:?}", plan.schema)) }
    }

    /// The allocated bytes of everything in it, as far as they were measured.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.actions.iter().filter_map(|action| action.bytes).fold(0, u64::saturating_add)
    }

    /// The inodes of everything in it, as far as they were measured.
    #[must_use]
    pub fn inodes(&self) -> u64 {
        self.actions.iter().filter_map(|action| action.inodes).fold(0, u64::saturating_add)
    }

    /// Takes what each action weighs from `measured`, where the same one was measured.
    pub(crate) fn weigh_as(&mut self, measured: &Self) {
        let weights: HashMap<_, _> = measured.actions.iter().map(|action| (&action.path, (action.bytes, action.inodes))).collect();
        for action in &mut self.actions {
            if let Some(&(bytes, inodes)) = weights.get(&action.path) {
                (action.bytes, action.inodes) = (bytes, inodes);
            }
        }
    }
}
