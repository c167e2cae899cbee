//! The short names of layer directories: `link` in the directory says one, and the symbolic link of that name in `l/` leads back.
//!
//! ```text
//! X/link: K        l/K ─► ../Z/diff        one of them is wrong
//! U/lower: l/K:l/B:l/A                     dockerd wrote behind a link just what the `lower` of its directory says:
//! X/lower: l/B:l/A      Z/lower: l/A       so K is X, and the link is wrong
//! ```
//!
//! What is mounted goes by `l/` alone, so a link that leads to a directory is only ever led elsewhere where every `lower` that names it fits
//! the other directory and none fits this one. What a `link` file says matters for what is put on its directory later.

use super::{Checker, Code, Finding, Mend, Severity};
use crate::graph::{NodeId, Thing, Via};
use crate::id::{DirId, LinkId};
use crate::store::Told;
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
    /// What those say behind each link, each text once.
    behind: BTreeMap<LinkId, BTreeSet<Vec<LinkId>>>,
    /// Those that are named by anything, and by what.
    missing: BTreeMap<LinkId, Vec<NodeId>>,
}

impl Named {
    fn find(checker: &Checker<'_>) -> Self {
        let dirs = checker.inventory.overlay2.dirs.values().filter(|dir| checker.is_in_use(&Thing::Dir(dir.id)));
        let lowers: Vec<&Vec<LinkId>> = dirs.filter_map(|dir| dir.lower.value()).collect();
        let in_use = lowers.iter().copied().flatten().copied().collect();
        let doubtful = doubtful(checker);
        let mut behind: BTreeMap<LinkId, BTreeSet<Vec<LinkId>>> = BTreeMap::new();
        for lower in lowers {
            for (place, link) in lower.iter().enumerate().filter(|(_, link)| doubtful.contains(link)) {
                behind.entry(*link).or_default().insert(lower.get(place + 1..).unwrap_or_default().to_vec());
            }
        }
        let mut missing: BTreeMap<LinkId, Vec<NodeId>> = BTreeMap::new();
        for named in checker.audit.graph.missing() {
            if let (Thing::Link(link), Via::LowerEntry(_)) = (&named.to, named.via) {
                missing.entry(*link).or_default().push(named.from);
            }
        }
        Self { in_use, behind, missing }
    }

    fn fit(&self, checker: &Checker<'_>, link: LinkId, dir: DirId) -> Fit {
        let own = match checker.inventory.overlay2.dirs.get(&dir).map(|dir| &dir.lower) {
            Some(Told::Is(lower)) => lower.as_slice(),
            Some(Told::Absent) => &[],
            Some(Told::Lost) | None => return Fit::Unknown,
        };
        match self.behind.get(&link) {
            None => Fit::Unknown,
            Some(texts) if texts.iter().all(|text| text == own) => Fit::Yes,
            Some(_) => Fit::No,
        }
    }
}

/// The links of which not all that is said agrees.
fn doubtful(checker: &Checker<'_>) -> BTreeSet<LinkId> {
    let overlay2 = &checker.inventory.overlay2;
    let disagreeing = overlay2.dirs.values().filter(|dir| dir.link.is_some_and(|link| overlay2.links.get(&link) != Some(&Some(dir.id))));
    let said = disagreeing.clone().filter_map(|dir| dir.link);
    let leading = disagreeing.filter_map(|dir| checker.leading.get(&dir.id)).flatten().copied();
    said.chain(leading).collect()
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
    let leads_elsewhere = target.flatten().filter(|target| checker.inventory.overlay2.dirs.contains_key(target));
    let verdict = leads_elsewhere.map(|elsewhere| match compare(named.fit(checker, link, elsewhere), named.fit(checker, link, id)) {
        Wrong::Unknown if is_abandoned(checker, id, elsewhere) && named.fit(checker, link, id) != Fit::No => Wrong::Link,
        wrong => wrong,
    });
    // If another link leads here, and it is that one which others name, it is not the link that is wrong, but the file.
    let is_named_otherwise = |other: &LinkId| !named.in_use.contains(&link) && (named.in_use.contains(other) || target.is_none());
    let is_right_elsewhere = verdict == Some(Wrong::File);
    let fits_here = |other: &LinkId| named.fit(checker, *other, id) != Fit::No;
    if let Some(other) =
        other.filter(|other| is_right_elsewhere && fits_here(other) || verdict != Some(Wrong::Link) && is_named_otherwise(other))
    {
        return wrong_link_file(checker, id, link, other);
    }
    let found = match target {
        None => None,
        Some(None) => checker.details.stray_links.get(&link).map(|text| format!("{text:?}")).or(Some("nowhere".to_owned())),
        Some(Some(other)) => Some(format!("directory {other}")),
    };
    let thing = Thing::Link(link);
    let is_only_claim = checker.claims.get(&link).is_some_and(|dirs| dirs.len() == 1);
    let is_proven = match verdict {
        // Nothing is seen through it now, and what is seen then has to fit.
        None => named.fit(checker, link, id) != Fit::No,
        Some(wrong) => wrong == Wrong::Link,
    };
    let mend = (is_only_claim && is_proven).then_some(Mend::Link(link, id));
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

/// Whether nothing leads to a directory, while the one that its link leads to has a link of its own: one link led elsewhere explains that, and
/// nothing else does that is as little.
fn is_abandoned(checker: &Checker<'_>, id: DirId, elsewhere: DirId) -> bool {
    let overlay2 = &checker.inventory.overlay2;
    let own = overlay2.dirs.get(&elsewhere).and_then(|dir| dir.link);
    let leads_back = own.is_some_and(|own| overlay2.links.get(&own) == Some(&Some(elsewhere)));
    checker.leading.get(&id).is_none_or(Vec::is_empty) && leads_back && own != overlay2.dirs.get(&id).and_then(|dir| dir.link)
}

/// Whether a link may stand for a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// Every `lower` that names it says behind it just what the directory's own says.
    Yes,
    /// One says something else.
    No,
    /// None names it, or the directory's own is not known.
    Unknown,
}

/// What of a link and a file is wrong that disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Link,
    File,
    Unknown,
}

/// Which is wrong, if a link fits so well where it leads, and so well where a file says that it leads.
const fn compare(elsewhere: Fit, here: Fit) -> Wrong {
    match (elsewhere, here) {
        (Fit::No, Fit::Yes) => Wrong::Link,
        (Fit::Yes, Fit::No) => Wrong::File,
        _ => Wrong::Unknown,
    }
}

fn wrong_link_file(checker: &mut Checker<'_>, id: DirId, link: LinkId, right: LinkId) {
    let thing = Thing::Dir(id);
    let affects = checker.affected.by_mount_of(id);
    let message = format!("it says {link}, and {right} leads to it");
    let finding = Finding::new(Code::MismatchedLinkFile, thing.clone(), message).at("link").affecting(affects);
    let severity = if is_built_upon(checker, id) { Severity::Error } else { Severity::Warning };
    checker.push_about(&thing, finding.severity(severity).mend(Some(Mend::LinkFile(id, right))));
}
