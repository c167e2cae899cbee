//! Trees that are hard to delete.

use crate::world::World;
use layerwise::demo::{ImageSpec, Tree};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::Command;

/// A data-root with an image and an orphan directory to fill.
fn orphan() -> (World, PathBuf) {
    let (world, mut root) = World::empty_on_disk();
    let used = root.layer(None, Tree::new("used").file("a", 1)).unwrap();
    root.image(&ImageSpec::new(&used).tag("used:1")).unwrap();
    let orphan = root.orphan_directory("orphan", None, &Tree::new("orphan")).unwrap();
    let path = world.root().join(orphan.path());
    (world, path)
}

#[test]
fn a_tree_of_any_depth_and_names_of_any_bytes() {
    let (world, orphan) = orphan();
    for name in [&b"\xff\xfe"[..], b"new\nline", b"\x1b[31m", &[b'x'; 255], b" ", b"-rf", b"tree-0", b"journal"] {
        fs::write(orphan.join("diff").join(OsStr::from_bytes(name)), name).unwrap();
    }
    // Far beyond what a path may have, and what may be open at a time.
    let mut dir = fs::File::open(orphan.join("diff")).unwrap();
    for _ in 0..5_000 {
        rustix::fs::mkdirat(&dir, "d".repeat(200), rustix::fs::Mode::RWXU).unwrap();
        let flags = rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::RDONLY;
        dir = fs::File::from(rustix::fs::openat(&dir, "d".repeat(200), flags, rustix::fs::Mode::empty()).unwrap());
    }
    // As long as we have it open it is in use, and where it lies is more than the kernel tells.
    let ran = world.run(&["prune", "--force"]);
    assert!(ran.status == Some(0) && ran.output.contains("its path is longer than the kernel tells") && orphan.exists(), "{ran:?}");
    drop(dir);
    let ran = world.run(&["prune", "--force"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(!orphan.exists() && !world.root().join(".layerwise").exists());
}

#[test]
fn links_are_removed_and_not_followed_and_other_names_of_a_file_stay() {
    let (world, orphan) = orphan();
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fs::write(outside.path().join("precious"), "precious").unwrap();
    std::os::unix::fs::symlink(outside.path(), orphan.join("diff/out")).unwrap();
    std::os::unix::fs::symlink("../../../..", orphan.join("diff/up")).unwrap();
    fs::hard_link(outside.path().join("precious"), orphan.join("diff/also")).unwrap();
    fs::create_dir(orphan.join("diff/closed")).unwrap();
    fs::write(orphan.join("diff/closed/file"), "x").unwrap();
    fs::set_permissions(orphan.join("diff/closed"), std::os::unix::fs::PermissionsExt::from_mode(0o500)).unwrap();
    let document = world.json(&["prune", "--force"]);
    assert!(!orphan.exists());
    assert_eq!(fs::read_to_string(outside.path().join("precious")).unwrap(), "precious");
    // The file that has another name was not freed.
    let planned: u64 = document["plan"]["actions"][0]["bytes"].as_u64().unwrap();
    assert!(document["outcome"]["reclaimed_bytes"].as_u64().unwrap() < planned, "{document}");
}

#[test]
fn what_resists_is_told_and_the_rest_goes() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can make a file immutable");
        return;
    }
    let (world, orphan) = orphan();
    fs::write(orphan.join("diff/immutable"), "x").unwrap();
    fs::write(orphan.join("diff/other"), "x").unwrap();
    let set = |path: &std::path::Path, flag| Command::new("chattr").arg(flag).arg(path).status().is_ok_and(|status| status.success());
    if !set(&orphan.join("diff/immutable"), "+i") {
        eprintln!("skipped: the file system has no immutable files");
        return;
    }
    let ran = world.run(&["prune", "--force"]);
    assert_eq!(ran.status, Some(5), "{ran:?}");
    assert!(ran.output.contains("immutable: ") && ran.output.contains("see lsattr"), "{}", ran.output);
    assert!(!orphan.exists());
    let left: Vec<_> = walkdir::WalkDir::new(world.root().join(".layerwise")).into_iter().map(Result::unwrap).collect();
    let files: Vec<_> = left.iter().filter(|entry| entry.file_type().is_file()).collect();
    assert_eq!(files.len(), 1, "{left:?}");
    assert!(set(files[0].path(), "-i"));
    assert_eq!(world.run(&["prune", "--force"]).status, Some(0));
    let ran = world.run(&["trash", "empty", "--force"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(!world.root().join(".layerwise").exists());
}
