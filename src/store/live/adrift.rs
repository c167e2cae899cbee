//! What processes hold on file systems that are mounted nowhere any more.
//!
//! ```text
//! umount -l /var/lib/docker/overlay2/3323…/merged     gone from every table, and still there for whoever stands in it
//! /proc/<pid>/cwd ─► /etc                             a path in it, which does not name the layer
//! statx: stx_mnt_id                                   a number that no table has (Linux 5.8)
//! ```
//!
//! Nobody can tell any more which layers are behind an overlay like that, or which directory of the data-root's own file system, so it may be any.
//! Only directories count: they lead on to what is in them, while a file that is open stays whole for whoever has it open. (A dockerd that ends may
//! unmount its data-root before it closes its databases.)

use super::proc::{FileId, Proc};
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use rustix::fs::{AtFlags, FileType, StatxFlags, fstatfs, statx};
use std::collections::HashSet;
use std::path::Path;

/// What the kernel calls overlayfs.
const OVERLAYFS: u64 = 0x794c_7630;

/// What is mounted, and where the data-root lies.
#[derive(Debug)]
pub(super) struct Mounted {
    /// The numbers of all mounts.
    pub(super) numbers: HashSet<u64>,
    /// The file systems that layer directories lie on.
    pub(super) homes: Vec<FileId>,
}

impl Mounted {
    /// Whether the link `link` of a process leads to a directory where no mount is any more that may have shown a layer.
    pub(super) fn lacks(&self, proc: &Proc, pid: u32, link: &Path) -> bool {
        let path = Path::new(&pid.to_string()).join(link);
        // To look at it must not start what is only mounted when somebody comes.
        let Ok(stat) = statx(proc.dir(), &path, AtFlags::NO_AUTOMOUNT, StatxFlags::TYPE | StatxFlags::MNT_ID) else { return false };
        let is_told = StatxFlags::from_bits_retain(stat.stx_mask).contains(StatxFlags::MNT_ID);
        let is_directory = FileType::from_raw_mode(stat.stx_mode.into()) == FileType::Directory;
        if !is_told || !is_directory || self.numbers.contains(&stat.stx_mnt_id) {
            return false;
        }
        let device = (stat.stx_dev_major, stat.stx_dev_minor);
        self.homes.iter().any(|home| home.device == device) || is_overlay(proc, &path)
    }
}

/// Whether what a link of a process leads to lies on an overlay.
fn is_overlay(proc: &Proc, path: &Path) -> bool {
    let looked_at = openat(proc.dir(), path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty());
    let kind = looked_at.ok().and_then(|file| fstatfs(file).ok()).and_then(|file_system| u64::try_from(file_system.f_type).ok());
    kind == Some(OVERLAYFS)
}
