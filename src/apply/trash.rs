//! The trash: its runs, what is in them, and deleting them for good.

mod gather;
mod make;
mod read;

pub(super) use make::new_run_id;
pub(super) use read::COPIED;
pub use read::Examined;

use super::Stop;
use super::delete::{Deletion, Tally};
use super::error::ApplyError;
use super::journal::{Item, Slot};
use super::look::Origin;
use super::point;
use super::top::{Place, Top, Tops, open_dir};
use crate::store::place::TRASH;
use make::is_run_id;
use rustix::fs::{Dir as Listing, FileType, Mode, RenameFlags, fstat, fsync, renameat_with};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

/// The name of a run's journal.
const JOURNAL: &str = "journal";

/// The name of a journal that is being written.
const TEMPORARY: &str = "journal.tmp";

/// What is added to the name of a run that is being deleted.
const DOOMED: &str = ".doomed";

/// The trashes of all file systems of a data-root.
#[derive(Debug)]
pub struct Trash<'a> {
    tops: &'a Tops,
    /// The trash of each top that has one.
    dirs: Vec<Option<OwnedFd>>,
}

/// A run that took something, or was going to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its name: when it was, and in which process.
    pub id: String,
    /// What is to become of it.
    pub state: State,
    /// When it was made, in RFC 3339; empty if that cannot be read.
    pub created: String,
    /// What it took and is still there, with those of its parts that are.
    pub items: Vec<Item>,
    /// The parts of these items that are neither there nor where they belong, by the numbers of the items.
    pub missing: BTreeMap<usize, Vec<Slot>>,
    /// The items of which the journals, which are old ones, do not tell all parts.
    pub untold: BTreeSet<usize>,
    /// Where the run has slots of which nothing is found: a file system may not be mounted.
    pub elsewhere: BTreeSet<Place>,
    /// Whether it was copied.
    pub origin: Origin,
}

impl Run {
    /// A run of which nothing is known but its name and state.
    const fn new(id: String, state: State) -> Self {
        Self {
            id,
            state,
            created: String::new(),
            items: Vec::new(),
            missing: BTreeMap::new(),
            untold: BTreeSet::new(),
            elsewhere: BTreeSet::new(),
            origin: Origin::Here,
        }
    }

    /// What of the item with this number is missing, in a few words.
    #[must_use]
    pub fn lacks(&self, number: usize) -> Option<String> {
        let part = self.missing.get(&number).and_then(|parts| parts.first()).map(|part| part.path.to_string());
        part.or_else(|| self.untold.contains(&number).then(|| "a part that only another trash tells of".to_owned()))
    }
}

/// What to do with a run that was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copies {
    /// Leave it alone: it may as well have been meddled with.
    Refuse,
    /// Take it for what its journal says, as far as that can be seen.
    Believe,
}

/// What is to become of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It stays until the trash is emptied.
    Kept,
    /// It was to be deleted at once, and the run was stopped before that.
    Interrupted,
    /// It is being deleted: what is left of it is of no use any more.
    Doomed,
    /// Nobody can say: its journal cannot be read, or is not there.
    Unreadable(String),
}

/// The directory of a run on one file system.
#[derive(Debug)]
pub(super) struct RunDir {
    /// The index of the file system's top.
    pub top: usize,
    pub fd: OwnedFd,
}

impl<'a> Trash<'a> {
    /// Opens the trashes that there are.
    ///
    /// # Errors
    /// When one is not a directory that only its owner may write to: whatever it is, layerwise did not make it.
    pub fn open(tops: &'a Tops) -> Result<Self, ApplyError> {
        let dirs = tops.iter().map(|(_, top)| open_trash(top)).collect::<Result<_, _>>()?;
        Ok(Self { tops, dirs })
    }

