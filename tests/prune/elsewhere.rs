//! The trash where a file system was mounted when it was written that is not now, or the other way round.

use crate::world::{Ran, Snapshot, World};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Mounts `overlay2/` on itself, as dockerd does.
const ON_ITSELF: &str = "mount --bind $D/overlay2 $D/overlay2";

/// Mounts on `overlay2/` what is beside the data-root.
const FROM_BESIDE: &str = "mount --bind $T/elsewhere $D/overlay2";

/// Runs it after `mount` in a mount namespace of its own, so that nothing is mounted afterwards; nothing where mounts cannot be made.
fn mounted(world: &World, mount: &str, arguments: &[&str], points: &str) -> Option<Ran> {
    if !Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: mounts cannot be made here");
        return None;
    }
    Some(world.script(&format!("{mount} || exit 99\neval \"$L\""), arguments, points))
}

/// A data-root of which everything that is garbage was put into the trash while this was mounted.
fn trashed(mount: &str) -> Option<World> {
    let world = World::sample();
    if mount == FROM_BESIDE {
        fs::rename(world.root().join("overlay2"), world.beside("elsewhere")).unwrap();
        fs::create_dir(world.root().join("overlay2")).unwrap();
    }
    let ran = mounted(&world, mount, &["prune", "--force", "--trash"], "")?;
    assert_eq!(ran.status, Some(0), "{ran:?}");
    Some(world)
}

/// The items in the trash, with their states.
fn listed(world: &World) -> Vec<Value> {
    world.json(&["trash", "ls"])["items"].as_array().unwrap().clone()
}

/// Writes the journals as versions did that told of one file system alone.
fn make_old(world: &World) {
    for (place, name) in [("", "data-root"), ("overlay2", "overlay2"), ("../elsewhere", "overlay2")] {
        let trash = world.root().join(place).join(".layerwise");
        for run in fs::read_dir(trash).into_iter().flatten() {
            let file = run.unwrap().path().join("journal");
            let mut journal: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            journal.as_object_mut().unwrap().remove("home").unwrap();
            for item in journal["items"].as_array_mut().unwrap() {
                let objects = item["objects"].as_array_mut().unwrap();
                objects.retain(|object| object["place"] == name);
                for object in objects.iter_mut() {
                    let object = object.as_object_mut().unwrap();
                    object.remove("place").unwrap();
                    object.remove("traits").unwrap();
                }
            }
            journal["items"].as_array_mut().unwrap().retain(|item| !item["objects"].as_array().unwrap().is_empty());
            fs::write(&file, journal.to_string()).unwrap();
        }
    }
}

#[test]
fn a_trash_is_found_where_a_file_system_was_mounted_on_itself() {
    for old in [false, true] {
        let Some(world) = trashed(ON_ITSELF) else { return };
        if old {
            make_old(&world);
        }
        let items = listed(&world);
        assert!(items.len() == 13 && items.iter().all(|item| item["state"] == "kept" && item["lacks"].is_null()), "{items:?}");
        let ran = world.run(&["trash", "restore"]);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        world.snapshot().assert_is(&World::sample().snapshot(), "restored");
        let Some(world) = trashed(ON_ITSELF) else { return };
        assert_eq!(world.run(&["trash", "empty", "--force"]).status, Some(0));
        assert!(!world.root().join(".layerwise").exists() && !world.root().join("overlay2/.layerwise").exists());
    }
}

#[test]
fn a_restore_from_there_that_is_killed_is_finished_by_the_next_and_so_is_emptying() {
    let Some(reference) = trashed(ON_ITSELF) else { return };
    let before = World::sample().snapshot();
    let points = World::copy(&reference).points(&["trash", "restore", "--copied"]);
    assert!(points.len() > 40, "{points:?}");
    for number in 0..points.len() {
        let world = trashed(ON_ITSELF).unwrap();
        assert_eq!(world.run_with(&["trash", "restore"], number, "kill -9 $PPID").status, None, "{number}");
        let ran = world.run(&["trash", "restore"]);
        assert_eq!(ran.status, Some(0), "{number}: {ran:?}");
        world.snapshot().assert_is(&before, &format!("restore killed at {number}"));
    }
    let empty = ["trash", "empty", "--force"];
    let end = {
        let world = trashed(ON_ITSELF).unwrap();
        assert_eq!(world.run(&empty).status, Some(0));
        world.snapshot()
    };
    let points = trashed(ON_ITSELF).unwrap().points(&empty);
    assert!(points.len() >= 2, "{points:?}");
    for number in 0..points.len() {
        let world = trashed(ON_ITSELF).unwrap();
        assert_eq!(world.run_with(&empty, number, "kill -9 $PPID").status, None, "{number}");
        assert_eq!(world.run(&empty).status, Some(0), "{number}");
        world.snapshot().assert_is(&end, &format!("empty killed at {number}"));
    }
}

