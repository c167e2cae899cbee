//! What happens when a path below a data-root cannot be read or understood.

use nix::errno::Errno;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// What could not be done with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Opening a file or a directory.
    Open,
    /// Listing a directory.
    List,
    /// Reading a content.
    Read,
    /// Making sense of a content or a name.
    Parse,
    /// Asking for an inode's attributes.
    Stat,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::List => "list",
            Self::Read => "read",
            Self::Parse => "parse",
            Self::Stat => "stat",
        })
    }
}

/// A path below a data-root that could not be read or understood.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}: {cause}", path.display())]
pub struct ReadError {
    /// The path, as a person would name it.
    pub path: PathBuf,
    /// What was tried.
    pub operation: Operation,
    /// Why it failed.
    pub cause: Cause,
}

/// Why a path could not be read or understood.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The kernel refused.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The content is larger than an honest one can be.
    #[error("larger than the {0} bytes that such a file can have")]
    TooLarge(u64),
    /// Something else stands where a regular file should.
    #[error("not a regular file")]
    NotAFile,
    /// The content or the name says something else than it should.
    #[error("{0}")]
    Malformed(String),
}

impl From<Errno> for Cause {
    fn from(errno: Errno) -> Self {
        Self::Io(errno.into())
    }
}
