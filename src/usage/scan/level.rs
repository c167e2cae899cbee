//! The directories that the walk is in: each knows its parent, and most are open while there is something left to enter in them.
//!
//! Everything is opened relative to the directory that it was listed in, so no path is too long. A tree can be deeper than a process
//! may have descriptors: the more of them are in use, the fewer further levels stay open, and those that do not are opened again, step
//! by step from the nearest one above that is (`reopened`).

use super::account::Account;
use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

/// A directory that has something left to enter or to count.
#[derive(Debug)]
pub(super) struct Level<'o> {
    parent: Option<Arc<Self>>,
    name: CString,
    depth: u64,
    /// The descriptor, for as long as anybody has it open.
    fd: Weak<OwnedFd>,
    /// On whose account it is.
    pub(super) account: Arc<Account<'o>>,
    pub(super) directory: Directory,
}

/// What has to be known of a directory until all of it was read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Directory {
    /// Its inode number.
    pub(super) number: u64,
    /// Whether empty files in it may be whiteouts.
    pub(super) has_whiteout_files: bool,
}

/// Where a directory is: `name` below a level, or the level itself if it has no name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot<'l, 'o> {
    pub(super) level: &'l Arc<Level<'o>>,
    pub(super) name: &'l CStr,
}

impl<'o> Level<'o> {
    /// The root of the walk.
    pub(super) fn root(fd: &Arc<OwnedFd>, account: Arc<Account<'o>>, directory: Directory) -> Arc<Self> {
        let fd = Arc::downgrade(fd);
        Arc::new(Self { parent: None, name: CString::default(), depth: 0, fd, account, directory })
    }

    /// The level of the directory at `spot`, open as `fd`.
    pub(super) fn below(spot: Spot<'_, 'o>, fd: Option<&Arc<OwnedFd>>, account: Arc<Account<'o>>, directory: Directory) -> Arc<Self> {
        let (parent, name) = (Some(Arc::clone(spot.level)), spot.name.to_owned());
        Arc::new(Self { parent, name, depth: spot.depth(), fd: fd.map(Arc::downgrade).unwrap_or_default(), account, directory })
    }

    /// The level above, which the root of the walk does not have.
    pub(super) const fn parent(&self) -> Option<&Arc<Self>> {
        self.parent.as_ref()
    }

    /// What it is called there.
    pub(super) fn name(&self) -> &CStr {
        &self.name
    }

    /// How many levels are above.
    pub(super) const fn depth(&self) -> u64 {
        self.depth
    }

    /// Its descriptor, if anybody has it open.
    pub(super) fn opened(&self) -> Option<Arc<OwnedFd>> {
        self.fd.upgrade()
    }
}

impl Spot<'_, '_> {
    fn depth(self) -> u64 {
        self.level.depth.saturating_add(1)
    }

    /// Whether the directory that was opened here as `fd` is to stay open, of at most about `limit`.
    pub(super) fn stays_open(self, fd: BorrowedFd<'_>, limit: u64) -> bool {
        // The kernel gives out the lowest free number: it tells how many descriptors there are.
        stays_open(u64::try_from(fd.as_raw_fd()).unwrap_or(u64::MAX), self.depth(), limit)
    }

    /// The path of `entry` in this directory, or of the directory if that is empty, where the walk's root is `root`.
    pub(super) fn path(self, root: &Path, entry: &CStr) -> PathBuf {
        let mut names = vec![entry, self.name];
        let mut level = self.level;
        while let Some(parent) = &level.parent {
            names.push(&level.name);
            level = parent;
        }
        let mut path = root.to_owned();
        path.extend(names.into_iter().rev().filter(|name| !name.is_empty()).map(|name| OsStr::from_bytes(name.to_bytes())));
        path
    }
}

/// Whether a directory `depth` levels deep stays open when `used` descriptors of at most `limit` are in use.
///
/// All do while there are plenty, then every 16th level, every 256th, every 4096th: so it is not far to one that is open. The last few are
/// for what is opened again.
const fn stays_open(used: u64, depth: u64, limit: u64) -> bool {
    let every = match used.saturating_mul(16) / if limit == 0 { 1 } else { limit } {
        0..8 => 1,
        8..12 => 16,
        12..14 => 256,
        14 => 4096,
        _ => return false,
    };
    depth.is_multiple_of(every)
}

/// Lets go of a long line of ancestors one after the other: the compiler's way would need stack for each.
impl Drop for Level<'_> {
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some(mut level) = parent.and_then(Arc::into_inner) {
            parent = level.parent.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::place::Place;
    use crate::usage::scan::account::Owners;

    fn open(path: &Path) -> Arc<OwnedFd> {
        Arc::new(std::fs::File::open(path).unwrap().into())
    }

    fn below<'o>(level: &Arc<Level<'o>>, name: &CStr) -> Arc<Level<'o>> {
        Level::below(Spot { level, name }, None, Arc::clone(&level.account), Directory::default())
    }

    #[test]
    fn the_fewer_descriptors_are_left_the_fewer_levels_stay_open() {
        for (used, depth, stays) in
            [(0, 7, true), (499, 7, true), (500, 7, false), (500, 32, true), (750, 32, false), (750, 512, true), (999, 512, false)]
        {
            assert_eq!(stays_open(used, depth, 1000), stays, "{used} used at depth {depth}");
        }
        assert!(!stays_open(1000, 4096, 1000) && !stays_open(5, 4096, 0));
    }

    #[test]
    fn a_line_of_a_million_ancestors_is_dropped_without_a_stack() {
        let owners = Owners::default();
        let mut level = Level::root(&open(Path::new("/")), Account::new(Place::root(), &owners), Directory::default());
        for _ in 0..1_000_000 {
            level = below(&level, c"x");
        }
        std::thread::scope(|scope| {
            let small = std::thread::Builder::new().stack_size(64 * 1024);
            small.spawn_scoped(scope, move || drop(level)).unwrap().join().unwrap();
        });
    }
}
