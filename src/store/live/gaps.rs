//! What could not be read of `/proc`, gathered so that a person can read it.

use crate::dir::ReadError;
use crate::unreadable::{Pins, Unreadable};
use std::collections::BTreeMap;

/// A kind of thing that `/proc` tells, for gathering what could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fact {
    /// The list of processes.
    Processes,
    /// A process's mounts.
    Mounts,
    /// The files that a process has open, where they are asked for because they hold directories.
    OpenFiles,
    /// The table of locks.
    Locks,
    /// What a process is called and was started with.
    Command,
    /// Which data-root a daemon has, by its descriptors and its root.
    Daemon,
    /// When a daemon was started.
    Start,
}

/// What could not be read: of each fact the first failure and how many more there were.
#[derive(Debug, Default)]
pub(super) struct Gaps(BTreeMap<Fact, (ReadError, u64)>);

impl Gaps {
    /// Remembers that `fact` could not be read somewhere.
    pub(super) fn note(&mut self, fact: Fact, error: ReadError) {
        self.0.entry(fact).and_modify(|(_, more)| *more = more.saturating_add(1)).or_insert((error, 0));
    }

    /// What was not read, one line a fact: a user who may not look into hundreds of processes is told so once.
    pub(super) fn into_unreadable(self) -> Vec<Unreadable> {
        let told = |(fact, (error, more)): (Fact, (ReadError, u64))| {
            let pins = match fact {
                Fact::Processes | Fact::Mounts | Fact::OpenFiles => Pins::Directories,
                Fact::Locks | Fact::Command | Fact::Daemon | Fact::Start => Pins::Nothing,
            };
            let mut unreadable = Unreadable::new(error, pins);
            if more > 0 {
                unreadable.error = format!("{} (and {more} more like it)", unreadable.error);
            }
            unreadable
        };
        self.0.into_iter().map(told).collect()
    }
}
