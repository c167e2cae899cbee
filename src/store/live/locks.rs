//! Who holds the lock of a data-root: `flock` on `volumes/metadata.db`, which every running dockerd holds for as long as it lives.
//!
//! ```text
//! /proc/locks
//! 1: FLOCK  ADVISORY  WRITE 26296 fe:00:10043504 0 EOF
//! │  │                │     │     │     │ └ inode
//! │  │                │     │     └─────┴ device, major and minor, in hexadecimal digits
//! │  │                │     └ process; -1 for locks that belong to an open file
//! │  └ kind           └ shared (READ) or exclusive (WRITE)
//! └ number; "1: ->" waits for the lock above it
//! ```
//!
//! The table only lists what our pid namespace may see, and on some file systems with another device than `stat` tells. So whether the
//! lock is held is asked of the kernel, and the table merely says by whom.

use super::gaps::{Fact, Gaps};
use super::proc::{FileId, Proc};
use crate::dir::{Cause, Dir, Operation, ReadError};
use rustix::fs::{FlockOperation, flock};
use std::path::Path;

/// The database that dockerd locks before anything else that lasts.
pub const DATABASE: &str = "volumes/metadata.db";

/// The largest table of locks read.
const LIMIT: u64 = 64 << 20;

/// Whether somebody holds the lock of a data-root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockState {
    /// Nobody does: no dockerd runs on this data-root.
    Free,
    /// Somebody does.
    Held {
        /// The processes that hold it, as far as they can be seen; a dockerd in another pid namespace cannot.
        by: Vec<u32>,
    },
    /// There is no database, and so nothing to lock: no dockerd has ever come up here, or somebody has removed it.
    Missing,
    /// It could not be asked for; [`super::Live::incomplete`] says why.
    Unknown,
}

/// A lock that a process holds or waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// What kind of lock it is.
    pub kind: LockKind,
    /// Whether it keeps all others out, or only exclusive ones.
    pub exclusive: bool,
    /// Whether it is still waited for.
    pub waiting: bool,
    /// The process, unless the lock belongs to an open file alone.
    pub pid: Option<u32>,
    /// The locked file.
    pub file: FileId,
}

/// The kind of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockKind {
    /// `flock`, on the whole file.
    Flock,
    /// `fcntl`, on a range, held by the process.
    Posix,
    /// `fcntl`, on a range, held by the open file.
    OpenFile,
    /// A lease, a delegation or whatever else the kernel lists.
    Other,
}

/// Reads every line of `/proc/locks`; nothing for a line that is no lock.
pub fn parse(text: &[u8]) -> impl Iterator<Item = Option<Lock>> {
    text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(|line| parse_line(std::str::from_utf8(line).ok()?))
}

fn parse_line(line: &str) -> Option<Lock> {
    let (_, rest) = line.split_once(':')?;
    let mut fields = rest.split_ascii_whitespace().peekable();
    let waiting = fields.next_if_eq(&"->").is_some();
    let kind = match fields.next()? {
        "FLOCK" => LockKind::Flock,
        "POSIX" => LockKind::Posix,
        "OFDLCK" => LockKind::OpenFile,
        _ => LockKind::Other,
    };
    let exclusive = fields.nth(1)? != "READ";
    let pid = fields.next()?;
    let (device, inode) = fields.next()?.rsplit_once(':')?;
    let file = FileId { device: super::mountinfo::parse_device(device.as_bytes(), 16)?, inode: inode.parse().ok()? };
    Some(Lock { kind, exclusive, waiting, pid: pid.parse().ok(), file })
}

/// Asks the kernel whether anybody holds the lock of `root` exclusively.
///
/// It asks for a shared lock without waiting and drops it at once; the file is opened for reading only, never made and never written.
/// A dockerd that starts in just those microseconds finds the file locked: it tries again every 50 ms for a second, and so does not notice.
///
/// # Errors
/// When the database may not be read, is no regular file, or the file system has no locks.
pub fn probe(root: &Dir) -> Result<LockState, ReadError> {
    let Some(file) = root.file(DATABASE)? else { return Ok(LockState::Missing) };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(LockState::Free),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(LockState::Held { by: Vec::new() }),
        Err(errno) => Err(root.error(DATABASE, Operation::Open, std::io::Error::from(errno))),
    }
}

/// Reads whether the lock of `root` is held, and by whom.
pub(super) fn read(proc: &Proc, root: &Dir, gaps: &mut Gaps) -> LockState {
    match probe(root) {
        Ok(LockState::Held { .. }) => LockState::Held { by: holders(proc, root, gaps) },
        Ok(state) => state,
        Err(error) => {
            gaps.note(Fact::Locks, error);
            LockState::Unknown
        }
    }
}

