//! Taking and putting what a plan says: one rename an object, looked at before and after.

use super::error::{ApplyError, explain};
use super::journal::Journal;
use super::lock::Permit;
use super::look::{Pin, Sameness, Traits, look, look_for_nothing};
use super::point;
use super::top::Tops;
use super::trash::{RunDir, Trash, new_run_id};
use super::{Own, Stop, Tally, put};
use crate::plan::{Action, Kind, Mode, Object, Plan};
use rustix::fs::{AtFlags, RenameFlags, fsync, renameat_with, unlinkat};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;

/// Where the records of read-write layers lie, some of them in directories of an image's name.
pub(super) const MOUNTS: &str = "image/overlay2/layerdb/mounts/";

/// What is to become of what is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It is deleted as soon as everything is taken.
    No,
    /// It stays in the trash until that is emptied.
    Yes,
}

/// What became of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The run in whose directory the things are now.
    pub run: String,
    /// What became of each action, in their order.
    pub statuses: Vec<Status>,
    /// Whether somebody stopped it before the end.
    pub stopped: bool,
}

/// What became of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Everything of it was taken, or put.
    Taken,
    /// Nothing of it was taken, because something was not as the plan says, or because what lies on it is still there.
    Skipped(String),
    /// Some of it could not be taken.
    Failed(String),
    /// The work was stopped before it.
    NotReached,
}

/// An object that was looked at, with the directory that it lies in.
pub(super) struct Seen {
    pub(super) parent: OwnedFd,
    /// Nothing where nothing is to be there.
    pub(super) pin: Option<Pin>,
}

/// Why an object was not taken.
pub(super) enum Left {
    /// It is not what the plan says.
    Differs(String),
    /// The kernel refused.
    Refused(String),
}

/// Takes everything in `plan`, in its order, each thing that is still what the plan says, and says what became of each.
///
/// The run that it makes is neither kept nor given up by this: see [`Trash::doom`]. Where there is no room even for that, and nothing is to be
/// kept, things are deleted where they are until there is: see `apply::in_place`.
///
/// # Errors
/// When the trash cannot be made.
pub fn take(plan: &Plan, trash: &mut Trash<'_>, (permit, _): (&Permit, &Own), how: &How<'_>) -> Result<Outcome, ApplyError> {
    if plan.mode == Mode::Offline && matches!(permit, Permit::Online(_)) {
        return Err(ApplyError::unexpected("apply the plan to", &plan.data_root, "it was made for a stopped dockerd, and one is running"));
    }
    let now = jiff::Timestamp::now();
    let mut taker =
        Taker { plan, tops: trash.tops(), run: new_run_id(now), dirs: Vec::new(), statuses: vec![None; plan.actions.len()], how };
    // Everything may have been done where it is, one after the other, and still no room for the trash.
    while !taker.is_done() {
        match taker.begin(trash, now) {
            Ok(()) => break,
            Err(error) if error.is_full() && how.keep == Keep::No && taker.make_room() => {}
            Err(error) if taker.has_begun() => {
                taker.skip_the_rest(&error.to_string());
                break;
            }
            Err(error) => return Err(error),
        }
    }
    taker.take_all();
    for dir in &taker.dirs {
        // What is not yet on the disk is undone by a power cut as a whole, from its end: that is safe too.
        let _ = fsync(&dir.fd);
    }
    let stopped = how.stop.load(Ordering::Relaxed);
    let statuses = taker.statuses.into_iter().map(|status| status.unwrap_or(Status::NotReached)).collect();
    Ok(Outcome { run: taker.run, statuses, stopped })
}

/// How to take things.
#[derive(Debug)]
pub struct How<'a> {
    /// What is to become of them.
    pub keep: Keep,
    /// Counts what is deleted.
    pub tally: &'a Tally,
    /// Set when the work is to end after the step that it is at.
    pub stop: &'a Stop,
}

/// What takes the things of one plan.
pub(super) struct Taker<'a> {
    pub(super) plan: &'a Plan,
    pub(super) tops: &'a Tops,
    run: String,
    /// The directory of the run on each file system.
    dirs: Vec<RunDir>,
    /// What became of each action that was come to.
    pub(super) statuses: Vec<Option<Status>>,
    pub(super) how: &'a How<'a>,
}

