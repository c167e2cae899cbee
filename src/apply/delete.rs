//! Deleting trees for good: in parallel, relative to opened directories, through no link and across no mount, however deep.
//!
//! A directory that lies deep is moved up to the top of what is being deleted, under a number, and becomes a tree of its own. So neither the
//! depth of a tree nor the length of its paths costs anything, few directories are open at a time, and one giant tree becomes many that are
//! deleted side by side. What is left after an interruption looks different then, but nobody will ever look.

use super::Stop;
use super::error::explain;
use super::top::open_dir;
use rayon::Scope;
use rustix::fs::{AtFlags, Dir as Listing, FileType, RenameFlags, StatxFlags, renameat_with, statx, unlinkat};
use rustix::io::Errno;
use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Down to this depth every directory becomes a tree of its own, so that there is work for every thread.
const SPREAD: usize = 3;

/// At this depth a directory becomes a tree of its own, so that few are open.
const DEEPEST: usize = 24;

/// The most failures that are told one by one.
const MOST_FAILURES: usize = 1000;

/// What was deleted so far; counters for whoever watches.
#[derive(Debug, Default)]
pub struct Tally {
    bytes: AtomicU64,
    inodes: AtomicU64,
    trees: AtomicU64,
    failed: AtomicU64,
    failures: Mutex<Vec<Failure>>,
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

/// One tree that is being deleted.
struct Deleter<'a> {
    /// The directory at its top, into which deep directories are moved.
    top: &'a OwnedFd,
    path: &'a Path,
    tally: &'a Tally,
    stop: &'a Stop,
}

impl Tally {
    /// The bytes and inodes deleted so far.
    #[must_use]
    pub fn so_far(&self) -> (u64, u64) {
        (self.bytes.load(Ordering::Relaxed), self.inodes.load(Ordering::Relaxed))
    }

    /// Deletes `name` in `dir` with everything in it; `path` is what a person calls it. Says whether it is gone.
    pub(super) fn delete(&self, dir: &OwnedFd, name: &str, path: &Path, stop: &Stop) -> bool {
        let Ok(name) = CString::new(name) else { return false };
        match open_dir(dir, name.as_c_str()) {
            Ok(top) => {
                let deleter = Deleter { top: &top, path, tally: self, stop };
                deleter.empty_top();
                !stop.load(Ordering::Relaxed) && self.remove(dir, &name, AtFlags::REMOVEDIR, path)
            }
            Err(Errno::NOENT) => true,
            Err(Errno::NOTDIR | Errno::LOOP) => self.remove(dir, &name, AtFlags::empty(), path),
            Err(errno) => {
                self.fail(path, errno);
                false
            }
        }
    }

    /// Deletes the directory of a run, `name` in `trash`; what it has been made of itself does not count.
    pub(super) fn delete_run(&self, trash: &OwnedFd, name: &str, journal: &str, path: &Path, stop: &Stop) {
        match open_dir(trash, name) {
            Ok(run) => {
                let _ = unlinkat(&run, journal, AtFlags::empty());
                Deleter { top: &run, path, tally: self, stop }.empty_top();
                // What resisted has been told; then the directory stays around it.
                let _ = unlinkat(trash, name, AtFlags::REMOVEDIR);
            }
            Err(errno) => {
                self.fail(path, errno);
            }
        }
    }

    /// What was deleted in all.
    pub(super) fn finish(&self, stop: &Stop) -> Deletion {
        let (bytes, inodes) = self.so_far();
        let mut failures = self.failures.lock().map(|failures| failures.clone()).unwrap_or_default();
        failures.sort_unstable();
        let stopped = stop.load(Ordering::Relaxed);
        Deletion { bytes, inodes, failures, failed: self.failed.load(Ordering::Relaxed), stopped }
    }

    /// Removes one name, and counts what it named if that was its last.
    fn remove(&self, dir: &OwnedFd, name: &CStr, flags: AtFlags, path: &Path) -> bool {
        let wanted = StatxFlags::NLINK | StatxFlags::BLOCKS;
        let stat = statx(dir, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT, wanted);
        match unlinkat(dir, name, flags) {
            Ok(()) => {
                if let Ok(stat) = stat
                    && (stat.stx_nlink == 1 || flags.contains(AtFlags::REMOVEDIR))
                {
                    self.bytes.fetch_add(stat.stx_blocks.saturating_mul(512), Ordering::Relaxed);
                    self.inodes.fetch_add(1, Ordering::Relaxed);
                }
                true
            }
            Err(Errno::NOENT) => true,
            // Something in it could not be deleted, which was told where it happened.
            Err(Errno::NOTEMPTY | Errno::EXIST) if self.failed.load(Ordering::Relaxed) > 0 => false,
            Err(errno) => {
                self.fail(path, errno);
                false
            }
        }
    }

