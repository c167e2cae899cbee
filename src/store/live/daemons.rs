//! The dockerds that run, and where their data lies.
//!
//! A dockerd has `<data-root>/volumes/metadata.db` open as long as it lives, so its descriptors tell its data-root best: they name the
//! userns-remap sub-root too, and do not depend on what it was started with. Where they may not be read, or the daemon has only begun, its
//! arguments, its configuration and its defaults tell, in this order, each followed as that process sees it.
//!
//! | dockerd | configuration | data |
//! |---|---|---|
//! | plain | `/etc/docker/daemon.json` | `/var/lib/docker` |
//! | under `RootlessKit` | `$XDG_CONFIG_HOME/docker/daemon.json` | `$XDG_DATA_HOME/docker` |
//! | snap | as its flags say | as its flags say |

use super::environ::Environment;
use super::gaps::{Fact, Gaps};
use super::proc::{FileId, Proc};
use super::reach::{self, Reached, View};
use super::{command, config, locks, shims, stat};
use crate::dir::{Cause, Operation, ReadError};
use config::Storage;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// A dockerd that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// Its number.
    pub pid: u32,
    /// The user who started it, if that may be known.
    pub user: Option<u32>,
    /// Its data-root, as it names it.
    pub data_root: PathBuf,
    /// How that is known.
    pub evidence: Evidence,
    /// Which directory that is, if there is one; a guess by the name if we may not look into the process.
    pub identity: Option<FileId>,
    /// What we call it; nothing when no path of ours leads there.
    pub here: Option<PathBuf>,
    /// A time, in seconds and nanoseconds since 1970, that is not after its start.
    ///
    /// It is the process's start rounded down, or the birth of `<data-root>/tmp` if that is earlier. Docker makes `tmp` anew at every
    /// start, before it makes anything that lasts, and the file system stamps it with the very clock that it stamps layer directories
    /// with. The process's start is only computed, from a clock that may have been set forward since.
    pub started: Option<(i64, u32)>,
    /// Whether it was told to remap users, so that its data lies in a sub-root.
    pub userns_remap: bool,
    /// Where an open database seems to lie that is deleted, or whose mount is gone, so that it cannot be verified.
    pub seems: Option<FileId>,
    /// Where it was told to keep images and layers, if it was.
    pub storage: Option<Storage>,
}

impl Daemon {
    /// Whether this daemon uses, or cannot be excluded to use, the data-root `root`; `plain` is the data-root that `root` is a sub-root of.
    #[must_use]
    pub fn may_use(&self, root: FileId, plain: Option<FileId>) -> bool {
        let is_it = |directory: Option<FileId>| directory.is_some_and(|directory| directory == root || Some(directory) == plain);
        match self.evidence {
            Evidence::OpenDatabase => self.identity == Some(root),
            Evidence::Arguments | Evidence::Configuration(_) | Evidence::Default => is_it(self.identity) || is_it(self.seems),
        }
    }
}

/// How a daemon's data-root is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// It has the database there open.
    OpenDatabase,
    /// It was started with it.
    Arguments,
    /// Its configuration says so.
    Configuration(PathBuf),
    /// Nothing says otherwise.
    Default,
}

/// What a daemon says of its data-root.
struct Claim {
    data_root: PathBuf,
    evidence: Evidence,
    userns_remap: bool,
    storage: Option<Storage>,
}

/// Where a data-root is.
#[derive(Default)]
struct Place {
    identity: Option<FileId>,
    here: Option<PathBuf>,
    tmp_born: Option<(i64, u32)>,
}

impl From<Reached> for Place {
    fn from(reached: Reached) -> Self {
        Self { identity: Some(reached.identity), tmp_born: reach::born(&reached.fd, Path::new("tmp")), here: reached.here }
    }
}

/// The most of an environment that is looked at.
const ENVIRONMENT: u64 = 1 << 20;

/// Reads the dockerds among `pids`.
pub(super) fn read(proc: &Proc, pids: &[u32], gaps: &mut Gaps) -> Vec<Daemon> {
    let boot = proc.dir().read("stat", 16 << 20).ok().flatten().and_then(|text| stat::parse_boot(&text));
    pids.iter().filter_map(|&pid| Reader { proc, pid, gaps, boot }.daemon()).collect()
}

