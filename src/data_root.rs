//! The data-root: finding it, opening it, and saying what it is.
//!
//! ```text
//! find ─► --data-root, LAYERWISE_DATA_ROOT, the running dockerd's, daemon.json's, the usual places     find
//!      ─► a sub-root of it, where dockerd remaps users                                                 userns
//!      ─► what lies in it                                                                              kind
//! ```

pub mod file_system;
pub mod find;
pub mod kind;
pub mod machine;
pub mod roots;
pub mod storage;
pub mod userns;

use crate::deep::Owners;
use crate::dir::{Cause, Dir, Operation, ReadError};
use crate::store::live::{FileId, Proc, mounts};
use crate::store::place::is_userns_root;
use kind::Kind;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

pub use file_system::FileSystem;
pub use find::{FindError, find};
pub use machine::Machine;

/// Why a directory is taken for a data-root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It was named with `--data-root`.
    Flag,
    /// It was named in `LAYERWISE_DATA_ROOT`.
    Environment,
    /// The dockerd with this process number uses it.
    Daemon(u32),
    /// This configuration of dockerd names it.
    Configuration(PathBuf),
    /// It is where dockerd keeps its data by itself.
    Default,
    /// It is the store of a user mapping below this data-root.
    UsernsRemap(PathBuf),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment => f.write_str("environment"),
            Self::Daemon(pid) => write!(f, "daemon pid {pid}"),
            Self::Configuration(file) => write!(f, "daemon.json {}", file.display()),
            Self::Default => f.write_str("default"),
            Self::UsernsRemap(root) => write!(f, "userns-remap of {}", root.display()),
        }
    }
}

/// An opened data-root.
#[derive(Debug)]
pub struct DataRoot {
    /// The directory that everything else is read relative to.
    pub dir: Dir,
    /// What lies in it.
    pub kind: Kind,
    /// Why it was chosen.
    pub reason: Reason,
}

impl DataRoot {
    /// Opens the directory at `path`, whatever it holds: see [`Kind`].
    ///
    /// # Errors
    /// When it does not exist, is no directory, or may not be read.
    pub fn open(path: &Path, reason: Reason) -> Result<Self, ReadError> {
        let dir = Dir::root(path)?;
        is_the_one_meant(path, &dir)?;
        let kind = Kind::read(&dir)?;
        Ok(Self { dir, kind, reason })
    }

    /// The user and group that it belongs to: root's, unless dockerd runs without or remaps users.
    #[must_use]
    pub fn owner(&self) -> Option<(u32, u32)> {
        nix::sys::stat::fstat(&self.dir).ok().map(|stat| (stat.st_uid, stat.st_gid))
    }

    /// Whether it is the data-root of a dockerd that remaps users: root all the same, with a directory of its own for each mapping.
    #[must_use]
    pub fn is_remapped(&self) -> bool {
        self.dir.path().file_name().is_some_and(|name| is_userns_root(name.as_bytes()))
    }

    /// How dockerd maps users, if this is a data-root of its own for that: by the name, `<uid>.<gid>`.
    #[must_use]
    pub fn remapped(&self) -> Option<Owners> {
        let name = self.dir.path().file_name().filter(|_| self.is_remapped())?.to_str()?;
        let (user, group) = name.split_once('.')?;
        Some(Owners::Shifted { user: user.parse().ok()?, group: group.parse().ok()? })
    }

    /// About how many inodes it has, where that can be known without counting: when it is a file system of its own, those that are used
    /// of that.
    #[must_use]
    pub fn inodes_expected(&self, proc: &Proc) -> Option<u64> {
        if !mounts::is_whole_file_system(proc, self.dir.path()) {
            return None;
        }
        let figures = FileSystem::of(&self.dir).ok()?;
        figures.inodes_total.checked_sub(figures.inodes_free).filter(|&used| used > 0)
    }

    /// Which directory it is.
    #[must_use]
    pub fn identity(&self) -> Option<FileId> {
        self.dir.stamp("").ok().flatten().map(FileId::from)
    }
}

/// Makes sure that the directory that was opened is the one that the kernel finds by that path: a path through `/proc/<pid>/root` says by
/// its text that it leads into our own root, when in truth it leads into a process's.
fn is_the_one_meant(path: &Path, dir: &Dir) -> Result<(), ReadError> {
    let failed = |cause: Cause| ReadError { path: path.to_owned(), operation: Operation::Open, cause };
    let meant = std::fs::metadata(path).map_err(|error| failed(error.into()))?;
    let opened = nix::sys::stat::fstat(dir).map_err(|errno| failed(io::Error::from(errno).into()))?;
    if (meant.dev(), meant.ino()) == (opened.st_dev, opened.st_ino) {
        return Ok(());
    }
    Err(failed(Cause::Malformed(format!("it leads into another mount namespace, where {} is another directory", dir.path().display()))))
}
