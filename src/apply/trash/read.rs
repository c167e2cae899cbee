//! Reading the runs in the trash, and making sure that nothing else is in them.

use super::gather::{Gathered, gather, origin_of};
use super::make::{has_slots, is_run_id};
use super::{Copies, DOOMED, JOURNAL, Run, RunDir, State, TEMPORARY, Trash};
use crate::apply::error::ApplyError;
use crate::apply::journal::{Journal, LIMIT, NEW, Slot};
use crate::apply::look::{Origin, look_again};
use crate::apply::put;
use crate::apply::top::{Place, open_dir};
use crate::plan::New;
use rustix::fs::{AtFlags, Dir as Listing, Mode, OFlags, openat, statat};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;

/// What is said of a run that was copied.
pub(in crate::apply) const COPIED: &str = "it is a copy of a trash, and nothing in it is the inode that its journal knows";

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
        // What has no journal was killed before it was written, and so before anything was taken.
        let mut run = Run::new(id, State::Doomed);
        let mut journals = Vec::new();
        let mut dirs = Vec::new();
        for &(top, _) in parts.iter().filter(|(_, doomed)| !doomed) {
            match self.journal(top, &run.id) {
                Ok(None) => {}
                Ok(Some((journal, fd))) => {
                    run.state = if journal.keep { State::Kept } else { State::Interrupted };
                    run.created.clone_from(&journal.created);
                    let place = self.tops.place(top);
                    if origin_of(&journal, &fd, place) == Origin::Copied {
                        run.origin = Origin::Copied;
                    }
                    journals.push((place, journal));
                    dirs.push(RunDir { top, fd });
                }
                Err(error) => {
                    let created = run.created;
                    return Run { created, ..Run::new(run.id, State::Unreadable(error.to_string())) };
                }
            }
        }
        if parts.iter().any(|(_, doomed)| *doomed) {
            run.state = State::Doomed;
        }
        let found: BTreeSet<Place> = parts.iter().map(|&(top, _)| self.tops.place(top)).collect();
        let Gathered { items, missing, untold } = gather(journals, |slot| self.find(&dirs, slot, run.origin));
        run.elsewhere = missing.values().flatten().filter_map(|slot| slot.place).filter(|place| !found.contains(place)).collect();
        Run { items, missing, untold, ..run }
    }

    /// Whether an object is in its slot in `dir`, or what was put is in its place.
    pub(super) fn is_done(&self, dir: &OwnedFd, object: &Slot, origin: Origin) -> bool {
        let Some(new) = &object.put else { return statat(dir, object.name(), AtFlags::SYMLINK_NOFOLLOW).is_ok() };
        put::is_done((dir, origin), object, new, self.tops.parent_of(&object.path).ok().as_ref())
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

    /// What a run made to be put somewhere, and was not put or was taken back, by the names that it may have there.
    fn unused(&self, dir: &RunDir, id: &str, origin: Origin) -> Result<HashMap<String, (Slot, New)>, ApplyError> {
        let Some((journal, fd)) = self.journal(dir.top, id)? else { return Ok(HashMap::new()) };
        let here = self.tops.place(dir.top);
        let objects = journal.items.into_iter().flat_map(|item| item.objects);
        let objects = objects.filter(|object| object.place.is_none_or(|place| place == here) && !self.is_done(&fd, object, origin));
        let unused = objects.filter_map(|object| object.put.clone().map(|new| (object, new)));
        Ok(unused.flat_map(|(object, new)| [object.name(), object.new_name()].map(|name| (name, (object.clone(), new.clone())))).collect())
    }

    /// Makes sure that nothing lies in the directories of a run but what it took: somebody may have put another thing in the place of one at
    /// the very moment of its taking, and it could not be put back. In a copy, that is seen by what things look like.
    ///
    /// # Errors
    /// With the first thing that is not the run's, or if it is a copy and `copies` are not to be believed.
    pub fn examine<'run>(&self, run: &'run Run, copies: Copies) -> Result<Examined<'run>, ApplyError> {
        for dir in self.run_dirs(&run.id)? {
            let path = self.path(dir.top, &run.id);
            if run.origin == Origin::Copied && copies == Copies::Refuse {
                return Err(ApplyError::unexpected("delete", path, format!("{COPIED}: `layerwise trash empty --copied` deletes it")));
            }
            let here = self.tops.place(dir.top);
            let objects = run.items.iter().flat_map(|item| &item.objects);
            let slots: HashMap<String, &Slot> =
                objects.filter(|object| object.place == Some(here)).map(|object| (object.name(), object)).collect();
            let unused = self.unused(&dir, &run.id, run.origin)?;
            let failed = |errno: Errno| ApplyError::new("list", &path, errno);
            for entry in Listing::read_from(&dir.fd).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let name = entry.file_name().to_string_lossy();
                let is_unused = || unused.get(&*name).is_some_and(|(object, new)| put::is_unused(&dir.fd, &name, object, new));
                if matches!(&*name, "." | ".." | JOURNAL | TEMPORARY) || name.ends_with(NEW) && unused.is_empty() {
                    continue;
                }
                if !slots.contains_key(&*name) && is_unused() {
                    continue;
                }
                let slot = slots.get(&*name).ok_or_else(|| "the run did not take it".to_owned());
                slot.and_then(|slot| look_again(&dir.fd, &name, slot, run.origin))
                    .map_err(|why| ApplyError::unexpected("delete", path.join(&*name), why))?;
            }
        }
        Ok(Examined(run))
    }
}