#[test]
fn a_prune_that_is_killed_there_comes_back_as_a_whole() {
    let Some(ran) = mounted(&World::sample(), ON_ITSELF, &["prune", "--dry-run"], "") else { return };
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let before = World::sample().snapshot();
    // Wherever it is: one point after the other, until there are no more.
    for number in 0.. {
        let world = World::sample();
        let ran = mounted(&world, ON_ITSELF, &["prune", "--force", "--trash"], &format!("{number}:kill -9 $PPID")).unwrap();
        if ran.status == Some(0) {
            assert!(number > 40, "{ran:?}");
            return;
        }
        let ran = world.run(&["trash", "restore"]);
        assert_eq!(ran.status, Some(0), "{number}: {ran:?}");
        assert_eq!(world.run(&["trash", "empty", "--force"]).status, Some(0), "{number}");
        world.snapshot().assert_is(&before, &format!("killed at {number}"));
    }
}

#[test]
fn nothing_comes_back_in_part_while_the_file_system_of_the_rest_is_not_mounted() {
    for old in [false, true] {
        let Some(world) = trashed(FROM_BESIDE) else { return };
        if old {
            make_old(&world);
        }
        let places = [world.root().to_owned(), world.beside("elsewhere")];
        let before = places.each_ref().map(|place| Snapshot::of(place));
        let is_partial = |item: &&Value| item["state"] == "partial" && item["lacks"].is_string();
        let partial = listed(&world).iter().filter(is_partial).count();
        assert!(partial > 3, "{:?}", listed(&world));
        let ran = world.run(&["trash", "restore"]);
        assert_eq!((ran.status, ran.output.matches("Not restored: ").count()), (Some(5), listed(&world).iter().filter(is_partial).count()));
        assert!(old || ran.errors.contains("is a file system to be mounted there"), "{ran:?}");
        // What lies in one place alone is back; nothing of the rest has moved.
        let elsewhere = places.each_ref().map(|place| Snapshot::of(place));
        elsewhere[1].assert_is(&before[1], "what is not mounted");
        let records = |snapshot: &Snapshot| snapshot.0.keys().filter(|path| path.starts_with("image/overlay2/layerdb")).count();
        let [whole, part] = [World::sample().snapshot(), elsewhere[0].clone()].map(|snapshot| records(&snapshot));
        assert!(part < whole, "{part} of {whole}");
        // With the file system all of it comes back.
        let ran = mounted(&world, FROM_BESIDE, &["trash", "restore"], "").unwrap();
        assert_eq!(ran.status, Some(0), "{ran:?}");
        fs::remove_dir(world.root().join("overlay2")).unwrap();
        fs::rename(world.beside("elsewhere"), world.root().join("overlay2")).unwrap();
        world.snapshot().assert_is(&World::sample().snapshot(), "afterwards");
    }
}

#[test]
fn emptying_says_what_it_does_not_find() {
    let Some(world) = trashed(FROM_BESIDE) else { return };
    let before = Snapshot::of(&world.beside("elsewhere"));
    let ran = world.run(&["trash", "empty", "--force"]);
    assert!(ran.status == Some(5) && ran.errors.contains("was put into the trash in overlay2/, and is not there"), "{ran:?}");
    Snapshot::of(&world.beside("elsewhere")).assert_is(&before, "what is not mounted");
    // The records are gone, and what is left does not come back without them.
    let ran = mounted(&world, FROM_BESIDE, &["trash", "restore"], "").unwrap();
    assert!(ran.status == Some(5) && ran.output.contains("is neither in the trash nor in its place"), "{ran:?}");
    let ran = mounted(&world, FROM_BESIDE, &["trash", "empty", "--force"], "").unwrap();
    assert!(!world.beside("elsewhere").join(".layerwise").exists(), "{ran:?}");
}

#[test]
fn nothing_comes_back_through_a_mount_that_was_not_there_when_it_was_taken() {
    let world = World::sample();
    let before = world.snapshot();
    assert_eq!(world.run(&["prune", "--force", "--trash"]).status, Some(0));
    let trashed = world.snapshot();
    let Some(ran) = mounted(&world, ON_ITSELF, &["trash", "restore"], "") else { return };
    assert!(ran.status == Some(5) && ran.output.contains("overlay2/ was no file system of its own when it was taken"), "{ran:?}");
    // Records without their directories are not among what came back.
    let of_layers = |mut snapshot: Snapshot| {
        snapshot.0.retain(|path, _| path.starts_with("image/overlay2/layerdb/sha256") || path.starts_with("overlay2"));
        snapshot
    };
    let part =
        of_layers(world.snapshot()).0.keys().filter(|path| path.parent() == Some(Path::new("image/overlay2/layerdb/sha256"))).count();
    let least = of_layers(trashed).0.keys().filter(|path| path.parent() == Some(Path::new("image/overlay2/layerdb/sha256"))).count();
    assert!(part <= least + 1, "{part} {least}: {ran:?}");
    assert_eq!(world.run(&["trash", "restore"]).status, Some(0));
    world.snapshot().assert_is(&before, "afterwards");
}
