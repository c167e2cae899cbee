//! The trash: its runs, what is in them, and deleting them for good.

use super::Stop;
use super::delete::{Deletion, Tally};
use super::error::ApplyError;
use super::journal::{Item, Journal, LIMIT};
use super::point;
use super::top::{Top, Tops, open_dir};
use crate::store::place::TRASH;
use rustix::fs::{AtFlags, Dir as Listing, FileType, Mode, OFlags, RenameFlags};
use rustix::fs::{fstat, fsync, mkdirat, openat, renameat_with, statat, unlinkat};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

/// The name of a run's journal.
const JOURNAL: &str = "journal";

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
    /// What it took and is still there, with its parts on all file systems.
    pub items: Vec<Item>,
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
    /// Nobody can say: its journal cannot be read.
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

    /// The runs, the oldest first.
    ///
    /// # Errors
    /// When a trash cannot be listed.
    pub fn runs(&self) -> Result<Vec<Run>, ApplyError> {
        let mut parts: BTreeMap<String, Vec<(usize, bool)>> = BTreeMap::new();
        for (top, dir) in self.dirs() {
            for name in self.list(top, dir)? {
                let doomed = name.strip_suffix(DOOMED);
                let id = doomed.unwrap_or(&name);
                if is_run_id(id) {
                    parts.entry(id.to_owned()).or_default().push((top, doomed.is_some()));
                }
            }
        }
        Ok(parts.into_iter().map(|(id, parts)| self.run(id, &parts)).collect())
    }

    /// Reads a run from its parts: the tops that they lie on, and whether they are doomed.
    fn run(&self, id: String, parts: &[(usize, bool)]) -> Run {
        if parts.iter().any(|&(_, doomed)| doomed) {
            return Run { id, state: State::Doomed, created: String::new(), items: Vec::new() };
        }
        let mut items: BTreeMap<usize, Item> = BTreeMap::new();
        let mut created = String::new();
        let mut state = State::Kept;
        for &(top, _) in parts {
            match self.journal(top, &id) {
                // Killed before the journal was written, and so before anything was taken.
                Ok(None) => {}
                Ok(Some((journal, dir))) => {
                    if !journal.keep {
                        state = State::Interrupted;
                    }
                    created = journal.created;
                    for item in journal.items {
                        merge(&mut items, item, &dir);
                    }
                }
                Err(error) => return Run { id, state: State::Unreadable(error.to_string()), created, items: Vec::new() },
            }
        }
        if created.is_empty() {
            state = State::Doomed;
        }
        Run { id, state, created, items: items.into_values().filter(|item| !item.objects.is_empty()).collect() }
    }

    fn journal(&self, top: usize, id: &str) -> Result<Option<(Journal, OwnedFd)>, ApplyError> {
        let failed = |errno: Errno| ApplyError::new("read", self.path(top, id).join(JOURNAL), errno);
        let Some(trash) = self.dirs.get(top).and_then(Option::as_ref) else { return Ok(None) };
        let dir = open_dir(trash, id).map_err(failed)?;
        let file = match openat(&dir, JOURNAL, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(failed(errno)),
        };
        let mut text = Vec::new();
        let path = self.path(top, id).join(JOURNAL);
        file.take(LIMIT).read_to_end(&mut text).map_err(|error| ApplyError::new("read", &path, error))?;
        let journal = Journal::parse(&text).map_err(|why| ApplyError::unexpected("read", &path, why))?;
        Ok(Some((journal, dir)))
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

    /// Makes the directory of a new run on the file system of `top`, with its journal in it, and sees to it that both survive a power cut.
    pub(super) fn begin(&mut self, top: usize, id: &str, journal: &Journal) -> Result<RunDir, ApplyError> {
        let made = self.make_run(top, id, journal);
        if made.is_err() {
            self.forget(top, id);
        }
        made.map(|fd| RunDir { top, fd })
    }

    /// Makes the directory of a run, and the trash around it if there is none.
    fn make_run(&mut self, top: usize, id: &str, journal: &Journal) -> Result<OwnedFd, ApplyError> {
        let path = self.path(top, id);
        let failed = |operation| move |errno: Errno| ApplyError::new(operation, path.clone(), errno);
        let at = self.tops.get(top).ok_or(Errno::NOENT).map_err(failed.clone()("open"))?;
        let place = self.dirs.get_mut(top).ok_or(Errno::NOENT).map_err(failed.clone()("open"))?;
        if place.is_none() {
            mkdirat(at, TRASH, Mode::RWXU).map_err(failed.clone()("make"))?;
            *place = Some(open_dir(at, TRASH).map_err(failed.clone()("open"))?);
        }
        let trash = place.as_ref().ok_or(Errno::NOENT).map_err(failed.clone()("open"))?;
        mkdirat(trash, id, Mode::RWXU).map_err(failed.clone()("make"))?;
        let run = open_dir(trash, id).map_err(failed.clone()("open"))?;
        let text = serde_json::to_vec(journal).map_err(|error| ApplyError::unexpected("describe", self.tops.path_of(top), error))?;
        write_synced(&run, JOURNAL, &text).map_err(failed.clone()("write the journal of"))?;
        fsync(trash).and_then(|()| fsync(at)).map_err(failed("sync"))?;
        Ok(run)
    }

    /// Takes away the directory of a run in which nothing is any more, and the trash if that was the last one.
    pub(super) fn forget(&mut self, top: usize, id: &str) {
        // What cannot be taken away is listed as an empty run and does no harm.
        let Some(trash) = self.dirs.get(top).and_then(Option::as_ref) else { return };
        if let Ok(dir) = open_dir(trash, id)
            && !has_slots(&dir)
        {
            let _ = unlinkat(&dir, JOURNAL, AtFlags::empty());
            let _ = unlinkat(&dir, TEMPORARY, AtFlags::empty());
            let _ = unlinkat(trash, id, AtFlags::REMOVEDIR);
        }
        self.remove_if_empty(top);
    }

    /// As [`Trash::forget`], on every file system.
    pub(super) fn forget_everywhere(&mut self, id: &str) {
        (0..self.dirs.len()).for_each(|top| self.forget(top, id));
    }

    /// Takes away a trash in which no run is.
    fn remove_if_empty(&mut self, top: usize) {
        if let (Some(place), Some(at)) = (self.dirs.get_mut(top), self.tops.get(top))
            && place.is_some()
            && unlinkat(at, TRASH, AtFlags::REMOVEDIR).is_ok()
        {
            *place = None;
        }
    }

    /// Gives a run up: from here on nothing of it is restored.
    ///
    /// # Errors
    /// When its directory cannot be renamed.
    pub fn doom(&self, id: &str) -> Result<(), ApplyError> {
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
            self.remove_if_empty(top);
        }
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

/// Adds to `items` what of `item` is in its slots in `dir`.
fn merge(items: &mut BTreeMap<usize, Item>, mut item: Item, dir: &OwnedFd) {
    item.objects.retain(|object| statat(dir, object.number.to_string(), AtFlags::SYMLINK_NOFOLLOW).is_ok());
    match items.get_mut(&item.number) {
        Some(known) => {
            known.objects.extend(item.objects);
            known.objects.sort_by_key(|object| object.number);
        }
        None => drop(items.insert(item.number, item)),
    }
}

/// The name of a journal that is being written.
const TEMPORARY: &str = "journal.tmp";

/// Writes a file that is there as a whole or not at all, whatever happens.
fn write_synced(dir: &OwnedFd, name: &str, content: &[u8]) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(dir, TEMPORARY, flags, Mode::RUSR | Mode::WUSR)?);
    let errno = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
    file.write_all(content).and_then(|()| file.sync_all()).map_err(errno)?;
    renameat_with(dir, TEMPORARY, dir, name, RenameFlags::NOREPLACE)?;
    fsync(dir)
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
    let is_ours = stat.st_uid == rustix::process::geteuid().as_raw() && Mode::from_raw_mode(stat.st_mode) == Mode::RWXU;
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

