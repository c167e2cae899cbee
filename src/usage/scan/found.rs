//! What a walk meets besides inodes to add up.

use super::kernel::{is_gone, is_mount};
use super::largest::Largest;
use crate::dir::{Operation, ReadError};
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
}

impl Found {
    /// Keeps so many of the largest of each kind.
    pub(super) fn new(largest: usize) -> Self {
        let (files, directories) = (Largest::new(largest), Largest::new(largest));
        Self { unreadable: Vec::new(), not_entered: Vec::new(), files, directories, vanished: 0 }
    }

    /// Takes what another met.
    pub(super) fn merge(&mut self, mut other: Self) {
        self.unreadable.append(&mut other.unreadable);
        self.not_entered.append(&mut other.not_entered);
        self.files.merge(other.files);
        self.directories.merge(other.directories);
        self.vanished += other.vanished;
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
