//! A layer by its directory.

use super::content;
use crate::dir::tree::{Inode, Level, Tree};
use crate::dir::{Cause, Dir, Kind, Operation, ReadError};
use crate::union::entry::{Entry, Marks, Nature, redirect};
use crate::union::{join, split};
use crate::unreadable::{Pins, Unreadable};
use rustix::fs::FileType;
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// An opened directory of a layer.
///
/// What cannot be read is taken for absent and remembered.
#[derive(Debug)]
pub(super) struct Directory {
    tree: Tree,
    marks: Marks,
    at: PathBuf,
    lost: Mutex<Vec<Unreadable>>,
}

impl Directory {
    /// Opens the directory `name` of `dir` as a layer; nothing when there is no such directory.
    ///
    /// # Errors
    /// When something else stands there, or it may not be read.
    pub(super) fn open(dir: &Dir, name: &str, marks: Marks) -> Result<Option<Self>, ReadError> {
        let tree = Tree::open(dir, name)?;
        Ok(tree.map(|tree| Self { tree, marks, at: dir.path().join(name), lost: Mutex::default() }))
    }

    /// What could not be read.
    pub(super) fn into_lost(self) -> Vec<Unreadable> {
        self.lost.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where `path` of the layer is on the disk.
    pub(super) fn path(&self, path: &[u8]) -> PathBuf {
        self.at.join(OsStr::from_bytes(path))
    }

    /// Opens a directory of the layer, if there is one.
    pub(super) fn level(&self, path: &[u8]) -> Option<Level> {
        self.kept(path, Operation::Open, self.tree.level(path)).flatten()
    }

    /// Everything in a directory of the layer; nothing if there is none.
    pub(super) fn list(&self, path: &[u8]) -> Vec<(Box<[u8]>, Entry)> {
        let Some(level) = self.level(path) else { return Vec::new() };
        let mut names: Vec<Box<[u8]>> = Vec::new();
        self.kept(path, Operation::List, level.list(|name, _| names.push(name.into())));
        names.sort_unstable();
        let entries = names.into_iter().filter_map(|name| self.entry(&level, path, &name).map(|entry| (name, entry)));
        entries.collect()
    }

    /// What the layer has at `path`; for its root, itself.
    pub(super) fn look(&self, path: &[u8]) -> Option<Entry> {
        let (above, name) = split(path);
        let level = self.level(above)?;
        if name.is_empty() {
            let inode = self.kept(path, Operation::Stat, level.itself())?;
            return Some(Entry { inode, nature: Nature::Merged, redirect: None });
        }
        self.entry(&level, above, name)
    }

    /// What `level`, which is the directory `above`, has under `name`.
    pub(super) fn entry(&self, level: &Level, above: &[u8], name: &[u8]) -> Option<Entry> {
        let inode = self.kept(&join(above, name), Operation::Stat, level.stat(name)).flatten()?;
        let mark = |mark: &str| {
            let attribute = level.attribute(name, &self.marks.attribute(mark));
            self.kept(&join(above, name), Operation::Read, attribute).flatten()
        };
        let nature = match inode.kind {
            Kind::Directory if mark("opaque").is_some_and(|value| value == b"y") => Nature::Opaque,
            Kind::Directory => Nature::Merged,
            Kind::File if is_hollow(&inode) && mark("metacopy").is_some() => Nature::Stub,
            Kind::File if inode.size == 0 && mark("whiteout").is_some() => Nature::Whiteout,
            _ if inode.is_whiteout() => Nature::Whiteout,
            _ => Nature::Plain,
        };
        let redirect = match nature {
            Nature::Merged | Nature::Stub => mark("redirect").and_then(redirect),
            Nature::Opaque | Nature::Plain | Nature::Whiteout => None,
        };
        Some(Entry { inode, nature, redirect })
    }

    /// Opens a file of the layer, if there is one.
    pub(super) fn file(&self, path: &[u8]) -> Option<File> {
        let (above, name) = split(path);
        let level = self.level(above)?;
        self.kept(path, Operation::Open, level.file(name)).flatten()
    }

    /// Where a symbolic link of the layer leads, if there is one.
    pub(super) fn read_link(&self, path: &[u8]) -> Option<Vec<u8>> {
        let (above, name) = split(path);
        let level = self.level(above)?;
        self.kept(path, Operation::Read, level.read_link(name))
    }

    /// An extended attribute of something in the layer, if it has that.
    pub(super) fn attribute(&self, path: &[u8], attribute: &[u8]) -> Option<Vec<u8>> {
        let (above, name) = split(path);
        let level = self.level(above)?;
        self.kept(path, Operation::Read, level.attribute(name, attribute)).flatten()
    }

    /// The SHA-256 of a file's content; nothing if there is none that can be read.
    pub(super) fn digest(&self, path: &[u8]) -> Option<[u8; 32]> {
        let mut file = self.file(path)?;
        content::digest(&mut file).map_err(|error| self.lose(path, error)).ok()
    }

    /// Whether a file has the same content as one of another directory; nothing if one of them cannot be read.
    pub(super) fn is_same(&self, path: &[u8], (other, other_path): (&Self, &[u8])) -> Option<bool> {
        let (file, copy) = (self.file(path)?, other.file(other_path)?);
        content::is_same(file, copy).map_err(|error| self.lose(path, error)).ok()
    }

    /// Remembers that the content of a file cannot be read.
    fn lose(&self, path: &[u8], error: std::io::Error) {
        self.note(path, Operation::Read, error);
    }

    fn note(&self, path: &[u8], operation: Operation, error: std::io::Error) {
        let error = ReadError { path: self.path(path), operation, cause: Cause::from(error) };
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).push(Unreadable::new(error, Pins::Nothing));
    }

    fn kept<T>(&self, path: &[u8], operation: Operation, result: Result<T, Errno>) -> Option<T> {
        let errno = match result {
            Ok(value) => return Some(value),
            // It went away meanwhile.
            Err(Errno::NOENT) => return None,
            Err(errno) => errno,
        };
        self.note(path, operation, errno.into());
        None
    }
}

/// Whether what is allocated for a file may be nothing but its attributes, as of one whose content is elsewhere.
fn is_hollow(inode: &Inode) -> bool {
    /// The most that the kernel lets attributes have.
    const ATTRIBUTES: u64 = 64 << 10;
    inode.file_type() == FileType::RegularFile && inode.size > 0 && (inode.allocated < inode.size || inode.allocated <= ATTRIBUTES)
}
