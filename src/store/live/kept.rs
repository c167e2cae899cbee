//! Mount namespaces in which no process lives, kept by a file that they are mounted on, as snapd and `unshare --mount=FILE` do.
//!
//! ```text
//! 57 30 0:4 mnt:[4026532201] /run/snapd/ns/docker.mnt rw - nsfs nsfs rw          a line of some process's mountinfo
//! ```
//!
//! What is mounted in one shows in no `/proc/<pid>/mountinfo`. So a thread of ours enters it, reads its own, and ends: nothing else can tell.
//! One that is kept by an open file alone, without any name, stays out of sight.

use super::mountinfo;
use super::proc::{FileId, Proc};
use super::reach::View;
use crate::dir::{Cause, Operation, ReadError};
use nix::sched::{CloneFlags, setns, unshare};
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// A mount namespace and the file that keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// The process that sees the file.
    pub(super) pid: u32,
    /// What the kernel calls the namespace: `mnt:[4026532201]`.
    name: OsString,
    /// Where that process sees the file.
    point: PathBuf,
}

/// The namespaces of which process `pid` sees a file in `table`, its mountinfo.
pub(super) fn in_table(table: &[u8], pid: u32) -> impl Iterator<Item = Kept> {
    let mounts = mountinfo::parse(table).flatten().filter(|mount| mount.kind == b"nsfs" && mount.root.starts_with(b"mnt:["));
    mounts.map(move |mount| Kept { pid, name: OsStr::from_bytes(mount.root).to_owned(), point: mount.mount_point() })
}

/// The mountinfo of each namespace that `found` and what is found in these names, but for those that are `known`; with each the process by which
/// it was found.
pub(super) fn tables(proc: &Proc, mut found: Vec<Kept>, known: &mut HashSet<OsString>) -> Vec<(u32, Result<Vec<u8>, ReadError>)> {
    let mut tables = Vec::new();
    while let Some(kept) = found.pop() {
        if known.contains(&kept.name) {
            continue;
        }
        // What has ended meanwhile shows no mounts; another name of it may have not.
        let Some(table) = kept.table(proc).transpose() else { continue };
        known.insert(kept.name.clone());
        found.extend(table.iter().flat_map(|table| in_table(table, kept.pid)));
        tables.push((kept.pid, table));
    }
    tables
}

impl Kept {
    /// Its mountinfo; nothing if the file, or the process that sees it, is gone.
    fn table(&self, proc: &Proc) -> Result<Option<Vec<u8>>, ReadError> {
        let failed = |cause: Cause| ReadError {
            path: proc.path().join(format!("{}/root", self.pid)).join(self.point.strip_prefix("/").unwrap_or(&self.point)),
            operation: Operation::Open,
            cause,
        };
        let Some(view) = View::open(proc, self.pid)? else { return Ok(None) };
        let Some(file) = view.file(&self.point)? else { return Ok(None) };
        let inode = FileId::of(&file).map_err(|error| failed(error.into()))?.inode;
        if OsStr::new(&format!("mnt:[{inode}]")) != self.name {
            let now = proc.read(self.pid, "mountinfo", super::mounts::LIMIT)?.unwrap_or_default();
            let is_hidden = in_table(&now, self.pid).any(|other| other == *self);
            let hidden = || failed(Cause::Malformed("something is mounted over the file of a mount namespace".to_owned()));
            return if is_hidden { Err(hidden()) } else { Ok(None) };
        }
        // A thread that shares its root directory with others cannot enter one; and none must stay there.
        let read = std::thread::scope(|scope| scope.spawn(|| self.enter(proc, &file)).join());
        read.unwrap_or_else(|_| Err(failed(Cause::Malformed("its mounts could not be read".to_owned())))).map(Some)
    }

    /// Enters the namespace for good, and reads what is mounted there.
    fn enter(&self, proc: &Proc, namespace: &OwnedFd) -> Result<Vec<u8>, ReadError> {
        let path = || self.point.clone();
        let failed = |errno: nix::errno::Errno| ReadError { path: path(), operation: Operation::Open, cause: errno.into() };
        let own = proc.dir().read_link("thread-self")?.ok_or_else(|| failed(nix::errno::Errno::ENOENT))?;
        unshare(CloneFlags::CLONE_FS).and_then(|()| setns(namespace, CloneFlags::CLONE_NEWNS)).map_err(failed)?;
        let table = proc.dir().read(Path::new(&own).join("mountinfo"), super::mounts::LIMIT)?;
        table.ok_or_else(|| failed(nix::errno::Errno::ENOENT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_mount_namespaces_are_found() {
        let table = b"1 0 254:0 / / rw - ext4 d rw
2 1 0:4 mnt:[4026532201] /run/snapd/ns/docker.mnt rw - nsfs nsfs rw
3 1 0:4 net:[4026532301] /run/docker/netns/1 rw - nsfs nsfs rw
4 1 254:0 /mnt:[1] /x rw - ext4 d rw
";
        let expected = Kept { pid: 7, name: "mnt:[4026532201]".into(), point: "/run/snapd/ns/docker.mnt".into() };
        assert_eq!(in_table(table, 7).collect::<Vec<_>>(), [expected]);
    }
}
