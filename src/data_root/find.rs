//! Finding the data-root that is meant.
//!
//! 1. `--data-root`, then `LAYERWISE_DATA_ROOT`: taken as they are named.
//! 2. The running dockerd's. One's own dockerds come before other people's, so that nobody can lead root astray by calling a process
//!    dockerd; if there are several of the same rank, somebody has to choose.
//! 3. daemon.json's: the system's, one's own, the snap's.
//! 4. The usual places, the first that is a data-root.
//!
//! Behind 2 to 4, a data-root whose users are remapped stands for the store in it that is in use ([`super::userns`]). Nothing that
//! somebody has configured is passed over in silence: a data-root that is not there (not mounted, say) is an error, not a reason to look
//! elsewhere.

use super::kind::Shape;
use super::{DataRoot, Machine, Reason, userns};
use crate::dir::{Cause, ReadError};
use crate::store::live::daemons::Evidence;
use crate::store::live::{Daemon, running_daemons};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Why no data-root was found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// One was found and cannot be opened.
    #[error("{0}")]
    Open(#[from] ReadError),
    /// What was named is something else.
    #[error("cannot use {} as a data-root: it is {is}", path.display())]
    NotADataRoot {
        /// What was named.
        path: PathBuf,
        /// What it is, in words.
        is: String,
    },
    /// What was named only holds the stores of remapped users.
    #[error("cannot use {} as a data-root: it has no store of its own, only those of userns-remap; name one of {}", path.display(), list(sub_roots))]
    OnlySubRoots {
        /// What was named.
        path: PathBuf,
        /// What could be meant.
        sub_roots: Vec<PathBuf>,
    },
    /// Several dockerds run.
    #[error("cannot choose between {} running dockerds: name the data-root of one with --data-root: {}", .0.len(), daemons(.0))]
    SeveralDaemons(Vec<(u32, PathBuf)>),
    /// Several user mappings have a store.
    #[error("cannot choose between the stores of userns-remap in {}: name one with --data-root: {}", root.display(), list(sub_roots))]
    SeveralSubRoots {
        /// The plain data-root.
        root: PathBuf,
        /// What could be meant.
        sub_roots: Vec<PathBuf>,
    },
    /// A configuration cannot be read, and it may say where the data is.
    #[error("cannot read {}: {cause}; it may name the data-root, so name it with --data-root", file.display())]
    Configuration {
        /// The configuration.
        file: PathBuf,
        /// Why it cannot be read.
        cause: String,
    },
    /// A configuration names something that cannot be used.
    #[error("{error} (it is the data-root in {}; is its disk mounted?)", file.display())]
    Configured {
        /// The configuration.
        file: PathBuf,
        /// Why what it names cannot be used.
        error: Box<FindError>,
    },
    /// There is none.
    #[error("cannot find a data-root: no dockerd runs, no daemon.json names one, and of the usual places {}; name it with --data-root{}", .0.tried(), .0.advice())]
    None(Tried),
}

/// The places that were tried, and what is there instead of a data-root.
#[derive(Debug, Default)]
pub struct Tried {
    places: Vec<(PathBuf, String)>,
    is_denied: bool,
}

impl Tried {
    fn tried(&self) -> String {
        let place = |(path, is): &(PathBuf, String)| format!("{}: {is}", path.display());
        self.places.iter().map(place).collect::<Vec<_>>().join(", ")
    }

