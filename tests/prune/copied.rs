//! A trash that was copied with its data-root: all in it is another inode than its journal knows.

use crate::world::{Snapshot, World};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// A copy of a data-root of which everything that is garbage is in the trash.
fn copy() -> World {
    let world = World::sample();
    assert_eq!(world.run(&["prune", "--force", "--trash"]).status, Some(0));
    World::copy(&world)
}

/// The slots of the only run.
fn slots(world: &World) -> Vec<PathBuf> {
    let run = fs::read_dir(world.root().join(".layerwise")).unwrap().next().unwrap().unwrap().path();
    let slots = fs::read_dir(run).unwrap().map(|entry| entry.unwrap().path());
    slots.filter(|path| path.file_name().unwrap() != "journal").collect()
}

#[test]
fn it_says_that_it_is_a_copy_and_stays_until_that_is_believed() {
    let world = copy();
    let before = world.snapshot();
    let items = world.json(&["trash", "ls"])["items"].as_array().unwrap().clone();
    assert!(items.len() == 13 && items.iter().all(|item| item["state"] == "copied"), "{items:?}");
    for (arguments, says) in [
        (&["trash", "restore"][..], "layerwise trash restore --copied"),
        (&["trash", "restore", "4ba5ec135ced"], "layerwise trash restore --copied"),
        (&["trash", "empty", "--force"], "--copied deletes it"),
    ] {
        let ran = world.run(arguments);
        assert!(ran.status == Some(5) && (ran.output.contains(says) || ran.errors.contains(says)), "{arguments:?}: {ran:?}");
        world.snapshot().assert_is(&before, "afterwards");
    }
    // Nor does a prune delete it, though its run was to be deleted.
    let ran = world.run(&["prune", "--force"]);
    assert!(ran.status == Some(0) && world.root().join(".layerwise").exists(), "{ran:?}");
}

#[test]
fn what_looks_as_it_did_comes_back_or_goes_when_it_is_believed_wherever_that_is_killed() {
    let before = World::sample().snapshot();
    let end = {
        let world = copy();
        assert_eq!(world.run(&["trash", "empty", "--force", "--copied"]).status, Some(0));
        assert!(!world.root().join(".layerwise").exists());
        world.snapshot()
    };
    for (arguments, after, fewest) in
        [(&["trash", "restore", "--copied"][..], &before, 40), (&["trash", "empty", "--force", "--copied"], &end, 1)]
    {
        let base = copy();
        let points = World::copy(&base).points(arguments);
        assert!(points.len() >= fewest, "{points:?}");
        for number in 0..=points.len() {
            let world = World::copy(&base);
            let ran = world.run_with(arguments, number, "kill -9 $PPID");
            assert_eq!(ran.status, (number == points.len()).then_some(0), "{arguments:?} {number}: {ran:?}");
            let ran = world.run(arguments);
            assert_eq!(ran.status, Some(0), "{arguments:?} {number}: {ran:?}");
            world.snapshot().assert_is(after, &format!("{arguments:?} killed at {number}"));
        }
    }
}

#[test]
fn what_does_not_look_as_it_did_stays() {
    type Is = fn(&Path) -> bool;
    type Spoil = fn(&Path);
    let spoilt: [(&str, Is, Spoil); 5] = [
        ("another size", |slot| slot.is_file(), |slot| fs::write(slot, "a").unwrap()),
        ("another mode", |slot| slot.is_dir(), |slot| fs::set_permissions(slot, fs::Permissions::from_mode(0o750)).unwrap()),
        ("something more in it", |slot| slot.join("diff").is_dir(), |slot| fs::create_dir(slot.join("more")).unwrap()),
        (
            "another text",
            |slot| slot.is_symlink(),
            |slot| {
                fs::remove_file(slot).unwrap();
                symlink("../0123/diff", slot).unwrap();
            },
        ),
        (
            "another kind",
            |slot| slot.is_symlink(),
            |slot| {
                fs::remove_file(slot).unwrap();
                fs::write(slot, "x").unwrap();
            },
        ),
    ];
    for (name, is_it, spoil) in spoilt {
        let world = copy();
        let slot = slots(&world).into_iter().find(|slot| is_it(slot)).unwrap_or_else(|| panic!("no slot for {name}"));
        spoil(&slot);
        let look = || Snapshot::of(slot.parent().unwrap()).0.get(Path::new(slot.file_name().unwrap())).cloned();
        let spoilt = look();
        let ran = world.run(&["trash", "empty", "--force", "--copied"]);
        assert!(ran.status == Some(5) && ran.errors.contains("left alone: the run"), "{name}: {ran:?}");
        let ran = world.run(&["trash", "restore", "--copied"]);
        assert!(ran.status == Some(5) && ran.output.contains("Not restored: "), "{name}: {ran:?}");
        assert!(spoilt.is_some() && look() == spoilt, "{name}: {ran:?}");
    }
    let world = copy();
    fs::write(slots(&world)[0].with_file_name("99"), "somebody's").unwrap();
    let ran = world.run(&["trash", "empty", "--force", "--copied"]);
    assert!(ran.status == Some(5) && ran.errors.contains("the run did not take it"), "{ran:?}");
}

#[test]
fn what_was_not_copied_is_not_believed_to_be() {
    let world = World::sample();
    assert_eq!(world.run(&["prune", "--force", "--trash"]).status, Some(0));
    let slot = slots(&world).into_iter().find(|slot| slot.join("diff").is_dir()).unwrap();
    let aside = world.beside("aside");
    // One thing of it was replaced by a copy that looks just as it did.
    fs::rename(&slot, &aside).unwrap();
    assert!(std::process::Command::new("cp").arg("-a").args([&aside, &slot]).status().unwrap().success());
    let ran = world.run(&["trash", "empty", "--force", "--copied"]);
    assert!(ran.status == Some(5) && ran.errors.contains("another one is in its place"), "{ran:?}");
    let ran = world.run(&["trash", "restore", "--copied"]);
    assert!(ran.status == Some(5) && ran.output.contains("another one is in its place"), "{ran:?}");
    assert!(slot.exists());
}
