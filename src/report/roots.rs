//! `roots`: every data-root of the machine and what lies in it.

use crate::data_root::kind::Activity;
use crate::data_root::roots::{Candidate, Roots};
use crate::render::escape;
use crate::store::live::LockState;
use serde::Serialize;

/// A data-root, or what is named as one.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    /// Where it is.
    pub path: String,
    /// Why it is listed.
    pub reasons: Vec<String>,
    /// What it is, in a sentence.
    pub description: String,
    /// The stores in it.
    pub stores: Vec<Store>,
    /// The running dockerds that use it.
    pub daemons: Vec<u32>,
    /// Whether a dockerd holds its lock: `free`, `held`, `missing` or `unknown`.
    pub lock: &'static str,
    /// Why it could not be opened.
    pub error: Option<String>,
}

/// A store in a data-root.
#[derive(Debug, Clone, Serialize)]
pub struct Store {
    /// The storage driver or snapshotter.
    pub driver: String,
    /// `active`, `left-over` or `undecided`.
    pub activity: &'static str,
}

/// Lists the data-roots.
#[must_use]
pub fn list(roots: &Roots) -> Vec<Item> {
    let mut items: Vec<Item> = roots.candidates.iter().map(item).collect();
    items.extend(roots.elsewhere.iter().map(|(pid, path)| Item {
        path: escape::path(path),
        reasons: vec![format!("daemon pid {pid}")],
        description: "a data-root in another mount namespace, to which no path leads from here".to_owned(),
        stores: Vec::new(),
        daemons: vec![*pid],
        lock: "unknown",
        error: None,
    }));
    items
}

fn item(candidate: &Candidate) -> Item {
    let kind = candidate.opened.as_ref().ok().map(|root| &root.kind);
    let stores = kind.into_iter().flat_map(|kind| &kind.stores).map(|store| Store {
        driver: store.driver.to_owned(),
        activity: match store.activity {
            Activity::Active => "active",
            Activity::LeftOver => "left-over",
            Activity::Undecided => "undecided",
        },
    });
    Item {
        path: escape::path(&candidate.path),
        reasons: candidate.reasons.iter().map(ToString::to_string).collect(),
        description: kind.map(crate::data_root::kind::Kind::describe).unwrap_or_default(),
        stores: stores.collect(),
        daemons: candidate.daemons.clone(),
        lock: match candidate.lock {
            LockState::Free => "free",
            LockState::Held { .. } => "held",
            LockState::Missing => "missing",
            LockState::Unknown => "unknown",
        },
        error: candidate.opened.as_ref().err().map(ToString::to_string),
    }
}
