//! What one inode weighs, and the sums of that.

use rustix::fs::{FileType, Statx};
use std::ops::AddAssign;

/// What some inodes weigh together, each counted once however many names it has.
///
/// The kinds add up: `inodes` is the sum of `directories`, `files`, `symlinks`, `devices`, `fifos` and `sockets`. Sums stop at the
/// largest number instead of overflowing, as those of `du` do: two sparse files are enough to get there. Marks that are kept in attributes
/// (opaque, redirect, metacopy) are counted as far as they may be seen: `trusted.` ones are shown to root only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// What is allocated on the disk: `du --block-size=1`.
    pub bytes: u64,
    /// The sum of all sizes, directories too: `du --apparent-size` before coreutils 9.2 (later ones leave out all but files and links).
    pub apparent_bytes: u64,
    /// The sum of the sizes of all but directories: what Docker calls a layer's size, and `du --apparent-size` since coreutils 9.2.
    pub content_bytes: u64,
    /// The inodes: `du --inodes`.
    pub inodes: u64,
    /// Those that are directories.
    pub directories: u64,
    /// Those that are regular files.
    pub files: u64,
    /// Those that are symbolic links.
    pub symlinks: u64,
    /// The lengths of the texts of these, which are part of `content_bytes`.
    pub symlink_bytes: u64,
    /// Those that are block or character devices; whiteouts are among them.
    pub devices: u64,
    /// Those that are FIFOs.
    pub fifos: u64,
    /// Those that are sockets.
    pub sockets: u64,
    /// The names that an overlay hides. Names, not inodes: the kernel makes many whiteouts as hard links of one.
    pub whiteouts: u64,
    /// Those of them that are empty files with an attribute instead of a device.
    pub whiteout_files: u64,
    /// The directories that hide all of what is below them in lower layers.
    pub opaques: u64,
    /// Those of them that are marked by `user.` attributes, which count only in an overlay that was mounted with `userxattr`.
    pub user_opaques: u64,
    /// The directories that stand for one of another name in a lower layer.
    pub redirects: u64,
    /// The files whose content is in a lower layer.
    pub metacopies: u64,
    /// The regular files that change the user or the group of who runs them.
    pub set_ids: u64,
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        for (sum, more) in [
            (&mut self.bytes, other.bytes),
            (&mut self.apparent_bytes, other.apparent_bytes),
            (&mut self.content_bytes, other.content_bytes),
            (&mut self.inodes, other.inodes),
            (&mut self.directories, other.directories),
            (&mut self.files, other.files),
            (&mut self.symlinks, other.symlinks),
            (&mut self.symlink_bytes, other.symlink_bytes),
            (&mut self.devices, other.devices),
            (&mut self.fifos, other.fifos),
            (&mut self.sockets, other.sockets),
            (&mut self.whiteouts, other.whiteouts),
            (&mut self.whiteout_files, other.whiteout_files),
            (&mut self.opaques, other.opaques),
            (&mut self.user_opaques, other.user_opaques),
            (&mut self.redirects, other.redirects),
            (&mut self.metacopies, other.metacopies),
            (&mut self.set_ids, other.set_ids),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}

impl Usage {
    /// All figures, in the order of their declaration.
    pub(crate) const fn to_words(self) -> [u64; 18] {
        [
            self.bytes,
            self.apparent_bytes,
            self.content_bytes,
            self.inodes,
            self.directories,
            self.files,
            self.symlinks,
            self.symlink_bytes,
            self.devices,
            self.fifos,
            self.sockets,
            self.whiteouts,
            self.whiteout_files,
            self.opaques,
            self.user_opaques,
            self.redirects,
            self.metacopies,
            self.set_ids,
        ]
    }

    /// The usage with these figures.
    pub(crate) const fn from_words(words: [u64; 18]) -> Self {
        let [bytes, apparent_bytes, content_bytes, inodes, kinds @ .., _, _, _, _, _, _, _] = words;
        let [.., whiteouts, whiteout_files, opaques, user_opaques, redirects, metacopies, set_ids] = words;
        let [directories, files, symlinks, symlink_bytes, devices, fifos, sockets] = kinds;
        Self {
            bytes,
            apparent_bytes,
            content_bytes,
            inodes,
            directories,
            files,
            symlinks,
            symlink_bytes,
            devices,
            fifos,
            sockets,
            whiteouts,
            whiteout_files,
            opaques,
            user_opaques,
            redirects,
            metacopies,
            set_ids,
        }
    }

