//! Reading the runs in the trash, and making sure that nothing else is in them.

use super::make::{has_slots, is_run_id};
use super::{DOOMED, JOURNAL, Run, State, TEMPORARY, Trash};
use crate::apply::error::ApplyError;
use crate::apply::journal::{Item, Journal, LIMIT, NEW, Slot};
use crate::apply::look::{Sameness, look};
use crate::apply::put;
use crate::apply::top::open_dir;
use crate::plan::New;
use rustix::fs::{AtFlags, Dir as Listing, Mode, OFlags, openat, statat};
use rustix::io::Errno;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;

/// A run in whose directories nothing is but what it took: made by [`Trash::examine`] alone.
#[derive(Debug)]
pub struct Examined<'run>(pub(super) &'run Run);

impl Trash<'_> {
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
        let mut items: BTreeMap<usize, Item> = BTreeMap::new();
        let mut created = String::new();
        // What has no journal was killed before it was written, and so before anything was taken.
        let mut state = State::Doomed;
        for &(top, _) in parts.iter().filter(|(_, doomed)| !doomed) {
            match self.journal(top, &id) {
                Ok(None) => {}
                Ok(Some((journal, dir))) => {
                    state = if journal.keep { State::Kept } else { State::Interrupted };
                    created = journal.created;
                    for item in journal.items {
                        self.merge(&mut items, item, &dir);
                    }
                }
                Err(error) => return Run { id, state: State::Unreadable(error.to_string()), created, items: Vec::new() },
            }
        }
        if parts.iter().any(|(_, doomed)| *doomed) {
            state = State::Doomed;
        }
        Run { id, state, created, items: items.into_values().filter(|item| !item.objects.is_empty()).collect() }
    }

    /// Adds to `items` what of `item` was taken into `dir`, or put.
    fn merge(&self, items: &mut BTreeMap<usize, Item>, mut item: Item, dir: &OwnedFd) {
        item.objects.retain(|object| self.is_done(dir, object));
        match items.get_mut(&item.number) {
            Some(known) => {
                known.objects.extend(item.objects);
                known.objects.sort_by_key(|object| object.number);
            }
            None => drop(items.insert(item.number, item)),
        }
    }

    /// Whether an object is in its slot in `dir`, or what was put is in its place.
    pub(super) fn is_done(&self, dir: &OwnedFd, object: &Slot) -> bool {
        let Some(new) = &object.put else { return statat(dir, object.name(), AtFlags::SYMLINK_NOFOLLOW).is_ok() };
        let parent = self.tops.get(self.tops.of(&object.path)).and_then(|top| top.parent_of(&object.path).ok());
        put::is_done(dir, object, new, parent.as_ref())
    }

    /// The journal of the run `id` on one file system, with its directory.
    pub(super) fn journal(&self, top: usize, id: &str) -> Result<Option<(Journal, OwnedFd)>, ApplyError> {
        let path = self.path(top, id).join(JOURNAL);
        let failed = |errno: Errno| ApplyError::new("read", &path, errno);
        let Some(trash) = self.dirs.get(top).and_then(Option::as_ref) else { return Ok(None) };
        let dir = open_dir(trash, id).map_err(failed)?;
        let file = match openat(&dir, JOURNAL, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT) if has_slots(&dir) => {
                return Err(ApplyError::unexpected("read", &path, "it is missing, and the run has taken something"));
            }
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(failed(errno)),
        };
        let mut text = Vec::new();
        file.take(LIMIT).read_to_end(&mut text).map_err(|error| ApplyError::new("read", &path, error))?;
        let journal = Journal::parse(&text).map_err(|why| ApplyError::unexpected("read", &path, why))?;
        Ok(Some((journal, dir)))
    }

    /// What a run made to be put somewhere, and was not put or was taken back.
    fn unused(&self, top: usize, id: &str) -> Result<Vec<(Slot, New)>, ApplyError> {
        let Some((journal, dir)) = self.journal(top, id)? else { return Ok(Vec::new()) };
        let objects = journal.items.into_iter().flat_map(|item| item.objects).filter(|object| !self.is_done(&dir, object));
        Ok(objects.filter_map(|object| object.put.clone().map(|new| (object, new))).collect())
    }

    /// Makes sure that nothing lies in the directories of a run but what it took: somebody may have put another thing in the place of one at
    /// the very moment of its taking, and it could not be put back.
    ///
    /// # Errors
    /// With the first thing that is not the run's.
    pub fn examine<'run>(&self, run: &'run Run) -> Result<Examined<'run>, ApplyError> {
        let slots: HashMap<String, &Slot> = run.items.iter().flat_map(|item| &item.objects).map(|object| (object.name(), object)).collect();
        for dir in self.run_dirs(&run.id)? {
            let path = self.path(dir.top, &run.id);
            let unused = self.unused(dir.top, &run.id)?;
            let failed = |errno: Errno| ApplyError::new("list", &path, errno);
            for entry in Listing::read_from(&dir.fd).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let name = entry.file_name().to_string_lossy();
                let is_unused = || unused.iter().any(|(object, new)| put::is_unused(&dir.fd, &name, object, new));
                if matches!(&*name, "." | ".." | JOURNAL | TEMPORARY) || name.ends_with(NEW) && unused.is_empty() {
                    continue;
                }
                if !slots.contains_key(&*name) && is_unused() {
                    continue;
                }
                let slot = slots.get(&*name).ok_or_else(|| "the run did not take it".to_owned());
                slot.and_then(|slot| look(&dir.fd, &name, &slot.evidence, Sameness::Moved))
                    .map_err(|why| ApplyError::unexpected("delete", path.join(&*name), why))?;
            }
        }
        Ok(Examined(run))
    }
}
