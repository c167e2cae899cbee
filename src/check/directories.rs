//! What lies in a layer directory, and what does not.

use super::{Checker, Code, Finding, Mend, hint};
use crate::graph::{Thing, Via};
use crate::id::DirId;
use crate::store::Told;
use crate::store::containers::Status;
use crate::store::detail::DirectoryFiles;
use crate::store::overlay2::LayerDir;
use std::collections::BTreeSet;

pub(super) fn check(checker: &mut Checker<'_>) {
    let roles = Roles::find(checker);
    for dir in checker.inventory.overlay2.dirs.values() {
        if !checker.cares_for(dir.id) {
            continue;
        }
        let files = checker.details.directories.get(&dir.id).copied();
        if !dir.diff {
            without_diff(checker, dir.id);
        }
        if let Some(files) = files {
            without_work(checker, dir, files);
            committed(checker, dir.id, files, &roles);
            left_behind(checker, dir.id, files, &roles);
        }
    }
}

/// What directories are for, as far as it matters here.
struct Roles {
    /// Those that containers write to.
    read_write: BTreeSet<DirId>,
    /// Those of containers that run, as far as the disk tells.
    running: BTreeSet<DirId>,
    /// Those that others lie directly on.
    below_others: BTreeSet<DirId>,
    /// Those that are mounted now.
    mounted: BTreeSet<DirId>,
}

impl Roles {
    fn find(checker: &Checker<'_>) -> Self {
        let inventory = checker.inventory;
        let read_write = inventory.mounts.values().filter_map(|mount| mount.mount_id.value().copied()).collect();
        let runs = |status| matches!(status, Status::Running | Status::Paused | Status::Restarting);
        let running = inventory.containers.values().filter(|container| container.config.as_ref().is_some_and(|config| runs(config.status)));
        let names = running.flat_map(|container| {
            let images = container.config.iter().flat_map(|config| config.image_mounts.iter().cloned());
            std::iter::once(container.id.into()).chain(images)
        });
        let running = names.filter_map(|name| inventory.mounts.get(&name)).flat_map(crate::store::mounts::Mount::dirs).collect();
        let believed = |dir: &&LayerDir| checker.is_in_use(&Thing::Dir(dir.id)) && !checker.wrong_lower.contains(&dir.id);
        let dirs = inventory.overlay2.dirs.values().filter(believed);
        let first = dirs.filter_map(|dir| dir.lower.value()?.first().copied());
        // A link that leads to a directory which calls itself otherwise may be meant for another.
        let calls_itself = |dir: DirId, link| inventory.overlay2.dirs.get(&dir).is_some_and(|dir| dir.link == Some(link));
        let led_to = |link| inventory.overlay2.links.get(&link).copied().flatten().filter(|&dir| calls_itself(dir, link));
        let below_others = first.filter_map(led_to).collect();
        let mounted = inventory.live_mounts.iter().flat_map(|mount| mount.directories.iter().copied()).collect();
        Self { read_write, running, below_others, mounted }
    }
}

fn without_diff(checker: &mut Checker<'_>, id: DirId) {
    let thing = Thing::Dir(id);
    let affects = checker.affected.by_thing(&thing);
    let again = hint::pull_again(&affects, checker.inventory, hint::Listed::Yes);
    let finding = Finding::new(Code::MissingDiff, thing.clone(), "it is no directory, or not there").at("diff").affecting(affects);
    checker.push_about(&thing, Finding { hint: again, ..finding });
}

/// A directory that is not committed is mounted to be written to, if only to save its layer, and then the kernel needs `work/`.
fn without_work(checker: &mut Checker<'_>, dir: &LayerDir, files: DirectoryFiles) {
    let is_base = matches!(dir.lower, Told::Absent);
    if !is_base && !files.work && !files.committed {
        let thing = Thing::Dir(dir.id);
        let affects = checker.affected.by_mount_of(dir.id);
        let finding = Finding::new(Code::MissingWork, thing.clone(), "it is no directory, or not there").at("work").affecting(affects);
        checker.push_about(&thing, finding.mend(Some(Mend::Work(dir.id))));
    }
}

fn committed(checker: &mut Checker<'_>, id: DirId, files: DirectoryFiles, roles: &Roles) {
    let thing = Thing::Dir(id);
    let has_others = roles.below_others.contains(&id);
    if has_others && !files.committed {
        let finding = Finding::new(Code::MissingCommitted, thing.clone(), "others lie on it, and it is not marked as committed");
        checker.push_about(&thing, finding.at("committed").mend(Some(Mend::Committed(id))));
    } else if files.committed && !has_others && roles.read_write.contains(&id) && is_of_a_container(checker, id) {
        let affects = checker.affected.by_mount_of(id);
        let finding = Finding::new(Code::UnexpectedCommitted, thing.clone(), "it is marked as committed, and nothing lies on it");
        checker.push_about(&thing, finding.at("committed").affecting(affects).mend(Some(Mend::NotCommitted(id))));
    }
}

/// Whether a directory is what a container writes to; what is only mounted into one need not be written to.
fn is_of_a_container(checker: &Checker<'_>, id: DirId) -> bool {
    let graph = &checker.audit.graph;
    let keepers = |node| graph.keepers_of(node).iter();
    let mounts = graph.node(&Thing::Dir(id)).into_iter().flat_map(keepers).filter(|edge| edge.via == Via::MountId).map(|edge| edge.from);
    mounts.flat_map(keepers).any(|edge| edge.via == Via::RwLayer)
}

/// What mounts leave behind that were not unmounted.
fn left_behind(checker: &mut Checker<'_>, id: DirId, files: DirectoryFiles, roles: &Roles) {
    let thing = Thing::Dir(id);
    if roles.mounted.contains(&id) {
        return;
    }
    if files.volatile && !files.committed {
        let affects = checker.affected.by_mount_of(id);
        let path = checker.inventory.root.join(format!("overlay2/{id}/work/work/incompat/volatile"));
        let message = "it is there: what was written last may never have reached the disk";
        let hint = format!("if the container's files are whole, with dockerd stopped: rmdir {}", path.display());
        let finding = Finding::new(Code::VolatileLeftover, thing.clone(), message).at("work/work/incompat/volatile").affecting(affects);
        checker.push_about(&thing, finding.hint(hint));
    }
    // dockerd removes it when it next starts, or stops, the container.
    if files.merged && !roles.running.contains(&id) {
        let finding = Finding::new(Code::LeftoverMerged, thing.clone(), "it is there, and nothing that can be seen is mounted on it");
        checker.push_about(&thing, finding.at("merged"));
    }
}
