//! What a walk meets besides inodes to add up.

use super::kernel::{is_gone, is_mount};
use super::largest::Largest;
use super::memory::Stamps;
use crate::dir::{Operation, ReadError};
use crate::id::DirId;
use crate::unreadable::{Pins, Unreadable};
use rustix::io::Errno;
use std::path::PathBuf;

/// What one walker, or all of them, met.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) unreadable: Vec<Unreadable>,
    pub(super) not_entered: Vec<PathBuf>,
    pub(super) files: Largest,
    pub(super) directories: Largest,
    pub(super) vanished: u64,
    /// The layers that were taken from memory.
    pub(super) recalled: Vec<DirId>,
    /// Those that were walked, and by what they can be known again.
    pub(super) begun: Vec<(DirId, Stamps)>,
    /// Those of which something cannot be remembered.
    pub(super) spoilt: Vec<DirId>,
}

impl Found {
    /// Keeps so many of the largest of each kind.
    pub(super) fn new(largest: usize) -> Self {
        let (files, directories) = (Largest::new(largest), Largest::new(largest));
        let [recalled, spoilt] = [(); 2].map(|()| Vec::new());
        Self { unreadable: Vec::new(), not_entered: Vec::new(), files, directories, vanished: 0, recalled, begun: Vec::new(), spoilt }
    }

    /// Takes what another met.
    pub(super) fn merge(&mut self, mut other: Self) {
        self.unreadable.append(&mut other.unreadable);
        self.not_entered.append(&mut other.not_entered);
        self.files.merge(other.files);
        self.directories.merge(other.directories);
        self.vanished += other.vanished;
        self.recalled.append(&mut other.recalled);
        self.begun.append(&mut other.begun);
        self.spoilt.append(&mut other.spoilt);
    }

    /// Takes note of what could not be looked at; its path is asked for if somebody is to read it.
    pub(super) fn lost(&mut self, operation: Operation, errno: Errno, path: impl FnOnce() -> PathBuf) {
        if is_gone(errno) {
            self.vanished += 1;
        } else if is_mount(errno) {
            self.not_entered.push(path());
        } else {
            let cause = std::io::Error::from(errno).into();
            self.unreadable.push(Unreadable::new(ReadError { path: path(), operation, cause }, Pins::Nothing));
        }
    }
}
