//! The walk that everything said about space rests on: one pass over a data-root, by as many threads as help.
//!
//! ```text
//! Queue ── a directory ──► Walker ── openat2, statx, flistxattr, getdents64, statx … ──► Account ──► the owner's Usage
//!   ▲                        │                                          hard links ──► Links ──┘
//!   └─────── subdirectories ─┘
//! ```
//! The total is what `du -x` counts, and the owners add up to it. Every inode is counted once, however many names it has: it is charged
//! to the least of the owners that have a name of it. So the outcome is the same whichever thread meets which name first.
//!
//! Directories are opened relative to the one that they were listed in, never through a link or a mount; their own inodes are asked for
//! through the descriptor, all others by name relative to it. What vanishes meanwhile is counted as vanished, what cannot be read is
//! reported, and both leave the rest of the sums as they are.

mod account;
mod found;
mod inode;
mod kernel;
mod largest;
mod level;
mod links;
mod listing;
mod marks;
mod memory;
mod pace;
mod queue;
mod recall;
mod reopened;
mod walker;

pub use inode::Usage;
pub use largest::Large;
pub use marks::trusted_are_shown;
pub use memory::{Layer, Memory, Open, Outside, Part, Stamps, Walked};

use crate::dir::{Dir, Operation};
use crate::store::place::{Owner, Place};
use crate::unreadable::{Pins, Unreadable};
use account::{Account, Owners};
use found::Found;
use inode::Inode;
use kernel::{Kernel, Times};
use level::{Directory, Level};
use links::{Links, Notes};
use pace::{Meter, Pace};
use queue::{Frame, Queue, Task};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, Scope};
use walker::{Walk, Walker};

/// How to walk.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How many threads walk; found at run time if not given.
    pub threads: Option<NonZeroUsize>,
    /// How many of the largest files and directories are remembered.
    pub largest: usize,
}

/// How far a walk has come; may be read while it goes on.
#[derive(Debug, Default)]
pub struct Progress {
    inodes: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    /// The inodes met so far.
    #[must_use]
    pub fn inodes(&self) -> u64 {
        self.inodes.load(Relaxed)
    }

    /// The bytes allocated for them.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Begins again.
    pub(crate) fn restart(&self) {
        self.inodes.store(0, Relaxed);
        self.bytes.store(0, Relaxed);
    }

    fn add(&self, inodes: u64, bytes: u64) {
        self.inodes.fetch_add(inodes, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
    }
}

/// What a walk found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measured {
    /// What each owner is charged.
    pub owners: BTreeMap<Owner, Usage>,
    /// Their sum.
    pub total: Usage,
    /// What could not be read; its inode is counted wherever the kernel tells about it.
    pub unreadable: Vec<Unreadable>,
    /// Where something else is mounted, or another subvolume begins: neither entered nor counted.
    pub not_entered: Vec<PathBuf>,
    /// The files for which the most is allocated.
    pub largest_files: Vec<Large>,
    /// The directories with the most entries.
    pub fullest_directories: Vec<Large>,
    /// How many entries went away between being listed and being looked at.
    pub vanished: u64,
    /// What of all this was not measured now; nothing if no cache was asked.
    pub from_cache: Option<FromCache>,
}

/// How much was taken from a cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FromCache {
    /// How many layer directories.
    pub layers: u64,
    /// The inodes in them.
    pub inodes: u64,
    /// The bytes allocated for those.
    pub bytes: u64,
    /// When the oldest of the figures was measured: seconds since 1970.
    pub oldest: Option<i64>,
}

/// Measures everything below `root`, which is taken for a data-root.
#[must_use]
pub fn scan(root: &Dir, options: &Options, progress: &Progress) -> Measured {
    walk(root, options, progress, None).conclude(&Memory::default()).measured
}

/// Measures like [`scan`], but does not walk what is remembered, and tells what can be from now on.
#[must_use]
pub fn scan_with(root: &Dir, options: &Options, progress: &Progress, memory: &Memory) -> Walked {
    walk(root, options, progress, Some(memory)).conclude(memory)
}

/// What a walk brought home.
struct Outcome {
    owners: Owners,
    found: Found,
    notes: Option<Notes>,
}

