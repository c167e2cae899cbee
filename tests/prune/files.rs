//! Trees that are hard to delete.

use crate::world::{World, alone};
use layerwise::demo::{Builder, ImageSpec, Tree};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::Command;

/// A data-root with an image and an orphan directory to fill.
fn orphan() -> (World, PathBuf) {
    orphan_in(World::empty_on_disk())
}

fn orphan_in((world, mut root): (World, Builder)) -> (World, PathBuf) {
    let used = root.layer(None, Tree::new("used").file("a", 1)).unwrap();
    root.image(&ImageSpec::new(&used).tag("used:1")).unwrap();
    let orphan = root.orphan_directory("orphan", None, &Tree::new("orphan")).unwrap();
    let path = world.root().join(orphan.path());
    (world, path)
}

#[test]
fn a_tree_of_any_depth_and_names_of_any_bytes() {
    alone(|| {
        let (world, orphan) = orphan();
        for name in [&b"\xff\xfe"[..], b"new\nline", b"\x1b[31m", &[b'x'; 255], b" ", b"-rf", b"tree-0", b"journal"] {
            fs::write(orphan.join("diff").join(OsStr::from_bytes(name)), name).unwrap();
        }
        // Far beyond what a path may have, and what may be open at a time.
        let mut dir = fs::File::open(orphan.join("diff")).unwrap();
        for _ in 0..10_000 {
            rustix::fs::mkdirat(&dir, "d".repeat(200), rustix::fs::Mode::RWXU).unwrap();
            let flags = rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC;
            dir = fs::File::from(rustix::fs::openat(&dir, "d".repeat(200), flags, rustix::fs::Mode::empty()).unwrap());
        }
        // As long as we have it open it is in use, and where it lies is more than the kernel tells.
        let ran = world.run(&["prune", "--force"]);
        assert!(ran.status == Some(0) && ran.output.contains("its path is longer than the kernel tells") && orphan.exists(), "{ran:?}");
        drop(dir);
        let ran = world.run(&["prune", "--force"]);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        assert!(!orphan.exists() && !world.root().join(".layerwise").exists());
    });
}

#[test]
fn a_directory_of_any_size_takes_no_memory() {
    let (world, orphan) = orphan_in(World::empty());
    let arguments = ["prune", "--force"];
    let peak = world.beside("peak");
    let tell = |then: &str| format!("grep VmHWM /proc/$PPID/status >> {}{then}", peak.display());
    let lines = world.lines_at(&arguments, &[("unlocked", 0, &tell("; echo 5 > /proc/$PPID/clear_refs")), ("deleted", 0, &tell(""))]);
    // More than 25 MB of names.
    let many = fs::File::open(orphan.join("diff")).unwrap();
    let flags = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CLOEXEC;
    for number in 0..100_000 {
        rustix::fs::openat(&many, format!("{number:0250}"), flags, rustix::fs::Mode::RUSR).unwrap();
    }
    drop(many);
    let ran = world.run_points(&arguments, &lines);
    assert!(ran.status == Some(0) && !orphan.exists(), "{ran:?}");
    let text = fs::read_to_string(&peak).unwrap();
    let peaks: Vec<u64> = text.lines().map(|line| line.split_whitespace().nth(1).unwrap().parse().unwrap()).collect();
    // Measuring and judging took no less.
    assert!(peaks.len() == 2 && peaks[1] < peaks[0] + (4 << 10), "{text}");
}

#[test]
fn a_file_whose_names_go_at_the_same_time_counts_once() {
    let (world, orphan) = orphan();
    for name in ["one", "two", "three"] {
        let dir = orphan.join("diff").join(name);
        fs::create_dir(&dir).unwrap();
        for number in 0..5_000 {
            let (first, name) = (orphan.join(format!("diff/one/{number}")), dir.join(number.to_string()));
            if name == first { fs::write(name, "x").unwrap() } else { fs::hard_link(first, name).unwrap() }
        }
    }
    let document = world.json(&["prune", "--force"]);
    let sum = |key: &str| document["plan"]["actions"].as_array().unwrap().iter().map(|action| action[key].as_u64().unwrap()).sum::<u64>();
    let outcome = &document["outcome"];
    assert_eq!(outcome["reclaimed_inodes"].as_u64(), Some(sum("inodes")));
    assert_eq!(outcome["reclaimed_bytes"].as_u64(), Some(sum("bytes")));
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
