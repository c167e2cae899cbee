//! What a header says of a file, against what the disk says.

use super::{MOST_DIFFERENCES, Owners};
use crate::dir::Kind as Entry;
use crate::dir::tree::{Inode, Tree};
use crate::store::tar_split::{Header, Kind};
use rustix::fs::FileType;
use rustix::io::Errno;
use std::fmt;

/// Something in a layer that is not as its tar says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Where it is, below `diff/`.
    pub path: Vec<u8>,
    /// What differs.
    pub what: What,
}

/// The differences of a layer: so many one by one, and how many more.
#[derive(Debug, Default)]
pub(super) struct Differences {
    pub(super) told: Vec<Difference>,
    pub(super) omitted: u64,
}

impl Differences {
    pub(super) fn tell(&mut self, difference: Difference) {
        if self.told.len() < MOST_DIFFERENCES { self.told.push(difference) } else { self.omitted += 1 }
    }
}

/// How a file differs from what the tar says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// It is not there; `whiteout` says that it should hide something.
    Missing {
        /// What it should be, in a word.
        expected: &'static str,
    },
    /// It is not mentioned.
    Unexpected {
        /// What it is, in a word.
        found: &'static str,
    },
    /// It is something else.
    Type {
        /// What it should be, in a word.
        expected: &'static str,
        /// What it is, in a word.
        found: &'static str,
    },
    /// It has another length.
    Size {
        /// What it should have.
        expected: u64,
        /// What it has.
        found: u64,
    },
    /// It has other content of the right length.
    Content,
    /// Two names are two files where they should be one.
    Unlinked(Vec<u8>),
    /// It cannot be read.
    Unreadable(String),
    /// Something else of it differs.
    Metadata(Vec<Field>),
    /// It was changed at another time, in seconds since 1970, and nothing else differs.
    Times {
        /// When it should have been.
        expected: i64,
        /// When it was.
        found: i64,
    },
}

/// A part of what is known of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The permissions, expected and found.
    Mode(u32, u32),
    /// Owner and group, as stated and as found on the disk.
    Owner((u64, u64), (u32, u32)),
    /// Where a link leads, expected and found.
    Target(Vec<u8>, Vec<u8>),
    /// The numbers of a device, expected and found.
    Device((u64, u64), (u32, u32)),
    /// An extended attribute has another value, or none.
    Attribute(Vec<u8>),
    /// It has capabilities that the layer does not give it.
    Capabilities,
    /// It hides what lies below it, and should not.
    Hides,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mode(expected, found) => write!(f, "mode {found:04o} instead of {expected:04o}"),
            Self::Owner((user, group), (found_user, found_group)) => {
                write!(f, "owner {found_user}:{found_group} on the disk instead of {user}:{group} in the container")
            }
            Self::Target(expected, found) => write!(f, "leads to {} instead of {}", found.escape_ascii(), expected.escape_ascii()),
            Self::Device(expected, found) => write!(f, "device {}:{} instead of {}:{}", found.0, found.1, expected.0, expected.1),
            Self::Attribute(name) => write!(f, "attribute {}", name.escape_ascii()),
            Self::Capabilities => f.write_str("capabilities that the layer does not give it"),
            Self::Hides => f.write_str("it hides what lower layers have there"),
        }
    }
}

/// What a member should be, in a word.
pub(super) const fn word_for(kind: Kind) -> &'static str {
    match kind {
        Kind::File | Kind::HardLink => "file",
        Kind::Symlink => "symbolic link",
        Kind::Character => "character device",
        Kind::Block => "block device",
        Kind::Directory => "directory",
        Kind::Fifo => "FIFO",
        Kind::Global | Kind::Other(_) => "something",
    }
}

/// What an inode is, in a word.
pub(super) fn word_of(inode: &Inode) -> &'static str {
    match inode.file_type() {
        FileType::RegularFile => "file",
        FileType::Symlink => "symbolic link",
        FileType::CharacterDevice if inode.is_whiteout() => "whiteout",
        FileType::CharacterDevice => "character device",
        FileType::BlockDevice => "block device",
        FileType::Directory => "directory",
        FileType::Fifo => "FIFO",
        FileType::Socket => "socket",
        FileType::Unknown => "something",
    }
}

/// Whether an inode is what a header says, but for hard links, which are whatever they are linked to.
pub(super) fn is_of_kind(kind: Kind, inode: &Inode) -> bool {
    let file_type = inode.file_type();
    match kind {
        Kind::File => file_type == FileType::RegularFile,
        Kind::HardLink => inode.kind != Entry::Directory,
        Kind::Symlink => file_type == FileType::Symlink,
        Kind::Character => file_type == FileType::CharacterDevice,
        Kind::Block => file_type == FileType::BlockDevice,
        Kind::Directory => file_type == FileType::Directory,
        Kind::Fifo => file_type == FileType::Fifo,
        Kind::Global | Kind::Other(_) => true,
    }
}