/// Walks.
fn walk(root: &Dir, options: &Options, progress: &Progress, memory: Option<&Memory>) -> Outcome {
    let soft_limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    let owners = Owners::default();
    let times = if memory.is_some() { Times::Wanted } else { Times::Unwanted };
    let (found, notes) = match Kernel::new(root.as_fd(), times) {
        Ok((kernel, top)) => {
            let descriptors = (soft_limit / 2).min(1024);
            let pace = Pace::new(options.threads, descriptors);
            let walk = Walk {
                root: root.path(),
                kernel,
                queue: Queue::new(pace.at_most()),
                links: Links::new(memory.is_some()),
                memory,
                progress,
                found: Mutex::new(Found::new(options.largest)),
                descriptors,
                largest: options.largest,
            };
            let top = Arc::new(top);
            begin(&walk, &top, &owners);
            run(&walk, &pace);
            let notes = walk.links.settle();
            drop(walk.queue);
            (walk.found.into_inner().unwrap_or_else(PoisonError::into_inner), notes)
        }
        Err(errno) => {
            let error = root.error("", Operation::Open, std::io::Error::from(errno));
            (Found { unreadable: vec![Unreadable::new(error, Pins::Nothing)], ..Found::new(0) }, None)
        }
    };
    Outcome { owners, found, notes }
}

/// Counts the root itself, and leaves it to be read.
fn begin<'o>(walk: &Walk<'o>, root: &Arc<OwnedFd>, owners: &'o Owners) {
    let account = Account::new(Place::root(), owners);
    let mut directory = Directory::default();
    if let Ok(stat) = kernel::of_opened(root.as_fd()) {
        let inode = Inode::of(&stat);
        let mut usage = Usage::default();
        usage.add(&inode);
        account.charge(usage);
        walk.progress.add(1, inode.bytes());
        directory.number = inode.number;
    }
    let level = Level::root(root, account, directory);
    walk.queue.push(0, Frame { level, fd: Some(Arc::clone(root)), names: Vec::new(), task: Task::EnterAndRead(0) });
}

/// Has this thread walk, and as many others as the pace asks for.
fn run(walk: &Walk<'_>, pace: &Pace) {
    std::thread::scope(|scope| {
        for _ in 1..pace.at_first() {
            recruit(scope, walk, pace);
        }
        Walker::new(walk, 0).run(|meter| keep_pace(scope, walk, pace, meter));
    });
}

/// Has another thread walk, if the kernel allows for one.
fn recruit<'s>(scope: &'s Scope<'s, '_>, walk: &'s Walk<'_>, pace: &'s Pace) {
    if let Some(number) = walk.queue.join() {
        let walker = move || Walker::new(walk, number).run(|meter| keep_pace(scope, walk, pace, meter));
        if Builder::new().spawn_scoped(scope, walker).is_err() {
            walk.queue.leave();
        }
    }
}

/// Has more threads walk, if it is time for that.
fn keep_pace<'s>(scope: &'s Scope<'s, '_>, walk: &'s Walk<'_>, pace: &'s Pace, meter: &mut Meter) {
    for _ in 0..pace.wanted(meter, || walk.queue.crowd()) {
        recruit(scope, walk, pace);
    }
}

impl Outcome {
    /// What was measured and learnt with the help of `memory`.
    fn conclude(self, memory: &Memory) -> Walked {
        let Self { owners, mut found, notes } = self;
        let mut owners = owners.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut notes = notes.unwrap_or_default();
        let learnt = memory::learn(&owners, &found, &mut notes);
        for (owner, usage) in std::mem::take(&mut notes.charged) {
            *owners.entry(owner).or_default() += usage;
        }
        let mut total = Usage::default();
        for &usage in owners.values() {
            total += usage;
        }
        found.unreadable.sort_unstable();
        found.not_entered.sort_unstable();
        let is_closed = notes.is_whole && !notes.is_torn && notes.outside.is_subset(&memory.outside);
        let measured = Measured {
            owners,
            total,
            unreadable: found.unreadable,
            not_entered: found.not_entered,
            largest_files: found.files.into_sorted(),
            fullest_directories: found.directories.into_sorted(),
            vanished: found.vanished,
            from_cache: None,
        };
        Walked {
            measured,
            is_closed: is_closed || found.recalled.is_empty(),
            recalled: found.recalled.into_iter().collect(),
            learnt,
            outside: notes.is_whole.then_some(notes.outside),
        }
    }
}

/// Locks, whatever happened to a thread that had the lock: sums are whole between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
