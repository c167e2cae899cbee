//! A file system so full that dockerd cannot work: `prune` needs no free byte and no free inode, and may be killed while it makes room.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::chance::{Chance, Rounds};
use crate::engine::Engine;
use crate::judge;
use crate::killed::{Template, assert_dockerd_works, assert_same, snapshot};
use crate::layerwise::{Layerwise, Ran};

/// What there is no more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Full {
    Bytes,
    Inodes,
}

/// A small file system of its own, unmounted when it goes.
struct Mounted(tempfile::TempDir);

impl Mounted {
    fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("layerwise-full-").tempdir().unwrap();
        let (image, point) = (directory.path().join("image"), directory.path().join("mounted"));
        File::create(&image).unwrap().set_len(160 << 20).unwrap();
        fs::create_dir(&point).unwrap();
        let run = |command: &mut Command| assert!(command.status().unwrap().success(), "{command:?}");
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0", "-N", "10000"]).arg(&image));
        run(Command::new("mount").args(["-o", "loop"]).args([&image, &point]));
        Self(directory)
    }

    fn data_root(&self) -> PathBuf {
        self.0.path().join("mounted/docker")
    }

    fn ballast(&self) -> PathBuf {
        self.0.path().join("mounted/ballast")
    }

    /// Puts a copy of `template` here, and leaves not one free byte and no room for a name in the data-root, or not one free inode.
    fn fill(&self, template: &Path, full: Full) {
        drop(fs::remove_dir_all(self.ballast()));
        drop(fs::remove_dir_all(self.data_root()));
        fs::create_dir(self.data_root()).unwrap();
        judge::copy_to(template, &self.data_root());
        fs::create_dir(self.ballast()).unwrap();
        match full {
            Full::Bytes => {
                let mut file = File::create(self.ballast().join("bytes")).unwrap();
                for size in [1 << 20, 4096, 1] {
                    let block = vec![7; size];
                    while file.write(&block).is_ok_and(|written| written > 0) {}
                }
                file.sync_all().unwrap();
            }
            Full::Inodes => {
                let created =
                    (0..1_000_000).take_while(|number: &usize| File::create(self.ballast().join(number.to_string())).is_ok()).count();
                assert!(created > 0, "the copy takes all inodes already");
            }
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(self.0.path().join("mounted")).status());
    }
}

#[test]
fn on_a_file_system_without_a_byte_prune_makes_the_room_that_dockerd_needs_wherever_it_is_killed() {
    let test = "on_a_file_system_without_a_byte_prune_makes_the_room_that_dockerd_needs_wherever_it_is_killed";
    makes_room(test, Full::Bytes);
}

#[test]
fn on_a_file_system_without_an_inode_prune_makes_the_room_that_dockerd_needs_wherever_it_is_killed() {
    let test = "on_a_file_system_without_an_inode_prune_makes_the_room_that_dockerd_needs_wherever_it_is_killed";
    makes_room(test, Full::Inodes);
}

fn makes_room(test: &str, full: Full) {
    let Some(template) = Template::make(test) else { return };
    let mounted = Mounted::new();
    let root = mounted.data_root();
    let program = Layerwise::on(&root);

    mounted.fill(template.path(), full);
    assert_dockerd_cannot_start(test, &root);
    program.prune("");
    assert_dockerd_works(test, &template, &root, "with the room that prune made");
    program.prune("");
    let end = snapshot(&root);

    mounted.fill(template.path(), full);
    let points = crate::layerwise::trace(&program, "prune --force");
    let made_room = points.iter().position(|name| name == "locked").map(|at| at + 1).unwrap();
    let begun = points.iter().rposition(|name| name.starts_with("in place")).expect("something is deleted where it is");
    let mut chance = Chance::of(test);
    let places: Vec<usize> = match Rounds::wanted(3) {
        Rounds::Some(rounds) => (0..rounds).map(|_| made_room + chance.below(begun + 1 - made_room)).collect(),
        Rounds::All => (made_room..=begun).collect(),
    };
    for place in places {
        let when = format!("no {full:?}, killed at {place} ({})", points[place]);
        eprintln!("{when}");
        mounted.fill(template.path(), full);
        let mut command = program.command("prune --force");
        let ran = Ran::of(command.env("LAYERWISE_TEST_POINT", format!("{place}:kill -9 $PPID")));
        assert_eq!(ran.status, None, "{when}: {ran:?}");
        fs::remove_dir_all(mounted.ballast()).unwrap();
        assert_dockerd_works(test, &template, &root, &when);
        let plan = program.prune("");
        assert_same(&snapshot(&root), &end, &format!("{when}, kept because of {:?}", plan.reasons()));
    }
}

/// Or there would be nothing to show.
fn assert_dockerd_cannot_start(test: &str, root: &Path) {
    let mut engine = Engine::off(test, Some(root.to_owned())).unwrap();
    engine.switch_on();
    engine.launch_daemon();
    assert!(engine.await_daemon().is_err(), "dockerd starts although the file system is full");
}
