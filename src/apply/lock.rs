//! Who may change a data-root: locks, and values that only they make.
//!
//! | value | what it proves | how |
//! |---|---|---|
//! | [`Own`] | no other layerwise is at work here | `flock` on the data-root itself, which dockerd does not lock; nothing is written |
//! | [`Offline`] | no dockerd is at work here, and none can begin | `flock` on `volumes/metadata.db`, and nobody else with it open |
//! | [`Online`] | the dockerd that is at work here was started at a known time | `/proc` |
//!
//! Every dockerd since 1.13 locks `volumes/metadata.db` for as long as it lives, and gives up its start when it does not get the lock within a
//! second. Since 24.0 it does so before it reads anything of images and layers. An older one has read them by then: if it read before we
//! changed something and got the lock after we let go, it would work with what is no more. So we begin only when no dockerd is there at all,
//! and let go only when those that have come meanwhile are gone.

use super::error::ApplyError;
use crate::dir::Dir;
use crate::inventory::{Inventory, Running};
use crate::store::live::{self, Proc, Sight, locks};
use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat, openat, statat};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant};

/// The databases that a dockerd holds too, in the order in which it opens them: whoever holds one of them is at work here, even if the lock
/// is free because somebody has replaced its file.
const ALSO_HELD: [&str; 6] = [
    "buildkit/containerdmeta.db",
    "buildkit/snapshots.db",
    "buildkit/metadata_v2.db",
    "buildkit/cache.db",
    "buildkit/history.db",
    "network/files/local-kv.db",
];

/// How long we wait for dockerds that came up while we held the lock to give up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why nothing may be changed, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refusal {
    /// Why, in a sentence.
    pub why: String,
    /// What to do.
    pub hint: String,
}

impl Refusal {
    /// Refuses because of `why`; `hint` says what to do.
    pub fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why: why.into(), hint: hint.into() }
    }
}

impl From<ApplyError> for Refusal {
    fn from(error: ApplyError) -> Self {
        Self::new(error.to_string(), "nothing was changed")
    }
}

/// How long somebody may have the database open who does not wait for its lock.
const PASSING: Duration = Duration::from_secs(2);

/// How long we sleep before we look again.
const POLL: Duration = Duration::from_millis(50);

/// Refuses because `running` is at work.
#[must_use]
pub fn refuse_running(running: &Running) -> Refusal {
    let who = running.pid.map_or_else(|| "a dockerd that cannot be seen from here".to_owned(), |pid| format!("dockerd (pid {pid})"));
    Refusal::new(format!("{who} is running on this data-root"), STOP_DOCKERD)
}

const STOP_DOCKERD: &str =
    "stop it (systemctl stop docker.socket docker.service), or use --online to take only orphan directories beside it";

/// The right to change layerwise's own trash: no other layerwise is at work on this data-root.
#[derive(Debug)]
pub struct Own {
    _dir: OwnedFd,
}

impl Own {
    /// Takes the lock on the data-root itself.
    ///
    /// # Errors
    /// When another layerwise has it, or the file system has no locks.
    pub fn acquire(root: &Dir) -> Result<Self, Refusal> {
        let failed = |errno: Errno| match errno {
            Errno::WOULDBLOCK => Refusal::new("another layerwise is at work on this data-root", "wait for it to end"),
            errno => ApplyError::new("lock", root.path(), errno).into(),
        };
        // Opened anew: a lock belongs to what was opened, and the reader's may be anybody's.
        let dir = openat(root, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(failed)?;
        flock(&dir, FlockOperation::NonBlockingLockExclusive).map_err(failed)?;
        Ok(Self { _dir: dir })
    }
}

/// The right to change what dockerd may know.
#[derive(Debug)]
pub enum Permit {
    /// No dockerd is at work.
    Offline(Offline),
    /// One is, and only what it cannot know is changed.
    Online(Online),
}

/// The lock that keeps dockerd from starting.
#[derive(Debug)]
pub struct Offline {
    file: File,
}

impl Offline {
    /// Takes the lock of `root`, if no dockerd is at work there or about to be.
    ///
    /// # Errors
    /// When one is, or when that cannot be told.
    pub fn acquire(root: &Dir, proc: &Proc) -> Result<Self, Refusal> {
        let file = open_database(root)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(Refusal::new(held(root, proc), STOP_DOCKERD)),
            Err(errno) => return Err(ApplyError::new("lock", root.path().join(locks::DATABASE), errno).into()),
        }
        let offline = Self { file };
        offline.is_the_database(root)?;
        for name in ALSO_HELD {
            if is_held(root, name)? {
                return Err(Refusal::new(format!("somebody holds {name}: a dockerd is at work here"), STOP_DOCKERD));
            }
        }
        is_alone(root, proc)?;
        Ok(offline)
    }

