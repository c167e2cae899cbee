//! What the running machine says: which mounts and processes hold layer directories, which daemons run, who holds the lock.
//!
//! ```text
//! /proc/locks                  who holds which lock                      locks
//! /proc/stat                   when the machine was booted               stat
//! /proc/<pid>/ns/mnt, root     which mounts the process sees             mounts
//! /proc/<pid>/mountinfo        what is mounted there                     mountinfo, mounts, moved
//! /proc/<pid>/cmdline, exe     whether it is a dockerd or a shim         command, daemons
//! /proc/<pid>/environ, status  whether it is rootless, and whose         daemons
//! /proc/<pid>/stat             when it was started                       stat
//! /proc/<pid>/fd/<n>, cwd      what it has open                          daemons, holders
//! ```
//!
//! All of it is written by the kernel, but much of it says what a process chose: its command line, the names of its mount points, what it
//! mounted in its own namespace. So everything here may *add* a reason to keep something, and nothing of it is ever a reason to call
//! something dead. A process that ends while it is read is no error; what may not be read is a gap, told in [`Live::incomplete`].
//!
//! What stays out of sight says each module for itself (`namespaces`, `holders`).

mod adrift;
pub mod command;
pub mod config;
pub mod daemons;
pub mod environ;
mod gaps;
pub mod holders;
mod home;
pub mod locks;
pub mod mountinfo;
pub mod mounts;
pub mod moved;
mod namespaces;
pub mod proc;
mod reach;
pub mod shims;
pub mod stat;

use crate::dir::Dir;
use crate::store::place::is_userns_root;
use crate::unreadable::{Pins, Unreadable};
pub use daemons::Daemon;
pub use holders::Holder;
pub use locks::LockState;
pub use mounts::LiveMount;
pub use proc::{FileId, Proc, Sight};
pub use shims::Shim;

use gaps::{Fact, Gaps};
use home::Homes;
use std::os::unix::ffi::OsStrExt as _;

/// What the running machine says about a data-root.
#[derive(Debug)]
pub struct Live {
    /// The mounts, in any mount namespace, that name a layer directory or a link, whether or not this data-root has it.
    pub mounts: Vec<LiveMount>,
    /// The processes that have something open in a layer directory, run from it or stand in it, whether or not this data-root has it.
    pub holders: Vec<Holder>,
    /// Every dockerd, of this data-root or another: see [`Live::daemons_here`].
    pub daemons: Vec<Daemon>,
    /// The containers that run, with or without their dockerd.
    pub shims: Vec<Shim>,
    /// Whether somebody holds the lock of this data-root.
    pub lock: LockState,
    /// How much of the machine can be seen at all.
    pub sight: Sight,
    /// What was there and could not be read.
    pub incomplete: Vec<Unreadable>,
    /// The data-root.
    root: Option<FileId>,
    /// The data-root that it is a sub-root of, if dockerd remaps users.
    plain: Option<FileId>,
}

impl Live {
    /// The daemons that use this data-root, or that cannot be excluded to.
    pub fn daemons_here(&self) -> impl Iterator<Item = &Daemon> {
        self.daemons.iter().filter(|daemon| self.root.is_some_and(|root| daemon.may_use(root, self.plain)))
    }
}

/// Reads what `proc` says about the data-root `root`.
#[must_use]
pub fn read(proc: &Proc, root: &Dir) -> Live {
    let mut gaps = Gaps::default();
    let pids = pids(proc, &mut gaps);
    let mut homes = Homes::new(proc, root);
    let (mounts, mounted) = mounts::read(proc, &pids, (&mut homes, &mut gaps));
    let holders = holders::read(proc, &pids, (root, mounted), &mut gaps);
    let daemons = daemons::read(proc, &pids, &mut gaps);
    let shims = shims::read(proc, &pids, &mut gaps);
    let lock = locks::read(proc, root, &mut gaps);
    let identity = root.stamp("").ok().flatten().map(FileId::from);
    let is_sub_root = root.path().file_name().is_some_and(|name| is_userns_root(name.as_bytes()));
    let plain = root.path().parent().filter(|_| is_sub_root).and_then(|plain| FileId::by_path(plain).ok());
    let sight = proc.sight();
    let mut incomplete = gaps.into_unreadable();
    incomplete.extend(homes.into_unreadable(&daemons));
    incomplete.extend(sight.gap().map(|gap| Unreadable::malformed(proc.path().to_owned(), gap, Pins::Directories)));
    Live { mounts, holders, daemons, shims, lock, sight, incomplete, root: identity, plain }
}

/// The processes, or a gap.
fn pids(proc: &Proc, gaps: &mut Gaps) -> Vec<u32> {
    proc.pids().unwrap_or_else(|error| {
        gaps.note(Fact::Processes, error);
        Vec::new()
    })
}

/// Every dockerd that runs, with what could not be read about them.
#[must_use]
pub fn running_daemons(proc: &Proc) -> (Vec<Daemon>, Vec<Unreadable>) {
    let mut gaps = Gaps::default();
    let pids = pids(proc, &mut gaps);
    (daemons::read(proc, &pids, &mut gaps), gaps.into_unreadable())
}