/// Whether anything but the journal is in a run's directory; if it cannot be listed, perhaps.
fn has_slots(dir: &OwnedFd) -> bool {
    let Ok(listing) = Listing::read_from(dir) else { return true };
    listing
        .into_iter()
        .any(|entry| entry.map_or(true, |entry| !matches!(entry.file_name().to_bytes(), b"." | b".." | b"journal" | b"journal.tmp")))
}

/// Whether a name is that of a run that was given up.
fn is_doomed(name: &str) -> bool {
    name.strip_suffix(DOOMED).is_some_and(is_run_id)
}

/// Whether a name is one that [`new_run_id`] makes.
fn is_run_id(name: &str) -> bool {
    let Some((time, process)) = name.split_once('-') else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let time = time.strip_suffix('Z').and_then(|time| time.split_once('T'));
    time.is_some_and(|(date, time)| date.len() == 8 && time.len() == 6 && digits(date) && digits(time)) && digits(process)
}

/// The name of a run that begins `now`: no two processes make the same one, and no process two in one second.
pub(super) fn new_run_id(now: jiff::Timestamp) -> String {
    format!("{}-{}", now.strftime("%Y%m%dT%H%M%SZ"), std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_called_by_its_time_and_process() {
        let id = new_run_id(jiff::Timestamp::from_second(1_790_000_000).unwrap());
        assert!(id.starts_with("20260921T") && is_run_id(&id), "{id}");
        for name in ["", "x", "20260921T120000Z", "20260921T120000Z-", "20260921T120000Z-x", "2026T120000Z-1", "journal", ".."] {
            assert!(!is_run_id(name), "{name}");
        }
    }
}
