//! What a layer has under a name.

use crate::dir::tree::Inode;
use rustix::fs::FileType;

/// Which marks the mounts of a data-root heed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marks {
    /// `trusted.overlay.…`: those of a dockerd that is root in the first user namespace.
    Trusted,
    /// `user.overlay.…`: those of a dockerd that is root only in a user namespace of its own.
    User,
}

impl Marks {
    /// The attribute that bears the mark `name`.
    #[must_use]
    pub fn attribute(self, name: &str) -> Vec<u8> {
        let prefix = match self {
            Self::Trusted => "trusted.overlay.",
            Self::User => "user.overlay.",
        };
        [prefix, name].concat().into_bytes()
    }
}

/// What something in a layer does to what lower layers have under its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// It is nothing itself, and hides the name.
    Whiteout,
    /// A directory, merged with those below it.
    Merged,
    /// A directory that hides all that is below it.
    Opaque,
    /// A file whose content is in a lower layer.
    Stub,
    /// A file or anything else, whole in itself.
    Plain,
}

/// Something in a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub inode: Inode,
    /// What it does to lower layers.
    pub nature: Nature,
    /// Where lower layers have what it is merged with, if not under its own name: another name in the same directory or, with a slash before
    /// it, a path.
    pub redirect: Option<Box<[u8]>>,
}

impl Entry {
    /// Whether it is a directory.
    #[must_use]
    pub const fn is_directory(&self) -> bool {
        matches!(self.nature, Nature::Merged | Nature::Opaque)
    }

    /// Whether it is a regular file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.inode.file_type() == FileType::RegularFile
    }

    /// What it is, in a word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (self.nature, self.inode.file_type()) {
            (Nature::Whiteout, _) => "whiteout",
            (_, FileType::RegularFile) => "file",
            (_, FileType::Directory) => "directory",
            (_, FileType::Symlink) => "symlink",
            (_, FileType::CharacterDevice) => "character-device",
            (_, FileType::BlockDevice) => "block-device",
            (_, FileType::Fifo) => "fifo",
            (_, FileType::Socket) => "socket",
            (_, FileType::Unknown) => "unknown",
        }
    }
}

/// The redirect that an attribute says; nothing for what overlayfs would not follow.
pub(super) fn redirect(value: Vec<u8>) -> Option<Box<[u8]>> {
    let mut components = value.strip_prefix(b"/").unwrap_or(&value).split(|&byte| byte == b'/');
    let is_sound = components.all(|component| !matches!(component, b"" | b"." | b".."));
    (is_sound && (value.starts_with(b"/") || !value.contains(&b'/'))).then(|| value.into_boxed_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_a_name_or_a_path_from_the_root() {
        for sound in ["a", "/a", "/a/b", "..a"] {
            assert_eq!(redirect(sound.into()).as_deref(), Some(sound.as_bytes()));
        }
        for unsound in ["", "/", "a/b", "..", ".", "/a/../b", "/a//b", "/a/"] {
            assert_eq!(redirect(unsound.into()), None, "{unsound}");
        }
    }
}
