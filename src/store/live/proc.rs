//! An opened `/proc`: processes come and go while it is read, and other people's may be closed to us.
//!
//! ```text
//! /proc/self -> <pid>             us, as this /proc numbers us
//! /proc/<pid>/                    a process; gone (ENOENT, ESRCH) as soon as it ends; hollow when only its first thread has
//! /proc/<pid>/task/<tid>/         a thread of it, the first among them: the same files over again
//! /proc/<pid>/ns/pid              pid:[4026531836] for the machine's first pid namespace
//! /proc/<pid>/status              Uid: real, effective, saved, file system
//! ```
//!
//! mountinfo and cmdline may be read by everybody, but `fd/`, `root`, `cwd`, `exe`, `environ` and `ns/` only by the process's own user and
//! by root: for anybody else those are gaps of the normal kind. With `hidepid` even the directories are missing, which leaves no gap to
//! be seen; [`Proc::sight`] tells. The kernel shows them to who may trace every process (`CAP_SYS_PTRACE` in the machine's first user
//! namespace), which root of a hardened service or of a container need not be.

use super::mountinfo::Mount;
use crate::dir::{Cause, Dir, Operation, ReadError};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use rustix::fs::{AtFlags, StatxFlags, statx};
use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

/// The link `ns/pid` of the machine's first pid namespace, the same on every Linux.
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// The link `ns/user` of the machine's first user namespace, the same on every Linux.
const FIRST_USER_NAMESPACE: &str = "user:[4026531837]";

/// The number of the right to look into any process.
const CAP_SYS_PTRACE: u32 = 19;

/// What the kernel calls the file system of `/proc`.
const PROCFS: u64 = 0x9fa0;

/// The link to the mount namespace of a process, or of a thread.
pub(super) const NAMESPACE: &str = "ns/mnt";

/// The largest small file read here (status, stat).
const SMALL: u64 = 1 << 20;

/// An opened `/proc`, or a directory that looks like one.
#[derive(Debug)]
pub struct Proc {
    dir: Dir,
}

/// What tells a file from every other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    /// The device, major and minor.
    pub device: (u32, u32),
    /// The inode number.
    pub inode: u64,
}

impl From<crate::dir::Stamp> for FileId {
    fn from(stamp: crate::dir::Stamp) -> Self {
        Self { device: stamp.device, inode: stamp.inode }
    }
}

impl FileId {
    /// Asks which file `fd` has open.
    pub(super) fn of(fd: impl AsFd) -> io::Result<Self> {
        Self::at(fd, Path::new(""), AtFlags::EMPTY_PATH)
    }

    /// Asks which file `name` leads to from `dir`, through links.
    pub(super) fn at(dir: impl AsFd, name: &Path, flags: AtFlags) -> io::Result<Self> {
        // What tells a file from others never changes, so no server needs to be asked, which may be dead and never answer.
        let stat = statx(dir, name, flags | AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC, StatxFlags::INO)?;
        Ok(Self { device: (stat.stx_dev_major, stat.stx_dev_minor), inode: stat.stx_ino })
    }

    /// Asks which file the absolute `path` leads to.
    ///
    /// # Errors
    /// When it leads to none, or may not be followed.
    pub fn by_path(path: &Path) -> io::Result<Self> {
        Self::at(rustix::fs::CWD, path, AtFlags::empty())
    }
}

/// How much of the machine a `/proc` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Every process, and so every mount that a process has.
    Whole,
    /// Only the processes of a pid namespace: we run in a container, and what lives outside it cannot be seen.
    Namespace,
    /// Only the processes that we may look into (`hidepid`).
    OwnUser,
}

impl Sight {
    /// What cannot be seen: processes that do not show have mounts that do not show.
    pub(super) const fn gap(self) -> Option<&'static str> {
        match self {
            Self::Whole => None,
            Self::Namespace => {
                Some("only the processes of a pid namespace show, so mounts of others do not: share the machine's (--pid=host)")
            }
            Self::OwnUser => Some(
                "it hides processes (hidepid), so their mounts do not show: run as root with CAP_SYS_PTRACE, or mount it without hidepid",
            ),
        }
    }
}

impl Proc {
    /// Opens the `/proc` that is mounted at `path`.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        Ok(Self { dir: Dir::root(path.as_ref())? })
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The processes, in the order of their numbers.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn pids(&self) -> Result<Vec<u32>, ReadError> {
        let mut pids: Vec<u32> = self.dir.entries()?.iter().filter_map(|entry| entry.name.to_str()?.parse().ok()).collect();
        pids.sort_unstable();
        Ok(pids)
    }

    /// The directory as the rest of the crate sees one.
    pub(super) const fn dir(&self) -> &Dir {
        &self.dir
    }

    /// The number that this `/proc` gives to us.
    pub(super) fn own_pid(&self) -> Option<u32> {
        self.dir.read_link("self").ok()??.to_str()?.parse().ok()
    }

    /// The content of a process's file of at most `limit` bytes, or nothing when the process is gone.
    pub(super) fn read(&self, pid: u32, name: impl AsRef<Path>, limit: u64) -> Result<Option<Vec<u8>>, ReadError> {
        unless_gone(self.dir.read(place(pid, name), limit))
    }

