//! The processes that stand in a layer directory, run from it or have something in it open.
//!
//! ```text
//! /proc/<pid>/cwd, root, exe      links to a directory or a program
//! /proc/<pid>/fd/<n>              links to what is open; "… (deleted)" when the name is gone
//! ```
//!
//! It costs one `readlink` for each open file of the machine, so it is read only where it is asked for. As with mounts, only the names
//! count: a path that has the name of a layer directory anywhere in it holds that directory.

use super::mounts::Names;
use super::proc::{Fact, Gaps, Proc};
use crate::id::DirId;
use crate::unreadable::Unreadable;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

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
    /// The names in that path that are those of layer directories; a data-root need not have them.
    pub directories: Vec<DirId>,
}

/// Reads which processes hold something whose path has the name of a layer directory, and what could not be looked into.
///
/// Without being root, only one's own processes can be.
#[must_use]
pub fn read(proc: &Proc) -> (Vec<Holder>, Vec<Unreadable>) {
    let mut gaps = Gaps::default();
    let mut holders = Vec::new();
    for pid in super::pids(proc, &mut gaps) {
        for via in [Via::WorkingDirectory, Via::Root, Via::Program] {
            match via.link().map_or(Ok(None), |link| proc.link(pid, link)) {
                Ok(path) => holders.extend(path.and_then(|path| holder(pid, via, path.into()))),
                Err(error) => gaps.note(Fact::OpenFiles, error),
            }
        }
        match proc.descriptors(pid) {
            Ok(open) => holders.extend(open.into_iter().filter_map(|(_, path)| holder(pid, Via::OpenFile, path))),
            Err(error) => gaps.note(Fact::OpenFiles, error),
        }
    }
    holders.sort_unstable();
    holders.dedup();
    (holders, gaps.into_unreadable())
}

fn holder(pid: u32, via: Via, path: PathBuf) -> Option<Holder> {
    let mut names = Names::default();
    names.add(path.as_os_str().as_bytes().strip_suffix(b" (deleted)").unwrap_or(path.as_os_str().as_bytes()));
    let directories: Vec<DirId> = names.directories.into_iter().collect();
    (!directories.is_empty()).then_some(Holder { pid, via, path, directories })
}
