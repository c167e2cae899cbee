//! The short names of layer directories: `link` in the directory says one, and the symbolic link of that name in `l/` leads back.

use super::{Checker, Code, Finding, Mend, Severity};
use crate::graph::{NodeId, Thing, Via};
use crate::id::{DirId, LinkId};
use crate::store::overlay2::LayerDir;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(checker: &mut Checker<'_>) {
    let named = Named::find(checker);
    for dir in checker.inventory.overlay2.dirs.values() {
        if !checker.cares_for(dir.id) {
            continue;
        }
        match dir.link {
            None => without_link_file(checker, dir),
            Some(link) => lead_back(checker, dir.id, link, &named),
        }
    }
}

/// The links that `lower` files name.
struct Named {
    /// Those that are named by something in use.
    in_use: BTreeSet<LinkId>,
    /// Those that are named by anything, and by what.
    missing: BTreeMap<LinkId, Vec<NodeId>>,
}

impl Named {
    fn find(checker: &Checker<'_>) -> Self {
        let dirs = checker.inventory.overlay2.dirs.values().filter(|dir| checker.is_in_use(&Thing::Dir(dir.id)));
        let in_use = dirs.filter_map(|dir| dir.lower.value()).flatten().copied().collect();
        let mut missing: BTreeMap<LinkId, Vec<NodeId>> = BTreeMap::new();
        for named in checker.audit.graph.missing() {
            if let (Thing::Link(link), Via::LowerEntry(_)) = (&named.to, named.via) {
                missing.entry(*link).or_default().push(named.from);
            }
        }
        Self { in_use, missing }
    }
}

fn without_link_file(checker: &mut Checker<'_>, dir: &LayerDir) {
    let id = dir.id;
    let thing = Thing::Dir(id);
    let is_there = checker.details.directories.get(&id).is_some_and(|files| files.link);
    let path = Finding::new(Code::MissingLinkFile, thing.clone(), "").at("link").path;
    let message = if is_there { checker.why(&path) } else { "it is missing" };
    let mend = match checker.leading.get(&id).map(Vec::as_slice) {
        Some([only]) => Some(Mend::LinkFile(id, *only)),
        _ => None,
    };
    let affects = checker.affected.by_mount_of(id);
    let finding = Finding::new(Code::MissingLinkFile, thing.clone(), message).at("link").affecting(affects).mend(mend);
    let severity = if is_built_upon(checker, id) { Severity::Error } else { Severity::Warning };
    checker.push_about(&thing, finding.severity(severity));
}

/// Whether anything new may be put on a directory: on a layer or a snapshot, but not on what a container writes to.
fn is_built_upon(checker: &Checker<'_>, id: DirId) -> bool {
    let graph = &checker.audit.graph;
    let keepers = graph.node(&Thing::Dir(id)).map(|node| graph.keepers_of(node)).unwrap_or_default();
    keepers.iter().any(|edge| !matches!(edge.via, Via::MountId | Via::LinkTarget | Via::MountedIn(_) | Via::LowerEntry(_)))
}

/// Compares what a directory calls itself with where that leads.
fn lead_back(checker: &mut Checker<'_>, id: DirId, link: LinkId, named: &Named) {
    let target = checker.inventory.overlay2.links.get(&link).copied();
    if target == Some(Some(id)) {
        return;
    }
    let other = match checker.leading.get(&id).map(Vec::as_slice) {
        Some([only]) => Some(*only),
        _ => None,
    };
    // If another link leads here, and it is that one which others name, it is not the link that is wrong, but the file.
    if let Some(other) = other.filter(|other| !named.in_use.contains(&link) && (named.in_use.contains(other) || target.is_none())) {
        return wrong_link_file(checker, id, link, other);
    }
    let found = match target {
        None => None,
        Some(None) => checker.details.stray_links.get(&link).map(|text| format!("{text:?}")).or(Some("nowhere".to_owned())),
        Some(Some(other)) => Some(format!("directory {other}")),
    };
    let thing = Thing::Link(link);
    let is_only_claim = checker.claims.get(&link).is_some_and(|dirs| dirs.len() == 1);
    let mend = is_only_claim.then_some(Mend::Link(link, id));
    let (code, message) = match found {
        None => (Code::MissingLink, format!("directory {id} calls itself so")),
        Some(found) => (Code::MismatchedLink, format!("it leads to {found}, and directory {id} calls itself so")),
    };
    let own = checker.audit.graph.node(&Thing::Dir(id));
    let above = named.missing.get(&link).into_iter().flatten().copied().chain(checker.audit.graph.node(&thing));
    let affects = checker.affected_by(own.into_iter().chain(above));
    let is_needed = named.in_use.contains(&link) || is_built_upon(checker, id);
    let finding = Finding::new(code, thing.clone(), message).affecting(affects).mend(mend);
    let finding = finding.severity(if is_needed { Severity::Error } else { Severity::Warning });
    checker.push_about(&Thing::Dir(id), finding);
}

fn wrong_link_file(checker: &mut Checker<'_>, id: DirId, link: LinkId, right: LinkId) {
    let thing = Thing::Dir(id);
    let affects = checker.affected.by_mount_of(id);
    let message = format!("it says {link}, and {right} leads to it");
    let finding = Finding::new(Code::MismatchedLinkFile, thing.clone(), message).at("link").affecting(affects);
    let severity = if is_built_upon(checker, id) { Severity::Error } else { Severity::Warning };
    checker.push_about(&thing, finding.severity(severity).mend(Some(Mend::LinkFile(id, right))));
}
