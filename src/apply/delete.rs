//! Deleting for good, and what was freed by it: see [`tree`] for how.

mod batch;
mod tree;

use super::Stop;
use super::error::explain;
use super::look::Pin;
use super::top::open_dir;
use rustix::fs::{AtFlags, Statx, StatxFlags, statx, unlinkat};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most failures that are told one by one.
const MOST_FAILURES: usize = 1000;

/// What was deleted so far; counters for whoever watches.
#[derive(Debug, Default)]
pub struct Tally {
    bytes: AtomicU64,
    inodes: AtomicU64,
    /// The directories that were moved up.
    trees: AtomicU64,
    failures: Failures,
    /// Held while one of several names of a file is removed, so that whoever removes the last one knows.
    names: Mutex<()>,
}

/// What could not be deleted.
#[derive(Debug, Default)]
struct Failures {
    failed: AtomicU64,
    told: Mutex<Vec<Failure>>,
}

/// What was deleted, and what resisted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deletion {
    /// The allocated bytes of everything of which no name is left.
    pub bytes: u64,
    /// The inodes.
    pub inodes: u64,
    /// What could not be deleted, the first thousand.
    pub failures: Vec<Failure>,
    /// How many could not be deleted in all.
    pub failed: u64,
    /// Whether it was stopped before the end.
    pub stopped: bool,
}

/// Something that could not be deleted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// Where it is.
    pub path: PathBuf,
    /// Why it is still there.
    pub error: String,
}

impl Tally {
    /// The bytes and inodes deleted so far.
    #[must_use]
    pub fn so_far(&self) -> (u64, u64) {
        (self.bytes.load(Ordering::Relaxed), self.inodes.load(Ordering::Relaxed))
    }

    /// Deletes what was seen as `seen` and is called `name` in `dir`, with everything in it; `path` is what a person calls it. Says whether it
    /// is gone.
    pub(super) fn delete(&self, (dir, name): (&OwnedFd, &str), seen: &Pin, path: &Path, stop: &Stop) -> bool {
        let Ok(name) = CString::new(name) else { return false };
        let resists = |errno: Errno| {
            self.fail(path, errno);
            false
        };
        match open_dir(dir, name.as_c_str()) {
            // What was opened is what was seen, whatever stands by that name by now; and only an empty directory goes by its name.
            Ok(top) if seen.is(&top).unwrap_or_default() => {
                tree::empty(&top, (self, stop), path);
                !stop.load(Ordering::Relaxed) && self.remove(dir, &name, AtFlags::REMOVEDIR).map_or_else(resists, |()| true)
            }
            Err(Errno::NOENT) => true,
            Err(Errno::NOTDIR | Errno::LOOP) if seen.is_at(dir, name.as_c_str()).unwrap_or_default() => {
                self.remove(dir, &name, AtFlags::empty()).map_or_else(resists, |()| true)
            }
            Ok(_) | Err(Errno::NOTDIR | Errno::LOOP) => resists(Errno::STALE),
            Err(errno) => resists(errno),
        }
    }

    /// Deletes the directory of a run, `name` in `trash`; what it has been made of itself does not count.
    pub(super) fn delete_run(&self, trash: &OwnedFd, name: &str, journal: &str, path: &Path, stop: &Stop) {
        match open_dir(trash, name) {
            Ok(run) => {
                let _ = unlinkat(&run, journal, AtFlags::empty());
                tree::empty(&run, (self, stop), path);
                // What resisted has been told; then the directory stays around it.
                let _ = unlinkat(trash, name, AtFlags::REMOVEDIR);
            }
            Err(errno) => self.fail(path, errno),
        }
    }

    /// What was deleted in all.
    pub(super) fn finish(&self, stop: &Stop) -> Deletion {
        let (bytes, inodes) = self.so_far();
        let mut failures = self.failures.told.lock().map(|told| told.clone()).unwrap_or_default();
        failures.sort_unstable();
        let (failed, stopped) = (self.failures.failed.load(Ordering::Relaxed), stop.load(Ordering::Relaxed));
        Deletion { bytes, inodes, failures, failed, stopped }
    }

    /// Removes one name, and counts what it named if that was its last.
    fn remove(&self, dir: &OwnedFd, name: &CStr, flags: AtFlags) -> Result<(), Errno> {
        let wanted = StatxFlags::NLINK | StatxFlags::BLOCKS;
        let look = || statx(dir, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT, wanted);
        let is_directory = flags.contains(AtFlags::REMOVEDIR);
        let mut stat = look();
        let has_others = |stat: &Statx| stat.stx_nlink > 1 && !is_directory;
        let _alone = stat.as_ref().is_ok_and(has_others).then(|| {
            let alone = self.names.lock();
            stat = look();
            alone
        });
        match unlinkat(dir, name, flags) {
            Ok(()) => {
                if let Ok(stat) = stat.as_ref()
                    && !has_others(stat)
                {
                    self.bytes.fetch_add(stat.stx_blocks.saturating_mul(512), Ordering::Relaxed);
                    self.inodes.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            }
            Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Remembers that what is at `path` stays.
    pub(super) fn fail(&self, path: &Path, errno: Errno) {
        self.failures.add(errno, || path.to_owned());
    }
}

impl Failures {
    /// Remembers that something stays; `path` is only asked for if there is room to tell it.
    fn add(&self, errno: Errno, path: impl FnOnce() -> PathBuf) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        if let Ok(mut told) = self.told.lock()
            && told.len() < MOST_FAILURES
        {
            told.push(Failure { path: path(), error: explain(errno) });
        }
    }

    /// Takes over what `other` has.
    fn extend(&self, other: Self) {
        self.failed.fetch_add(other.failed.into_inner(), Ordering::Relaxed);
        if let (Ok(mut told), Ok(more)) = (self.told.lock(), other.told.into_inner()) {
            let room = MOST_FAILURES.saturating_sub(told.len());
            told.extend(more.into_iter().take(room));
        }
    }
}
