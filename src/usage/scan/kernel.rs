//! The few system calls of the walk, each on one name in an opened directory.

use super::inode::Inode;
use crate::dir::Stamp;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Statx, StatxAttributes, StatxFlags, openat, openat2, statx};
use rustix::io::Errno;
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// What is asked of a directory that is to be known again.
const STAMP: StatxFlags =
    StatxFlags::TYPE.union(StatxFlags::INO).union(StatxFlags::BTIME).union(StatxFlags::CTIME).union(StatxFlags::MTIME);

/// What the walk asks of an inode.
const WANTED: StatxFlags = StatxFlags::TYPE
    .union(StatxFlags::MODE)
    .union(StatxFlags::NLINK)
    .union(StatxFlags::INO)
    .union(StatxFlags::SIZE)
    .union(StatxFlags::BLOCKS);

/// Whether it is asked when inodes were changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    Wanted,
    Unwanted,
}

/// Opens and asks below one file system, never across a mount and never through a link.
#[derive(Debug)]
pub(super) struct Kernel {
    /// The major and minor number of the only device that is walked.
    device: (u32, u32),
    /// Whether there is an `openat2`, which refuses a mount without touching what is behind it: a network file system may hang.
    refuses_mounts: bool,
    /// Whether reading may leave the access times alone, which only an owner or root can ask for.
    leaves_times: AtomicBool,
    /// What is asked of an inode.
    wanted: StatxFlags,
}

impl Kernel {
    /// Prepares for the file system that `root` is on, and opens `root` again, with a position of its own.
    pub(super) fn new(root: BorrowedFd<'_>, times: Times) -> Result<(Self, OwnedFd), Errno> {
        let stat = of_opened(root)?;
        let device = (stat.stx_dev_major, stat.stx_dev_minor);
        let wanted = if times == Times::Wanted { WANTED.union(StatxFlags::CTIME) } else { WANTED };
        let kernel = Self { device, refuses_mounts: true, leaves_times: AtomicBool::new(true), wanted };
        match kernel.open(root, c".") {
            // Kernels before 5.6, and sandboxes that know no `openat2`.
            Err(Errno::NOSYS | Errno::PERM) => {
                let kernel = Self { refuses_mounts: false, ..kernel };
                kernel.open(root, c".").map(|fd| (kernel, fd))
            }
            opened => opened.map(|fd| (kernel, fd)),
        }
    }

    /// Opens the directory `name`; `Errno::XDEV` where something is mounted.
    ///
    /// `name` is a single component, so that nothing but a link or a mount could lead elsewhere. `RESOLVE_BENEATH` would add nothing
    /// but a lock that all threads share.
    pub(super) fn open(&self, at: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = |flags| {
            if self.refuses_mounts {
                openat2(at, name, flags, Mode::empty(), ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS)
            } else {
                openat(at, name, flags, Mode::empty())
            }
        };
        if self.leaves_times.load(Relaxed) {
            match open(flags | OFlags::NOATIME) {
                Err(Errno::PERM) => {}
                opened => return opened,
            }
        }
        let opened = open(flags)?;
        self.leaves_times.store(false, Relaxed);
        Ok(opened)
    }

    /// Asks for the directory that is open.
    pub(super) fn stat_opened(&self, fd: BorrowedFd<'_>) -> Result<Inode, Errno> {
        self.own(&of_opened(fd)?)
    }

    /// Asks for what `name` in the directory `at` is; `Errno::XDEV` where something is mounted on it.
    #[inline]
    pub(super) fn stat(&self, at: BorrowedFd<'_>, name: &CStr) -> Result<Inode, Errno> {
        self.own(&statx(at, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT, self.wanted)?)
    }

    /// Asks by what the directory `name`, which may have two components, can be known again; nothing where there is no directory of
    /// this file system.
    pub(super) fn stamp(&self, at: BorrowedFd<'_>, name: &CStr) -> Option<Stamp> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::EMPTY_PATH;
        let stat = statx(at, name, flags, STAMP).ok()?;
        let inode = self.own(&stat).ok()?;
        (inode.kind == FileType::Directory).then(|| Stamp::from(&stat))
    }

    /// Refuses what is on another file system, or is the root of a mount of this one.
    #[inline]
    fn own(&self, stat: &Statx) -> Result<Inode, Errno> {
        let is_foreign = (stat.stx_dev_major, stat.stx_dev_minor) != self.device;
        if is_foreign || stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT) { Err(Errno::XDEV) } else { Ok(Inode::of(stat)) }
    }
}

/// Asks for an opened directory, wherever it is.
pub(super) fn of_opened(fd: BorrowedFd<'_>) -> Result<Statx, Errno> {
    statx(fd.as_fd(), c"", AtFlags::EMPTY_PATH, WANTED)
}

/// Whether an error says that what had been listed is no longer there, or has become something else meanwhile.
pub(super) const fn is_gone(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::STALE | Errno::NOTDIR | Errno::LOOP)
}

/// Whether an error says that something is mounted there.
pub(super) const fn is_mount(errno: Errno) -> bool {
    matches!(errno, Errno::XDEV)
}
