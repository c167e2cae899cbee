//! When it does nothing at all, and says what to do.

use super::snapshot::Snapshot;
use super::{program, ran, run};
use crate::world::World;
use layerwise::demo::{Harm, Target};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::path::Path;

fn wounded() -> World {
    let world = World::new();
    world.remove(&Target::Link(world.middle.dir.link));
    world
}

/// Runs `repair --force`, which has to refuse, say why, and leave everything as it is.
fn refused(path: &Path, why: &str) {
    let before = Snapshot::of(path);
    let ran = run(path, &["repair", "--force"]);
    assert_eq!((ran.status, ran.output.as_str()), (Some(4), ""), "{ran:?}");
    assert!(ran.errors.contains("refused: ") && ran.errors.contains(why) && ran.errors.contains("hint: "), "{}", ran.errors);
    Snapshot::of(path).assert_is(&before, "afterwards");
}

#[test]
fn a_dockerd_or_another_layerwise_is_at_work() {
    for (path, why) in [
        ("volumes/metadata.db", "running on this data-root"),
        ("buildkit/snapshots.db", "somebody holds buildkit/snapshots.db"),
        ("", "another layerwise is at work"),
    ] {
        let world = wounded();
        let held = File::open(world.at(path)).unwrap();
        flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
        refused(world.root.path(), why);
    }
}

#[test]
fn a_store_cannot_be_read_from_which_anything_could_be_proven() {
    for lost in ["buildkit/snapshots.db", "image/overlay2/layerdb/sha256", "image/overlay2/layerdb/mounts", "overlay2/l"] {
        let world = wounded();
        let path = world.at(lost);
        if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) }.unwrap();
        std::fs::write(&path, "neither a directory nor a database").unwrap();
        refused(world.root.path(), "nothing can be proven");
    }
}

#[test]
fn nobody_is_there_to_ask() {
    let world = wounded();
    let before = Snapshot::of(world.root.path());
    let ran = run(world.root.path(), &["repair"]);
    assert_eq!(ran.status, Some(2), "{ran:?}");
    assert!(ran.errors.contains("there is nobody to ask"), "{}", ran.errors);
    Snapshot::of(world.root.path()).assert_is(&before, "afterwards");
}

#[test]
fn what_has_changed_since_the_plan_was_made_is_left_alone() {
    // After the first look and before the second, by somebody who takes no lock.
    let world = World::new();
    let lower = world.at(Target::DirectoryEntry(world.top.dir.id, "lower").path());
    world.damage(&Target::DirectoryEntry(world.top.dir.id, "lower"), &Harm::Emptied);
    world.remove(&Target::Link(world.site.dir.link));
    for (number, what) in [(0, "before it is read again"), (usize::MAX, "just before it is put")] {
        let command = format!("echo other > {}", lower.display());
        let points = super::killed::points_of(&world, &["repair", "--force"]);
        let number = if number == 0 { 0 } else { points.iter().position(|point| point == "begin").unwrap() };
        let path = super::killed::copy(&world, "changed");
        let command = command.replace(world.root.path().to_str().unwrap(), path.to_str().unwrap());
        let ran = ran(program(&path, &["repair", "--force"]).env("LAYERWISE_TEST_POINT", format!("{number}:{command}")));
        assert_eq!(ran.status, Some(5), "{what}: {ran:?}");
        assert!(ran.output.contains("Skipped: missing-lower"), "{what}: {ran:?}");
        let text = std::fs::read_to_string(path.join(lower.strip_prefix(world.root.path()).unwrap())).unwrap();
        assert_eq!(text, "other\n", "{what}");
    }
}

#[test]
fn what_somebody_puts_there_at_the_very_moment_stays() {
    let world = World::new();
    let target = Target::DirectoryEntry(world.top.dir.id, "lower");
    let link = Target::Link(world.site.dir.link);
    world.damage(&target, &Harm::Emptied);
    world.remove(&link);
    let points = super::killed::points_of(&world, &["repair", "--force"]);
    for (point, target) in [("put: exchange", &target), ("put", &link)] {
        let path = super::killed::copy(&world, "changed");
        let place = path.join(target.path());
        let number = points.iter().position(|other| other == point).unwrap();
        let command = format!("{number}:echo other > {0}.x && mv {0}.x {0}", place.display());
        let ran = ran(program(&path, &["repair", "--force"]).env("LAYERWISE_TEST_POINT", command));
        assert_eq!(ran.status, Some(5), "{point}: {ran:?}");
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "other\n", "{point}");
        // The other place was mended, and only that is undone.
        let ran = run(&path, &["trash", "restore"]);
        assert_eq!((ran.status, ran.output.lines().count()), (Some(0), 1), "{point}: {ran:?}");
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "other\n", "{point}");
        assert!(!path.join(".layerwise").exists(), "{point}");
    }
}

#[test]
fn what_was_written_after_a_repair_is_not_undone() {
    let world = World::new();
    let target = Target::DirectoryEntry(world.top.dir.id, "lower");
    world.damage(&target, &Harm::Emptied);
    world.remove(&Target::DirectoryEntry(world.web.rw.id, "work"));
    assert_eq!(run(world.root.path(), &["repair", "--force"]).status, Some(0));
    std::fs::write(world.at(target.path()), "other").unwrap();
    std::fs::create_dir(world.at(world.web.rw.path()).join("work/work")).unwrap();
    let ran = run(world.root.path(), &["trash", "restore"]);
    assert_eq!(ran.status, Some(5), "{ran:?}");
    assert_eq!(ran.output.matches("what was put there has changed since").count(), 2, "{}", ran.output);
    assert_eq!(std::fs::read_to_string(world.at(target.path())).unwrap(), "other");
}
