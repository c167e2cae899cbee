//! The processes that stand in a layer directory, run from it or have something in it open.
//!
//! ```text
//! /proc/<pid>/cwd, root, exe      links to a directory or a program; and task/<tid>/cwd …
//! /proc/<pid>/fd/<n>              links to what is open; "… (deleted)" when the name is gone
//! /proc/<pid>/comm                what it calls itself
//! ```
//!
//! It costs one `readlink` for each open file of the machine, and one read of its `fdinfo`; no file is touched, because what serves it may be dead. As with mounts, a path that has the name of a layer directory anywhere in it
//! holds that directory, because another mount namespace names it in ways of its own; but where the process sees what we see, and the
//! place is verifiably another directory of that name (a copy), it holds nothing. dockerd counts like any other process, although it opens
//! directories only in passing. We do not, nor does another run of this very program: what that reads it does not need.
//!
//! Threads may have a working directory and a root of their own, and go on when the first of them has ended, so each is asked. What a process had
//! open only for an instant, or opens after it was asked, is not seen; nor is what a thread has open that shares its descriptors with nobody. A process that we may not look into may hold any directory; only of the machine's
//! first process that is not assumed, which has more rights than any other and is kept from view even from root in some virtual machines:
//! it was there before every layer, and stands in none.

use super::adrift::Mounted;
use super::gaps::{Fact, Gaps};
use super::mounts::{self, Names};
use super::namespaces;
use super::proc::{FileId, Proc, untold_if_long};
use crate::dir::{Cause, Dir, Operation, ReadError};
use crate::id::DirId;
use crate::store::overlay2;
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How a process holds a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// The machine's first process.
const FIRST: u32 = 1;

/// So many processes may be hidden for a moment; of more there is another reason for it.
const FEW: usize = 8;

/// The links of a process that are no descriptors.
const LINKS: [(Via, &str); 3] = [(Via::WorkingDirectory, "cwd"), (Via::Root, "root"), (Via::Program, "exe")];

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

/// A process that holds something in `overlay2/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// How it holds it.
    pub via: Via,
    /// The names in the path that are those of layer directories; a data-root need not have them.
    pub directories: Vec<DirId>,
    /// Other entries of a directory `overlay2` that the path names, such as what is left of a probe.
    pub others: Vec<OsString>,
    /// What it holds, as the kernel names it to us: the first of several paths in the same directory.
    pub path: PathBuf,
    /// What it calls itself, which need not be true.
    pub name: String,
}

/// Reads which of `pids` hold something of the data-root `root`; `mounted` are the numbers of all mounts.
pub(super) fn read(proc: &Proc, pids: &[u32], (root, mounted): (&Dir, HashSet<u64>), gaps: &mut Gaps) -> Vec<Holder> {
    let mut here = Here::new(proc, root, mounted);
    let looked: Vec<_> = pids.par_iter().filter(|&&pid| here.own_pid != Some(pid)).map(|&pid| (pid, here.look(pid))).collect();
    let mut holders = Vec::new();
    let mut hidden = Vec::new();
    let mut adrift = Vec::new();
    for (pid, looked) in looked {
        match looked {
            Ok(looked) => {
                holders.extend(here.holders(pid, looked.held));
                adrift.extend(looked.adrift.into_iter().map(|link| (pid, link)));
            }
            Err(_) if pid == FIRST => {}
            Err(error) => hidden.push((pid, error)),
        }
    }
    if hidden.len() <= FEW {
        look_again(&here, &mut hidden, &mut holders);
    }
    for (_, error) in hidden {
        gaps.note(Fact::OpenFiles, error);
    }
    if !adrift.is_empty() {
        // What was mounted since the tables were read is in none of them.
        here.mounted.numbers = mounts::read_numbers(proc);
    }
    for (pid, link) in adrift.into_iter().filter(|(pid, link)| here.mounted.lacks(proc, *pid, link)) {
        let why = format!(
            "{} (pid {pid}) has it on a file system that is mounted nowhere any more (umount -l), so it may be of any layer: end that process",
            proc.name(pid)
        );
        gaps.note(Fact::OpenFiles, here.error(pid, &link, &why));
    }
    holders.sort_unstable();
    holders.dedup_by(|next, first| {
        (next.pid, next.via, &next.directories, &next.others) == (first.pid, first.via, &first.directories, &first.others)
    });
    holders
}

/// Looks again into processes that were hidden: one that was just forked may only be about to give up rights that we do not have.
fn look_again(here: &Here<'_>, hidden: &mut Vec<(u32, ReadError)>, holders: &mut Vec<Holder>) {
    for _ in 0..5 {
        if hidden.is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
        hidden.retain(|&(pid, _)| {
            let looked = here.look(pid);
            let is_hidden = looked.is_err();
            holders.extend(looked.map(|looked| here.holders(pid, looked.held)).unwrap_or_default());
            is_hidden
        });
    }
}

/// A link among the files of a process, to what it holds.
#[derive(Debug)]
pub(super) struct Link {
    via: Via,
    /// The place of the thread that has it; the process's own for what all have together.
    thread: PathBuf,
    /// Where it is among the files of the process.
    place: PathBuf,
    /// Where it leads; nowhere, if that is too long to be told.
    pub(super) leads: PathBuf,
}

