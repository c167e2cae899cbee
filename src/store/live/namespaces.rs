//! The tables of all mount namespaces of the machine: also of those in which single threads live, or nobody, or only who sees a part of it.
//!
//! ```text
//! /proc/<pid>/mountinfo, and of its threads task/<tid>/mountinfo              without what lies outside of its root
//! 57 30 0:4 mnt:[4026532201] /run/snapd/ns/docker.mnt rw - nsfs nsfs rw      a line of one: a file that keeps a namespace
//! /proc/<pid>/fd/7 ─► mnt:[4026532201]                                       a descriptor that does
//! ```
//!
//! snapd and `unshare --mount=FILE` keep namespaces by files; whoever goes from one to another and back has them open; and dockerd itself unpacks
//! layers in a thread with a namespace of its own. What is mounted where nobody lives shows in no table, and what is mounted where all who live have
//! changed their root shows only as far as it lies below. So a thread of ours enters such a namespace, reads its own table, and ends: nothing else can
//! tell. One that is kept by something else alone, such as a descriptor on its way from a process to another, stays out of sight.

use super::mountinfo;
use super::proc::{FileId, NAMESPACE, Proc};
use super::reach::View;
use crate::dir::{Cause, Operation, ReadError};
use nix::sched::{CloneFlags, setns, unshare};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// A mount namespace and what keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    /// The process that sees the file, has it open, or lives in it.
    pid: u32,
    /// What the kernel calls the namespace: `mnt:[4026532201]`.
    name: OsString,
    /// What leads to it.
    by: By,
}

/// What leads to a mount namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
enum By {
    /// The place where the process sees its file.
    File(PathBuf),
    /// A link among the process's own files: that of a descriptor, or of the namespace in which one of its threads lives.
    Link(PathBuf),
}

/// The namespaces of which process `pid` sees a file in `table`, its mountinfo.
fn in_table(table: &[u8], pid: u32) -> impl Iterator<Item = Kept> {
    let mounts = mountinfo::parse(table).flatten().filter(|mount| mount.kind == b"nsfs" && mount.root.starts_with(b"mnt:["));
    mounts.map(move |mount| Kept { pid, name: OsStr::from_bytes(mount.root).to_owned(), by: By::File(mount.mount_point()) })
}

/// The namespaces that process `pid` has open; what it has open that we may not look at is told by who asks for holders.
fn in_descriptors(proc: &Proc, pid: u32) -> Vec<Kept> {
    let descriptors = proc.descriptors(pid).unwrap_or_default().into_iter();
    let namespaces = descriptors.filter(|(_, leads)| leads.as_os_str().as_bytes().starts_with(b"mnt:["));
    namespaces.map(|(link, leads)| Kept { pid, name: leads.into_os_string(), by: By::Link(link) }).collect()
}

/// Hands over every table of mounts that the machine has: one for each pair of namespace and root that a thread of one of `pids` lives in, and one
/// for each namespace that only a file or a descriptor of one of them leads to, or in which all have changed their root; with each the process by
/// which it was found.
pub(super) fn each_table(proc: &Proc, pids: &[u32], mut each: impl FnMut(u32, Result<Vec<u8>, ReadError>)) {
    let mut seen = HashSet::new();
    let mut namespaces = HashSet::new();
    let mut found = Vec::new();
    let asked: Vec<_> = pids.par_iter().map(|&pid| (pid, in_descriptors(proc, pid), proc.strayed(pid))).collect();
    for (pid, open, strayed) in asked {
        found.extend(open);
        for place in std::iter::once(PathBuf::new()).chain(strayed) {
            let view = view(proc, pid, &place);
            if view.as_ref().is_some_and(|view| seen.contains(view)) {
                continue;
            }
            let Some(table) = proc.read(pid, place.join("mountinfo"), super::mounts::LIMIT).transpose() else { continue };
            if let Ok(table) = &table {
                found.extend(in_table(table, pid));
                match &view {
                    Some((namespace, root)) if root == "/" => drop(namespaces.insert(namespace.clone())),
                    Some((namespace, _)) => found.push(Kept { pid, name: namespace.clone(), by: By::Link(place.join(NAMESPACE)) }),
                    None => {}
                }
                seen.extend(view);
            }
            each(pid, table);
        }
    }
    for (pid, table) in tables(proc, found, &mut namespaces) {
        each(pid, table);
    }
}

