//! A file system in a file, with a tree in it: made once, and a copy of it mounted for each deletion.
//!
//! What it costs to delete is the file system's to say, and where the benchmark happens to run is often an odd one: without a journal and
//! with `discard`, each file that has a block waits for the disk once, and nothing else is measured. This one is ext4 as `mkfs` makes it. A
//! copy takes a fraction of a second because blocks that are only allocated are holes in the file.

use super::{Outcome, Shape};
use nix::sched::{CloneFlags, unshare};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The file system that each contender gets a copy of.
#[derive(Debug)]
pub(crate) struct Image {
    place: tempfile::TempDir,
}

/// A copy of it that is mounted, until this is dropped.
#[derive(Debug)]
pub(crate) struct Mounted {
    at: PathBuf,
    copy: Option<PathBuf>,
}

/// Gives this process mounts of its own: what it mounts is gone when it has ended, however that was.
pub(crate) fn mount_for_oneself() -> Outcome<()> {
    unshare(CloneFlags::CLONE_NEWNS).map_err(|errno| format!("only root can mount what is measured: {errno}"))?;
    run(Command::new("mount").args(["--make-rprivate", "/"]))
}

impl Image {
    /// Makes it in `dir`, with a tree of this shape.
    pub(crate) fn make(dir: &Path, shape: Shape, inodes: u64) -> Outcome<Self> {
        const ROOM: u64 = 8192;
        let image = Self { place: tempfile::Builder::new().prefix("delete-").tempdir_in(dir)? };
        File::create(image.file())?.set_len(inodes * ROOM + (256 << 20))?;
        // Nothing is left to be done in the background.
        let mut make = Command::new("mkfs.ext4");
        make.args(["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", "-N", &(inodes / 4 * 5 + 1000).to_string()]);
        run(make.arg(image.file()))?;
        super::plant(Mounted::mount(&image.file(), image.place.path())?.path(), shape, inodes)?;
        Ok(image)
    }

    fn file(&self) -> PathBuf {
        self.place.path().join("image")
    }

    /// Mounts a copy.
    pub(crate) fn copy(&self) -> Outcome<Mounted> {
        let copy = self.place.path().join("copy");
        run(Command::new("cp").arg("--sparse=always").args([&self.file(), &copy]))?;
        // Else the first commit of the journal would have to write all of it.
        File::open(&copy)?.sync_all()?;
        let mut mounted = Mounted::mount(&copy, self.place.path())?;
        mounted.copy = Some(copy);
        Ok(mounted)
    }
}

impl Mounted {
    fn mount(file: &Path, place: &Path) -> Outcome<Self> {
        let at = place.join("mounted");
        fs::create_dir_all(&at)?;
        run(Command::new("mount").args(["-o", "loop"]).args([file, &at]))?;
        Ok(Self { at, copy: None })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.at
    }

    /// Has the kernel read all of its inodes.
    pub(crate) fn warm(&self) -> Outcome<()> {
        run(Command::new("du").arg("-s").arg(&self.at))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(run(Command::new("umount").arg(&self.at)));
        if let Some(copy) = self.copy.take() {
            drop(fs::remove_file(copy));
        }
    }
}

fn run(command: &mut Command) -> Outcome<()> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into()) }
}