    const fn advice(&self) -> &'static str {
        if self.is_denied { ", or run as root" } else { "" }
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn daemons(daemons: &[(u32, PathBuf)]) -> String {
    daemons.iter().enumerate().fold(String::new(), |mut text, (index, (pid, path))| {
        let separator = if index == 0 { "" } else { ", " };
        // Writing to a string cannot fail.
        write!(text, "{separator}{} (pid {pid})", path.display()).unwrap_or_default();
        text
    })
}

/// Finds and opens the data-root that is meant on `machine`, by `flag` if that was given.
///
/// # Errors
/// When there is none, several could be meant, or the one that is cannot be opened; the message says what was tried and what to do.
pub fn find(machine: &Machine, flag: Option<&Path>) -> Result<DataRoot, FindError> {
    if let Some(path) = flag {
        return named(path, Reason::Flag);
    }
    if let Some(path) = machine.named() {
        return named(&path, Reason::Environment);
    }
    if let Some(found) = of_a_daemon(machine)? {
        return Ok(found);
    }
    if let Some(found) = configured(machine)? {
        return Ok(found);
    }
    usual(machine)
}

/// Opens what somebody named, which must be a data-root.
fn named(path: &Path, reason: Reason) -> Result<DataRoot, FindError> {
    let root = DataRoot::open(path, reason)?;
    let root = is_data_root(root, path.to_owned())?;
    if !root.kind.has_store() && !root.kind.sub_roots.is_empty() {
        let sub_roots = userns::below(&root).into_iter().map(|(path, _)| path).collect();
        return Err(FindError::OnlySubRoots { path: path.to_owned(), sub_roots });
    }
    Ok(root)
}

/// Refuses what is no data-root.
fn is_data_root(root: DataRoot, path: PathBuf) -> Result<DataRoot, FindError> {
    if root.kind.shape == Shape::DataRoot { Ok(root) } else { Err(FindError::NotADataRoot { path, is: root.kind.describe() }) }
}

/// The data-root of the only dockerd of the highest rank that runs.
fn of_a_daemon(machine: &Machine) -> Result<Option<DataRoot>, FindError> {
    let Ok(proc) = machine.proc() else { return Ok(None) };
    let (daemons, _) = running_daemons(&proc);
    let mut reachable: Vec<&Daemon> = daemons.iter().filter(|daemon| daemon.here.is_some()).collect();
    if reachable.iter().any(|daemon| daemon.user == Some(machine.user())) {
        reachable.retain(|daemon| daemon.user == Some(machine.user()));
    }
    // Two dockerds on one data-root: the second is about to give up.
    reachable.sort_by_key(|daemon| (daemon.identity, daemon.evidence != Evidence::OpenDatabase, daemon.pid));
    reachable.dedup_by(|later, first| later.identity.is_some() && later.identity == first.identity);
    match reachable.as_slice() {
        [] => Ok(None),
        [Daemon { pid, here: Some(path), evidence, .. }] => {
            let root = DataRoot::open(path, Reason::Daemon(*pid))?;
            if *evidence == Evidence::OpenDatabase { Ok(Some(root)) } else { userns::choose(root).map(Some) }
        }
        several => {
            let mut several: Vec<_> = several.iter().filter_map(|daemon| Some((daemon.pid, daemon.here.clone()?))).collect();
            several.sort_unstable();
            Err(FindError::SeveralDaemons(several))
        }
    }
}

/// The data-root that the first configuration names that names one.
fn configured(machine: &Machine) -> Result<Option<DataRoot>, FindError> {
    for file in machine.configurations() {
        let config = machine.configuration(&file).map_err(|cause| FindError::Configuration { file: file.clone(), cause })?;
        if let Some(path) = config.and_then(|config| config.data_root) {
            let path = machine.path(path);
            let opened = DataRoot::open(&path, Reason::Configuration(file.clone())).map_err(FindError::from).and_then(userns::choose);
            let usable = opened.and_then(|root| is_data_root(root, path));
            return usable.map(Some).map_err(|error| FindError::Configured { file, error: Box::new(error) });
        }
    }
    Ok(None)
}

/// The first of the usual places that is a data-root.
fn usual(machine: &Machine) -> Result<DataRoot, FindError> {
    let mut tried = Tried::default();
    for path in machine.defaults() {
        let is = match DataRoot::open(&path, Reason::Default) {
            Ok(root) if root.kind.shape == Shape::DataRoot => return userns::choose(root),
            Ok(root) => root.kind.describe(),
            Err(ReadError { cause: Cause::Io(error), .. }) => {
                tried.is_denied |= error.kind() == std::io::ErrorKind::PermissionDenied;
                error.to_string()
            }
            Err(error) => error.cause.to_string(),
        };
        tried.places.push((path, is));
    }
    Err(FindError::None(tried))
}
