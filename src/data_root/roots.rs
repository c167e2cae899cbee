//! Every data-root on the machine, for `layerwise roots`.

use super::{DataRoot, Machine, Reason, userns};
use crate::dir::{Cause, ReadError};
use crate::store::live::locks::probe;
use crate::store::live::{Daemon, FileId, LockState, running_daemons};
use crate::unreadable::Unreadable;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A directory that is a data-root, or is named as one.
#[derive(Debug)]
pub struct Candidate {
    /// Where it is.
    pub path: PathBuf,
    /// Why it is listed, all reasons.
    pub reasons: Vec<Reason>,
    /// What it is, or why it cannot be opened.
    pub opened: Result<DataRoot, ReadError>,
    /// The running dockerds that use it.
    pub daemons: Vec<u32>,
    /// Whether somebody holds its lock, without by whom; unknown if it cannot be opened or asked.
    pub lock: LockState,
}

/// Every candidate on the machine.
#[derive(Debug)]
pub struct Roots {
    /// The candidates, in the order of their paths.
    pub candidates: Vec<Candidate>,
    /// The dockerds whose data-root no path of ours leads to, as they name it.
    pub elsewhere: Vec<(u32, PathBuf)>,
    /// What could not be read of the machine.
    pub incomplete: Vec<Unreadable>,
}

/// Lists every data-root on `machine`, with the one that `flag` names.
#[must_use]
pub fn roots(machine: &Machine, flag: Option<&Path>) -> Roots {
    let (daemons, incomplete) = machine.proc().map(|proc| running_daemons(&proc)).unwrap_or_default();
    let mut gathered = Gathered::default();
    for (path, reason) in
        flag.map(|path| (path.to_owned(), Reason::Flag)).into_iter().chain(machine.named().map(|path| (path, Reason::Environment)))
    {
        gathered.add(path, reason, Absence::Told);
    }
    for daemon in &daemons {
        if let Some(path) = &daemon.here {
            gathered.add(path.clone(), Reason::Daemon(daemon.pid), Absence::Told);
        }
    }
    for file in machine.configurations() {
        if let Some(path) = machine.configuration(&file).ok().flatten().and_then(|config| config.data_root) {
            gathered.add(machine.path(path), Reason::Configuration(file), Absence::Told);
        }
    }
    for path in machine.defaults().into_iter().chain(machine.homes()) {
        gathered.add(path, Reason::Default, Absence::Passed);
    }
    for candidate in &mut gathered.0 {
        let identity = candidate.opened.as_ref().ok().and_then(DataRoot::identity);
        let uses = |daemon: &&Daemon| daemon.identity.is_some() && daemon.identity == identity;
        candidate.daemons = daemons.iter().filter(uses).map(|daemon| daemon.pid).collect();
    }
    gathered.0.sort_by(|one, other| one.path.cmp(&other.path));
    let elsewhere = daemons.into_iter().filter(|daemon| daemon.here.is_none()).map(|daemon| (daemon.pid, daemon.data_root)).collect();
    Roots { candidates: gathered.0, elsewhere, incomplete }
}

/// What it means that nothing is at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Absence {
    /// Somebody named it, so it is told.
    Told,
    /// It is one of the places where something could have been.
    Passed,
}

/// The candidates so far, each directory once.
#[derive(Default)]
struct Gathered(Vec<Candidate>);

impl Gathered {
    fn add(&mut self, path: PathBuf, reason: Reason, absence: Absence) {
        let opened = DataRoot::open(&path, reason.clone());
        let is_nothing = match &opened {
            Ok(root) => !root.kind.has_store() && root.kind.sub_roots.is_empty(),
            Err(ReadError { cause: Cause::Io(error), .. }) => matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
            Err(_) => false,
        };
        if is_nothing && absence == Absence::Passed {
            return;
        }
        let identity: Option<FileId> = opened.as_ref().ok().and_then(DataRoot::identity);
        let same = |candidate: &&mut Candidate| match &candidate.opened {
            Ok(root) => identity.is_some() && root.identity() == identity,
            Err(_) => identity.is_none() && candidate.path == path,
        };
        if let Some(known) = self.0.iter_mut().find(same) {
            if !known.reasons.contains(&reason) {
                known.reasons.push(reason);
            }
            return;
        }
        let below = opened.as_ref().map(userns::below).unwrap_or_default();
        let lock = opened.as_ref().ok().and_then(|root| probe(&root.dir).ok()).unwrap_or(LockState::Unknown);
        let path = opened.as_ref().map_or(path, |root| root.dir.path().to_owned());
        self.0.push(Candidate { path, reasons: vec![reason], opened, daemons: Vec::new(), lock });
        for (path, reason) in below {
            self.add(path, reason, Absence::Passed);
        }
    }
}