/// The links to all that a process holds, and the first failure to read one, which leaves all others to be read.
pub(super) fn links(proc: &Proc, pid: u32) -> (Vec<Link>, Result<(), ReadError>) {
    let mut links = Vec::new();
    let mut read = Ok(());
    for thread in std::iter::once(PathBuf::new()).chain(proc.threads(pid)) {
        for (via, name) in LINKS {
            let place = thread.join(name);
            match untold_if_long(proc.link(pid, &place)) {
                Ok(leads) => links.extend(leads.map(|leads| Link { via, thread: thread.clone(), place, leads: leads.into() })),
                Err(error) => read = read.and(Err(error)),
            }
        }
    }
    match proc.descriptors(pid) {
        Ok(open) => links.extend(open.into_iter().map(|(place, leads)| Link { via: Via::OpenFile, thread: PathBuf::new(), place, leads })),
        Err(error) => read = read.and(Err(error)),
    }
    (links, read)
}

/// The path without what the kernel adds when its name is gone.
fn without_mark(path: &Path) -> &Path {
    let bytes = path.as_os_str().as_bytes();
    Path::new(OsStr::from_bytes(bytes.strip_suffix(b" (deleted)").unwrap_or(bytes)))
}

/// What we are, and where the directories lie that we ask about.
struct Here<'a> {
    proc: &'a Proc,
    root: &'a Dir,
    own_pid: Option<u32>,
    program: Option<FileId>,
    view: Option<(OsString, OsString)>,
    store: Option<FileId>,
    mounted: Mounted,
}

/// What was seen of a process.
#[derive(Debug, Default)]
struct Looked {
    /// What it holds that names something of an `overlay2`.
    held: Vec<(Link, Names)>,
    /// The links to what may be of any layer, as long as no mount is found that they lie on.
    adrift: Vec<PathBuf>,
}

impl<'a> Here<'a> {
    fn new(proc: &'a Proc, root: &'a Dir, numbers: HashSet<u64>) -> Self {
        let own_pid = proc.own_pid();
        let program = own_pid.and_then(|own| proc.behind(own, "exe").ok());
        let view = own_pid.and_then(|own| namespaces::view(proc, own, Path::new("")));
        let identity = |path: &str| root.stamp(path).ok().flatten().map(FileId::from);
        let store = identity(overlay2::PATH);
        let homes = identity("").into_iter().chain(store).collect();
        Self { proc, root, own_pid, program, view, store, mounted: Mounted { numbers, homes } }
    }

    /// Looks into a process.
    fn look(&self, pid: u32) -> Result<Looked, ReadError> {
        let mut looked = Looked::default();
        let (links, read) = links(self.proc, pid);
        read?;
        for link in links {
            if link.leads.as_os_str().is_empty() && self.may_be_here(pid, &link.place) {
                return Err(self.error(pid, &link.place, "its path is longer than the kernel tells, and it lies on this file system"));
            }
            let link = Link { leads: without_mark(&link.leads).to_owned(), ..link };
            let names = Names::of_path(&link.leads);
            // Also what has such a name: in a container with a dockerd of its own it is that one's, and this may be what it stands on.
            if link.leads.is_absolute() && self.mounted.lacks(self.proc, pid, &link.place) {
                looked.adrift.push(link.place.clone());
            }
            if !names.directories.is_empty() || !names.others.is_empty() {
                looked.held.push((link, names));
            }
        }
        Ok(looked)
    }

    /// What there is to say against the link `link` of a process.
    fn error(&self, pid: u32, link: &Path, why: &str) -> ReadError {
        let path = self.proc.path().join(pid.to_string()).join(link);
        ReadError { path, operation: Operation::Read, cause: Cause::Malformed(why.to_owned()) }
    }

    /// Whether the link `link` of a process leads to what may lie in this data-root: it lies on its file system, or on that of `overlay2`, and
    /// is no directory that verifiably lies elsewhere there.
    fn may_be_here(&self, pid: u32, link: &Path) -> bool {
        let homes = &self.mounted.homes;
        let is_near = |found: FileId| homes.iter().any(|home| home.device == found.device);
        self.proc.behind(pid, link).map_or(true, is_near) && self.proc.is_below(pid, link, homes) != Some(false)
    }

    /// By which of `held` process `pid` holds something of this data-root.
    fn holders(&self, pid: u32, held: Vec<(Link, Names)>) -> Vec<Holder> {
        if self.program.is_some() && self.proc.behind(pid, "exe").ok() == self.program {
            return Vec::new();
        }
        let name = self.proc.name(pid);
        let holders = held.into_iter().map(|(Link { via, thread, leads: path, .. }, names)| {
            let sees_the_same = self.view.is_some() && namespaces::view(self.proc, pid, &thread) == self.view;
            let is_here = |name: &str| !sees_the_same || !self.is_elsewhere(&path, name);
            Holder {
                pid,
                via,
                directories: names.directories.into_iter().filter(|id| is_here(&id.to_string())).collect(),
                others: names.others.into_iter().filter(|other| other.to_str().is_none_or(is_here)).collect(),
                path: path.clone(),
                name: name.clone(),
            }
        });
        holders.filter(|holder| !holder.directories.is_empty() || !holder.others.is_empty()).collect()
    }

    /// Whether the directory `name` on the way of `path`, which the process sees as we do, is verifiably none of this data-root's.
    fn is_elsewhere(&self, path: &Path, name: &str) -> bool {
        let Some(place) = path.ancestors().find(|place| place.file_name().is_some_and(|last| last == name)) else { return false };
        match FileId::by_path(place) {
            Ok(found) => self.identity(&Path::new(overlay2::PATH).join(name)) != Some(found),
            // It is gone; but what it lay in may be there and be something else.
            Err(_) => place.parent().and_then(|above| FileId::by_path(above).ok()).is_some_and(|above| self.store != Some(above)),
        }
    }

    /// Which directory of the data-root `name` is.
    fn identity(&self, name: &Path) -> Option<FileId> {
        self.root.stamp(name).ok().flatten().map(FileId::from)
    }
}
