//! `check`: what could not be read, what is missing, and what is garbage.

use super::target;
use super::why::name_of;
use crate::audit::Audit;
use crate::dir::Kind;
use crate::graph::verdict::{Garbage, Verdict};
use crate::graph::{Thing, Via};
use crate::id::DirId;
use crate::render::escape;
use crate::store::leftovers::Leftover;
use crate::store::place::Place;
use crate::unreadable::Pins;
use crate::usage::class::Classifier;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Something in use is or will be broken.
    Error,
    /// Something that could hide more.
    Warning,
    /// It belongs to nothing.
    Garbage,
    /// Good to know.
    Notice,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Its stable name.
    pub code: &'static str,
    /// The word for what it is about.
    pub kind: String,
    /// The ID of what it is about.
    pub id: String,
    /// Where that lies below the data-root.
    pub path: String,
    /// What is the matter, in a sentence.
    pub message: String,
    /// What cannot be proven dead because of it.
    pub pins: Option<&'static str>,
}

/// The own part of `check`.
#[derive(Debug, Serialize)]
pub struct Check {
    /// What was found, worst first.
    pub findings: Vec<Finding>,
}

/// Lists everything that is not as it should be, what no record knows among it.
#[must_use]
pub fn find(audit: &Audit, leftovers: &[Leftover]) -> Check {
    let of_records = unreadable(audit).chain(missing(audit)).chain(broken(audit)).chain(garbage(audit));
    let mut findings: Vec<Finding> = of_records.chain(of_no_record(audit, leftovers)).collect();
    findings.sort_by(|one, other| (one.severity, one.code, &one.path).cmp(&(other.severity, other.code, &other.path)));
    Check { findings }
}

fn unreadable(audit: &Audit) -> impl Iterator<Item = Finding> {
    audit.inventory.unreadable.iter().map(|unreadable| {
        let path = unreadable.path.strip_prefix(&audit.inventory.root).unwrap_or(&unreadable.path);
        Finding {
            severity: if matches!(unreadable.pins, Pins::Nothing | Pins::Own) { Severity::Notice } else { Severity::Warning },
            code: "unreadable",
            kind: "path".to_owned(),
            id: escape::path(path),
            path: escape::path(path),
            message: format!("cannot {}: {}", unreadable.operation, unreadable.error),
            pins: match unreadable.pins {
                Pins::Nothing => None,
                Pins::Own => Some("what it lies on, while it is in use"),
                Pins::Images => Some("names of images"),
                Pins::Layers => Some("layers"),
                Pins::Directories => Some("layer directories"),
                Pins::ImageMounts => Some("image mounts"),
                Pins::Mounts => Some("read-write layers"),
                Pins::Everything => Some("everything"),
            },
        }
    })
}

/// Names of things that are not there, where something in use names them.
fn missing(audit: &Audit) -> impl Iterator<Item = Finding> {
    let graph = &audit.graph;
    graph.missing().iter().filter_map(move |missing| {
        let from = graph.thing(missing.from)?;
        let code = match missing.via {
            Via::RootFs(_) | Via::MountParent | Via::ParentLayer => "missing-layer",
            Via::CacheId | Via::MountId | Via::InitId => "missing-directory",
            Via::LowerEntry(_) | Via::OwnLink => "missing-link",
            Via::RwLayer | Via::ImageMount => "missing-mount",
            Via::ReferenceTo | Via::ParentImage => "missing-image",
            _ => return None,
        };
        let in_use = audit.verdicts.of(missing.from) == Verdict::InUse;
        Some(Finding {
            severity: if in_use { Severity::Error } else { Severity::Notice },
            code,
            kind: from.kind().to_owned(),
            id: from.to_string(),
            path: target::Target::Thing(from.clone()).owner().map(|owner| escape::path(&owner.path())).unwrap_or_default(),
            message: format!(
                "{} {} names {} {} ({}), which is not there",
                from.kind(),
                name_of(audit, from),
                missing.to.kind(),
                missing.to,
                missing.via
            ),
            pins: None,
        })
    })
}

/// Directories in use that cannot be mounted as they are.
fn broken(audit: &Audit) -> impl Iterator<Item = Finding> {
    let finding = |code, id: DirId, message: &str| Finding {
        severity: Severity::Error,
        code,
        kind: "directory".to_owned(),
        id: id.to_string(),
        path: format!("overlay2/{id}"),
        message: message.to_owned(),
        pins: None,
    };
    let dirs = &audit.inventory.overlay2.dirs;
    let in_use = |id: &DirId| audit.graph.node(&Thing::Dir(*id)).is_some_and(|node| audit.verdicts.of(node) == Verdict::InUse);
    let hollow =
        dirs.values().filter(|dir| !dir.diff).map(move |dir| finding("missing-diff", dir.id, "diff is no directory, or not there"));
    let cyclic = cyclic(audit).into_iter().map(move |id| finding("cyclic-lower", id, "its lower leads back to itself"));
    hollow.chain(cyclic).filter(move |finding| finding.id.parse().is_ok_and(|id| in_use(&id)))
}

/// The directories that lie on themselves, if each lies on the nearest that its `lower` names.
fn cyclic(audit: &Audit) -> BTreeSet<DirId> {
    let overlay2 = &audit.inventory.overlay2;
    let below = |id: &DirId| overlay2.links.get(overlay2.dirs.get(id)?.lower.value()?.first()?).copied().flatten();
    let mut done = BTreeSet::new();
    let mut cyclic = BTreeSet::new();
    for &start in overlay2.dirs.keys() {
        let mut path = Vec::new();
        let mut at = Some(start);
        while let Some(id) = at.filter(|&id| done.insert(id)) {
            path.push(id);
            at = below(&id);
        }
        // Where this path meets itself, and not one that was gone before, it closes.
        let closes = at.and_then(|id| path.iter().position(|&there| there == id));
        cyclic.extend(closes.and_then(|place| path.get(place..)).into_iter().flatten());
    }
    cyclic
}

fn garbage(audit: &Audit) -> impl Iterator<Item = Finding> {
    let finding = |garbage: Garbage, thing: &Thing| {
        let path = target::Target::Thing(thing.clone()).owner().map(|owner| escape::path(&owner.path()));
        Finding {
            severity: Severity::Garbage,
            code: garbage.code(),
            kind: thing.kind().to_owned(),
            id: thing.to_string(),
            path: path.unwrap_or_default(),
            message: garbage.describe().to_owned(),
            pins: None,
        }
    };
    audit.graph.things().filter_map(move |(node, thing)| match audit.verdicts.of(node) {
        Verdict::Garbage(kind) => Some(finding(kind, thing)),
        Verdict::InUse | Verdict::Unknown(_) => None,
    })
}

/// What no record knows, if it is proven to belong to nothing.
fn of_no_record(audit: &Audit, leftovers: &[Leftover]) -> impl Iterator<Item = Finding> {
    let classifier = Classifier::new(&audit.inventory, &audit.graph, &audit.verdicts);
    leftovers.iter().filter_map(move |leftover| {
        let place = Place::of_path(Path::new(&leftover.path), leftover.kind == Kind::Directory);
        let garbage = classifier.classify(place.owner()).garbage?;
        Some(Finding {
            severity: Severity::Garbage,
            code: garbage.code(),
            kind: target::Target::Owner(place.owner().clone()).kind().to_owned(),
            id: escape::path(Path::new(&leftover.path)),
            path: escape::path(Path::new(&leftover.path)),
            message: garbage.describe().to_owned(),
            pins: None,
        })
    })
}
