//! Why a change could not be made.

use rustix::io::Errno;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A change that could not be made: to what, which, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}: {cause}", path.display())]
pub struct ApplyError {
    /// The path, as a person would name it.
    pub path: PathBuf,
    /// What was tried.
    pub operation: &'static str,
    /// Why it failed.
    pub cause: io::Error,
}

impl ApplyError {
    /// The error that `operation` on `path` failed with `cause`.
    pub(super) fn new(operation: &'static str, path: impl AsRef<Path>, cause: impl Into<io::Error>) -> Self {
        Self { path: path.as_ref().to_owned(), operation, cause: cause.into() }
    }

    /// The error that what stands at `path` is not what it should be.
    pub(super) fn unexpected(operation: &'static str, path: impl AsRef<Path>, why: impl fmt::Display) -> Self {
        Self::new(operation, path, io::Error::other(why.to_string()))
    }

    /// Whether there is no room on the file system, for bytes or for inodes.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let full = [Errno::NOSPC, Errno::DQUOT].map(Errno::raw_os_error);
        self.cause.raw_os_error().is_some_and(|code| full.contains(&code))
    }
}

/// What to add to an error of the kernel's for a person who meets it here.
#[must_use]
pub(super) fn explain(errno: Errno) -> String {
    let hint = match errno {
        Errno::XDEV => " (something is mounted there)",
        Errno::BUSY => " (something is mounted on it)",
        Errno::PERM => " (is it immutable? see lsattr)",
        Errno::STALE => " (another one is in its place)",
        Errno::ROFS => " (remount the file system read-write)",
        _ => "",
    };
    format!("{}{hint}", io::Error::from(errno))
}
