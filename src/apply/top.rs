//! The file systems of a data-root, each by the directory at its top, and where a trash may lie.
//!
//! A rename cannot leave its mount, and so what lies on a file system is put into a trash on that one. Besides the data-root itself only
//! `overlay2/` and `image/` can be such tops: dockerd never lists these three, so a directory more in them means nothing to it. What was mounted
//! when a trash was written need not be now, and dockerd itself mounts `overlay2/` on itself while it runs: so a trash is looked for in all
//! three, whatever is mounted.

use super::error::ApplyError;
use crate::dir::Dir;
use crate::plan::RelPath;
use crate::store::overlay2;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A directory in which a trash may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The data-root itself.
    DataRoot,
    /// `image/`.
    Image,
    /// `overlay2/`.
    Overlay2,
}

impl Place {
    /// Its path below the data-root; empty for the data-root.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::DataRoot => "",
            Self::Image => "image",
            Self::Overlay2 => overlay2::PATH,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DataRoot => f.write_str("the data-root"),
            Self::Image | Self::Overlay2 => write!(f, "{}/", self.prefix()),
        }
    }
}

/// Every top of a data-root, and the directories that could be one.
#[derive(Debug)]
pub struct Tops {
    /// The data-root first.
    tops: Vec<Top>,
}

/// The top of a file system, or a directory that could be one.
#[derive(Debug)]
pub(super) struct Top {
    place: Place,
    lies: Lies,
    fd: OwnedFd,
    path: PathBuf,
}

/// Where a top lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lies {
    /// On a mount of its own.
    Apart,
    /// On that of the data-root.
    Within,
}

impl Tops {
    /// Finds the tops of `root`.
    ///
    /// # Errors
    /// When the kernel is older than Linux 5.6 or otherwise keeps us from resolving names safely, or something cannot be opened.
    pub fn open(root: &Dir) -> Result<Self, ApplyError> {
        let failed = |path: &Path, errno: Errno| match errno {
            Errno::NOSYS | Errno::PERM => {
                let why = "the kernel has no openat2 (Linux 5.6), without which a mount below it cannot be told from a directory";
                ApplyError::unexpected("work below", path, why)
            }
            errno => ApplyError::new("open", path, errno),
        };
        let fd = open_dir(root, ".").map_err(|errno| failed(root.path(), errno))?;
        let mut tops = vec![Top { place: Place::DataRoot, lies: Lies::Apart, fd, path: root.path().to_owned() }];
        for place in [Place::Image, Place::Overlay2] {
            let path = root.path().join(place.prefix());
            match open_dir(root, place.prefix()) {
                Ok(fd) => tops.push(Top { place, lies: Lies::Within, fd, path }),
                Err(Errno::NOENT) => {}
                Err(Errno::XDEV) => {
                    let mounted = root.dir(place.prefix()).map_err(|error| ApplyError::unexpected("open", &path, error))?;
                    let fd = mounted.map(|dir| open_dir(&dir, ".")).transpose().map_err(|errno| failed(&path, errno))?;
                    tops.extend(fd.map(|fd| Top { place, lies: Lies::Apart, fd, path }));
                }
                Err(errno) => return Err(failed(&path, errno)),
            }
        }
        Ok(Self { tops })
    }

    /// Every top with its index.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Top)> {
        self.tops.iter().enumerate()
    }

    /// The top at `index`.
    pub(super) fn get(&self, index: usize) -> Option<&Top> {
        self.tops.get(index)
    }

    /// The top at `index`, as a person names it.
    pub(super) fn path_of(&self, index: usize) -> PathBuf {
        self.tops.get(index).map(|top| top.path.clone()).unwrap_or_default()
    }

    /// The index of the top of the file system that `path` lies on.
    pub(super) fn of(&self, path: &RelPath) -> usize {
        self.tops.iter().rposition(|top| top.lies == Lies::Apart && top.strip(path.as_str()).is_some()).unwrap_or_default()
    }

    /// The index of the top of the file system that the top at `index` lies on: its own, or the data-root's.
    pub(super) fn around(&self, index: usize) -> usize {
        if self.get(index).is_some_and(|top| top.lies == Lies::Apart) { index } else { 0 }
    }

    /// The place of the top at `index`.
    pub(super) fn place(&self, index: usize) -> Place {
        self.get(index).map_or(Place::DataRoot, |top| top.place)
    }

    /// Opens the directory that `path` lies in.
    pub(super) fn parent_of(&self, path: &RelPath) -> Result<OwnedFd, Errno> {
        self.get(self.of(path)).ok_or(Errno::NOENT)?.parent_of(path)
    }
}

impl Top {
    /// It, as a person names it.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What remains of `path`, which is below the data-root, below this top.
    fn strip<'path>(&self, path: &'path str) -> Option<&'path str> {
        if self.place == Place::DataRoot {
            return Some(path);
        }
        path.strip_prefix(self.place.prefix())?.strip_prefix('/')
    }

    /// Opens the directory that the object at `path` below the data-root lies in.
    pub(super) fn parent_of(&self, path: &RelPath) -> Result<OwnedFd, Errno> {
        let below = self.strip(path.as_str()).ok_or(Errno::XDEV)?;
        open_dir(self, below.rsplit_once('/').map_or(".", |(parent, _)| parent))
    }
}

impl AsFd for Top {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Opens the directory `name` below `dir`: through no link and across no mount.
pub(super) fn open_dir(dir: impl AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    openat2(dir, name, flags, Mode::empty(), ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_found_below_the_top_and_through_no_link() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(temp.path().join("overlay2/l")).unwrap();
        std::os::unix::fs::symlink("/etc", temp.path().join("overlay2/out")).unwrap();
        let tops = Tops::open(&Dir::root(temp.path()).unwrap()).unwrap();
        let parent = |path: &str| {
            let path = path.parse().unwrap();
            tops.get(tops.of(&path)).unwrap().parent_of(&path)
        };
        for path in ["overlay2/l/X", "overlay2/x", "x"] {
            assert!(parent(path).is_ok(), "{path}");
        }
        assert_eq!(parent("overlay2/out/passwd").unwrap_err(), Errno::NOTDIR);
        assert_eq!(parent("absent/x").unwrap_err(), Errno::NOENT);
    }
}
