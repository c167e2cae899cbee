//! One layer, by its directory.

use super::entry::{Entry, Marks, Nature, redirect};
use super::{join, split};
use crate::dir::tree::{Inode, Level, Tree};
use crate::dir::{Cause, Dir, Kind, Operation, ReadError};
use crate::unreadable::{Pins, Unreadable};
use rustix::fs::FileType;
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// An opened layer.
///
/// What cannot be read is taken for absent and remembered: [`Layer::into_lost`].
#[derive(Debug)]
pub struct Layer {
    tree: Tree,
    marks: Marks,
    at: PathBuf,
    lost: Mutex<Vec<Unreadable>>,
}

/// The names in a directory of a layer, sorted, and what they name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing(Vec<(Box<[u8]>, Entry)>);

impl Listing {
    /// What `name` names.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&Entry> {
        let at = self.0.binary_search_by(|(other, _)| (**other).cmp(name)).ok()?;
        self.0.get(at).map(|(_, entry)| entry)
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Entry)> {
        self.0.iter().map(|(name, entry)| (&**name, entry))
    }
}

impl Layer {
    /// Opens the directory `name` of `dir` as a layer; nothing when there is no such directory.
    ///
    /// # Errors
    /// When something else stands there, or it may not be read.
    pub fn open(dir: &Dir, name: &str, marks: Marks) -> Result<Option<Self>, ReadError> {
        let tree = Tree::open(dir, name)?;
        Ok(tree.map(|tree| Self { tree, marks, at: dir.path().join(name), lost: Mutex::default() }))
    }

    /// What could not be read.
    #[must_use]
    pub fn into_lost(self) -> Vec<Unreadable> {
        self.lost.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where `path` of the layer is on the disk.
    #[must_use]
    pub fn path(&self, path: &[u8]) -> PathBuf {
        self.at.join(OsStr::from_bytes(path))
    }

    /// Opens a directory of the layer, if there is one.
    #[must_use]
    pub fn level(&self, path: &[u8]) -> Option<Level> {
        self.kept(path, Operation::Open, self.tree.level(path)).flatten()
    }

    /// Everything in a directory of the layer; nothing if there is none.
    #[must_use]
    pub fn list(&self, path: &[u8]) -> Listing {
        let Some(level) = self.level(path) else { return Listing::default() };
        let mut names: Vec<Box<[u8]>> = Vec::new();
        self.kept(path, Operation::List, level.list(|name, _| names.push(name.into())));
        names.sort_unstable();
        let entries = names.into_iter().filter_map(|name| self.entry(&level, path, &name).map(|entry| (name, entry)));
        Listing(entries.collect())
    }

    /// What the layer has at `path`; for its root, itself.
    #[must_use]
    pub fn look(&self, path: &[u8]) -> Option<Entry> {
        let (above, name) = split(path);
        let level = self.level(above)?;
        if name.is_empty() {
            let inode = self.kept(path, Operation::Stat, level.itself())?;
            return Some(Entry { inode, nature: Nature::Merged, redirect: None });
        }
        self.entry(&level, above, name)
    }

    /// What `level`, which is the directory `above`, has under `name`.
    #[must_use]
    pub fn entry(&self, level: &Level, above: &[u8], name: &[u8]) -> Option<Entry> {
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
    #[must_use]
    pub fn file(&self, path: &[u8]) -> Option<File> {
        let (above, name) = split(path);
        let level = self.level(above)?;
        self.kept(path, Operation::Open, level.file(name)).flatten()
    }

    /// Where a symbolic link of the layer leads, if there is one.
    #[must_use]
    pub fn read_link(&self, path: &[u8]) -> Option<Vec<u8>> {
        let (above, name) = split(path);
        let level = self.level(above)?;
        self.kept(path, Operation::Read, level.read_link(name))
    }

    /// An extended attribute of something in the layer, if it has that.
    #[must_use]
    pub fn attribute(&self, path: &[u8], attribute: &[u8]) -> Option<Vec<u8>> {
        let (above, name) = split(path);
        let level = self.level(above)?;
        self.kept(path, Operation::Read, level.attribute(name, attribute)).flatten()
    }

    /// Remembers that the content of a file cannot be read.
    pub fn lose(&self, path: &[u8], error: std::io::Error) {
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