/// What decides which mounts a thread sees, where we may know it: its namespace and its root. `place` is its own among the files of the process,
/// which is empty for the first.
pub(super) fn view(proc: &Proc, pid: u32, place: &Path) -> Option<(OsString, OsString)> {
    Some((proc.link(pid, place.join(NAMESPACE)).ok()??, proc.link(pid, place.join("root")).ok()??))
}

/// The mountinfo of each namespace that `found` and what is found in these names, but for those that are `known`; with each the process by which
/// it was found.
fn tables(proc: &Proc, mut found: Vec<Kept>, known: &mut HashSet<OsString>) -> Vec<(u32, Result<Vec<u8>, ReadError>)> {
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
    /// Its mountinfo; nothing if what leads to it, or the process, is gone.
    fn table(&self, proc: &Proc) -> Result<Option<Vec<u8>>, ReadError> {
        let opened = match &self.by {
            By::File(point) => self.behind_file(proc, point)?,
            By::Link(link) => proc.namespace(self.pid, link, &self.name)?,
        };
        let Some(namespace) = opened else { return Ok(None) };
        // A thread that shares its root directory with others cannot enter one; and none must stay there.
        let read = std::thread::scope(|scope| scope.spawn(|| self.enter(proc, &namespace)).join());
        let failed = || self.failed(proc, Cause::Malformed("its mounts could not be read".to_owned()));
        read.unwrap_or_else(|_| Err(failed())).map(Some)
    }

    /// Opens the file at `point`, which is only believed if it is of the namespace that it was.
    fn behind_file(&self, proc: &Proc, point: &Path) -> Result<Option<OwnedFd>, ReadError> {
        let Some(view) = View::open(proc, self.pid)? else { return Ok(None) };
        let Some(file) = view.file(point)? else { return Ok(None) };
        let inode = FileId::of(&file).map_err(|error| self.failed(proc, error))?.inode;
        if OsStr::new(&format!("mnt:[{inode}]")) == self.name {
            return Ok(Some(file));
        }
        let now = proc.read(self.pid, "mountinfo", super::mounts::LIMIT)?.unwrap_or_default();
        let is_hidden = in_table(&now, self.pid).any(|other| other == *self);
        let hidden = || self.failed(proc, Cause::Malformed("something is mounted over the file of a mount namespace".to_owned()));
        if is_hidden { Err(hidden()) } else { Ok(None) }
    }

    /// Enters the namespace for good, and reads what is mounted there.
    fn enter(&self, proc: &Proc, namespace: &OwnedFd) -> Result<Vec<u8>, ReadError> {
        let failed = |errno: nix::errno::Errno| self.failed(proc, errno);
        let own = proc.dir().read_link("thread-self")?.ok_or_else(|| failed(nix::errno::Errno::ENOENT))?;
        unshare(CloneFlags::CLONE_FS).and_then(|()| setns(namespace, CloneFlags::CLONE_NEWNS)).map_err(failed)?;
        let table = proc.dir().read(Path::new(&own).join("mountinfo"), super::mounts::LIMIT)?;
        table.ok_or_else(|| failed(nix::errno::Errno::ENOENT))
    }

    fn failed(&self, proc: &Proc, cause: impl Into<Cause>) -> ReadError {
        let place = match &self.by {
            By::File(point) => Path::new("root").join(point.strip_prefix("/").unwrap_or(point)),
            By::Link(link) => link.clone(),
        };
        ReadError { path: proc.path().join(self.pid.to_string()).join(place), operation: Operation::Open, cause: cause.into() }
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
        let expected = Kept { pid: 7, name: "mnt:[4026532201]".into(), by: By::File("/run/snapd/ns/docker.mnt".into()) };
        assert_eq!(in_table(table, 7).collect::<Vec<_>>(), [expected]);
    }
}
