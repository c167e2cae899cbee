//! When it does nothing at all, and says what to do.

use crate::world::{Ran, Snapshot, World};
use layerwise::demo::Tree;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};

/// Runs `prune --force`, which has to refuse, say why, and leave everything as it is.
fn refused(world: &World, arguments: &[&str], why: &str) {
    let before = world.snapshot();
    let Ran { status, output, errors } = world.run(&[&["prune", "--force"], arguments].concat());
    assert_eq!((status, output.as_str()), (Some(4), ""), "{errors}");
    assert!(errors.contains("refused: ") && errors.contains(why) && errors.contains("hint: "), "{errors}");
    world.snapshot().assert_is(&before, "afterwards");
}

#[test]
fn somebody_holds_the_lock() {
    let world = World::sample();
    let database = File::open(world.root().join("volumes/metadata.db")).unwrap();
    flock(&database, FlockOperation::NonBlockingLockExclusive).unwrap();
    refused(&world, &[], "running on this data-root");
}

#[test]
fn somebody_holds_a_database_of_builds_although_the_lock_was_replaced() {
    let world = World::sample();
    let database = File::open(world.root().join("buildkit/snapshots.db")).unwrap();
    flock(&database, FlockOperation::NonBlockingLockExclusive).unwrap();
    refused(&world, &[], "somebody holds buildkit/snapshots.db");
}

#[test]
fn somebody_waits_for_the_lock() {
    let world = World::sample();
    // As a dockerd before 24.0 does that has read everything already: it has the file open and has not got the lock.
    let _waiting = File::open(world.root().join("volumes/metadata.db")).unwrap();
    refused(&world, &[], "may be waiting for its lock");
}

#[test]
fn another_layerwise_is_at_work() {
    let world = World::sample();
    let root = File::open(world.root()).unwrap();
    flock(&root, FlockOperation::NonBlockingLockExclusive).unwrap();
    refused(&world, &[], "another layerwise is at work");
}

#[test]
fn a_store_that_could_hold_a_reference_cannot_be_read() {
    for (path, why) in [
        ("buildkit/snapshots.db", "snapshots.db"),
        ("image/overlay2/layerdb/sha256", "layerdb/sha256"),
        ("image/overlay2/layerdb/mounts", "layerdb/mounts"),
        ("containers", "containers"),
    ] {
        let world = World::sample();
        let path = world.root().join(path);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        fs::write(&path, "neither a directory nor a database").unwrap();
        refused(&world, &[], why);
    }
}

#[test]
fn nothing_is_in_use_and_nobody_has_said_that_this_is_meant() {
    let (world, mut root) = World::empty();
    root.orphan_directory("left", None, &Tree::new("left").file("x", 10_000)).unwrap();
    refused(&world, &[], "not one image, container or build");
    let ran = world.run(&["prune", "--force", "--allow-empty"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(fs::read_dir(world.root().join("overlay2")).unwrap().count(), 1, "only the links' directory is left");
}

#[test]
fn an_empty_store_is_believed_only_if_it_tells_that_it_is_empty() {
    for lost in ["image/overlay2/repositories.json", "image/overlay2/imagedb", "containers"] {
        let (world, mut root) = World::empty();
        root.orphan_directory("left", None, &Tree::new("left")).unwrap();
        let path = world.root().join(lost);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
        refused(&world, &["--allow-empty"], "is missing");
    }
}

#[test]
fn the_trash_is_not_ours() {
    let world = World::sample();
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), world.root().join(".layerwise")).unwrap();
    refused(&world, &[], ".layerwise");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    fs::remove_file(world.root().join(".layerwise")).unwrap();
    // Anybody could put things into this one.
    fs::create_dir(world.root().join(".layerwise")).unwrap();
    fs::set_permissions(world.root().join(".layerwise"), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    refused(&world, &[], "not a directory that layerwise made");
}

#[test]
fn there_is_no_lock_to_take() {
    let world = World::sample();
    fs::remove_dir_all(world.root().join("volumes")).unwrap();
    refused(&world, &[], "volumes/metadata.db is missing");
}

#[test]
fn a_part_of_the_data_root_is_a_link() {
    let parts = [
        "overlay2",
        "image",
        "image/overlay2",
        "image/overlay2/layerdb",
        "image/overlay2/layerdb/sha256",
        "containers",
        "volumes",
        "buildkit",
    ];
    for part in parts {
        let world = World::sample();
        let (path, elsewhere) = (world.root().join(part), world.beside("elsewhere"));
        fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        let before = Snapshot::of(&elsewhere);
        refused(&world, &[], "");
        refused(&world, &["--allow-empty"], "");
        Snapshot::of(&elsewhere).assert_is(&before, part);
    }
}

#[test]
fn a_part_of_the_data_root_is_missing() {
    for part in ["image", "image/overlay2/layerdb/sha256", "image/overlay2/layerdb/mounts", "image/overlay2/imagedb/content/sha256"] {
        let world = World::sample();
        fs::rename(world.root().join(part), world.beside("elsewhere")).unwrap();
        for arguments in [&["prune", "--force"][..], &["prune", "--force", "--allow-empty"]] {
            let before = world.snapshot();
            let ran = world.run(arguments);
            assert!(matches!(ran.status, Some(0 | 4)), "{part}: {ran:?}");
            // No layer that dockerd could load, and no directory; what is broken or temporary whatever is missing may go.
            let now = world.snapshot();
            let gone = before.0.keys().filter(|path| !now.0.contains_key(*path)).map(|path| path.to_str().unwrap());
            let is_temporary = |path: &&str| [".tmp-", "check-overlayfs"].iter().any(|name| path.contains(name));
            let gone = gone.filter(|path| path.starts_with("overlay2/") && !is_temporary(path) || path.ends_with("/cache-id"));
            assert_eq!(gone.collect::<Vec<_>>(), Vec::<&str>::new(), "{part}, {arguments:?}");
        }
    }
}