    /// Remembers that what is at `path` stays.
    pub(super) fn fail(&self, path: &Path, errno: Errno) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        if let Ok(mut failures) = self.failures.lock()
            && failures.len() < MOST_FAILURES
        {
            failures.push(Failure { path: path.to_owned(), error: explain(errno) });
        }
    }
}

impl Deleter<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Deletes what is in the directory at the top, with what is moved there meanwhile.
    fn empty_top(&self) {
        let mut before = usize::MAX;
        loop {
            let names = match list(self.top) {
                Ok(names) => names,
                Err(errno) => {
                    self.tally.fail(self.path, errno);
                    return;
                }
            };
            // What resisted once resists again.
            if names.is_empty() || names.len() >= before || self.is_stopped() {
                return;
            }
            before = names.len();
            rayon::scope(|scope| {
                for (name, kind) in &names {
                    let path = below(self.path, name);
                    scope.spawn(move |scope| {
                        self.entry(scope, self.top, name, *kind, (path, 1));
                    });
                }
            });
        }
    }

    /// Deletes `name` in `dir` with everything in it; says whether it is gone.
    fn entry<'scope>(
        &'scope self,
        scope: &Scope<'scope>,
        dir: &OwnedFd,
        name: &CStr,
        kind: FileType,
        (path, depth): (PathBuf, usize),
    ) -> bool {
        if self.is_stopped() {
            return false;
        }
        if kind != FileType::Directory && kind != FileType::Unknown {
            return self.tally.remove(dir, name, AtFlags::empty(), &path);
        }
        match open_dir(dir, name) {
            Ok(opened) => {
                self.empty(scope, &opened, &path, depth);
                !self.is_stopped() && self.tally.remove(dir, name, AtFlags::REMOVEDIR, &path)
            }
            Err(Errno::NOENT) => true,
            Err(Errno::NOTDIR | Errno::LOOP) => self.tally.remove(dir, name, AtFlags::empty(), &path),
            Err(errno) => {
                self.tally.fail(&path, errno);
                false
            }
        }
    }

    /// Deletes what is in `dir`, which is at `depth` below the top.
    fn empty<'scope>(&'scope self, scope: &Scope<'scope>, dir: &OwnedFd, path: &Path, depth: usize) {
        let names = match list(dir) {
            Ok(names) => names,
            Err(errno) => {
                self.tally.fail(path, errno);
                return;
            }
        };
        for (name, kind) in names {
            if self.is_stopped() {
                return;
            }
            let becomes_a_tree = kind == FileType::Directory && !(SPREAD..DEEPEST).contains(&depth);
            match becomes_a_tree.then(|| self.move_up(dir, &name)).flatten() {
                Some(moved) => scope.spawn(move |scope| {
                    let path = below(self.path, &moved);
                    self.entry(scope, self.top, &moved, FileType::Directory, (path, 1 + SPREAD));
                }),
                None => {
                    self.entry(scope, dir, &name, kind, (below(path, &name), depth + 1));
                }
            }
        }
    }

    /// Moves a directory up to the top under a new name; nothing if it does not let itself be moved.
    fn move_up(&self, dir: &OwnedFd, name: &CStr) -> Option<CString> {
        loop {
            let number = self.tally.trees.fetch_add(1, Ordering::Relaxed);
            let moved = CString::new(format!("tree-{number}")).ok()?;
            match renameat_with(dir, name, self.top, &moved, RenameFlags::NOREPLACE) {
                Ok(()) => return Some(moved),
                // Left by a run that was interrupted.
                Err(Errno::EXIST) => {}
                Err(_) => return None,
            }
        }
    }
}

fn below(path: &Path, name: &CStr) -> PathBuf {
    path.join(OsStr::from_bytes(name.to_bytes()))
}

/// The names in a directory with their kinds.
fn list(dir: impl AsFd) -> Result<Vec<(CString, FileType)>, Errno> {
    let mut names = Vec::new();
    for entry in Listing::read_from(dir)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push((entry.file_name().to_owned(), entry.file_type()));
        }
    }
    Ok(names)
}
