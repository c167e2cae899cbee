//! Killed before and after every single step: the next run comes to the same end, and all of it can be undone.

use super::snapshot::Snapshot;
use super::{Ran, found, program, ran, run};
use crate::world::World;
use layerwise::demo::{Harm, Target};
use layerwise::id::ImageId;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A data-root with damage of every kind that is mended in another way: put where nothing is, put in place of something, taken.
fn wounded() -> World {
    let mut world = World::new();
    world.remove(&Target::Link(world.middle.dir.link));
    world.remove(&Target::DirectoryEntry(world.site.dir.id, "link"));
    world.damage(&Target::DirectoryEntry(world.top.dir.id, "link"), &Harm::Emptied);
    world.damage(&Target::DirectoryEntry(world.site.dir.id, "lower"), &Harm::Emptied);
    world.remove(&Target::DirectoryEntry(world.web.rw.id, "work"));
    world.say(&Target::ImageParent(world.app.id), ImageId::of(b"x"));
    world.remove(&Target::LayerFile(world.top.chain_id, "diff"));
    world.root.tag("gone:1", ImageId::of(b"gone")).unwrap();
    world
}

/// A copy of a data-root, beside it.
pub(super) fn copy(world: &World, name: &str) -> PathBuf {
    let path = world.root.path().parent().unwrap().join(name);
    fs::remove_dir_all(&path).unwrap_or_default();
    assert!(Command::new("cp").arg("-a").args([world.root.path(), &path]).status().unwrap().success());
    path
}

/// The names of the places between two steps that a run comes by, in their order.
fn points(path: &Path, arguments: &[&str]) -> Vec<String> {
    let trace = path.parent().unwrap().join("trace");
    fs::remove_file(&trace).unwrap_or_default();
    let ran = ran(program(path, arguments).env("LAYERWISE_TEST_TRACE", &trace));
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let text = fs::read_to_string(&trace).unwrap();
    text.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
}

/// The same of a copy of `world`.
pub(super) fn points_of(world: &World, arguments: &[&str]) -> Vec<String> {
    points(&copy(world, "reference"), arguments)
}

fn killed(path: &Path, arguments: &[&str], number: usize) -> Ran {
    ran(program(path, arguments).env("LAYERWISE_TEST_POINT", format!("{number}:kill -9 $PPID")))
}

#[test]
fn the_next_repair_reaches_the_same_end_and_all_of_it_can_be_undone() {
    let world = wounded();
    let before = Snapshot::of(world.root.path());
    let reference = copy(&world, "reference");
    let points = points(&reference, &["repair", "--force"]);
    let end = Snapshot::of(&reference).without_times();
    for step in ["begin: prepare", "put", "put: name", "put: exchange", "put: done", "take", "taken"] {
        assert!(points.iter().any(|point| point == step), "{step} in {points:?}");
    }
    for (number, name) in points.iter().enumerate() {
        let when = format!("killed at {number} ({name})");
        // What was begun alone, and with what the next run did.
        for runs in 0..2 {
            let path = copy(&world, "killed");
            let ran = killed(&path, &["repair", "--force"], number);
            assert_eq!(ran.status, None, "{when}: {ran:?}");
            for _ in 0..runs {
                let ran = run(&path, &["repair", "--force"]);
                assert_eq!(ran.status, Some(0), "{when}: {ran:?}");
                Snapshot::of(&path).without_times().assert_is(&end, &when);
            }
            let ran = run(&path, &["trash", "restore"]);
            assert_eq!(ran.status, Some(0), "{when}, {runs}: {ran:?}");
            Snapshot::of(&path).assert_is(&before, &when);
            let ran = run(&path, &["trash", "empty", "--force"]);
            assert_eq!(ran.status, Some(0), "{when}: {ran:?}");
            fs::remove_dir(path.join(".layerwise")).unwrap_or_default();
            assert!(!path.join(".layerwise").exists(), "{when}");
            Snapshot::of(&path).assert_is(&before, &when);
        }
    }
}

#[test]
fn an_undoing_that_is_killed_is_finished_by_the_next() {
    let world = wounded();
    let before = Snapshot::of(world.root.path());
    // What lies in the trash is known by its inode, which a copy has not.
    let repaired = || {
        let path = copy(&world, "killed");
        let ran = run(&path, &["repair", "--force"]);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        path
    };
    let points = points(&repaired(), &["trash", "restore"]);
    assert!(points.len() > 12, "{points:?}");
    for (number, name) in points.iter().enumerate() {
        let path = repaired();
        assert_eq!(killed(&path, &["trash", "restore"], number).status, None, "{number} {name}");
        let ran = run(&path, &["trash", "restore"]);
        assert_eq!(ran.status, Some(0), "{number} {name}: {ran:?}");
        Snapshot::of(&path).assert_is(&before, &format!("killed at {number} ({name})"));
        assert!(!path.join(".layerwise").exists(), "{number} {name}");
    }
}

#[test]
fn emptying_the_trash_leaves_what_was_mended() {
    let world = wounded();
    let ran = run(world.root.path(), &["repair", "--force"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let mended = Snapshot::of(world.root.path());
    let ran = run(world.root.path(), &["trash", "empty", "--force"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    Snapshot::of(world.root.path()).assert_is(&mended, "afterwards");
    assert!(!world.at(".layerwise").exists());
    assert_eq!(found(&world), Vec::<String>::new());
}

#[test]
fn ctrl_c_ends_after_the_step_and_the_next_repair_goes_on() {
    let world = wounded();
    let points = points_of(&world, &["repair", "--force"]);
    let number = points.iter().position(|name| name == "put: done").unwrap();
    let point = format!("{number}:kill -INT $PPID");
    let first = ran(program(world.root.path(), &["repair", "--force"]).env("LAYERWISE_TEST_POINT", point));
    assert_eq!(first.status, Some(130), "{first:?}");
    assert!(first.output.contains("Not reached: "), "{}", first.output);
    assert_eq!(run(world.root.path(), &["repair", "--force"]).status, Some(0));
    assert_eq!(found(&world), Vec::<String>::new());
}