/// One process, and where to tell what of it could not be read.
struct Reader<'a> {
    proc: &'a Proc,
    pid: u32,
    gaps: &'a mut Gaps,
    boot: Option<i64>,
}

impl Reader<'_> {
    /// The process as a daemon, if it is one: by its arguments, or by its program and its open database. What dockerd forks to unpack
    /// layers is the same program under other names, and has no database open.
    fn daemon(&mut self) -> Option<Daemon> {
        let line = self.proc.head(self.pid, "cmdline", shims::COMMAND_LINE);
        let arguments = command::dockerd(&self.unless_gap(Fact::Command, line)?);
        let program = || self.proc.link(self.pid, "exe").ok().flatten();
        if arguments.is_none() && !program().is_some_and(|path| command::is_dockerd_path(&path)) {
            return None;
        }
        let view = View::open(self.proc, self.pid);
        let view = self.unless_gap(Fact::Daemon, view);
        let view = view.as_ref();
        let user = self.proc.user(self.pid);
        let database = self.database();
        let verified = database.as_ref().and_then(|(root, file)| verify(root, *file, view));
        let seems = database.as_ref().filter(|_| verified.is_none()).and_then(|(root, _)| self.follow(root, view).identity);
        let argued = arguments.map(|arguments| self.claim(&arguments, view));
        let (claim, place) = match (verified, argued, database) {
            (Some((data_root, place)), argued, _) => {
                let (userns_remap, storage) = argued.map(|claim| (claim.userns_remap, claim.storage)).unwrap_or_default();
                (Claim { data_root, evidence: Evidence::OpenDatabase, userns_remap, storage }, place)
            }
            (None, argued, database) => {
                let named = |(data_root, _)| Claim { data_root, evidence: Evidence::Default, userns_remap: false, storage: None };
                let claim = argued.or_else(|| database.map(named))?;
                let place = self.follow(&claim.data_root, view);
                (claim, place)
            }
        };
        let started = self.started(place.tmp_born);
        let Claim { data_root, evidence, userns_remap, storage } = claim;
        let Place { identity, here, .. } = place;
        Some(Daemon { pid: self.pid, user, data_root, evidence, identity, here, started, userns_remap, seems, storage })
    }

    /// Follows a path as the process means it.
    fn follow(&mut self, path: &Path, view: Option<&View<'_>>) -> Place {
        let Some(view) = view else {
            let here = Some(path.to_owned()).filter(|path| path.is_dir());
            return Place { identity: here.as_deref().and_then(|here| FileId::by_path(here).ok()), here, tmp_born: None };
        };
        let reached = view.dir(path);
        self.unless_gap(Fact::Daemon, reached).map(Place::from).unwrap_or_default()
    }

    /// The data-root of the database that the process has open, with the file that is open. The name remains when the file is deleted.
    fn database(&mut self) -> Option<(PathBuf, FileId)> {
        let descriptors = self.proc.descriptors(self.pid);
        let descriptors = self.unless_gap(Fact::Daemon, descriptors.map(Some)).unwrap_or_default();
        descriptors.into_iter().find_map(|(link, path)| {
            let root = root_of_database(path.as_os_str())?;
            Some((root, self.proc.behind(self.pid, link).ok()?))
        })
    }

    /// What the process's arguments, configuration and environment say.
    fn claim(&mut self, arguments: &command::Arguments, view: Option<&View<'_>>) -> Claim {
        let environment = Environment::parse(self.proc.head(self.pid, "environ", ENVIRONMENT).ok().flatten().unwrap_or_default());
        let file = arguments.config_file.clone().unwrap_or_else(|| environment.config_file());
        let file = self.absolute(file);
        let config = self.config(&file, view);
        let (data_root, evidence) = match (arguments.data_root.clone(), config.data_root) {
            (Some(root), _) => (root, Evidence::Arguments),
            (None, Some(root)) => (root, Evidence::Configuration(file)),
            (None, None) => (environment.data_root(), Evidence::Default),
        };
        let userns_remap = arguments.userns_remap.is_some() || config.userns_remap.is_some();
        let driver = |name: OsString| Storage::Driver(name.to_string_lossy().into_owned());
        let told = arguments.storage_driver.clone().map(driver);
        // Where the file turns on containerd's image store, no driver counts.
        let storage = match config.storage {
            Some(Storage::Containerd) => Some(Storage::Containerd),
            configured => told.or(configured).or_else(|| environment.storage_driver().map(driver)),
        };
        Claim { data_root: self.absolute(data_root), evidence, userns_remap, storage }
    }

    fn config(&mut self, file: &Path, view: Option<&View<'_>>) -> config::Config {
        let text = view.map_or(Ok(None), |view| view.read(file, config::LIMIT));
        let text = self.unless_gap(Fact::Daemon, text).unwrap_or_default();
        config::parse(&text).unwrap_or_else(|malformed| {
            let path = self.proc.path().join(format!("{}/root", self.pid)).join(file.strip_prefix("/").unwrap_or(file));
            self.gaps.note(Fact::Daemon, ReadError { path, operation: Operation::Parse, cause: Cause::Malformed(malformed) });
            config::Config::default()
        })
    }

    /// A path as the process means it, whose working directory may not be the root.
    fn absolute(&self, path: PathBuf) -> PathBuf {
        if path.is_absolute() {
            return path;
        }
        self.proc.link(self.pid, "cwd").ok().flatten().map_or_else(|| Path::new("/").join(&path), |cwd| Path::new(&cwd).join(&path))
    }

    /// When the process was started at the latest that can be proven; see [`Daemon::started`].
    fn started(&mut self, tmp_born: Option<(i64, u32)>) -> Option<(i64, u32)> {
        let text = self.proc.read(self.pid, "stat", 1 << 20);
        let ticks = stat::parse_start(&self.unless_gap(Fact::Start, text)?)?;
        let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten();
        let process = stat::started(self.boot?, ticks, u64::try_from(per_second?).ok()?)?;
        Some(tmp_born.map_or(process, |born| born.min(process)))
    }

    /// What was read, with a failure remembered.
    fn unless_gap<T>(&mut self, fact: Fact, read: Result<Option<T>, ReadError>) -> Option<T> {
        read.unwrap_or_else(|error| {
            self.gaps.note(fact, error);
            None
        })
    }
}

