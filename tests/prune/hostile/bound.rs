//! A part of the data-root is mounted there from elsewhere.

use crate::world::{Ran, Snapshot, World};
use layerwise::demo::{ImageSpec, Tree};
use std::process::Command;

/// A data-root with an image and an orphan, both of this name, and an image that all have.
fn world(name: &str) -> World {
    let (world, mut root) = World::empty();
    let base = root.layer(None, Tree::new("base").file("c", 9_000)).unwrap();
    root.image(&ImageSpec::new(&base).tag("base:1")).unwrap();
    let layer = root.layer(None, Tree::new(name).file("a", 9_000)).unwrap();
    root.image(&ImageSpec::new(&layer).tag("app:1")).unwrap();
    root.orphan_directory(&format!("orphan of {name}"), None, &Tree::new("x").file("b", 1)).unwrap();
    world
}

/// Runs a prune after `script`, in which `$O` is another data-root; nothing where mounts cannot be made.
fn run(world: &World, other: &World, script: &str) -> Option<Ran> {
    if !Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: mounts cannot be made here");
        return None;
    }
    let script = format!("export O={}\n{script} || exit 99\neval \"$L\"", other.root().display());
    Some(world.script(&script, &["prune", "--force"], ""))
}

#[test]
fn what_is_another_data_roots_is_not_judged_by_our_records() {
    for script in [
        "mount --bind $O/overlay2 $D/overlay2",
        "mount --bind $O/image $D/image",
        // Where all is mounted but its containers.
        "mount --bind $O/overlay2 $D/overlay2 && mount --bind $O/image $D/image",
    ] {
        let [here, there] = ["here", "there"].map(world);
        let before = [&here, &there].map(World::snapshot);
        let Some(ran) = run(&here, &there, script) else { return };
        assert!(ran.status == Some(4) && ran.errors.contains("it is that of another data-root"), "{script}: {ran:?}");
        for (world, before) in [&here, &there].into_iter().zip(before) {
            world.snapshot().assert_is(&before, script);
        }
    }
}

#[test]
fn what_another_data_root_shows_too_is_not_judged_by_our_records() {
    for script in [
        // Ours is where it always was, and is bound into the other one.
        "mount --bind $D/overlay2 $O/overlay2",
        "mount --bind $D/image $O/image",
        // A disk of its own, mounted in both, as a whole.
        "mount -t tmpfs disk $T/disk && cp -a $D/overlay2/. $T/disk/ && mount --bind $T/disk $D/overlay2 && mount --bind $T/disk $O/overlay2 && umount $T/disk",
        // Only in another namespace, in which a process lives.
        "(unshare --mount sh -c 'mount --bind $D/overlay2 $O/overlay2 && touch $T/ready && exec sleep 30' >/dev/null 2>&1 & echo $! > $T/pid); \
         until [ -e $T/ready ]; do sleep 0.01; done",
    ] {
        let [here, there] = ["here", "there"].map(world);
        std::fs::create_dir(here.beside("disk")).unwrap();
        let before = [&here, &there].map(World::snapshot);
        let Some(ran) = run(&here, &there, script) else { return };
        if let Ok(pid) = std::fs::read_to_string(here.beside("pid")) {
            Command::new("kill").arg(pid.trim()).status().unwrap();
        }
        let named = ran.errors.contains(there.root().to_str().unwrap());
        assert!(ran.status == Some(4) && named && ran.errors.contains("it is that of another data-root"), "{script}: {ran:?}");
        for (world, before) in [&here, &there].into_iter().zip(before) {
            world.snapshot().assert_is(&before, script);
        }
    }
}

#[test]
fn the_same_data_root_by_another_name_and_a_part_of_it_where_no_records_are_are_no_other_data_roots() {
    for script in [
        "mount --bind $D $T/disk",
        "mkdir $T/disk/overlay2 && mount --bind $D/overlay2 $T/disk/overlay2",
        "mount --bind $T/.. $T/disk",
        "unshare --mount true && mount --rbind / $T/disk",
    ] {
        let [here, there] = ["here", "there"].map(world);
        std::fs::create_dir(here.beside("disk")).unwrap();
        let Some(ran) = run(&here, &there, script) else { return };
        assert!(ran.status == Some(0), "{script}: {ran:?}");
    }
}

#[test]
fn what_is_only_ours_may_be_mounted_from_anywhere() {
    for script in [
        // As dockerd itself does.
        "mount --bind $D/overlay2 $D/overlay2",
        "mkdir $T/elsewhere && mv $D/overlay2 $T/elsewhere/ && mkdir $D/overlay2 && mount --bind $T/elsewhere/overlay2 $D/overlay2",
        "mkdir $T/elsewhere && for part in overlay2 image containers; do mv $D/$part $T/elsewhere/ && mkdir $D/$part && mount --bind $T/elsewhere/$part $D/$part || exit 99; done",
    ] {
        let [here, there] = ["here", "there"].map(world);
        let planned = here.planned(&[]);
        let Some(ran) = run(&here, &there, script) else { return };
        assert!(ran.status == Some(0), "{script}: {ran:?}");
        let place = here.beside("elsewhere");
        let place = if place.exists() { place } else { here.root().to_owned() };
        assert!(planned.len() == 2 && planned.iter().all(|path| place.join(path).symlink_metadata().is_err()), "{script}: {planned:?}");
        assert!(Snapshot::of(&place).0.keys().any(|path| path.ends_with("diff/a")), "{script}");
    }
}