/// The processes that hold the lock, by the table of locks and by what they have open.
fn holders(proc: &Proc, root: &Dir, gaps: &mut Gaps) -> Vec<u32> {
    let Ok(Some(stamp)) = root.stamp(DATABASE) else { return Vec::new() };
    let database = FileId::from(stamp);
    let text = proc.dir().read("locks", LIMIT).unwrap_or_else(|error| {
        gaps.note(Fact::Locks, error);
        None
    });
    let mut pids = Vec::new();
    for lock in parse(&text.unwrap_or_default()) {
        let Some(lock) = lock else {
            let cause = Cause::Malformed("a line is not a lock".to_owned());
            gaps.note(Fact::Locks, ReadError { path: proc.path().join("locks"), operation: Operation::Parse, cause });
            continue;
        };
        let is_flock = lock.kind == LockKind::Flock && lock.exclusive && !lock.waiting;
        if let Some(pid) = lock.pid.filter(|_| is_flock && lock.file.inode == database.inode)
            && (lock.file == database || has_open(proc, pid, database))
        {
            pids.push(pid);
        }
    }
    pids.sort_unstable();
    pids.dedup();
    pids
}

/// The processes but our own that have the database of `root` open, as far as they may be looked into: they hold its lock or wait for it.
#[must_use]
pub fn openers(proc: &Proc, root: &Dir) -> Vec<u32> {
    let Ok(Some(stamp)) = root.stamp(DATABASE) else { return Vec::new() };
    let (database, own) = (FileId::from(stamp), proc.own_pid());
    let name = Path::new(DATABASE).file_name().unwrap_or_default();
    let is_open = |pid: u32| {
        let descriptors = proc.descriptors(pid).unwrap_or_default();
        // Asking what each descriptor leads to would cost as much again; the name is the same in every namespace.
        let named = descriptors.iter().filter(|(_, path)| path.file_name() == Some(name));
        named.into_iter().any(|(link, _)| proc.behind(pid, link).is_ok_and(|open| open == database))
    };
    proc.pids().unwrap_or_default().into_iter().filter(|&pid| Some(pid) != own && is_open(pid)).collect()
}

/// Whether process `pid` has `file` open, as far as we may look.
fn has_open(proc: &Proc, pid: u32, file: FileId) -> bool {
    let descriptors = proc.descriptors(pid).unwrap_or_default();
    descriptors.iter().any(|(link, _)| proc.behind(pid, link).is_ok_and(|open| open == file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn reads_every_kind_of_line() {
        let text = b"1: FLOCK  ADVISORY  WRITE 26296 fe:00:10043504 0 EOF
2: POSIX  ADVISORY  READ  700 08:02:134479 0 0
3: OFDLCK ADVISORY  READ -1 00:06:3 0 EOF
3: -> FLOCK  ADVISORY  WRITE 12 103:05:99 0 EOF
4: LEASE  ACTIVE    READ  9 00:2a:5 0 EOF
garbage
";
        let lock =
            |kind, exclusive, waiting, pid, device, inode| Some(Lock { kind, exclusive, waiting, pid, file: FileId { device, inode } });
        let expected = [
            lock(LockKind::Flock, true, false, Some(26296), (0xfe, 0), 10_043_504),
            lock(LockKind::Posix, false, false, Some(700), (8, 2), 134_479),
            lock(LockKind::OpenFile, false, false, None, (0, 6), 3),
            lock(LockKind::Flock, true, true, Some(12), (0x103, 5), 99),
            lock(LockKind::Other, false, false, Some(9), (0, 0x2a), 5),
            None,
        ];
        assert_eq!(parse(text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_probe_tells_free_held_and_missing_and_changes_nothing() {
        let temp = tempfile::tempdir().unwrap();
        let root = Dir::root(temp.path()).unwrap();
        assert_eq!(probe(&root).unwrap(), LockState::Missing);
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
        fs::create_dir(temp.path().join("volumes")).unwrap();
        let database = fs::File::create(temp.path().join(DATABASE)).unwrap();
        assert_eq!(probe(&root).unwrap(), LockState::Free);
        // A probe beside another's, which holds it shared, is not kept out; nor does one that is over keep anybody out.
        flock(&database, FlockOperation::NonBlockingLockShared).unwrap();
        assert_eq!(probe(&root).unwrap(), LockState::Free);
        flock(&database, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert_eq!(probe(&root).unwrap(), LockState::Held { by: Vec::new() });
    }

    #[test]
    fn a_database_that_is_no_file_is_neither_free_nor_missing() {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir_all(temp.path().join(DATABASE)).unwrap();
        assert!(probe(&Dir::root(temp.path()).unwrap()).is_err());
    }
}