/// Compares what is of the right kind; nothing if all of it agrees.
pub(super) fn metadata(
    header: &Header,
    inode: &Inode,
    path: &[u8],
    (tree, owners): (&mut Tree, &mut Owners),
) -> Result<Option<What>, Errno> {
    let mut fields = Vec::new();
    let is_symlink = inode.kind == Entry::Symlink;
    if !is_symlink && header.mode != inode.permissions() {
        fields.push(Field::Mode(header.mode, inode.permissions()));
    }
    let (stated, found) = ((header.user, header.group), (inode.user, inode.group));
    if !owners.match_up(stated, found) {
        fields.push(Field::Owner(stated, found));
    }
    if header.kind == Kind::Symlink {
        let target = tree.read_link(path)?.unwrap_or_default();
        if target != header.link {
            fields.push(Field::Target(header.link.clone(), target));
        }
    }
    let device = (u64::from(inode.device.0), u64::from(inode.device.1));
    if matches!(header.kind, Kind::Character | Kind::Block) && device != header.device {
        fields.push(Field::Device(header.device, inode.device));
    }
    for (name, value) in header.attributes.iter().filter(|(name, _)| is_compared(name)) {
        if !tree.attribute(path, name)?.is_some_and(|found| is_same_value(name, value, &found)) {
            fields.push(Field::Attribute(name.clone()));
        }
    }
    // Only what may be executed may gain anything by capabilities.
    let may_gain = inode.kind == Entry::File && inode.mode & 0o111 != 0;
    if may_gain && !header.attributes.iter().any(|(name, _)| name == CAPABILITY) && tree.attribute(path, CAPABILITY)?.is_some() {
        fields.push(Field::Capabilities);
    }
    if !fields.is_empty() {
        return Ok(Some(What::Metadata(fields)));
    }
    Ok((!is_same_time(header.modified, inode.modified)).then_some(What::Times { expected: header.modified.0, found: inode.modified.0 }))
}

const CAPABILITY: &[u8] = b"security.capability";

/// Whether an attribute is the layer's own: those of overlayfs are dockerd's, and labels are the host's.
fn is_compared(name: &[u8]) -> bool {
    let hosts: [&[u8]; 5] = [b"trusted.overlay.", b"user.overlay.", b"security.selinux", b"security.ima", b"security.evm"];
    !hosts.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether an attribute has the value that it should; the kernel writes capabilities anew when they are set in a user namespace, with the
/// user that is root there.
fn is_same_value(name: &[u8], stated: &[u8], found: &[u8]) -> bool {
    /// Revision and flags, and two times two sets.
    const SETS: std::ops::Range<usize> = 4..20;
    if name != CAPABILITY {
        return stated == found;
    }
    let is_effective = |value: &[u8]| value.first().map(|flags| flags & 1);
    stated.get(SETS).is_some() && stated.get(SETS) == found.get(SETS) && is_effective(stated) == is_effective(found)
}

/// Whether a file was changed when it should have been: to the second if the header knows no more, or the file system does not.
fn is_same_time((seconds, fraction): (i64, Option<u32>), (found_seconds, found_fraction): (i64, u32)) -> bool {
    // Docker puts what it cannot express at the beginning of time.
    let stated = seconds.max(0);
    stated == found_seconds && fraction.is_none_or(|fraction| found_fraction == 0 || seconds < 0 || fraction == found_fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_agree_as_far_as_both_know_them() {
        for (stated, found, same) in [
            ((5, None), (5, 0), true),
            ((5, None), (5, 999), true),
            ((5, None), (6, 0), false),
            ((5, Some(7)), (5, 7), true),
            ((5, Some(7)), (5, 0), true),
            ((5, Some(7)), (5, 8), false),
            ((-5, None), (0, 0), true),
            ((-5, None), (-5, 0), false),
        ] {
            assert_eq!(is_same_time(stated, found), same, "{stated:?} {found:?}");
        }
    }

    #[test]
    fn capabilities_agree_without_the_user_who_is_root() {
        let version_2 = [&[1, 0, 0, 2][..], &[0x20; 16]].concat();
        let version_3 = [&[1, 0, 0, 3][..], &[0x20; 16], &[0xa0, 0x86, 1, 0]].concat();
        let others = [&[1, 0, 0, 2][..], &[0x21; 16]].concat();
        assert!(is_same_value(CAPABILITY, &version_2, &version_3) && is_same_value(CAPABILITY, &version_2, &version_2));
        assert!(!is_same_value(CAPABILITY, &version_2, &others) && !is_same_value(CAPABILITY, b"", b""));
        assert!(is_same_value(b"user.a", b"x", b"x") && !is_same_value(b"user.a", b"x", b"y"));
    }
}