    /// The file systems that they lie on.
    pub(super) const fn tops(&self) -> &'a Tops {
        self.tops
    }

    /// The directories of the run `id`.
    pub(super) fn run_dirs(&self, id: &str) -> Result<Vec<RunDir>, ApplyError> {
        let opened = self.dirs().map(|(top, dir)| match open_dir(dir, id) {
            Ok(fd) => Ok(Some(RunDir { top, fd })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(ApplyError::new("open", self.path(top, id), errno)),
        });
        opened.filter_map(Result::transpose).collect()
    }

    /// Gives a run up: from here on nothing of it is restored.
    ///
    /// # Errors
    /// When its directory cannot be renamed.
    pub fn doom(&self, Examined(run): &Examined<'_>) -> Result<(), ApplyError> {
        let id = &run.id;
        for (top, dir) in self.dirs() {
            point::reach("doom");
            match renameat_with(dir, id, dir, format!("{id}{DOOMED}"), RenameFlags::NOREPLACE) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(ApplyError::new("give up", self.path(top, id), errno)),
            }
            fsync(dir).map_err(|errno| ApplyError::new("sync", self.path(top, ""), errno))?;
        }
        Ok(())
    }

    /// Deletes every run that was given up, in parallel, and says what was really freed and what resisted.
    ///
    /// It ends soon after `stop` is set; the rest stays given up, and is deleted the next time.
    pub fn delete_doomed(&mut self, tally: &Tally, stop: &Stop) -> Deletion {
        let mut doomed = Vec::new();
        for (top, dir) in self.dirs() {
            match names(dir) {
                Ok(names) => doomed.extend(names.into_iter().filter(|name| is_doomed(name)).map(|name| (top, name))),
                Err(errno) => tally.fail(&self.path(top, ""), errno),
            }
        }
        for (top, name) in doomed {
            let Some(trash) = self.dirs.get(top).and_then(Option::as_ref) else { continue };
            tally.delete_run(trash, &name, JOURNAL, &self.path(top, &name), stop);
        }
        (0..self.dirs.len()).for_each(|top| self.remove_if_empty(top));
        tally.finish(stop)
    }

    fn dirs(&self) -> impl Iterator<Item = (usize, &OwnedFd)> {
        self.dirs.iter().enumerate().filter_map(|(top, dir)| Some((top, dir.as_ref()?)))
    }

    /// The names in the trash of `top`, sorted; those that are no text are not ours.
    fn list(&self, top: usize, dir: &OwnedFd) -> Result<Vec<String>, ApplyError> {
        names(dir).map_err(|errno| ApplyError::new("list", self.path(top, ""), errno))
    }

    /// Where `name` in the trash of `top` is.
    pub(super) fn path(&self, top: usize, name: &str) -> PathBuf {
        self.tops.path_of(top).join(TRASH).join(name)
    }
}

/// Opens the trash of `top`, if it has one.
fn open_trash(top: &Top) -> Result<Option<OwnedFd>, ApplyError> {
    let path = top.path().join(TRASH);
    let dir = match open_dir(top, TRASH) {
        Ok(dir) => dir,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(ApplyError::new("open", path, errno)),
    };
    let stat = fstat(&dir).map_err(|errno| ApplyError::new("look at", &path, errno))?;
    // What lies in a directory whose group is inherited has a bit more, which opens it to nobody.
    let is_closed = (Mode::from_raw_mode(stat.st_mode) & (Mode::RWXU | Mode::RWXG | Mode::RWXO)) == Mode::RWXU;
    let is_ours = stat.st_uid == rustix::process::geteuid().as_raw() && is_closed;
    if is_ours {
        Ok(Some(dir))
    } else {
        Err(ApplyError::unexpected("use", path, "it is not a directory that layerwise made (owner, 0700)"))
    }
}

/// The names in a directory, sorted.
fn names(dir: impl AsFd) -> Result<Vec<String>, Errno> {
    let mut names = Vec::new();
    for entry in Listing::read_from(dir)? {
        let entry = entry?;
        if let Ok(name) = entry.file_name().to_str()
            && !matches!(name, "." | "..")
            && entry.file_type() != FileType::Symlink
        {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Whether a name is that of a run that was given up.
fn is_doomed(name: &str) -> bool {
    name.strip_suffix(DOOMED).is_some_and(is_run_id)
}
