//! Emptying a directory: in parallel, relative to opened directories, through no link and across no mount, however deep and however large.
//!
//! A directory that lies deep is moved up to the top of what is being deleted, under a number, and becomes a tree of its own; so does one that
//! lies high, if a thread has nothing to do. So neither the depth of a tree nor the length of its paths costs anything, and few
//! directories are open at a time. A directory is listed while it is emptied, a bounded batch of files at a time, so that its size costs little
//! either. What is left after an interruption looks different then, but nobody will ever look.
//!
//! What did not go, because it resisted or because there was no room to move it up or no descriptor left to open it, is tried again as long as
//! anything else goes; what is told in the end is what resisted the last time.

use super::batch::Batch;
use super::{Failures, Tally};
use crate::apply::Stop;
use crate::apply::top::open_dir;
use rayon::Scope;
use rustix::fs::{AtFlags, FileType, RawDir, RenameFlags, renameat_with};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use std::ffi::{CStr, CString, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Down to this depth a directory may become a tree of its own for a thread that has nothing to do.
const SPREAD: usize = 6;

/// At this depth at the latest a directory becomes a tree of its own, so that few are open.
const DEEPEST: usize = 24;

/// The most trees that wait for a thread.
const MOST_WAITING: usize = 4096;

/// The bytes of a listing that are read at a time.
const BUFFER: usize = 16 << 10;

/// How many bytes of names of files are gathered at most.
const LARGEST: usize = 2 << 20;

/// Deletes what is in `top`, which a person calls `path`, until nothing more goes or somebody wants it to end.
pub(super) fn empty(top: &OwnedFd, (tally, stop): (&Tally, &Stop), path: &Path) {
    loop {
        let (waiting, went, postponed, failures) = Default::default();
        let pass = Pass { top, path, tally, stop, deepest: deepest(), waiting, went, postponed, failures };
        // Opened anew: a listing goes on where the last one with the same descriptor ended.
        match open_dir(top, c".") {
            Ok(listed) => rayon::scope(|scope| pass.contents(scope, &listed, &Trail::Top, 0)),
            Err(errno) => pass.fail(&Trail::Top, errno),
        }
        let [failed, postponed, went] = [&pass.failures.failed, &pass.postponed, &pass.went].map(|count| count.load(Ordering::Relaxed));
        if failed == 0 && postponed == 0 || went == 0 || pass.is_stopped() {
            if failed == 0 && postponed > 0 && !pass.is_stopped() {
                pass.fail(&Trail::Top, Errno::NOTEMPTY);
            }
            return tally.failures.extend(pass.failures);
        }
    }
}

/// How deep a thread may go with its share of the descriptors that we may have.
fn deepest() -> usize {
    const OTHERS: u64 = 32;
    const AT_LEAST: usize = SPREAD + 2;
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX).saturating_sub(OTHERS);
    let share = usize::try_from(limit).unwrap_or(usize::MAX) / rayon::current_num_threads().max(1);
    share.clamp(AT_LEAST, DEEPEST)
}

/// One time of going through everything.
struct Pass<'a> {
    /// The directory at the top, into which others are moved.
    top: &'a OwnedFd,
    path: &'a Path,
    tally: &'a Tally,
    stop: &'a Stop,
    deepest: usize,
    /// The trees that wait for a thread.
    waiting: AtomicUsize,
    /// The names that went, or were moved up.
    went: AtomicU64,
    /// What is there still and may go the next time.
    postponed: AtomicU64,
    failures: Failures,
}

/// The way to a directory from the top.
enum Trail<'a> {
    Top,
    In(&'a Trail<'a>, &'a CStr),
}

impl Trail<'_> {
    /// It as a path, where the top is called `top`.
    fn path(&self, top: &Path) -> PathBuf {
        match self {
            Self::Top => top.to_owned(),
            Self::In(above, name) => above.path(top).join(OsStr::from_bytes(name.to_bytes())),
        }
    }
}

