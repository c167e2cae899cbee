//! A file system that has not one free byte or inode.

use crate::world::World;
use layerwise::demo::{Builder, ImageSpec, Tree};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system of its own, unmounted when it goes.
struct Mounted {
    temp: tempfile::TempDir,
}

impl Mounted {
    /// Makes one of `kilobytes` with `inodes`; nothing where that is not possible.
    fn new(kilobytes: u64, inodes: u64) -> Option<Self> {
        let temp = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let image = temp.path().join("image");
        File::create(&image).unwrap().set_len(kilobytes << 10).unwrap();
        fs::create_dir(temp.path().join("mounted")).unwrap();
        let run = |program: &str, arguments: &[&str]| Command::new(program).args(arguments).status().is_ok_and(|status| status.success());
        let image = image.to_str().unwrap();
        let made = run("mkfs.ext4", &["-q", "-F", "-m", "0", "-b", "1024", "-N", &inodes.to_string(), image]);
        let mounted = made && run("mount", &["-o", "loop", image, temp.path().join("mounted").to_str().unwrap()]);
        if !mounted {
            assert!(std::env::var_os("LAYERWISE_REQUIRE_DOCKER").is_none(), "a file system cannot be made and mounted here");
            eprintln!("skipped: no file system can be made and mounted here");
        }
        mounted.then_some(Self { temp })
    }

    fn path(&self) -> PathBuf {
        self.temp.path().join("mounted")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        Command::new("umount").arg(self.path()).status().unwrap();
    }
}

/// A data-root with an image, and two layers on each other that nothing needs.
fn write(path: &Path) -> Builder {
    let mut root = Builder::create(path).unwrap();
    let used = root.layer(None, Tree::new("used").file("a", 1)).unwrap();
    root.image(&ImageSpec::new(&used).tag("used:1")).unwrap();
    let low = root.layer(None, Tree::new("low").file("b", 200_000)).unwrap();
    root.layer(Some(&low), Tree::new("top").file("c", 100_000)).unwrap();
    root
}

/// Uses up every inode, then every byte.
fn fill(path: &Path, inodes: bool) {
    let ballast = path.join("ballast");
    fs::create_dir(&ballast).unwrap();
    if inodes {
        assert!((0..1_000_000).any(|number| File::create(ballast.join(number.to_string())).is_err()));
    }
    if let Ok(mut file) = File::create(ballast.join("bytes")).or_else(|_| File::options().append(true).open(ballast.join("0"))) {
        while file.write(&[7; 4096]).is_ok_and(|written| written > 0) {}
        while file.write(b"7").is_ok() {}
    }
}

#[test]
fn there_is_no_room_for_a_byte_or_an_inode() {
    for inodes in [false, true] {
        let Some(mounted) = Mounted::new(8 << 10, 400) else { return };
        let world = World::at(&mounted.path().join("docker"));
        drop(write(world.root()));
        fill(&mounted.path(), inodes);
        let before = world.snapshot();
        let planned = world.planned(&[]);
        assert_eq!(planned.len(), 6, "{planned:?}");
        let refused = world.run(&["prune", "--force", "--trash"]);
        assert_eq!(refused.status, Some(4), "{refused:?}");
        world.snapshot().assert_is(&before, "afterwards");
        let ran = world.run(&["prune", "--force"]);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        world.snapshot().assert_is(&before.without(&planned), "afterwards");
    }
}

#[test]
fn killed_anywhere_while_it_makes_room_the_next_run_comes_to_the_same_end() {
    let Some(mounted) = Mounted::new(16 << 10, 800) else { return };
    let mut number = 0;
    loop {
        let path = mounted.path().join(number.to_string());
        let world = World::at(&path);
        drop(write(world.root()));
        let ballast = mounted.path().join("ballast");
        fill(&mounted.path(), true);
        let (before, planned) = (world.snapshot(), world.planned(&[]));
        let ran = world.run_with(&["prune", "--force"], number, "kill -9 $PPID");
        let end = before.without(&planned);
        if ran.status.is_some() {
            world.snapshot().assert_is(&end, "afterwards");
            assert!(number > 10, "{number}");
            return;
        }
        let ran = world.run(&["prune", "--force"]);
        assert_eq!(ran.status, Some(0), "killed at {number}: {ran:?}");
        let ran = world.run(&["trash", "empty", "--force"]);
        assert_eq!(ran.status, Some(0), "killed at {number}: {ran:?}");
        world.snapshot().assert_is(&end, &format!("killed at {number}"));
        fs::remove_dir_all(ballast).unwrap();
        fs::remove_dir_all(path).unwrap();
        number += 1;
    }
}
