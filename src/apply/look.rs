//! Looking at what a name names, and knowing it again.

use super::error::explain;
use super::journal::Slot;
use crate::plan::{Evidence, Inode, Kind};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, StatxFlags, openat2, readlinkat, statat, statx};
use rustix::io::Errno;
use rustix::path::Arg;
use serde::{Deserialize, Serialize};
use std::os::fd::{AsFd, OwnedFd};

/// How much of a thing must be as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sameness {
    /// Everything: nothing was done to it since.
    Untouched,
    /// It is the same inode: a rename has changed its time of change, and its device may be called otherwise since the machine was started.
    Moved,
    /// It may be another inode, which a copy of it is.
    Copied,
}

/// What a thing looks like: what a copy of it has too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traits {
    /// Its permissions.
    pub mode: u32,
    /// Its user and group.
    pub owner: (u32, u32),
    /// The bytes in it; 0 for a directory.
    pub size: u64,
    /// When its content last changed: seconds and nanoseconds since 1970.
    pub modified: (i64, u32),
}

impl Traits {
    /// What `name` in `dir` looks like.
    pub(super) fn of(dir: &OwnedFd, name: impl Arg) -> Result<Self, Errno> {
        let wanted = StatxFlags::TYPE | StatxFlags::MODE | StatxFlags::UID | StatxFlags::GID | StatxFlags::SIZE | StatxFlags::MTIME;
        let stat = statx(dir, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH | AtFlags::NO_AUTOMOUNT, wanted)?;
        let is_directory = FileType::from_raw_mode(stat.stx_mode.into()) == FileType::Directory;
        Ok(Self {
            mode: u32::from(stat.stx_mode) & 0o7777,
            owner: (stat.stx_uid, stat.stx_gid),
            size: if is_directory { 0 } else { stat.stx_size },
            modified: (stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec),
        })
    }
}

/// Whether a run is where it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It is.
    Here,
    /// It was copied with all that is in it: nothing is the inode that its journal knows.
    Copied,
}

/// Looks whether `name` in `dir` is the thing that `slot` tells of, in a run of this origin.
pub(super) fn look_again(dir: &OwnedFd, name: &str, slot: &Slot, origin: Origin) -> Result<Pin, String> {
    let seen = look(dir, name, &slot.evidence, Sameness::Moved);
    if seen.is_ok() || origin == Origin::Here {
        return seen;
    }
    let copy = look(dir, name, &slot.evidence, Sameness::Copied)?;
    let looks_alike = |traits: &Traits| Traits::of(&copy.fd, "").is_ok_and(|found| found == *traits);
    // The text of a link is all of it.
    let is_alike = slot.evidence.kind == Kind::Link || slot.traits.as_ref().is_none_or(looks_alike);
    if is_alike { Ok(copy) } else { Err("it does not look as it did when it was taken".to_owned()) }
}

/// What was looked at. As long as this lives its inode cannot become another's, so that the number alone tells it, also where the file system
/// does not remember births.
#[derive(Debug)]
pub(super) struct Pin {
    fd: OwnedFd,
    inode: Inode,
}

impl Pin {
    /// Looks whether `name` in `dir` is still it.
    pub(super) fn is_at(&self, dir: &OwnedFd, name: impl Arg) -> Result<bool, Errno> {
        open(dir, name).and_then(|fd| self.is(&fd))
    }

    /// Whether `fd` has it open.
    pub(super) fn is(&self, fd: &OwnedFd) -> Result<bool, Errno> {
        let (_, there) = identify(fd)?;
        Ok((there.device, there.number) == (self.inode.device, self.inode.number))
    }
}

impl AsFd for Pin {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Looks whether `name` in `dir` is what `evidence` says; if not, says what is different.
pub(super) fn look(dir: &OwnedFd, name: &str, evidence: &Evidence, sameness: Sameness) -> Result<Pin, String> {
    let (fd, (kind, inode)) = match open(dir, name).and_then(|fd| identify(&fd).map(|found| (fd, found))) {
        Ok(found) => found,
        Err(Errno::NOENT) => return Err("it is gone".to_owned()),
        Err(errno) => return Err(explain(errno)),
    };
    if kind != Some(evidence.kind) {
        return Err("something else is in its place".to_owned());
    }
    match &evidence.inode {
        _ if sameness == Sameness::Copied => {}
        Some(known) if (known.number, known.born) != (inode.number, inode.born) => return Err("another one is in its place".to_owned()),
        Some(known) if sameness == Sameness::Untouched && known.device != inode.device => {
            return Err("another one is in its place".to_owned());
        }
        Some(known) if sameness == Sameness::Untouched && *known != inode => return Err("it has changed since".to_owned()),
        _ => {}
    }
    let text = (evidence.kind == Kind::Link).then(|| readlinkat(&fd, "", Vec::new()));
    match (text, &evidence.text) {
        (None, None) => Ok(Pin { fd, inode }),
        (Some(Ok(text)), Some(known)) if text.as_bytes() == known.as_bytes() => Ok(Pin { fd, inode }),
        // A link that nothing tells apart, or a thing that ought to be one.
        _ => Err("it leads elsewhere now".to_owned()),
    }
}

/// Looks whether the name is free in `dir`, and `dir` the directory that `evidence` says.
pub(super) fn look_for_nothing(dir: &OwnedFd, name: &str, evidence: &Evidence) -> Result<(), String> {
    let (_, around) = identify(dir).map_err(explain)?;
    if !evidence.inode.is_some_and(|known| known.is_same_file(&around)) {
        return Err("another directory is around it".to_owned());
    }
    match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => Ok(()),
        Ok(_) => Err("something is in its place".to_owned()),
        Err(errno) => Err(explain(errno)),
    }
}

/// Opens what `name` in `dir` names, without reading it, and not if something is mounted on it.
pub(super) fn open(dir: &OwnedFd, name: impl Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat2(dir, name, flags, Mode::empty(), ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV)
}

/// What kind of thing is opened, and which inode.
pub(super) fn identify(fd: &OwnedFd) -> Result<(Option<Kind>, Inode), Errno> {
    let wanted = StatxFlags::TYPE | StatxFlags::INO | StatxFlags::BTIME | StatxFlags::CTIME;
    let stat = statx(fd, "", AtFlags::EMPTY_PATH | AtFlags::NO_AUTOMOUNT, wanted)?;
    let kind = match FileType::from_raw_mode(stat.stx_mode.into()) {
        FileType::Directory => Some(Kind::Directory),
        FileType::RegularFile => Some(Kind::File),
        FileType::Symlink => Some(Kind::Link),
        _ => None,
    };
    let inode = Inode {
        device: (stat.stx_dev_major, stat.stx_dev_minor),
        number: stat.stx_ino,
        born: (stat.stx_mask & StatxFlags::BTIME.bits() != 0).then_some((stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec)),
        changed: (stat.stx_ctime.tv_sec, stat.stx_ctime.tv_nsec),
    };
    Ok((kind, inode))
}
