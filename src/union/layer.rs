//! One layer: a directory, or what was read of a tar. Nothing above this knows which.

mod content;
mod directory;

use super::entry::{Entry, Marks};
use super::index::{self, Index, NodeId};
use crate::dir::{Dir, ReadError, tree};
use crate::id::DirId;
use crate::store::overlay2;
use crate::unreadable::Unreadable;
use directory::Directory;
use std::ffi::OsStr;
use std::fmt::Debug;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;

/// Where layers are taken from.
pub trait Layers: Debug {
    /// The layer that a directory of a store is; nothing if it is not there.
    ///
    /// # Errors
    /// When it cannot be opened.
    fn layer(&self, dir: DirId) -> Result<Option<Layer>, ReadError>;

    /// Where people would look for it.
    fn place(&self, dir: DirId) -> PathBuf;
}

/// The layers of a data-root.
#[derive(Debug)]
pub struct Directories<'r> {
    /// The data-root.
    pub root: &'r Dir,
    /// Which marks its mounts heed.
    pub marks: Marks,
}

impl Layers for Directories<'_> {
    fn layer(&self, dir: DirId) -> Result<Option<Layer>, ReadError> {
        Layer::open(self.root, &below_root(dir), self.marks)
    }

    fn place(&self, dir: DirId) -> PathBuf {
        self.root.path().join(below_root(dir))
    }
}

fn below_root(dir: DirId) -> String {
    format!("{}/{dir}/diff", overlay2::PATH)
}

/// An opened layer.
///
/// What cannot be read is taken for absent and remembered: [`Layer::into_lost`].
#[derive(Debug)]
pub struct Layer(Source);

#[derive(Debug)]
enum Source {
    Directory(Directory),
    Index(Arc<Index>, PathBuf),
}

/// An opened directory of a layer.
#[derive(Debug)]
pub struct Level(Opened);

#[derive(Debug)]
enum Opened {
    Directory(tree::Level),
    Index(NodeId),
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
        Ok(Directory::open(dir, name, marks)?.map(|directory| Self(Source::Directory(directory))))
    }

    /// The layer with this tree, which people look for at `at`.
    #[must_use]
    pub const fn of(index: Arc<Index>, at: PathBuf) -> Self {
        Self(Source::Index(index, at))
    }

    /// What could not be read.
    #[must_use]
    pub fn into_lost(self) -> Vec<Unreadable> {
        match self.0 {
            Source::Directory(directory) => directory.into_lost(),
            Source::Index(..) => Vec::new(),
        }
    }

    /// Where `path` of the layer is.
    #[must_use]
    pub fn path(&self, path: &[u8]) -> PathBuf {
        match &self.0 {
            Source::Directory(directory) => directory.path(path),
            Source::Index(_, at) => at.join(OsStr::from_bytes(path)),
        }
    }

    /// Opens a directory of the layer, if there is one.
    #[must_use]
    pub fn level(&self, path: &[u8]) -> Option<Level> {
        Some(Level(match &self.0 {
            Source::Directory(directory) => Opened::Directory(directory.level(path)?),
            Source::Index(index, _) => Opened::Index(index.directory(path)?),
        }))
    }

    /// Everything in a directory of the layer; nothing if there is none.
    #[must_use]
    pub fn list(&self, path: &[u8]) -> Listing {
        match &self.0 {
            Source::Directory(directory) => Listing(directory.list(path)),
            Source::Index(index, _) => Listing(index.list(path)),
        }
    }

    /// What the layer has at `path`; for its root, itself.
    #[must_use]
    pub fn look(&self, path: &[u8]) -> Option<Entry> {
        match &self.0 {
            Source::Directory(directory) => directory.look(path),
            Source::Index(index, _) => index.find(path).map(|node| node.entry.clone()),
        }
    }

    /// What `level`, which is the directory `above`, has under `name`.
    #[must_use]
    pub fn entry(&self, level: &Level, above: &[u8], name: &[u8]) -> Option<Entry> {
        match (&self.0, &level.0) {
            (Source::Directory(directory), Opened::Directory(level)) => directory.entry(level, above, name),
            (Source::Index(index, _), Opened::Index(id)) => index.child(*id, name).map(|node| node.entry.clone()),
            // It is another layer's.
            (Source::Directory(_), Opened::Index(_)) | (Source::Index(..), Opened::Directory(_)) => None,
        }
    }

    /// Where a symbolic link of the layer leads, if there is one.
    #[must_use]
    pub fn read_link(&self, path: &[u8]) -> Option<Vec<u8>> {
        match &self.0 {
            Source::Directory(directory) => directory.read_link(path),
            Source::Index(index, _) => match &index.find(path)?.content {
                index::Content::Link(target) => Some(target.to_vec()),
                index::Content::Names(_) | index::Content::File(_) | index::Content::Nothing => None,
            },
        }
    }

    /// The capabilities of a file in the layer, if it has any.
    #[must_use]
    pub fn capabilities(&self, path: &[u8]) -> Option<Vec<u8>> {
        match &self.0 {
            Source::Directory(directory) => directory.attribute(path, b"security.capability"),
            Source::Index(index, _) => index.find(path)?.capabilities.as_deref().map(<[u8]>::to_vec),
        }
    }

    /// The SHA-256 of a file's content; nothing if it cannot be read.
    #[must_use]
    pub fn digest(&self, path: &[u8]) -> Option<[u8; 32]> {
        match &self.0 {
            Source::Directory(directory) => directory.digest(path),
            Source::Index(index, _) => match index.find(path)?.content {
                index::Content::File(digest) => Some(digest),
                index::Content::Names(_) | index::Content::Link(_) | index::Content::Nothing => None,
            },
        }
    }

    /// Whether a file has the same content as one of another layer; nothing if one of them cannot be read.
    #[must_use]
    pub fn is_same(&self, path: &[u8], (other, other_path): (&Self, &[u8])) -> Option<bool> {
        if let (Source::Directory(own), Source::Directory(other)) = (&self.0, &other.0) {
            return own.is_same(path, (other, other_path));
        }
        Some(self.digest(path)? == other.digest(other_path)?)
    }
}
