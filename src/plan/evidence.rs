//! What something was when it was judged, so that it can be known again.

use crate::dir::{self, Stamp};
use crate::store::live::FileId;
use serde::{Deserialize, Serialize};

/// What a thing on the disk was when it was judged to be garbage.
///
/// An inode is known by its number on its device; that it is still the same one, and not another to which the number was given since, by its
/// time of birth; that nothing was done to it, by the time of its last change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What it is.
    pub kind: Kind,
    /// The device, `major:minor`, and the inode; nothing for a link, which its text identifies; where nothing is, those of the directory around.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inode: Option<Inode>,
    /// What a symbolic link says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What a name names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A directory, with everything in it.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// Nothing: the name is free.
    Nothing,
}

/// An inode, and when it was made and changed: seconds and nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inode {
    /// The device, major and minor.
    pub device: (u32, u32),
    /// Its number there.
    pub number: u64,
    /// When it was created, where the file system remembers.
    pub born: Option<(i64, u32)>,
    /// When anything of it last changed.
    pub changed: (i64, u32),
}

impl From<Stamp> for Inode {
    fn from(stamp: Stamp) -> Self {
        Self { device: stamp.device, number: stamp.inode, born: stamp.born, changed: stamp.changed }
    }
}

impl Inode {
    /// The later of its birth and its last change.
    #[must_use]
    pub fn latest(&self) -> (i64, u32) {
        self.born.map_or(self.changed, |born| born.max(self.changed))
    }

    /// Which file it is, as long as it is there.
    #[must_use]
    pub const fn file(&self) -> FileId {
        FileId { device: self.device, inode: self.number }
    }

    /// Whether `other` is the same inode, whatever was done to it since.
    #[must_use]
    pub fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.number, self.born) == (other.device, other.number, other.born)
    }
}

impl Evidence {
    /// Of what an inode is known to be; nothing for what is neither a directory nor a file.
    #[must_use]
    pub fn of(stamp: Stamp) -> Option<Self> {
        match stamp.kind {
            dir::Kind::Directory => Some(Self::directory(stamp)),
            dir::Kind::File => Some(Self::file(stamp)),
            dir::Kind::Symlink | dir::Kind::Special => None,
        }
    }

    /// Of a directory.
    #[must_use]
    pub fn directory(stamp: Stamp) -> Self {
        Self { kind: Kind::Directory, inode: Some(stamp.into()), text: None }
    }

    /// Of a regular file.
    #[must_use]
    pub fn file(stamp: Stamp) -> Self {
        Self { kind: Kind::File, inode: Some(stamp.into()), text: None }
    }

    /// Of a name that is free in the directory `around`.
    #[must_use]
    pub fn nothing(around: Stamp) -> Self {
        Self { kind: Kind::Nothing, inode: Some(around.into()), text: None }
    }

    /// Of a symbolic link that says `text`.
    #[must_use]
    pub fn link(text: impl Into<String>) -> Self {
        Self { kind: Kind::Link, inode: None, text: Some(text.into()) }
    }
}