/// Finds the data-root `root` of an open database, by the name that the process has for it, if the database there is the very file that is
/// open. The kernel names an open file from our root if it can, else from the root of the process's namespace, which may not be its own.
fn verify(root: &Path, file: FileId, view: Option<&View<'_>>) -> Option<(PathBuf, Place)> {
    if reach::leads_to(&root.join(locks::DATABASE), file) {
        let tmp_born = reach::born(rustix::fs::CWD, &root.join("tmp"));
        return Some((root.to_owned(), Place { identity: FileId::by_path(root).ok(), here: Some(root.to_owned()), tmp_born }));
    }
    let view = view?;
    [Some(root.to_owned()), view.within(root)].into_iter().flatten().find_map(|root| {
        let reached = view.dir(&root).ok()??;
        let found = FileId::at(&reached.fd, Path::new(locks::DATABASE), rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
        found.is_ok_and(|found| found == file).then(|| (root, reached.into()))
    })
}

/// The data-root of a database by its path, as the kernel names an open file.
#[must_use]
pub fn root_of_database(path: &OsStr) -> Option<PathBuf> {
    let path = path.as_bytes();
    let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
    let root = path.strip_suffix(locks::DATABASE.as_bytes())?.strip_suffix(b"/")?;
    Some(Path::new(if root.is_empty() { OsStr::new("/") } else { OsStr::from_bytes(root) }).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_tells_its_data_root() {
        for (path, expected) in [
            ("/var/lib/docker/volumes/metadata.db", Some("/var/lib/docker")),
            ("/d/100000.100000/volumes/metadata.db (deleted)", Some("/d/100000.100000")),
            ("/volumes/metadata.db", Some("/")),
            ("/var/lib/docker/buildkit/metadata.db", None),
            ("/x/myvolumes/metadata.db", None),
            ("socket:[1]", None),
        ] {
            assert_eq!(root_of_database(OsStr::new(path)), expected.map(PathBuf::from), "{path}");
        }
    }
}
