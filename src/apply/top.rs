//! The file systems of a data-root, each by the directory at its top.
//!
//! A rename cannot leave its mount, and so what lies on a file system is put into a trash on that one. Besides the data-root itself only
//! `overlay2/` and `image/` can be such tops: dockerd never lists these three, so a directory more in them means nothing to it.

use super::error::ApplyError;
use crate::dir::Dir;
use crate::plan::RelPath;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The directories that may be the tops of file systems of their own.
const MAY_BE_TOPS: [&str; 2] = ["image", "overlay2"];

/// Every top of a data-root.
#[derive(Debug)]
pub struct Tops {
    /// The data-root first.
    tops: Vec<Top>,
}

/// The top of a file system.
#[derive(Debug)]
pub(super) struct Top {
    /// Its path below the data-root; empty for the data-root.
    prefix: &'static str,
    fd: OwnedFd,
    path: PathBuf,
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
        let mut tops = vec![Top { prefix: "", fd, path: root.path().to_owned() }];
        for prefix in MAY_BE_TOPS {
            let path = root.path().join(prefix);
            match open_dir(root, prefix) {
                Ok(_) | Err(Errno::NOENT) => {}
                Err(Errno::XDEV) => {
                    let mounted = root.dir(prefix).map_err(|error| ApplyError::unexpected("open", &path, error))?;
                    let fd = mounted.map(|dir| open_dir(&dir, ".")).transpose().map_err(|errno| failed(&path, errno))?;
                    tops.extend(fd.map(|fd| Top { prefix, fd, path }));
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

    /// The index of the top that `path` lies on.
    pub(super) fn of(&self, path: &RelPath) -> usize {
        self.tops.iter().rposition(|top| top.strip(path.as_str()).is_some()).unwrap_or_default()
    }
}

impl Top {
    /// It, as a person names it.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What remains of `path`, which is below the data-root, below this top.
    fn strip<'path>(&self, path: &'path str) -> Option<&'path str> {
        if self.prefix.is_empty() {
            return Some(path);
        }
        path.strip_prefix(self.prefix)?.strip_prefix('/')
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