    /// Counts an inode.
    pub(super) fn add(&mut self, inode: &Inode) {
        self.bytes = self.bytes.saturating_add(inode.bytes);
        self.apparent_bytes = self.apparent_bytes.saturating_add(inode.size);
        self.inodes += 1;
        match inode.kind {
            FileType::Directory => self.directories += 1,
            FileType::RegularFile => self.files += 1,
            FileType::Symlink => {
                self.symlinks += 1;
                self.symlink_bytes = self.symlink_bytes.saturating_add(inode.size);
            }
            FileType::Fifo => self.fifos += 1,
            FileType::Socket => self.sockets += 1,
            FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => self.devices += 1,
        }
        if inode.kind != FileType::Directory {
            self.content_bytes = self.content_bytes.saturating_add(inode.size);
        }
        self.metacopies += u64::from(inode.is_metacopy);
        self.set_ids += u64::from(inode.sets_id);
    }
}

/// One inode, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inode {
    /// Its number on the file system that is walked.
    pub(super) number: u64,
    /// How many names it has, also outside of what is walked.
    pub(super) links: u32,
    /// What it is.
    pub(super) kind: FileType,
    /// Whether it is a whiteout: a character device 0/0.
    pub(super) is_whiteout: bool,
    /// Whether its content is in a lower layer.
    pub(super) is_metacopy: bool,
    /// When it was changed last, if that was asked for.
    pub(super) changed: (i64, u32),
    sets_id: bool,
    bytes: u64,
    size: u64,
}

impl Inode {
    /// What `stat` says of an inode.
    #[inline]
    pub(super) fn of(stat: &Statx) -> Self {
        /// `st_blocks` counts these, whatever the file system's own blocks are.
        const BLOCK: u64 = 512;
        const SET_IDS: u16 = 0o6000;
        let kind = FileType::from_raw_mode(stat.stx_mode.into());
        Self {
            number: stat.stx_ino,
            links: stat.stx_nlink,
            kind,
            is_whiteout: kind == FileType::CharacterDevice && stat.stx_rdev_major == 0 && stat.stx_rdev_minor == 0,
            is_metacopy: false,
            changed: (stat.stx_ctime.tv_sec, stat.stx_ctime.tv_nsec),
            sets_id: kind == FileType::RegularFile && stat.stx_mode & SET_IDS != 0,
            bytes: stat.stx_blocks.saturating_mul(BLOCK),
            size: stat.stx_size,
        }
    }

    /// What is allocated for it on the disk.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether both are states of one inode between which it was not changed; what a directory says of it does not matter.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Self { is_metacopy: false, ..*self } == Self { is_metacopy: false, ..*other }
    }

    /// All that is known of it.
    pub(super) fn to_words(self) -> [u64; 7] {
        let flag = |is: bool, bit: u32| u64::from(is) << bit;
        let flags = flag(self.is_whiteout, 32) | flag(self.is_metacopy, 33) | flag(self.sets_id, 34);
        let kind = u64::from(self.kind.as_raw_mode()) | flags;
        let (seconds, nanoseconds) = self.changed;
        [self.number, self.links.into(), kind, seconds.cast_unsigned(), nanoseconds.into(), self.bytes, self.size]
    }

    /// The inode of which this is known.
    pub(super) fn from_words(words: [u64; 7]) -> Option<Self> {
        let [number, links, kind, seconds, nanoseconds, bytes, size] = words;
        let flag = |bit: u32| kind >> bit & 1 == 1;
        Some(Self {
            number,
            links: links.try_into().ok()?,
            kind: FileType::from_raw_mode((kind & u64::from(u32::MAX)).try_into().ok()?),
            is_whiteout: flag(32),
            is_metacopy: flag(33),
            changed: (seconds.cast_signed(), nanoseconds.try_into().ok()?),
            sets_id: flag(34),
            bytes,
            size,
        })
    }

    /// Whether another name of it may be met.
    pub(super) fn may_be_met_again(&self) -> bool {
        self.links > 1 && self.kind != FileType::Directory
    }

    /// Whether it is a file that holds next to nothing of what it should: as a metacopy does, which may have blocks for its attributes.
    pub(super) fn lacks_content(&self) -> bool {
        const ATTRIBUTES: u64 = 65_536;
        self.kind == FileType::RegularFile && self.bytes < self.size && self.bytes <= ATTRIBUTES
    }

    /// Whether it is an empty file: what a whiteout by attribute is.
    pub(super) fn is_empty_file(&self) -> bool {
        self.kind == FileType::RegularFile && self.size == 0
    }
}