    /// Makes sure that the file that was locked is still the one by that name.
    fn is_the_database(&self, root: &Dir) -> Result<(), Refusal> {
        let path = root.path().join(locks::DATABASE);
        let opened = fstat(&self.file).map_err(|errno| ApplyError::new("look at", &path, errno))?;
        let named = statat(root, locks::DATABASE, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| ApplyError::new("look at", &path, errno))?;
        let same = (opened.st_dev, opened.st_ino) == (named.st_dev, named.st_ino);
        if same { Ok(()) } else { Err(Refusal::new(format!("{} was replaced at this moment", path.display()), "try again")) }
    }

    /// The dockerds of this data-root, and whoever else has the database open.
    fn others(root: &Dir, proc: &Proc) -> BTreeSet<u32> {
        let mut others: BTreeSet<u32> = live::read(proc, root).daemons_here().map(|daemon| daemon.pid).collect();
        others.extend(locks::openers(proc, root));
        others
    }

    /// Lets dockerd start again, once those that came up while they could not are gone; names those that were not in time.
    ///
    /// A dockerd that came after our last change has read what is now, but cannot be told from one that came before.
    #[must_use = "a dockerd that lingers may know of what is gone"]
    pub fn release(self, root: &Dir, proc: &Proc) -> Vec<u32> {
        let mut waiting = Self::others(root, proc);
        let begun = Instant::now();
        while !waiting.is_empty() && begun.elapsed() < PATIENCE {
            std::thread::sleep(POLL);
            let still_there = Self::others(root, proc);
            waiting.retain(|pid| still_there.contains(pid));
        }
        drop(self.file);
        waiting.into_iter().collect()
    }
}

/// Makes sure that nobody waits for the lock: an old dockerd that does has read the image store already. Nothing has been changed yet, so
/// it may have its way. Who merely reads the database, as a backup does, is gone soon.
fn is_alone(root: &Dir, proc: &Proc) -> Result<(), Refusal> {
    let begun = Instant::now();
    loop {
        if let Some(daemon) = live::read(proc, root).daemons_here().next() {
            return Err(Refusal::new(format!("dockerd (pid {}) is starting on this data-root", daemon.pid), STOP_DOCKERD));
        }
        let Some(pid) = locks::openers(proc, root).into_iter().next() else { return Ok(()) };
        if begun.elapsed() > PASSING {
            let why = format!("process {pid} has {} open and may be waiting for its lock", locks::DATABASE);
            return Err(Refusal::new(why, "look what it is, and end it if it is a dockerd"));
        }
        std::thread::sleep(POLL);
    }
}

/// Opens the database that is to be locked; makes an empty one where there is none, as dockerd does.
fn open_database(root: &Dir) -> Result<File, Refusal> {
    let path = root.path().join(locks::DATABASE);
    match root.file(locks::DATABASE) {
        Ok(Some(file)) => return Ok(file),
        Ok(None) => {}
        Err(error) => {
            return Err(Refusal::new(error.to_string(), "without this lock dockerd cannot be kept from starting: nothing was changed"));
        }
    }
    let hint = "dockerd makes it at its first start: is this a data-root?";
    let volumes = root.dir("volumes").ok().flatten().ok_or_else(|| Refusal::new(format!("{} is missing", path.display()), hint))?;
    let flags = OFlags::RDONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = openat(volumes.as_fd(), "metadata.db", flags, Mode::RUSR | Mode::WUSR);
    made.map(File::from).map_err(|errno| ApplyError::new("make", path, errno).into())
}

/// Whether somebody holds the database `name` exclusively.
fn is_held(root: &Dir, name: &str) -> Result<bool, Refusal> {
    let unknown = |why: String| Refusal::new(why, "nothing was changed");
    let Some(file) = root.file(name).map_err(|error| unknown(error.to_string()))? else { return Ok(false) };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(errno) => Err(unknown(ApplyError::new("lock", root.path().join(name), errno).to_string())),
    }
}

/// Who holds the lock, in a sentence.
fn held(root: &Dir, proc: &Proc) -> String {
    let live = live::read(proc, root);
    let pid = live.daemons_here().map(|daemon| daemon.pid).next();
    pid.map_or_else(
        || "somebody who cannot be seen from here holds the lock of this data-root: a dockerd, or another layerwise".to_owned(),
        |pid| format!("dockerd (pid {pid}) is running on this data-root"),
    )
}

/// The knowledge that the dockerd at work here was started at a known time, so that what is older than it and named nowhere is unknown to it.
#[derive(Debug)]
pub struct Online {
    _running: Running,
}

impl Online {
    /// Takes what `inventory` says of the running dockerd for proof, if it is.
    ///
    /// # Errors
    /// When none is seen, or when it was started cannot be told.
    pub fn check(inventory: &Inventory, proc: &Proc) -> Result<Self, Refusal> {
        let stop = "stop dockerd and run without --online";
        if proc.sight() != Sight::Whole {
            return Err(Refusal::new("not every process of this machine can be seen from here", stop));
        }
        match &inventory.running {
            Some(running @ Running { pid: Some(_), started: Some(_) }) => Ok(Self { _running: running.clone() }),
            Some(_) => Err(Refusal::new("a dockerd is running here, but not when it was started", stop)),
            None => Err(Refusal::new("dockerd has ended meanwhile", "run again without --online")),
        }
    }
}
