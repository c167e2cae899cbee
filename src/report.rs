//! The serialised shapes: all that JSON ever shows, and all that tables are made from.
//!
//! Every document has a `schema` (`layerwise/<command>/1`), the `data_root` and what was `unreadable`. Sizes are integers in bytes, allocated
//! ones unless the key says otherwise; `null` means that nothing was measured. Keys that begin with `docker_` are Docker's own figures,
//! computed as Docker computes them.

pub mod build_cache;
pub mod chains;
pub mod changes;
pub mod check;
pub mod containers;
pub mod df;
pub mod docker_df;
pub mod freed;
pub mod history;
pub mod images;
pub mod inspect;
pub mod layers;
pub mod lint;
pub mod locate;
pub mod metrics;
pub mod prune;
pub mod repair;
pub mod roots;
pub mod target;
pub mod trash;
pub mod tree;
pub mod volumes;
pub mod waste;
pub mod why;

use crate::graph::verdict::{Verdict, Verdicts};
use crate::inventory::Inventory;
use crate::render::escape;
use serde::Serialize;

/// What every command prints as JSON.
#[derive(Debug, Serialize)]
pub struct Document<T> {
    /// `layerwise/<command>/1`.
    pub schema: String,
    /// The data-root that was read; nothing where archives were.
    pub data_root: Option<String>,
    /// The archives that were read instead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub archives: Vec<String>,
    /// The command's own part.
    #[serde(flatten)]
    pub body: T,
    /// What could not be read or understood.
    pub unreadable: Vec<Unreadable>,
}

/// The own part of a list.
#[derive(Debug, Serialize)]
pub struct Items<T> {
    /// What is listed.
    pub items: Vec<T>,
}

/// Something that could not be read or understood.
#[derive(Debug, Serialize)]
pub struct Unreadable {
    /// Where it is.
    pub path: String,
    /// What was tried: `open`, `list`, `read`, `parse` or `stat`.
    pub operation: String,
    /// Why it failed.
    pub error: String,
}

impl From<&crate::unreadable::Unreadable> for Unreadable {
    fn from(unreadable: &crate::unreadable::Unreadable) -> Self {
        Self { path: escape::path(&unreadable.path), operation: unreadable.operation.to_string(), error: unreadable.error.clone() }
    }
}

impl<T> Document<T> {
    /// The document of `command`.
    #[must_use]
    pub fn new(command: &str, inventory: &Inventory, body: T) -> Self {
        Self {
            schema: format!("layerwise/{command}/1"),
            data_root: inventory.archives.is_empty().then(|| escape::path(&inventory.root)),
            archives: inventory.archives.iter().map(|path| escape::path(path)).collect(),
            body,
            unreadable: inventory.unreadable.iter().map(Unreadable::from).collect(),
        }
    }

    /// The same with what could not be measured.
    #[must_use]
    pub fn with(mut self, unmeasured: &[crate::unreadable::Unreadable]) -> Self {
        self.unreadable.extend(unmeasured.iter().map(Unreadable::from));
        self
    }
}

/// A verdict in words: `in-use`, `garbage` or `unknown`, and for the latter two the reason.
fn verdict_words(verdicts: &Verdicts, verdict: Verdict) -> (&'static str, Option<String>) {
    match verdict {
        Verdict::InUse => ("in-use", None),
        Verdict::Garbage(garbage) => ("garbage", Some(garbage.code().to_owned())),
        Verdict::Unknown(doubt) => ("unknown", Some(verdicts.doubt(doubt).to_owned())),
    }
}
