//! The trash: what was taken comes back, unless something has taken its place.

use crate::world::{Snapshot, World, objects};
use layerwise::demo::{Builder, ImageSpec, Tree};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

#[test]
fn the_trash_is_garbage_of_ours_until_it_is_emptied() {
    let world = World::sample();
    let total = |world: &World| world.json(&["df"])["total"]["inodes"].as_u64().unwrap();
    let before = total(&world);
    assert_eq!(world.run(&["prune", "--force", "--trash"]).status, Some(0));
    // The trash, the run, its journal.
    assert_eq!(total(&world), before + 3);
    let listed = world.json(&["trash", "ls"]);
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 13);
    assert!(items.iter().all(|item| item["state"] == "kept"), "{items:?}");
    let ran = world.run(&["trash", "empty", "--older-than", "1h", "--force"]);
    assert_eq!((ran.status, ran.output.as_str()), (Some(0), "Total reclaimed space: 0B\n"));
    assert_eq!(world.json(&["trash", "ls"])["items"].as_array().unwrap().len(), 13);
    assert_eq!(world.run(&["trash", "empty"]).status, Some(2), "there is nobody to ask");
    assert_eq!(world.run(&["trash", "empty", "--force"]).status, Some(0));
    assert!(!world.root().join(".layerwise").exists());
}

#[test]
fn one_thing_comes_back_alone() {
    let world = World::sample();
    let before = world.snapshot();
    let others: Vec<String> =
        world.actions(&[]).iter().filter(|action| !action["id"].as_str().unwrap().starts_with("4ba5ec135ced")).flat_map(objects).collect();
    assert_eq!(world.run(&["prune", "--force", "--trash"]).status, Some(0));
    let ran = world.run(&["trash", "restore", "4ba5ec135ced"]);
    assert_eq!((ran.status, ran.output.as_str()), (Some(0), "Restored: directory 4ba5ec135ced\n"), "{ran:?}");
    world.snapshot().without(&[".layerwise".to_owned()]).assert_is(&before.without(&others), "afterwards");
}

#[test]
fn nothing_is_overwritten() {
    let (world, mut root) = World::empty();
    let used = root.layer(None, Tree::new("used").file("a", 1)).unwrap();
    root.image(&ImageSpec::new(&used).tag("used:1")).unwrap();
    let spare = Tree::new("spare").file("b", 100_000);
    root.layer(Some(&used), spare.clone()).unwrap();
    assert_eq!(world.run(&["prune", "--force", "--trash"]).status, Some(0));
    // The same layer is pulled again, into the very same places.
    let again = Builder::open(world.root()).unwrap().layer(Some(&used), spare).unwrap();
    let before = world.snapshot();
    let ran = world.run(&["trash", "restore"]);
    assert_eq!(ran.status, Some(5), "{ran:?}");
    assert!(ran.output.contains("something has taken its place"), "{}", ran.output);
    world.snapshot().assert_is(&before, "afterwards");
    assert!(world.root().join(again.dir.path()).exists());
}

