//! Following a path as another process sees it, and finding what we call the place it leads to.
//!
//! ```text
//! /proc/<pid>/root  ─►  var/lib/docker  ─►  a directory (device, inode)  ─►  our name for it, verified by device and inode
//! ```
//!
//! A dockerd in a container, a chroot, a snap or a namespace of its own names its data-root in a view of its own. The path is resolved by the
//! kernel as if that view's root were ours, so that no link can lead out of it. Our name is the one that the kernel tells for the opened
//! directory, or else comes from comparing the two tables of mounts; a name that leads anywhere else is never used.

use super::mounts;
use super::proc::{FileId, Proc};
use crate::dir::{Cause, Operation, ReadError};
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::Mode;
use rustix::fs::{AtFlags, StatxFlags, statx};
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

/// The root directory of another process, opened.
pub(super) struct View<'a> {
    proc: &'a Proc,
    pid: u32,
    root: OwnedFd,
}

/// A directory that a process names.
pub(super) struct Reached {
    /// Which directory it is.
    pub(super) identity: FileId,
    /// What we call it, if any of our paths leads to it.
    pub(super) here: Option<PathBuf>,
    /// It, opened.
    pub(super) fd: OwnedFd,
}

impl<'a> View<'a> {
    /// Opens the root directory of process `pid`, or says that the process is gone.
    pub(super) fn open(proc: &'a Proc, pid: u32) -> Result<Option<Self>, ReadError> {
        let path = proc.path().join(format!("{pid}/root"));
        match nix::fcntl::open(&path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()) {
            Ok(root) => Ok(Some(Self { proc, pid, root })),
            Err(Errno::ENOENT | Errno::ESRCH) => Ok(None),
            Err(errno) => Err(ReadError { path, operation: Operation::Open, cause: errno.into() }),
        }
    }

    /// What the process calls what is `path` from the root of its namespace, if it lives in a directory of that, as in a chroot.
    pub(super) fn within(&self, path: &Path) -> Option<PathBuf> {
        let root = self.proc.link(self.pid, "root").ok()??;
        Some(Path::new("/").join(path.strip_prefix(root).ok()?))
    }

    /// Opens the directory that the process calls `path`, or says that there is none.
    pub(super) fn dir(&self, path: &Path) -> Result<Option<Reached>, ReadError> {
        let fd = match self.resolve(path, OFlag::O_PATH | OFlag::O_DIRECTORY) {
            Ok(fd) => fd,
            Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(None),
            Err(errno) => return Err(self.error(path, errno)),
        };
        let identity = FileId::of(&fd).map_err(|error| self.error(path, error))?;
        let here = self.names(&fd, path).into_iter().find(|name| leads_to(name, identity));
        Ok(Some(Reached { identity, here, fd }))
    }

    /// The content of the regular file that the process calls `path`, or nothing when there is none.
    pub(super) fn read(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let file = match self.resolve(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY) {
            Ok(fd) => File::from(fd),
            Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(None),
            Err(errno) => return Err(self.error(path, errno)),
        };
        if !file.metadata().map_err(|error| self.error(path, error))?.is_file() {
            return Err(self.error(path, Cause::NotAFile));
        }
        let mut content = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut content).map_err(|error| self.error(path, error))?;
        if u64::try_from(content.len()).is_ok_and(|length| length > limit) {
            return Err(self.error(path, Cause::TooLarge(limit)));
        }
        Ok(Some(content))
    }

    /// Opens the file that the process calls `path`, of whatever kind, or says that there is none.
    pub(super) fn file(&self, path: &Path) -> Result<Option<OwnedFd>, ReadError> {
        match self.resolve(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY) {
            Ok(fd) => Ok(Some(fd)),
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
            Err(errno) => Err(self.error(path, errno)),
        }
    }

    fn resolve(&self, path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
        let flags = flags | OFlag::O_CLOEXEC;
        match openat2(&self.root, path, OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_IN_ROOT)) {
            // Kernels before 5.6: an absolute link then leads astray, but what it leads to is only ever believed by its device and inode.
            Err(Errno::ENOSYS | Errno::EPERM) => {
                nix::fcntl::openat(&self.root, path.strip_prefix("/").unwrap_or(path), flags, Mode::empty())
            }
            opened => opened,
        }
    }

    /// The names under which we may know the directory that the process calls `path`.
    fn names(&self, fd: &OwnedFd, path: &Path) -> Vec<PathBuf> {
        let told = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()));
        told.into_iter().chain([path.to_owned()]).chain(mounts::own_names(self.proc, self.pid, path)).collect()
    }

    fn error(&self, path: &Path, cause: impl Into<Cause>) -> ReadError {
        let path = self.proc.path().join(format!("{}/root", self.pid)).join(path.strip_prefix("/").unwrap_or(path));
        ReadError { path, operation: Operation::Open, cause: cause.into() }
    }
}

/// When `name` below `dir` was born, in seconds and nanoseconds since 1970, where the file system remembers.
pub(super) fn born(dir: impl AsFd, name: &Path) -> Option<(i64, u32)> {
    let stat = statx(dir, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT, StatxFlags::BTIME).ok()?;
    (stat.stx_mask & StatxFlags::BTIME.bits() != 0).then_some((stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec))
}

/// Whether our path `name` leads to the very file `identity`.
pub(super) fn leads_to(name: &Path, identity: FileId) -> bool {
    name.is_absolute() && FileId::by_path(name).is_ok_and(|found| found == identity)
}
