//! What a directory says of the things in it.

use rustix::fs::{Statx, StatxFlags};
use std::ffi::OsString;

/// The kind of a directory entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Symlink,
    /// A device, FIFO or socket.
    Special,
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name: any bytes but `/` and NUL.
    pub name: OsString,
    /// What it names.
    pub kind: Kind,
}

/// What identifies an inode and tells when it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The device, major and minor.
    pub device: (u32, u32),
    /// What it is.
    pub kind: Kind,
    /// The inode number.
    pub inode: u64,
    /// Seconds and nanoseconds since 1970 at which it was created, where the file system remembers.
    pub born: Option<(i64, u32)>,
    /// Seconds and nanoseconds since 1970 of the last change of the inode.
    pub changed: (i64, u32),
    /// Seconds and nanoseconds since 1970 of the last change of the content.
    pub modified: (i64, u32),
}

impl From<&Statx> for Stamp {
    fn from(stat: &Statx) -> Self {
        Self {
            device: (stat.stx_dev_major, stat.stx_dev_minor),
            kind: Kind::of_mode(u32::from(stat.stx_mode)),
            inode: stat.stx_ino,
            born: (stat.stx_mask & StatxFlags::BTIME.bits() != 0).then_some((stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec)),
            changed: (stat.stx_ctime.tv_sec, stat.stx_ctime.tv_nsec),
            modified: (stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec),
        }
    }
}

impl Kind {
    /// The kind that a file system lists, if it does.
    #[must_use]
    pub const fn listed(listed: rustix::fs::FileType) -> Option<Self> {
        use rustix::fs::FileType;
        match listed {
            FileType::Directory => Some(Self::Directory),
            FileType::RegularFile => Some(Self::File),
            FileType::Symlink => Some(Self::Symlink),
            FileType::Unknown => None,
            _ => Some(Self::Special),
        }
    }

    /// The kind that the mode of an inode tells.
    #[must_use]
    pub const fn of_mode(mode: u32) -> Self {
        match mode & nix::libc::S_IFMT {
            nix::libc::S_IFDIR => Self::Directory,
            nix::libc::S_IFREG => Self::File,
            nix::libc::S_IFLNK => Self::Symlink,
            _ => Self::Special,
        }
    }
}

impl From<nix::dir::Type> for Kind {
    fn from(listed: nix::dir::Type) -> Self {
        use nix::dir::Type;
        match listed {
            Type::Directory => Self::Directory,
            Type::File => Self::File,
            Type::Symlink => Self::Symlink,
            Type::Fifo | Type::CharacterDevice | Type::BlockDevice | Type::Socket => Self::Special,
        }
    }
}
