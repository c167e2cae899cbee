//! The store of a storage driver that is not used any more, and when it cannot be known that it is not.

use crate::world::World;
use layerwise::demo::{ImageSpec, Tree};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A data-root that uses overlay2, with a vfs store of former times beside it.
fn with_former_store() -> World {
    let (world, mut root) = World::empty();
    let layer = root.layer(None, Tree::new("app").file("a", 1)).unwrap();
    root.image(&ImageSpec::new(&layer).tag("app:1")).unwrap();
    root.inactive_driver("vfs", &Tree::new("vfs").file("bin/tool", 90_000)).unwrap();
    world
}

/// Runs `touch`, with the time of one path given to another one if two are named.
fn touch(world: &World, arguments: &[&str]) {
    assert!(Command::new("touch").args(arguments).current_dir(world.root()).status().unwrap().success());
}

#[test]
fn a_store_stays_where_any_sign_says_that_it_may_be_in_use_and_the_reason_is_said() {
    type Spoil = fn(&World);
    let cases: [(&str, Spoil, &str); 9] = [
        ("a start with vfs", |world| touch(world, &["vfs"]), "it was changed after the last start of dockerd"),
        ("an import with vfs", |world| touch(world, &["image/vfs/repositories.json"]), "it was changed after the last start of dockerd"),
        ("a build with vfs", |world| touch(world, &["vfs/dir"]), "it was changed after the last start of dockerd"),
        ("no start with overlay2", |world| touch(world, &["-d", "2020-01-01", "overlay2"]), "did not open overlay2/"),
        ("no tmp/", |world| fs::remove_dir(world.root().join("tmp")).unwrap(), "nothing says when dockerd was started last"),
        ("a copied tmp/", |world| touch(world, &["-d", "2020-01-01", "tmp"]), "nothing says when dockerd was started last"),
        (
            "the containerd image store",
            |world| fs::create_dir_all(world.root().join("rootfs/overlayfs")).unwrap(),
            "the containerd image store is here too",
        ),
        (
            "a store of a third driver",
            |world| fs::create_dir_all(world.root().join("btrfs/subvolumes")).unwrap(),
            "there is no overlay2 store, or several that dockerd may use",
        ),
        (
            "an overlay2 store without layers",
            |world| fs::rename(world.root().join("overlay2"), world.root().join("volumes/overlay2")).unwrap(),
            "there is no overlay2 store",
        ),
    ];
    for (name, spoil, why) in cases {
        let world = with_former_store();
        assert_eq!(world.planned(&["--include", "inactive-stores"]), ["image/vfs", "vfs"], "{name}: before");
        spoil(&world);
        let ran = world.run(&["prune", "--dry-run", "--include", "inactive-stores", "--allow-empty"]);
        let told = format!("{}{}", ran.output, ran.errors);
        assert!(told.contains(why) && !ran.output.contains("image/vfs"), "{name}: {ran:?}");
        let before = world.snapshot();
        drop(world.run(&["prune", "--force", "--include", "inactive-stores", "--allow-empty"]));
        for place in ["vfs", "image/vfs"] {
            assert_eq!(world.snapshot().0.get(Path::new(place)), before.0.get(Path::new(place)), "{name}: {place}");
        }
    }
}

#[test]
fn a_store_stays_where_a_configuration_names_another_driver_or_cannot_be_read() {
    for (text, why) in [
        (r#"{"storage-driver":"vfs"}"#, Some("daemon.json says that the storage driver is vfs")),
        (r#"{"features":{"containerd-snapshotter":true}}"#, Some("daemon.json turns on the containerd image store")),
        ("{", Some("daemon.json may name the storage driver and cannot be read")),
        (r#"{"storage-driver":"vfs","data-root":"/elsewhere"}"#, None),
        (r#"{"storage-driver":"overlay2"}"#, None),
    ] {
        let world = with_former_store();
        let config = world.beside("config");
        fs::create_dir_all(config.join("docker")).unwrap();
        fs::write(config.join("docker/daemon.json"), text).unwrap();
        let arguments = ["prune", "--force", "--include", "inactive-stores"];
        let output = world.command(&arguments).env("XDG_CONFIG_HOME", &config).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert_eq!(world.root().join("vfs").exists(), why.is_some(), "{text}: {said}");
        assert!(why.is_none_or(|why| said.contains(why)), "{text}: {said}");
    }
}