impl Taker<'_> {
    /// Makes the directory of the run on every file system that something is to be taken from.
    fn begin(&mut self, trash: &mut Trash<'_>, now: jiff::Timestamp) -> Result<(), ApplyError> {
        let objects = self.plan.actions.iter().flat_map(|action| &action.objects);
        let used: BTreeSet<usize> = objects.map(|object| self.tops.of(&object.path)).collect();
        let mut journal = Journal::of(self.plan, (now, self.how.keep == Keep::Yes), |path| {
            let traits = self.tops.parent_of(path).and_then(|parent| Traits::of(&parent, path.split().1));
            (self.tops.place(self.tops.of(path)), traits.ok())
        });
        for top in used {
            point::reach("begin");
            match trash.begin(top, &self.run, &mut journal) {
                Ok(dir) => self.dirs.push(dir),
                Err(error) => {
                    self.dirs.drain(..).for_each(|dir| trash.forget(dir.top, &self.run));
                    return Err(error);
                }
            }
            point::reach("begun");
        }
        Ok(())
    }

    fn take_all(&mut self) {
        let mut slot = 0_u64;
        for (index, action) in self.plan.actions.iter().enumerate() {
            if self.how.stop.load(Ordering::Relaxed) {
                return;
            }
            if self.statuses.get(index) == Some(&None) {
                let status = self.obstacle(action).unwrap_or_else(|| self.take_action(action, slot));
                self.set(index, status);
            }
            slot = slot.saturating_add(u64::try_from(action.objects.len()).unwrap_or(u64::MAX));
        }
    }

    /// Why the turn of `action` has not come.
    pub(super) fn obstacle(&self, action: &Action) -> Option<Status> {
        let is_free = action.after.iter().all(|&before| self.statuses.get(before) == Some(&Some(Status::Taken)));
        (!is_free).then(|| Status::Skipped("something that lies on it is still there".to_owned()))
    }

    /// Remembers what became of the action at `index`.
    pub(super) fn set(&mut self, index: usize, status: Status) {
        if let Some(place) = self.statuses.get_mut(index) {
            *place = Some(status);
        }
    }

    /// Whether every action was come to.
    fn is_done(&self) -> bool {
        self.statuses.iter().all(Option::is_some)
    }

    /// Whether any action was come to.
    fn has_begun(&self) -> bool {
        self.statuses.iter().any(Option::is_some)
    }

    /// Skips every action that was not come to, because of `why`.
    fn skip_the_rest(&mut self, why: &str) {
        for status in self.statuses.iter_mut().filter(|status| status.is_none()) {
            *status = Some(Status::Skipped(why.to_owned()));
        }
    }

    /// Looks at every part of an action before the first one is touched: what cannot be taken as a whole is better not begun.
    pub(super) fn obstacle_on_disk(&self, action: &Action) -> Option<String> {
        action.objects.iter().find_map(|object| self.look_at(object).err())
    }

    /// Looks whether an object is still what the plan says.
    pub(super) fn look_at(&self, object: &Object) -> Result<Seen, String> {
        let told = |why: String| format!("{}: {why}", object.path);
        let top = self.tops.get(self.tops.of(&object.path)).ok_or_else(|| told("nothing is there".to_owned()))?;
        let parent = top.parent_of(&object.path).map_err(|errno| told(explain(errno)))?;
        let name = object.path.split().1;
        let pin = if object.evidence.kind == Kind::Nothing {
            look_for_nothing(&parent, name, &object.evidence).map(|()| None)
        } else {
            look(&parent, name, &object.evidence, Sameness::Untouched).map(Some)
        };
        Ok(Seen { parent, pin: pin.map_err(told)? })
    }

    /// Takes the parts of an action into the slots from `slot` on.
    fn take_action(&self, action: &Action, slot: u64) -> Status {
        if let Some(why) = self.obstacle_on_disk(action) {
            return Status::Skipped(why);
        }
        let mut last_top = None;
        for (done, (object, slot)) in action.objects.iter().zip(slot..).enumerate() {
            let top = self.tops.of(&object.path);
            match self.take_object(object, slot, last_top.is_some_and(|last| last != top)) {
                Ok(()) => last_top = Some(top),
                Err(Left::Differs(why)) if done == 0 => return Status::Skipped(why),
                Err(Left::Differs(why) | Left::Refused(why)) => return Status::Failed(why),
            }
        }
        Status::Taken
    }

    /// Takes one object into its slot; `crosses` if the one before lay on another file system, whose journal does not wait for this one's.
    fn take_object(&self, object: &Object, slot: u64, crosses: bool) -> Result<(), Left> {
        let top = self.tops.of(&object.path);
        let Some(run) = self.dirs.iter().find(|dir| dir.top == top) else {
            return Err(Left::Refused(format!("{}: there is no trash for it", object.path)));
        };
        let refused = |errno: Errno| Left::Refused(format!("{}: {}", object.path, explain(errno)));
        let differs = |why: String| Left::Differs(format!("{}: {why}", object.path));
        if crosses {
            self.dirs.iter().try_for_each(|dir| fsync(&dir.fd)).map_err(refused)?;
        }
        let seen = self.look_at(object).map_err(Left::Differs)?;
        let name = object.path.split().1;
        if object.put.is_some() {
            return put::put(object, &seen, &run.fd, slot);
        }
        let Seen { parent, pin: Some(pin) } = seen else { return Err(differs("nothing is there".to_owned())) };
        let slot = slot.to_string();
        point::reach("take");
        renameat_with(&parent, name, &run.fd, &slot, RenameFlags::NOREPLACE).map_err(refused)?;
        point::reach("taken");
        // Somebody may have put another thing there in between; where it is now nobody else can.
        if !pin.is_at(&run.fd, &slot).map_err(refused)? {
            let back = renameat_with(&run.fd, &slot, &parent, name, RenameFlags::NOREPLACE);
            return Err(back.map_or_else(
                |errno| Left::Refused(format!("{}: another one was in its place, and is in the trash: {}", object.path, explain(errno))),
                |()| differs("another one is in its place".to_owned()),
            ));
        }
        self.remove_empty_parents(object);
        Ok(())
    }

    /// Removes the directories that only the name of an image mount made, `layerdb/mounts/<container>-registry.example/team/…`.
    pub(super) fn remove_empty_parents(&self, object: &Object) {
        let Some(below) = object.path.as_str().strip_prefix(MOUNTS) else { return };
        let Some(top) = self.tops.get(self.tops.of(&object.path)) else { return };
        let above = std::iter::successors(below.rsplit_once('/'), |(parent, _)| parent.rsplit_once('/')).map(|(parent, _)| parent);
        for parent in above {
            let Ok(path) = format!("{MOUNTS}{parent}").parse() else { return };
            // One that is not empty is another mount's too.
            let removed = top.parent_of(&path).and_then(|dir| unlinkat(&dir, path.split().1, AtFlags::REMOVEDIR));
            if removed.is_err() {
                return;
            }
        }
    }
}
