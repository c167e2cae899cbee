//! The file systems that Docker is run on, each made in a file and mounted.

use crate::tree::Tree;
use crate::{machine, measure_as_du, oracle};
use layerwise::demo;
use layerwise::dir::Dir;
use layerwise::inventory::Inventory;
use layerwise::usage::cache::{self, Clock, committed};
use layerwise::usage::scan::{Measured, Options, Progress};
use std::fs::File;
use std::path::Path;
use std::process::Command;

/// Runs the test on a file system made by `command`, whose last argument is the file.
fn on(test: &str, command: &[&str]) {
    if !machine::can_mount(test) {
        return;
    }
    let tree = Tree::new();
    let image = tree.path().join("image");
    File::create(&image).unwrap().set_len(400 << 20).unwrap();
    let made = Command::new(command[0]).args(&command[1..]).arg(&image).output();
    match made {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => return eprintln!("skipped: {}: {error}", command[0]),
    }
    tree.dir("mounted");
    let _mounted = tree.mount(&["-o", "loop", image.to_str().unwrap()], "mounted");
    everything_is_counted(&tree.path().join("mounted"));
}

fn everything_is_counted(place: &Path) {
    let tree = Tree::at(&place.join("grown"));
    tree.grow_data_root(7);
    tree.odd_names("overlay2/x/diff");
    tree.special("overlay2/x/diff");
    tree.sparse("volumes/v/sparse", 1 << 32);
    tree.chain("volumes/deep", 200, 1);
    // What is not written yet has no blocks yet.
    nix::unistd::sync();
    let measured = measure_as_du(tree.path());
    assert_eq!(measured.owners.values().map(|usage| usage.inodes).sum::<u64>(), measured.total.inodes);
    assert_eq!(measured.total.inodes, oracle::owners(tree.path()).values().map(|usage| usage.inodes).sum::<u64>());
    layers_are_known_again(&place.join("docker"), place);
}

fn layers_are_known_again(root: &Path, outside: &Path) {
    demo::sample::write(root).unwrap();
    nix::unistd::sync();
    let full = measure_as_du(root);
    let dir = Dir::root(root).unwrap();
    let clock = Clock { now: jiff::Timestamp::now().as_second(), settled: -60 };
    let layers = u64::try_from(committed(&Inventory::read(&dir, None)).len()).unwrap();
    for known in [0, layers] {
        let options = (&Options { largest: 5, ..Options::default() }, &Progress::default());
        let inventory = Inventory::read(&dir, None);
        let (measured, notes) = cache::scan(&dir, &inventory, options, (&outside.join("cache"), clock));
        assert_eq!((measured.from_cache.unwrap().layers, notes), (known, Vec::new()));
        let Measured { owners, total, .. } = measured;
        assert_eq!((owners, total), (full.owners.clone(), full.total));
    }
}

#[test]
fn ext4() {
    on("filesystems::ext4", &["mkfs.ext4", "-q", "-F"]);
}

#[test]
fn xfs() {
    on("filesystems::xfs", &["mkfs.xfs", "-q", "-f"]);
}

#[test]
fn btrfs() {
    on("filesystems::btrfs", &["mkfs.btrfs", "-q", "-f"]);
}

#[test]
fn tmpfs() {
    if machine::can_mount("filesystems::tmpfs") {
        let tree = Tree::new();
        tree.dir("mounted");
        let _mounted = tree.mount(&["-t", "tmpfs", "none"], "mounted");
        everything_is_counted(&tree.path().join("mounted"));
    }
}

#[test]
fn a_subvolume_is_another_file_system() {
    const NAME: &str = "filesystems::a_subvolume_is_another_file_system";
    if !machine::can_mount(NAME) {
        return;
    }
    let tree = Tree::new();
    let image = tree.path().join("image");
    File::create(&image).unwrap().set_len(400 << 20).unwrap();
    if Command::new("mkfs.btrfs").arg("-q").arg(&image).output().is_err() {
        return eprintln!("skipped: there is no mkfs.btrfs");
    }
    tree.dir("mounted");
    let _mounted = tree.mount(&["-o", "loop", image.to_str().unwrap()], "mounted");
    let root = Tree::at(&tree.path().join("mounted/docker"));
    root.file("volumes/v/file", 5000);
    root.dir("btrfs/subvolumes");
    let subvolume = root.path().join("btrfs/subvolumes/one");
    assert!(Command::new("btrfs").args(["subvolume", "create"]).arg(&subvolume).output().unwrap().status.success());
    root.file("btrfs/subvolumes/one/file", 5000);
    nix::unistd::sync();
    assert_eq!(measure_as_du(root.path()).not_entered, [subvolume.canonicalize().unwrap()]);
}
