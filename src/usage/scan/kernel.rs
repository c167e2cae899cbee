//! The few system calls of the walk, each on one name in an opened directory.

use super::inode::Inode;
use super::listing::BUFFER;
use crate::dir::Stamp;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, ResolveFlags, Statx, StatxAttributes, StatxFlags, openat, openat2, statx};
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
    /// Where the last entry of a directory says that the next one is, if the file system has a place of which it can be relied upon that
    /// nothing is there: then nobody need ask whether there is more.
    pub(super) end: Option<u64>,
}

impl Kernel {
    /// Prepares for the file system that `root` is on, and opens `root` again, with a position of its own.
    pub(super) fn new(root: BorrowedFd<'_>, times: Times) -> Result<(Self, OwnedFd), Errno> {
        let stat = of_opened(root)?;
        let device = (stat.stx_dev_major, stat.stx_dev_minor);
        let wanted = if times == Times::Wanted { WANTED.union(StatxFlags::CTIME) } else { WANTED };
        let kernel = Self { device, refuses_mounts: true, leaves_times: AtomicBool::new(true), wanted, end: end(root) };
        match kernel.open(root, c".") {
            // Kernels before 5.6, and sandboxes that know no `openat2`.
            Err(Errno::NOSYS | Errno::PERM) => {
                let kernel = Self { refuses_mounts: false, ..kernel };
                kernel.open(root, c".").map(|fd| (kernel, fd))
            }
            opened => opened.map(|fd| (kernel, fd)),
        }
    }

    /// Opens the directory `name`; `Errno::XDEV` where something is mounted that is not this very directory.
    ///
    /// `name` is a single component, so that nothing but a link or a mount could lead elsewhere. `RESOLVE_BENEATH` would add nothing
    /// but a lock that all threads share.
    pub(super) fn open(&self, at: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS;
        match self.open_resolving(at, name, resolve) {
            // Asked only where something is mounted, so that it may take a while.
            Err(Errno::XDEV) if is_mounted_on_itself(at, name, self.device) => self.open_resolving(at, name, ResolveFlags::NO_SYMLINKS),
            opened => opened,
        }
    }

    fn open_resolving(&self, at: BorrowedFd<'_>, name: &CStr, resolve: ResolveFlags) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = |flags| {
            if self.refuses_mounts { openat2(at, name, flags, Mode::empty(), resolve) } else { openat(at, name, flags, Mode::empty()) }
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

    /// Asks for the directory that was opened as `fd`.
    pub(super) fn stat_opened(&self, fd: BorrowedFd<'_>) -> Result<Inode, Errno> {
        let stat = of_opened(fd)?;
        // The root of a mount that `open` let pass is the directory itself.
        if self.refuses_mounts && (stat.stx_dev_major, stat.stx_dev_minor) == self.device { Ok(Inode::of(&stat)) } else { self.own(&stat) }
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

/// The place behind all entries of a directory. ext4 hands out entries in the order of their hashes, keeps one above all hashes for the
/// end, and answers whoever goes on from there without a look that there is nothing (`EXT4_HTREE_EOF_64BIT`). Without the index
/// (`dir_index`) it tells other places, and the usual question is asked. Nowhere else is it so well defined.
fn end(root: BorrowedFd<'_>) -> Option<u64> {
    const EXT4: u64 = 0xEF53;
    let kind = rustix::fs::fstatfs(root).ok()?.f_type;
    (u64::try_from(kind) == Ok(EXT4)).then_some(i64::MAX.cast_unsigned())
}

/// Asks for an opened directory, wherever it is.
pub(super) fn of_opened(fd: BorrowedFd<'_>) -> Result<Statx, Errno> {
    statx(fd.as_fd(), c"", AtFlags::EMPTY_PATH, WANTED)
}

/// Whether what is mounted on the directory `name` is the directory itself, as where somebody made it a mount to share what is mounted
/// below: dockerd does so with the mounts of plugins. Then what is behind is what would be there without.
///
/// The listing tells the inode that was mounted upon, and the mount tells its own; neither asks a file system that may not answer.
fn is_mounted_on_itself(at: BorrowedFd<'_>, name: &CStr, device: (u32, u32)) -> bool {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
    let Ok(stat) = statx(at, name, flags, StatxFlags::INO) else { return false };
    if (stat.stx_dev_major, stat.stx_dev_minor) != device {
        return false;
    }
    let Ok(listed) = openat(at, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) else { return false };
    let mut buffer = Vec::with_capacity(BUFFER);
    let mut entries = RawDir::new(listed, buffer.spare_capacity_mut());
    while let Some(Ok(entry)) = entries.next() {
        if entry.file_name() == name {
            return entry.ino() == stat.stx_ino;
        }
    }
    false
}

/// Whether an error says that what had been listed is no longer there, or has become something else meanwhile.
pub(super) const fn is_gone(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::STALE | Errno::NOTDIR | Errno::LOOP)
}

/// Whether an error says that something is mounted there.
pub(super) const fn is_mount(errno: Errno) -> bool {
    matches!(errno, Errno::XDEV)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn directory(path: &Path) -> OwnedFd {
        std::fs::File::open(path).unwrap().into()
    }

    /// The kernel as it is, and one without `openat2`.
    fn kernels(at: &OwnedFd) -> [Kernel; 2] {
        [true, false].map(|refuses_mounts| Kernel { refuses_mounts, ..Kernel::new(at.as_fd(), Times::Unwanted).unwrap().0 })
    }

    #[test]
    fn what_became_a_link_or_a_file_since_it_was_listed_is_gone() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir(temp.path().join("directory")).unwrap();
        std::fs::write(temp.path().join("file"), "").unwrap();
        symlink("directory", temp.path().join("link")).unwrap();
        let at = directory(temp.path());
        for kernel in kernels(&at) {
            assert!(kernel.open(at.as_fd(), c"directory").is_ok());
            for name in [c"link", c"file", c"nothing"] {
                assert!(kernel.open(at.as_fd(), name).is_err_and(is_gone), "{name:?}");
            }
            assert_eq!(kernel.stat(at.as_fd(), c"link").unwrap().kind, FileType::Symlink);
        }
    }

    #[test]
    fn nothing_behind_a_mount_is_entered_or_counted() {
        // Both are mounted wherever there is a system.
        let root = directory(Path::new("/"));
        for kernel in kernels(&root) {
            for name in [c"proc", c"sys"] {
                let inode = kernel.open(root.as_fd(), name).and_then(|fd| kernel.stat_opened(fd.as_fd()));
                assert!(inode.is_err_and(is_mount) && kernel.stat(root.as_fd(), name).is_err_and(is_mount), "{name:?}");
                assert_eq!(kernel.stamp(root.as_fd(), name), None);
            }
        }
    }
}