#[test]
fn nothing_comes_back_beside_a_dockerd_or_by_a_name_that_is_not_there() {
    let world = World::sample();
    assert_eq!(world.run(&["prune", "--force", "--trash"]).status, Some(0));
    let before = world.snapshot();
    assert_eq!(world.run(&["trash", "restore", "nonsense"]).status, Some(1));
    let database = fs::File::open(world.root().join("volumes/metadata.db")).unwrap();
    rustix::fs::flock(&database, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    assert_eq!(world.run(&["trash", "restore"]).status, Some(4));
    world.snapshot().assert_is(&before, "afterwards");
}

#[test]
fn what_somebody_begins_to_use_while_it_is_taken_is_put_back_with_what_it_lies_on() {
    for arguments in [&["prune", "--force"][..], &["prune", "--force", "--trash"]] {
        let (world, mut root) = World::empty();
        let used = root.layer(None, Tree::new("used").file("a", 1)).unwrap();
        root.image(&ImageSpec::new(&used).tag("used:1")).unwrap();
        let low = root.layer(None, Tree::new("low").file("b", 1)).unwrap();
        let top = root.layer(Some(&low), Tree::new("top").file("c", 1)).unwrap();
        let other = root.layer(None, Tree::new("other").file("d", 1)).unwrap();
        let before = world.snapshot();
        let goes = |action: &&serde_json::Value| action["id"] == other.chain_id.to_string();
        let mut gone: Vec<String> = world.actions(&[]).iter().filter(goes).flat_map(objects).collect();
        assert_eq!(gone.len(), 3);
        // A process that comes when everything has been judged, and stays in it.
        let points = World::copy(&world).points(arguments);
        let first = points.iter().position(|name| name == "begin").unwrap();
        let (dir, note) = (world.root().join(top.dir.path()).join("diff"), world.root().with_file_name("pid"));
        let command = format!("cd {} && (sleep 60 >/dev/null 2>&1 & echo $! > {})", dir.display(), note.display());
        let ran = world.run_with(arguments, first, &command);
        let pid = rustix::process::Pid::from_raw(fs::read_to_string(&note).unwrap().trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        assert_eq!(ran.status, Some(5), "{ran:?}");
        assert_eq!(ran.output.matches("somebody began to use it at this moment: it was put back").count(), 2, "{}", ran.output);
        gone.push(".layerwise".to_owned());
        world.snapshot().without(&gone).assert_is(&before.without(&gone), "afterwards");
        assert_eq!(world.root().join(".layerwise").exists(), arguments.contains(&"--trash"));
    }
}

#[test]
fn a_layer_does_not_come_back_without_what_it_lies_on() {
    let (world, mut root) = World::empty();
    let used = root.layer(None, Tree::new("used").file("a", 1)).unwrap();
    root.image(&ImageSpec::new(&used).tag("used:1")).unwrap();
    let lower_tree = Tree::new("lower").file("b", 1000);
    let lower = root.layer(Some(&used), lower_tree.clone()).unwrap();
    let upper = root.layer(Some(&lower), Tree::new("upper").file("c", 1000)).unwrap();
    assert_eq!(world.run(&["prune", "--force", "--trash"]).status, Some(0));
    let trashed = world.snapshot();
    // Alone it would be a record that dockerd cannot load, and that keeps the layer from being pulled.
    let ran = world.run(&["trash", "restore", &upper.chain_id.to_string()]);
    assert_eq!(ran.status, Some(5), "{ran:?}");
    assert!(ran.output.contains("what it lies on is still in the trash"), "{}", ran.output);
    world.snapshot().assert_is(&trashed, "the upper layer alone");
    // The lower layer is pulled again, into another directory: dockerd would take the upper one for whole, and could not mount it.
    Builder::open(world.root()).unwrap().layer(Some(&used), lower_tree).unwrap();
    let pulled = world.snapshot();
    let ran = world.run(&["trash", "restore"]);
    assert_eq!(ran.status, Some(5), "{ran:?}");
    assert!(ran.output.contains("something has taken its place"), "{}", ran.output);
    world.snapshot().assert_is(&pulled, "the lower layer was pulled again");
}

#[test]
fn a_layer_does_not_come_back_when_what_it_lay_on_is_gone() {
    let (world, mut root) = World::empty();
    let [used, other] = ["used", "other"].map(|name| root.layer(None, Tree::new(name).file("a", 1)).unwrap());
    root.image(&ImageSpec::new(&used).tag("used:1")).unwrap();
    root.image(&ImageSpec::new(&other).tag("other:1")).unwrap();
    root.layer(Some(&other), Tree::new("spare").file("b", 1000)).unwrap();
    assert_eq!(world.run(&["prune", "--force", "--trash"]).status, Some(0));
    // As dockerd does when the image is removed.
    for path in [other.record(), other.dir.path(), format!("overlay2/l/{}", other.dir.link).into()] {
        let path = world.root().join(path);
        if path.is_symlink() { fs::remove_file(path).unwrap() } else { fs::remove_dir_all(path).unwrap() }
    }
    let before = world.snapshot();
    let ran = world.run(&["trash", "restore"]);
    assert_eq!(ran.status, Some(5), "{ran:?}");
    assert!(ran.output.contains("which it lies on, is gone"), "{}", ran.output);
    world.snapshot().assert_is(&before, "afterwards");
}

#[test]
fn only_the_directories_of_an_image_s_name_are_made_again_and_as_dockerd_makes_them() {
    let (world, mut root) = World::empty();
    let used = root.layer(None, Tree::new("used").file("a", 1)).unwrap();
    root.image(&ImageSpec::new(&used).tag("used:1")).unwrap();
    let leaked = root.orphan_directory("leaked image mount", Some(&used), &Tree::new("x").file("y", 1)).unwrap();
    root.orphan_directory("orphan", None, &Tree::new("z").file("y", 1)).unwrap();
    let name = format!("image/overlay2/layerdb/mounts/{}-registry.example", "0123456789abcdef".repeat(4));
    let record = world.root().join(&name).join("team/app:1");
    fs::create_dir_all(&record).unwrap();
    fs::write(record.join("mount-id"), leaked.id.to_string()).unwrap();
    fs::write(record.join("parent"), used.chain_id.to_string()).unwrap();
    let before = world.snapshot();
    assert_eq!(world.run(&["prune", "--force", "--trash"]).status, Some(0));
    assert!(!world.root().join(&name).exists());
    // What is missing now may be a file system that is not mounted.
    let (overlay2, aside) = (world.root().join("overlay2"), world.beside("aside"));
    fs::rename(&overlay2, &aside).unwrap();
    let ran = world.run(&["trash", "restore"]);
    assert!(ran.status == Some(5) && ran.output.contains("is it to be mounted?") && !overlay2.exists(), "{ran:?}");
    fs::rename(&aside, &overlay2).unwrap();
    let restore = format!("umask 077; '{}' trash restore --data-root '{}'", env!("CARGO_BIN_EXE_layerwise"), world.root().display());
    assert!(Command::new("sh").args(["-c", &restore]).status().unwrap().success());
    // The times of what was made again are those of now.
    let made = [name.clone(), format!("{name}/team")];
    for path in &made {
        assert_eq!(fs::metadata(world.root().join(path)).unwrap().permissions().mode() & 0o7777, 0o755, "{path}");
    }
    let other = |snapshot: Snapshot| {
        snapshot.0.into_iter().filter(|(path, _)| !made.iter().any(|made| path == Path::new(made))).collect::<Vec<_>>()
    };
    assert_eq!(other(world.snapshot()), other(before));
}

#[test]
fn a_layer_does_not_come_back_without_its_directory() {
    let (world, mut root) = World::empty();
    let used = root.layer(None, Tree::new("used").file("a", 1)).unwrap();
    root.image(&ImageSpec::new(&used).tag("used:1")).unwrap();
    let spare = root.layer(Some(&used), Tree::new("spare").file("b", 100_000)).unwrap();
    assert_eq!(world.run(&["prune", "--force", "--trash"]).status, Some(0));
    // As if `overlay2/` had a file system of its own that is not mounted.
    let slots = walkdir::WalkDir::new(world.root().join(".layerwise")).into_iter().map(Result::unwrap);
    let directory = slots.filter(|entry| entry.path().join("diff/b").exists()).last().unwrap().into_path();
    fs::rename(&directory, world.beside("aside")).unwrap();
    let before = world.snapshot();
    let ran = world.run(&["trash", "restore"]);
    assert!(
        ran.status == Some(5) && ran.output.contains(&format!("{} is neither in the trash nor in its place", spare.dir.path().display())),
        "{ran:?}"
    );
    world.snapshot().assert_is(&before, "afterwards");
    fs::rename(world.beside("aside"), directory).unwrap();
    assert_eq!(world.run(&["trash", "restore"]).status, Some(0));
}
