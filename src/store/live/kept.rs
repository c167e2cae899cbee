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
        if !known.insert(kept.name.clone()) {
            continue;
        }
        let table = kept.table(proc);
        found.extend(table.iter().flat_map(|table| in_table(table, kept.pid)));
        tables.push((kept.pid, table));
    }
    tables
}

impl Kept {
    fn table(&self, proc: &Proc) -> Result<Vec<u8>, ReadError> {
        let failed = |cause: Cause| ReadError {
            path: proc.path().join(format!("{}/root", self.pid)).join(self.point.strip_prefix("/").unwrap_or(&self.point)),
            operation: Operation::Open,
            cause,
        };
        let gone = || failed(Cause::Malformed("it is gone, and with it the way into a mount namespace".to_owned()));
        let view = View::open(proc, self.pid)?.ok_or_else(gone)?;
        let file = view.file(&self.point)?.ok_or_else(gone)?;
        let inode = FileId::of(&file).map_err(|error| failed(error.into()))?.inode;
        if OsStr::new(&format!("mnt:[{inode}]")) != self.name {
            return Err(failed(Cause::Malformed("another file is in the place of a mount namespace".to_owned())));
        }
        // A thread that shares its root directory with others cannot enter one; and none must stay there.
        let read = std::thread::scope(|scope| scope.spawn(|| self.enter(proc, &file)).join());
        read.unwrap_or_else(|_| Err(gone()))
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