    /// The first `limit` bytes of a process's file: what a process may make as long as it likes.
    pub(super) fn head(&self, pid: u32, name: impl AsRef<Path>, limit: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let name = place(pid, name);
        let Some(file) = unless_gone(self.dir.file(&name))? else { return Ok(None) };
        let mut head = Vec::new();
        let read = file.take(limit).read_to_end(&mut head);
        unless_gone(read.map(|_| Some(head)).map_err(|error| self.dir.error(&name, Operation::Read, error)))
    }

    /// The text of a process's link, or nothing when the process is gone.
    pub(super) fn link(&self, pid: u32, name: impl AsRef<Path>) -> Result<Option<OsString>, ReadError> {
        // In one call: this tree is the kernel's, and no link stands in the middle of a name.
        let name = place(pid, name);
        let read = nix::fcntl::readlinkat(&self.dir, &name).map(Some);
        unless_gone(read.map_err(|errno| self.dir.error(&name, Operation::Read, errno)))
    }

    /// The places among the files of a process that belong to its threads other than the first, whose place is the process's own.
    pub(super) fn threads(&self, pid: u32) -> impl Iterator<Item = PathBuf> {
        let threads = self.dir.dir(place(pid, "task")).ok().flatten().and_then(|tasks| tasks.entries().ok()).unwrap_or_default();
        let threads = threads.into_iter().filter_map(|entry| entry.name.to_str()?.parse().ok());
        threads.filter(move |thread: &u32| *thread != pid).map(|thread| Path::new("task").join(thread.to_string()))
    }

    /// The links of the descriptors that a process has open and where they lead (nowhere, if that is too long to be told); those that are closed
    /// meanwhile are left out. They are asked of a thread that lives: when the first has ended, there is nothing in its place.
    pub(super) fn descriptors(&self, pid: u32) -> Result<Vec<(PathBuf, PathBuf)>, ReadError> {
        let is_living = |thread: &Path| Ok(self.link(pid, thread.join("root"))?.is_some());
        let mut living = if is_living(Path::new(""))? { Some(PathBuf::new()) } else { None };
        living = living.or_else(|| self.threads(pid).find(|thread| is_living(thread).is_ok_and(|is_living: bool| is_living)));
        let Some(listed) = living.map(|thread| thread.join("fd")) else { return Ok(Vec::new()) };
        let Some(fds) = unless_gone(self.dir.dir(place(pid, &listed)))? else { return Ok(Vec::new()) };
        let Some(entries) = unless_gone(fds.entries().map(Some))? else { return Ok(Vec::new()) };
        // The kernel may let us list what it does not let us look at.
        let led =
            |name: OsString| Ok(unless_gone(untold_if_long(fds.read_link(&name)))?.map(|text| (listed.join(name), PathBuf::from(text))));
        entries.into_iter().filter_map(|entry| led(entry.name).transpose()).collect()
    }

    /// The places of the threads of a process that live in another mount namespace than the first, or all of them when that has ended.
    pub(super) fn strayed(&self, pid: u32) -> Vec<PathBuf> {
        let Ok(own) = self.link(pid, NAMESPACE) else { return Vec::new() };
        let theirs = |thread: &Path| self.link(pid, thread.join(NAMESPACE)).ok().flatten();
        self.threads(pid).filter(|thread| theirs(thread).is_some_and(|namespace| Some(namespace) != own)).collect()
    }

    /// Opens the mount namespace `name` that the link `link` of a process leads to, or says that it does no more.
    ///
    /// What is there is asked before it is opened for good: whatever else has the number of a descriptor by then is only looked at.
    pub(super) fn namespace(&self, pid: u32, link: &Path, name: &OsStr) -> Result<Option<OwnedFd>, ReadError> {
        let path = place(pid, link);
        let open = |path: &Path, flags: OFlag| match openat(&self.dir, path, flags | OFlag::O_CLOEXEC, Mode::empty()) {
            Ok(fd) => Ok(Some(fd)),
            Err(Errno::ENOENT | Errno::ESRCH) => Ok(None),
            Err(errno) => Err(self.dir.error(path, Operation::Open, io::Error::from(errno))),
        };
        let Some(looked_at) = open(&path, OFlag::O_PATH)? else { return Ok(None) };
        let pinned = Path::new("self/fd").join(looked_at.as_raw_fd().to_string());
        let told = nix::fcntl::readlinkat(&self.dir, &pinned).ok();
        if told.as_deref() != Some(name) {
            return Ok(None);
        }
        open(&pinned, OFlag::O_RDONLY)
    }

    /// Asks which file the link `name` of a process leads to: the kernel follows it, whatever its text says.
    pub(super) fn behind(&self, pid: u32, name: impl AsRef<Path>) -> io::Result<FileId> {
        FileId::at(&self.dir, &place(pid, name), AtFlags::empty())
    }