impl Pass<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Deletes what is in `dir`, to which `trail` leads, which is so deep below the top.
    fn contents<'scope>(&'scope self, scope: &Scope<'scope>, dir: &OwnedFd, trail: &Trail<'_>, depth: usize) {
        let mut buffer = Vec::with_capacity(BUFFER);
        let mut listing = RawDir::new(dir, buffer.spare_capacity_mut());
        let mut files = Batch::default();
        while let Some(entry) = listing.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(errno) => {
                    self.files(dir, &mut files, trail);
                    return self.fail(trail, errno);
                }
            };
            if self.is_stopped() {
                return;
            }
            let name = entry.file_name();
            match (name.to_bytes(), entry.file_type()) {
                (b"." | b"..", _) => {}
                (_, FileType::Directory | FileType::Unknown) => {
                    // Not one large batch for each level.
                    if files.is_larger_than(BUFFER) {
                        self.files(dir, &mut files, trail);
                    }
                    self.child(scope, (dir, name), trail, depth);
                }
                _ => files.add(entry.ino(), name),
            }
            if files.is_larger_than(LARGEST) {
                self.files(dir, &mut files, trail);
            }
        }
        self.files(dir, &mut files, trail);
    }

    /// Deletes the files of a batch, and leaves it empty.
    fn files(&self, dir: &OwnedFd, files: &mut Batch, trail: &Trail<'_>) {
        for name in files.in_order() {
            if self.is_stopped() {
                return;
            }
            self.remove(dir, name, (AtFlags::empty(), &Trail::In(trail, name)));
        }
        files.clear();
    }

    /// Deletes the directory `name` in `dir`, or leaves it to another thread or another time.
    fn child<'scope>(&'scope self, scope: &Scope<'scope>, (dir, name): (&OwnedFd, &CStr), trail: &Trail<'_>, depth: usize) {
        let waiting = self.waiting.load(Ordering::Relaxed);
        let (has_room, is_wanted) = (waiting < MOST_WAITING, waiting < rayon::current_num_threads());
        if depth == 0 && has_room {
            return self.spawn(scope, name.to_owned(), 1);
        }
        let is_deep = depth >= self.deepest;
        if is_deep || (1..SPREAD).contains(&depth) && is_wanted {
            match self.move_up(dir, name) {
                Ok(moved) if has_room => return self.spawn(scope, moved, if is_deep { SPREAD } else { depth + 1 }),
                Ok(_) => {
                    self.postponed.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Err(errno) if is_deep => return self.fail(&Trail::In(trail, name), errno),
                Err(_) => {}
            }
        }
        self.entry(scope, (dir, name), trail, depth + 1);
    }

    /// Leaves the directory `name` at the top to whichever thread has nothing to do; what is in it counts as so deep.
    fn spawn<'scope>(&'scope self, scope: &Scope<'scope>, name: CString, depth: usize) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        scope.spawn(move |scope| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.entry(scope, (self.top, &name), &Trail::Top, depth);
        });
    }

    /// Deletes the directory `name` in `dir` with everything in it; what is in it is so deep below the top.
    fn entry<'scope>(&'scope self, scope: &Scope<'scope>, (dir, name): (&OwnedFd, &CStr), trail: &Trail<'_>, depth: usize) {
        let trail = &Trail::In(trail, name);
        match open_dir(dir, name) {
            Ok(opened) => {
                self.contents(scope, &opened, trail, depth);
                if !self.is_stopped() {
                    self.remove(dir, name, (AtFlags::REMOVEDIR, trail));
                }
            }
            Err(Errno::NOENT) => {}
            Err(Errno::NOTDIR | Errno::LOOP) => self.remove(dir, name, (AtFlags::empty(), trail)),
            Err(errno) => self.fail(trail, errno),
        }
    }

    fn remove(&self, dir: &OwnedFd, name: &CStr, (flags, trail): (AtFlags, &Trail<'_>)) {
        match self.tally.remove(dir, name, flags) {
            Ok(()) => drop(self.went.fetch_add(1, Ordering::Relaxed)),
            // What is in it still was told where it happened, or is another thread's.
            Err(Errno::NOTEMPTY | Errno::EXIST) => drop(self.postponed.fetch_add(1, Ordering::Relaxed)),
            Err(errno) => self.fail(trail, errno),
        }
    }

    fn fail(&self, trail: &Trail<'_>, errno: Errno) {
        self.failures.add(errno, || trail.path(self.path));
    }

    /// Moves a directory up to the top under a new name.
    fn move_up(&self, dir: &OwnedFd, name: &CStr) -> Result<CString, Errno> {
        loop {
            let number = self.tally.trees.fetch_add(1, Ordering::Relaxed);
            let moved = CString::new([MOVED, number.to_string().as_bytes()].concat()).map_err(|_| Errno::INVAL)?;
            match renameat_with(dir, name, self.top, &moved, RenameFlags::NOREPLACE) {
                Ok(()) => {
                    self.went.fetch_add(1, Ordering::Relaxed);
                    return Ok(moved);
                }
                // Left by a run that was interrupted.
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

/// What the names of directories begin with that were moved up.
const MOVED: &[u8] = b"tree-";
