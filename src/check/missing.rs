//! Layers and layer directories that are named and not there.

use super::{Checker, Code, Finding, Severity, hint};
use crate::graph::{Missing, NodeId, Thing, Via};
use crate::id::{ChainId, DirId};
use crate::store::buildkit::{Snapshot, SnapshotKey};
use std::collections::{BTreeMap, HashSet};

pub(super) fn check(checker: &mut Checker<'_>) {
    layers(checker);
    directories(checker);
}

/// Finds layers without a record, each once, whoever names it.
fn layers(checker: &mut Checker<'_>) {
    let recorded = recorded(checker);
    let mut missing: BTreeMap<ChainId, Vec<&Missing>> = BTreeMap::new();
    for named in checker.audit.graph.missing() {
        if let Thing::Layer(chain) = named.to
            && counts(checker, named, &recorded)
            && !is_elsewhere(checker, named)
        {
            missing.entry(chain).or_default().push(named);
        }
    }
    for (chain, named) in missing {
        let affects = checker.affected_by(named.iter().map(|missing| missing.from));
        let hint = hint::pull_again(&affects, checker.inventory, hint::Listed::No);
        let finding = Finding::new(Code::MissingLayer, Thing::Layer(chain), message(checker, &named)).affecting(affects);
        push(checker, &named, Finding { hint, ..finding });
    }
}

/// The snapshots that BuildKit's records know.
fn recorded(checker: &Checker<'_>) -> HashSet<SnapshotKey> {
    let records = checker.inventory.buildkit.iter().flat_map(|buildkit| &buildkit.records);
    let kept = records.filter(|(_, record)| !record.deleted);
    kept.map(|(id, record)| record.snapshot.clone().unwrap_or_else(|| SnapshotKey::parse(id.as_bytes()))).collect()
}

/// Whether a missing layer is missed: what is left of builds that were pruned names layers that went with them.
fn counts(checker: &Checker<'_>, missing: &Missing, recorded: &HashSet<SnapshotKey>) -> bool {
    let snapshot = match checker.audit.graph.thing(missing.from) {
        Some(Thing::Snapshot(key)) => checker.inventory.buildkit.as_ref().and_then(|buildkit| Some((key, buildkit.snapshots.get(key)?))),
        _ => return true,
    };
    snapshot.is_some_and(|(key, snapshot)| snapshot.committed.is_some() && recorded.contains(key))
}

/// Whether a build names a layer that another storage driver has: builds of all drivers are in the same databases.
fn is_elsewhere(checker: &Checker<'_>, missing: &Missing) -> bool {
    let layers = &checker.details.elsewhere.layers;
    let by_a_build = matches!(checker.audit.graph.thing(missing.from), Some(Thing::Snapshot(_)));
    by_a_build && matches!(&missing.to, Thing::Layer(chain) if layers.contains(chain))
}

/// Finds layer directories that records, mounts and build snapshots name, each once.
fn directories(checker: &mut Checker<'_>) {
    let mut missing: BTreeMap<DirId, Vec<Missing>> = BTreeMap::new();
    for named in checker.audit.graph.missing() {
        if let (Thing::Dir(dir), Via::CacheId | Via::MountId | Via::InitId) = (&named.to, named.via)
            && !checker.going.contains(dir)
            && !is_by_a_wrong_name(checker, named)
        {
            missing.entry(*dir).or_default().push(named.clone());
        }
    }
    for (dir, from) in of_snapshots(checker) {
        missing.entry(dir).or_default().push(Missing { from, to: Thing::Dir(dir), via: Via::SnapshotDir });
    }
    // What stands there and cannot be entered, dockerd may well follow.
    missing.retain(|dir, _| Thing::Dir(*dir).owner().is_none_or(|owner| !checker.unread.contains_key(owner.path().as_path())));
    for (dir, named) in missing {
        let named: Vec<&Missing> = named.iter().collect();
        // What lies on it names its link, which may still be there.
        let links = checker.leading.get(&dir).into_iter().flatten();
        let above = links.filter_map(|&link| checker.audit.graph.node(&Thing::Link(link)));
        let affects = checker.affected_by(named.iter().map(|missing| missing.from).chain(above));
        let hint = hint::pull_again(&affects, checker.inventory, hint::Listed::Yes);
        let finding = Finding::new(Code::MissingDirectory, Thing::Dir(dir), message(checker, &named)).affecting(affects);
        push(checker, &named, Finding { hint, ..finding });
    }
}

/// Whether it is named by a record whose directories do not belong together: that is the finding.
fn is_by_a_wrong_name(checker: &Checker<'_>, missing: &Missing) -> bool {
    let mount = match checker.audit.graph.thing(missing.from) {
        Some(Thing::Mount(name)) => checker.inventory.mounts.get(name),
        _ => None,
    };
    mount.is_some_and(|mount| !mount.belongs_together())
}

/// The directories of build snapshots that no storage driver has, with the snapshots.
fn of_snapshots(checker: &Checker<'_>) -> Vec<(DirId, NodeId)> {
    let snapshots = checker.inventory.buildkit.iter().flat_map(|buildkit| &buildkit.snapshots);
    let named = snapshots.filter_map(|(key, snapshot)| Some((own_dir(key, snapshot)?, key)));
    let elsewhere = &checker.details.elsewhere.directories;
    let gone = named.filter(|(dir, _)| !checker.inventory.overlay2.dirs.contains_key(dir) && !elsewhere.contains(dir));
    gone.filter_map(|(dir, key)| Some((dir, checker.audit.graph.node(&Thing::Snapshot(key.clone()))?))).collect()
}

/// The directory that must be there for a snapshot: other keys are only names of leases and layers.
fn own_dir(key: &SnapshotKey, snapshot: &Snapshot) -> Option<DirId> {
    snapshot.committed.or_else(|| if snapshot.has_parent { key.dir() } else { None })
}

fn message(checker: &Checker<'_>, named: &[&Missing]) -> String {
    let describe = |missing: &&Missing| {
        let from = checker.audit.graph.thing(missing.from)?;
        Some(format!("{} {} ({})", from.kind(), crate::report::why::name_of(checker.audit, from), missing.via))
    };
    let first = named.first().and_then(describe).unwrap_or_default();
    match named.len() {
        0 | 1 => format!("{first} names it"),
        more => format!("{first} and {} more name it", more - 1),
    }
}

/// Keeps a finding about something that is not there: as bad as the best use of those who name it.
fn push(checker: &mut Checker<'_>, named: &[&Missing], finding: Finding) {
    let from = || named.iter().filter_map(|missing| checker.audit.graph.thing(missing.from));
    let only_builds = finding.affects.iter().all(|thing| matches!(thing, Thing::Record(_)));
    let severity = if !from().any(|thing| checker.matters(thing)) {
        return;
    } else if from().any(|thing| checker.is_in_use(thing)) && !only_builds {
        Severity::Error
    } else {
        Severity::Warning
    };
    let Some(changed) = from().next().cloned() else { return };
    checker.push(&changed, finding.severity(severity));
}
