//! The databases that dockerd opens when it starts, and the options of volumes, which it reads then.

use super::{Checker, Code, Finding, Severity, Subject};
use crate::store::detail::{Database, Soundness};
use crate::store::place::{Area, Owner, Place};
use crate::unreadable::{Pins, Unreadable};
use std::path::Path;

pub(super) fn check(checker: &mut Checker<'_>) {
    let volumes = checker.inventory.volumes.values().any(|volume| volume.has_directory);
    let has_run =
        checker.details.databases.iter().any(|database| database.path == "volumes/metadata.db" && database.soundness != Soundness::Missing);
    for database in &checker.details.databases {
        match &database.soundness {
            Soundness::Damaged(why) => damaged(checker, database.path, why),
            Soundness::Empty => gone(checker, database.path, "it is empty, which dockerd takes for a new one"),
            Soundness::Missing => {
                let is_missed = match database.path {
                    "volumes/metadata.db" => volumes,
                    "network/files/local-kv.db" => has_run,
                    path => noted(checker, path).next().is_some(),
                };
                if is_missed {
                    gone(checker, database.path, "it is missing, and dockerd makes it anew");
                }
            }
            Soundness::Sound => entries(checker, database),
            Soundness::Busy => {}
        }
    }
    for (volume, why) in &checker.details.volume_options {
        let finding = Finding::new(Code::VolumeOptionsUnusable, Subject::Owner(Owner::new(Area::Volume, volume.as_bytes())), why.clone());
        let hint = "put opts.json back from a backup, or move it away with dockerd stopped and create the volume with its options again";
        checker.keep(finding.at("opts.json").hint(hint));
    }
    for name in &checker.details.set_aside {
        let message = "it was set aside, or is of 19.03 and before, and nothing reads it any more";
        checker.keep(at(Code::StaleDatabase, &format!("buildkit/{name}"), message));
    }
}

/// What the inventory could not read of a database.
fn noted<'a>(checker: &Checker<'a>, path: &str) -> impl Iterator<Item = &'a Unreadable> + use<'a> {
    let path = checker.inventory.root.join(path);
    checker.inventory.unreadable.iter().filter(move |unreadable| unreadable.path == path)
}

fn at(code: Code, path: &str, message: impl Into<String>) -> Finding {
    let place = Place::of_path(Path::new(path), false);
    Finding { path: path.into(), ..Finding::new(code, Subject::Owner(place.owner().clone()), message) }
}

fn damaged(checker: &mut Checker<'_>, path: &'static str, why: &str) {
    // What only remembers what was built, dockerd 28 sets aside by itself, and nothing is lost that cannot be built again.
    let hint = match path {
        "buildkit/cache.db" | "buildkit/history.db" | "buildkit/metadata.db" => {
            "with dockerd stopped, move it away: nothing but time is lost".to_owned()
        }
        path if path.starts_with("buildkit/") => {
            "with dockerd stopped, move buildkit/ away as a whole: the build cache is lost, and its directories are orphans".to_owned()
        }
        "volumes/metadata.db" => {
            "put it back from a backup; without it, volumes keep their data and lose their labels and drivers".to_owned()
        }
        _ => "put it back from a backup, or move it away with dockerd stopped and create the networks again".to_owned(),
    };
    let pins = noted(checker, path).map(|unreadable| unreadable.pins).max();
    checker.keep(Finding { pins, ..at(Code::DatabaseDamaged, path, why).hint(hint) });
}

/// A database of which nothing is left.
fn gone(checker: &mut Checker<'_>, path: &'static str, message: &str) {
    let pins = noted(checker, path).map(|unreadable| unreadable.pins).max();
    let lost = match path {
        "volumes/metadata.db" => "the drivers and labels of volumes",
        "network/files/local-kv.db" => "the networks that were created",
        "buildkit/snapshots.db" => "which directory is which part of the build cache",
        "buildkit/containerdmeta.db" => "what holds the build cache",
        "buildkit/metadata_v2.db" => "what the build cache consists of",
        // Nothing but what can be built again.
        _ => return checker.cover(path),
    };
    checker.keep(Finding { pins, ..at(Code::DatabaseMissing, path, format!("{message}: {lost} is lost")) });
}

/// The entries of a database that make no sense in one that is sound.
fn entries(checker: &mut Checker<'_>, database: &Database) {
    for unreadable in noted(checker, database.path).collect::<Vec<_>>() {
        let severity = if unreadable.pins == Pins::Nothing { Severity::Notice } else { Severity::Warning };
        let finding = at(Code::DatabaseEntry, database.path, unreadable.error.clone()).severity(severity);
        checker.keep(Finding { pins: Some(unreadable.pins), ..finding });
    }
}
