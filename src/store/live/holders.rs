//! The processes that stand in a layer directory, run from it or have something in it open.
//!
//! ```text
//! /proc/<pid>/cwd, root, exe      links to a directory or a program
//! /proc/<pid>/fd/<n>              links to what is open; "… (deleted)" when the name is gone
//! ```
//!
//! It costs one `readlink` for each open file of the machine, so it is read only where it is asked for. As with mounts, the names count: a
//! path that has the name of a layer directory anywhere in it holds that directory. Unless it is known better: where the path leads us to what
//! the process really has, or would if that were not deleted, the directory of that name on the way there is the one that it holds, and one of
//! the same name elsewhere, as in a copy of the data-root, is not.

use super::mounts::{self, Names};
use super::proc::{Fact, FileId, Gaps, Proc};
use crate::id::DirId;
use crate::unreadable::Unreadable;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// How a process holds a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Via {
    /// It is its working directory.
    WorkingDirectory,
    /// It is its root directory, or lies on the way there.
    Root,
    /// It is the program that it runs.
    Program,
    /// It has it open.
    OpenFile,
}

impl Via {
    /// The name of the links that tell it.
    const fn link(self) -> Option<&'static str> {
        match self {
            Self::WorkingDirectory => Some("cwd"),
            Self::Root => Some("root"),
            Self::Program => Some("exe"),
            Self::OpenFile => None,
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WorkingDirectory => "working directory",
            Self::Root => "root directory",
            Self::Program => "program",
            Self::OpenFile => "open file",
        })
    }
}

/// A process that holds something in a layer directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// How it holds it.
    pub via: Via,
    /// What it holds, as the kernel names it to us.
    pub path: PathBuf,
    /// The names in that path that mean something in a data-root; one need not have them.
    pub names: Names,
    /// What stands by each name on the way there, or that nothing does any more; nothing where that is not known.
    places: Option<Vec<(OsString, Option<FileId>)>>,
}

impl Holder {
    /// Whether it may hold what is called `name` in a data-root and is the inode `file`.
    #[must_use]
    pub fn holds(&self, name: &OsStr, file: FileId) -> bool {
        let Names { directories, others, drivers, .. } = &self.names;
        let is_named = DirId::try_from(name.as_bytes()).is_ok_and(|id| directories.contains(&id));
        let is_it = |(called, place): &(OsString, Option<FileId>)| called == name && *place == Some(file);
        (is_named || others.contains(name) || drivers.contains(name)) && self.places.as_ref().is_none_or(|places| places.iter().any(is_it))
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} uses it ({})", self.pid, self.via)
    }
}

/// The user that the kernel names where it has no name for the real one: root of the machine, seen from a user namespace.
const OVERFLOW_USER: u32 = 65_534;

/// Reads which processes hold something whose path has the name of a layer directory, or of something in our trash, and what could not be
/// looked into although it should: without being root, only one's own processes can be, and only those are missed.
#[must_use]
pub fn read(proc: &Proc) -> (Vec<Holder>, Vec<Unreadable>) {
    let mut gaps = Gaps::default();
    let mut holders = Vec::new();
    let own = proc.own_pid();
    for pid in super::pids(proc, &mut gaps).into_iter().filter(|&pid| Some(pid) != own) {
        for via in [Via::WorkingDirectory, Via::Root, Via::Program] {
            let Some(link) = via.link() else { continue };
            match proc.link(pid, link) {
                Ok(path) => holders.extend(path.and_then(|path| holder(proc, (pid, via), Path::new(link), path.into()))),
                Err(error) if is_within_sight(proc, pid) => gaps.note(Fact::OpenFiles, error),
                Err(_) => {}
            }
        }
        match proc.descriptors(pid) {
            Ok(open) => holders
                .extend(open.into_iter().filter_map(|(fd, path)| holder(proc, (pid, Via::OpenFile), &Path::new("fd").join(fd), path))),
            Err(error) if is_within_sight(proc, pid) => gaps.note(Fact::OpenFiles, error),
            Err(_) => {}
        }
    }
    holders.sort_unstable();
    holders.dedup();
    (holders, gaps.into_unreadable())
}

/// Whether a process is one that we ought to be able to look into.
fn is_within_sight(proc: &Proc, pid: u32) -> bool {
    let users = proc.own_pid().and_then(|own| proc.user(own)).zip(proc.user(pid));
    users.is_none_or(|(own, theirs)| own == theirs || own == 0 && theirs != OVERFLOW_USER)
}

/// What process `pid` holds by `link`, which the kernel says leads to `path`.
fn holder(proc: &Proc, (pid, via): (u32, Via), link: &Path, path: PathBuf) -> Option<Holder> {
    let bytes = path.as_os_str().as_bytes();
    let deleted = bytes.strip_suffix(b" (deleted)");
    let plain = Path::new(OsStr::from_bytes(deleted.unwrap_or(bytes)));
    let mut names = Names::default();
    names.add(plain.as_os_str().as_bytes());
    if names.is_empty() {
        return None;
    }
    let is_seen_alike = || {
        let leads_there = || proc.behind(pid, link).is_ok_and(|file| FileId::by_path(&path).is_ok_and(|found| found == file));
        plain.is_absolute() && (leads_there() || deleted.is_some() && sees_what_we_see(proc, pid))
    };
    let places = is_seen_alike().then(|| places(plain));
    Some(Holder { pid, via, path, names, places })
}

/// Whether a process sees the same mounts as we do, below the same root.
fn sees_what_we_see(proc: &Proc, pid: u32) -> bool {
    let ours = proc.own_pid().and_then(|own| mounts::view(proc, own));
    ours.is_some() && ours == mounts::view(proc, pid)
}

/// What stands by each of the names in `path`.
fn places(path: &Path) -> Vec<(OsString, Option<FileId>)> {
    path.ancestors().filter_map(|above| Some((above.file_name()?.to_owned(), FileId::by_path(above).ok()))).collect()
}
