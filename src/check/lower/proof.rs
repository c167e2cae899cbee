//! Whether it is proven what a `lower` said: records name directories, and any of them may name a wrong one.

use super::{Stacks, own_link, resolve};
use crate::check::Checker;
use crate::id::{DirId, LinkId};
use crate::store::Told;
use crate::store::overlay2::LayerDir;
use std::collections::BTreeSet;

/// The links that a `lower` has to name, if it is proven that its directory lies on `dirs`: every one of these says its own name, and lies on
/// those after it, and nothing disputes one. Where what `lower` says makes sense by itself, however many it names, it may as well be a record that
/// names a wrong directory.
pub(super) fn of(checker: &Checker<'_>, stacks: &Stacks, dir: &LayerDir, dirs: &[DirId]) -> Option<Vec<LinkId>> {
    let is_disputed = dirs.iter().chain([&dir.id]).any(|dir| stacks.disputed.contains(dir));
    let makes_sense = said(checker, dir).is_some_and(|said| lie_on_each_other(checker, &said));
    // dockerd gives every directory that lies on another a `work`, and none to the lowest: without both, it is a lowest one.
    let has_work = checker.details.directories.get(&dir.id).is_some_and(|files| files.work);
    let is_lowest = matches!(dir.lower, Told::Absent) && !has_work;
    if is_disputed || makes_sense || is_lowest || !lie_on_each_other(checker, dirs) {
        return None;
    }
    dirs.iter().map(|&dir| own_link(checker, dir)).collect()
}

/// The directories in the place of which a `lower` names another one, and makes sense: either it or the record is wrong. Where it names another
/// number of them, any may be the wrong one, and so may the record of the directory itself.
pub(super) fn disputed(checker: &Checker<'_>, stacks: &Stacks) -> BTreeSet<DirId> {
    let mut disputed = BTreeSet::new();
    for dir in checker.inventory.overlay2.dirs.values().filter(|dir| checker.cares_for(dir.id)) {
        let (Some(expected), Some(said)) = (stacks.below.get(&dir.id), said(checker, dir)) else { continue };
        if said.len() != expected.len() && lie_on_each_other(checker, &said) {
            disputed.extend(expected.iter().copied().chain([dir.id]));
        } else if said != *expected && lie_on_each_other(checker, &said) {
            // A directory of BuildKit's that is not known to be another layer may be a copy of its own.
            let is_copy = |said: &DirId| matches!(said, DirId::Build(_)) && !stacks.known.contains_key(said);
            let differ = expected.iter().zip(&said).filter(|(wanted, said)| wanted != said && !is_copy(said));
            disputed.extend(differ.map(|(wanted, _)| *wanted));
        }
    }
    disputed
}

/// The directories that a `lower` names, if each of its links leads to one.
fn said(checker: &Checker<'_>, dir: &LayerDir) -> Option<Vec<DirId>> {
    dir.lower.value()?.iter().map(|&link| resolve(checker, link)).collect()
}

/// Whether each of `dirs` lies on just those after it.
fn lie_on_each_other(checker: &Checker<'_>, dirs: &[DirId]) -> bool {
    dirs.iter().enumerate().all(|(place, &dir)| agrees(checker, dir, dirs.get(place + 1..).unwrap_or_default()))
}

/// Whether a directory is there and its own `lower` says that it lies on just `dirs`.
pub(super) fn agrees(checker: &Checker<'_>, dir: DirId, dirs: &[DirId]) -> bool {
    match checker.inventory.overlay2.dirs.get(&dir).map(|dir| &dir.lower) {
        Some(Told::Is(lower)) => {
            lower.len() == dirs.len() && lower.iter().zip(dirs).all(|(&link, &dir)| resolve(checker, link) == Some(dir))
        }
        Some(Told::Absent) => dirs.is_empty(),
        Some(Told::Lost) | None => false,
    }
}
