//! What processes hold on file systems that are mounted nowhere any more.
//!
//! ```text
//! umount -l /var/lib/docker/overlay2/3323…/merged     gone from every table, and still there for whoever stands in it
//! /proc/<pid>/cwd ─► /etc                             a path in it, which does not name the layer, or names one of another data-root
//! /proc/<pid>/fdinfo/<n>: mnt_id: 57                  a number that no table has
//! statx: stx_mnt_id                                   the same of what has no fdinfo (Linux 5.8)
//! ```
//!
//! Nothing tells any more which layers are behind an overlay like that, or which directory of the data-root's own file system, so it may be any.
//! Only directories count: they lead on to what is in them, while a file that is open stays whole for whoever has it open. (A dockerd that ends may
//! unmount its data-root before it closes its databases.)
//!
//! None of these questions may reach a server that is dead: a read of fdinfo does not touch the file, and `AT_STATX_DONT_SYNC` takes what the
//! kernel remembers. Only what kind of file system it is has to be asked of the file system, and that of none whose kernel side says it is FUSE
//! or NFS: neither is an overlay.

use super::proc::{FileId, Proc};
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use rustix::fs::{AtFlags, FileType, StatxFlags, fstatfs, statx};
use std::collections::HashSet;
use std::path::Path;

/// What the kernel calls overlayfs.
const OVERLAYFS: u64 = 0x794c_7630;

/// The most of an fdinfo that is looked at: the number stands at its beginning.
const FDINFO: u64 = 4096;

/// Where the kernel lists the connections of FUSE, by the minor numbers of their devices.
const FUSE: &str = "/sys/fs/fuse/connections";

/// Where the kernel lists the file systems of NFS, with their devices (`0:57`), below `/proc`.
const NFS: &str = "fs/nfsfs/volumes";

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
        if told_number(proc, pid, link).is_some_and(|number| self.numbers.contains(&number)) {
            return false;
        }
        let path = Path::new(&pid.to_string()).join(link);
        // To look at it must not start what is only mounted when somebody comes, nor wait for a server.
        let flags = AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
        let Ok(stat) = statx(proc.dir(), &path, flags, StatxFlags::TYPE | StatxFlags::MNT_ID) else { return false };
        let is_told = StatxFlags::from_bits_retain(stat.stx_mask).contains(StatxFlags::MNT_ID);
        let is_directory = FileType::from_raw_mode(stat.stx_mode.into()) == FileType::Directory;
        if !is_told || !is_directory || self.numbers.contains(&stat.stx_mnt_id) {
            return false;
        }
        let device = (stat.stx_dev_major, stat.stx_dev_minor);
        self.homes.iter().any(|home| home.device == device) || !is_remote(proc, device) && is_overlay(proc, &path)
    }
}

/// The number of the mount on which the descriptor behind `link` lies, by its fdinfo.
fn told_number(proc: &Proc, pid: u32, link: &Path) -> Option<u64> {
    let (listed, descriptor) = (link.parent()?, link.file_name()?);
    if listed.file_name()? != "fd" {
        return None;
    }
    let text = proc.head(pid, listed.with_file_name("fdinfo").join(descriptor), FDINFO).ok()??;
    let written = text.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"mnt_id:"))?;
    std::str::from_utf8(written).ok()?.trim().parse().ok()
}

/// Whether the file system of `device` is one of FUSE or NFS: its server may be dead, and to ask it would be to wait for ever.
fn is_remote(proc: &Proc, (major, minor): (u32, u32)) -> bool {
    let is_fuse = || Path::new(FUSE).join(minor.to_string()).symlink_metadata().is_ok();
    let volumes = || proc.dir().read(NFS, FDINFO << 8).ok().flatten().unwrap_or_default();
    let is_nfs = |table: &[u8]| table.split(u8::is_ascii_whitespace).any(|word| word == format!("{major}:{minor}").as_bytes());
    major == 0 && (is_fuse() || is_nfs(&volumes()))
}

/// Whether what a link of a process leads to lies on an overlay.
fn is_overlay(proc: &Proc, path: &Path) -> bool {
    let looked_at = openat(proc.dir(), path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty());
    let kind = looked_at.ok().and_then(|file| fstatfs(file).ok()).and_then(|file_system| u64::try_from(file_system.f_type).ok());
    kind == Some(OVERLAYFS)
}