    /// Whether the directory that the link `name` of a process leads to lies below one of `homes`; nothing is known of what is no directory,
    /// or lies too deep.
    pub(super) fn is_below(&self, pid: u32, name: impl AsRef<Path>, homes: &[FileId]) -> Option<bool> {
        const DEEPEST: usize = 20_000;
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut at = openat(&self.dir, &place(pid, name), flags, Mode::empty()).ok()?;
        let mut identity = FileId::of(&at).ok()?;
        for _ in 0..DEEPEST {
            if homes.contains(&identity) {
                return Some(true);
            }
            at = openat(&at, "..", flags, Mode::empty()).ok()?;
            let parent = FileId::of(&at).ok()?;
            if parent == identity {
                return Some(false);
            }
            identity = parent;
        }
        None
    }

    /// What a process calls itself, which need not be true.
    pub(super) fn name(&self, pid: u32) -> String {
        let comm = self.read(pid, "comm", 64).ok().flatten().unwrap_or_default();
        String::from_utf8_lossy(comm.trim_ascii_end()).into_owned()
    }

    /// The real user of a process: whoever started it, even if the program is setuid.
    pub(super) fn user(&self, pid: u32) -> Option<u32> {
        uids(&self.read(pid, "status", SMALL).ok()??).map(|(real, _)| real)
    }

    /// How much of the machine can be seen.
    #[must_use]
    pub fn sight(&self) -> Sight {
        let Some(own) = self.own_pid() else { return Sight::Namespace };
        if self.link(own, "ns/pid").ok().flatten().is_some_and(|namespace| namespace != FIRST_PID_NAMESPACE) {
            return Sight::Namespace;
        }
        if self.hides_processes(own) && !self.may_trace_all(own) { Sight::OwnUser } else { Sight::Whole }
    }

    /// Whether this `/proc` is mounted so that processes are hidden, or may be.
    fn hides_processes(&self, own: u32) -> bool {
        let Ok(Some(text)) = self.read(own, "mountinfo", super::mounts::LIMIT) else { return true };
        let device = FileId::of(&self.dir).ok().map(|identity| identity.device);
        let is_real = rustix::fs::fstatfs(&self.dir).ok().and_then(|it| u64::try_from(it.f_type).ok()) == Some(PROCFS);
        // All mounts of one device have the same options.
        let is_this = |mount: &Mount<'_>| mount.mount_point() == self.path() || is_real && Some(mount.device) == device;
        let mut mounts = super::mountinfo::parse(&text).flatten().filter(|mount| mount.kind == b"proc" && is_this(mount)).peekable();
        let hidden = |option: &[u8]| option.strip_prefix(b"hidepid=").is_some_and(|value| value != b"0" && value != b"off");
        mounts.peek().is_none() && is_real || mounts.any(|mount| mount.options.split(|&byte| byte == b',').any(hidden))
    }

    /// Whether the kernel lets us look into every process of the machine.
    fn may_trace_all(&self, own: u32) -> bool {
        let is_first = self.link(own, "ns/user").ok().flatten().is_some_and(|namespace| namespace == FIRST_USER_NAMESPACE);
        let status = self.read(own, "status", SMALL).ok().flatten();
        is_first && status.and_then(|status| effective_rights(&status)).is_some_and(|rights| rights >> CAP_SYS_PTRACE & 1 == 1)
    }
}

/// The effective capabilities in a `status`.
fn effective_rights(status: &[u8]) -> Option<u64> {
    let line = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"CapEff:"))?;
    u64::from_str_radix(std::str::from_utf8(line).ok()?.trim(), 16).ok()
}

/// The path of a process's file below `/proc`.
fn place(pid: u32, name: impl AsRef<Path>) -> PathBuf {
    Path::new(&pid.to_string()).join(name)
}

/// The real and the effective user in a `status`.
#[must_use]
pub fn uids(status: &[u8]) -> Option<(u32, u32)> {
    let line = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"Uid:"))?;
    let mut numbers = std::str::from_utf8(line).ok()?.split_ascii_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Takes a path that is longer than the kernel tells for the empty one, which no link is.
pub(super) fn untold_if_long(link: Result<Option<OsString>, ReadError>) -> Result<Option<OsString>, ReadError> {
    match link {
        Err(error) if is_errno(&error, &[Errno::ENAMETOOLONG]) => Ok(Some(OsString::new())),
        link => link,
    }
}

/// Whether the kernel answered one of `codes`.
fn is_errno(error: &ReadError, codes: &[Errno]) -> bool {
    matches!(&error.cause, Cause::Io(cause) if cause.raw_os_error().is_some_and(|code| codes.contains(&Errno::from_raw(code))))
}

/// Takes the end of a process for "nothing there".
fn unless_gone<T>(result: Result<Option<T>, ReadError>) -> Result<Option<T>, ReadError> {
    match result {
        Err(error) if is_gone(&error) => Ok(None),
        result => result,
    }
}

/// Whether an error says that the process ended: `EINVAL` is what the mountinfo of a process answers that has died and is not yet reaped.
fn is_gone(error: &ReadError) -> bool {
    is_errno(error, &[Errno::ENOENT, Errno::ESRCH, Errno::EINVAL])
}
