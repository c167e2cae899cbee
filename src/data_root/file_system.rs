//! The file system that a data-root lies on: how large, how full, of what kind.

use crate::dir::{Dir, Operation, ReadError};
use std::io;

/// The figures of a file system, in bytes and inodes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FileSystem {
    /// Its kind, such as `ext4`, or its magic number where it has no name here.
    pub kind: String,
    /// Its size.
    pub bytes_total: u64,
    /// What is free for root.
    pub bytes_free: u64,
    /// What is free for everybody else: some is usually kept for root.
    pub bytes_available: u64,
    /// How many inodes it can have; 0 where it makes them as it needs them (btrfs).
    pub inodes_total: u64,
    /// How many more it can have.
    pub inodes_free: u64,
    /// Whether it is mounted for reading only.
    pub read_only: bool,
}

/// The kinds by the magic number that `statfs` tells (`linux/magic.h`, and ZFS's own). ext2 and ext3 have the number of ext4, whose
/// module serves them too.
const KINDS: [(u64, &str); 14] = [
    (0xEF53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683E, "btrfs"),
    (0x0102_1994, "tmpfs"),
    (0x794C_7630, "overlay"),
    (0x2FC1_2FC1, "zfs"),
    (0xF2F5_2010, "f2fs"),
    (0xCA45_1A4E, "bcachefs"),
    (0x6969, "nfs"),
    (0xFF53_4D42, "cifs"),
    (0x6573_5546, "fuse"),
    (0x00C3_6400, "ceph"),
    (0x0102_1997, "9p"),
    (0x8584_58F6, "ramfs"),
];

impl FileSystem {
    /// Asks for the figures of the file system that `dir` lies on.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn of(dir: &Dir) -> Result<Self, ReadError> {
        let failed = |errno| dir.error("", Operation::Stat, io::Error::from(errno));
        let magic = rustix::fs::fstatfs(dir).map_err(failed)?.f_type;
        let figures = rustix::fs::fstatvfs(dir).map_err(failed)?;
        let bytes = |blocks: u64| blocks.saturating_mul(figures.f_frsize);
        Ok(Self {
            kind: kind(u64::try_from(magic).unwrap_or_default()),
            bytes_total: bytes(figures.f_blocks),
            bytes_free: bytes(figures.f_bfree),
            bytes_available: bytes(figures.f_bavail),
            inodes_total: figures.f_files,
            inodes_free: figures.f_ffree,
            read_only: figures.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
        })
    }
}

/// The name of the kind of file system with this magic number.
#[must_use]
pub fn kind(magic: u64) -> String {
    KINDS.iter().find(|(known, _)| *known == magic).map_or_else(|| format!("{magic:#x}"), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_figures_are_those_of_df() {
        let temp = tempfile::tempdir().unwrap();
        let figures = FileSystem::of(&Dir::root(temp.path()).unwrap()).unwrap();
        let df = |fields: &str| {
            let output = Command::new("df").args(["--block-size=1", &format!("--output={fields}")]).arg(temp.path()).output().unwrap();
            String::from_utf8(output.stdout).unwrap().lines().last().unwrap().trim().to_owned()
        };
        assert_eq!(figures.bytes_total.to_string(), df("size"));
        assert_eq!(figures.inodes_total.to_string(), df("itotal"));
        assert_eq!(figures.kind, df("fstype"));
        assert!(figures.bytes_available <= figures.bytes_free && figures.bytes_free < figures.bytes_total);
        assert!(figures.inodes_free <= figures.inodes_total);
    }

    #[test]
    fn an_unknown_kind_is_its_number() {
        assert_eq!(kind(0xEF53), "ext4");
        assert_eq!(kind(0xABC), "0xabc");
    }
}
