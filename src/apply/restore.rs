//! Bringing back what was taken, and taking back what was put: each object by one rename, if nothing has taken its place.

use super::error::explain;
use super::foundation;
use super::journal::{Item, Slot};
use super::lock::{Offline, Own};
use super::look::{Origin, look_again};
use super::point;
use super::put;
use super::take::MOUNTS;
use super::top::{Tops, open_dir};
use super::trash::{COPIED, Copies, Run, RunDir, Trash};
use crate::graph::verdict::Garbage;
use crate::plan::{Class, RelPath, Role};
use rustix::fs::{AtFlags, Mode, RenameFlags, fchmod, mkdirat, renameat_with, statat};
use rustix::io::Errno;
use std::collections::{BTreeSet, HashSet};
use std::os::fd::OwnedFd;

/// What became of an item that was to be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restored {
    /// It is where it was.
    Whole,
    /// Nothing of it was touched.
    Refused(String),
    /// Some of it could not be brought back, and is still in the trash.
    Partly(String),
}

/// Brings back the items of `run` that `wanted` lets through, the last one taken first, and says what became of each.
///
/// Nothing that has taken a place since is ever overwritten: an item of which a place is taken stays in the trash as a whole, and so does all
/// that lies on what stays: without it, dockerd would take a layer for whole that no container can be started from. Nor does an item come back
/// of which a part is neither in the trash nor where it belongs. dockerd must not run: it would not know of what comes back.
pub fn restore(
    trash: &mut Trash<'_>,
    (run, copies): (&Run, Copies),
    wanted: impl Fn(&Item) -> bool,
    _: (&Offline, &Own),
) -> Vec<(usize, Restored)> {
    if run.origin == Origin::Copied && copies == Copies::Refuse {
        let why = format!("{COPIED}: `layerwise trash restore --copied` restores what looks as it did");
        return run.items.iter().rev().filter(|item| wanted(item)).map(|item| (item.number, Restored::Refused(why.clone()))).collect();
    }
    put_back(trash, run, wanted)
}

/// As [`restore`], for whoever has just taken the items and holds what that takes.
pub(super) fn put_back(trash: &mut Trash<'_>, run: &Run, wanted: impl Fn(&Item) -> bool) -> Vec<(usize, Restored)> {
    let dirs = match trash.run_dirs(&run.id) {
        Ok(dirs) => dirs,
        Err(error) => return run.items.iter().map(|item| (item.number, Restored::Refused(error.to_string()))).collect(),
    };
    let places = Restorer { trash, tops: trash.tops(), dirs: &dirs, run };
    let mut restored = Vec::new();
    // The items that lie on something that stays in the trash.
    let mut baseless = BTreeSet::<usize>::new();
    for item in run.items.iter().rev() {
        let outcome = wanted(item).then(|| if baseless.contains(&item.number) { baseless_is_refused() } else { places.item(item) });
        if outcome != Some(Restored::Whole) {
            baseless.extend(&item.after);
        }
        restored.extend(outcome.map(|outcome| (item.number, outcome)));
    }
    for dir in &dirs {
        trash.forget(dir.top, &run.id);
    }
    restored
}

fn baseless_is_refused() -> Restored {
    Restored::Refused("what it lies on is still in the trash".to_owned())
}

struct Restorer<'a> {
    trash: &'a Trash<'a>,
    tops: &'a Tops,
    dirs: &'a [RunDir],
    run: &'a Run,
}

impl Restorer<'_> {
    fn item(&self, item: &Item) -> Restored {
        if let Some(why) = self.lacking(item) {
            return Restored::Refused(why);
        }
        // Directories before the records that name them, whatever was taken first.
        let parts = item.objects.iter().rev().filter(|object| object.role == Role::Part);
        let objects: Vec<&Slot> = parts.chain(item.objects.iter().rev().filter(|object| object.role == Role::Record)).collect();
        let comes: HashSet<&RelPath> = item.objects.iter().map(|part| &part.path).collect();
        let missing = || objects.iter().find_map(|object| self.missing_below((item, &comes), object));
        if let Some(why) = objects.iter().find_map(|object| self.obstacle(object)).or_else(missing) {
            return Restored::Refused(why);
        }
        for object in objects {
            if let Err(why) = self.object(object) {
                return Restored::Partly(why);
            }
        }
        Restored::Whole
    }

    /// Which part of an item is neither in the trash nor where it belongs: a layer's record is nothing without its directory.
    fn lacking(&self, item: &Item) -> Option<String> {
        let parts = self.run.missing.get(&item.number).into_iter().flatten();
        // Another run may have brought it back since.
        let mut missing = parts.filter(|part| !self.trash.is_home(part, self.run.origin));
        if let Some(part) = missing.next() {
            let from = part.place.filter(|place| self.run.elsewhere.contains(place));
            let hint = from.map(|place| format!(": is a file system to be mounted on {place}, or to be unmounted?"));
            return Some(format!("{} is neither in the trash nor in its place{}", part.path, hint.unwrap_or_default()));
        }
        let is_untold = self.run.untold.contains(&item.number);
        is_untold.then(|| "a part of it is in a trash that is not found: is a file system to be mounted, or to be unmounted?".to_owned())
    }

    /// Why an object cannot be brought back.
    fn obstacle(&self, object: &Slot) -> Option<String> {
        let told = |why: String| Some(format!("{}: {why}", object.path));
        let Some((top, run)) = self.run(object) else { return told("its trash is gone".to_owned()) };
        let (from, to) = (self.tops.around(top), self.tops.of(&object.path));
        if from != to {
            let mounted = self.tops.place(if to == 0 { from } else { to });
            return told(format!("{mounted} was no file system of its own when it was taken: unmount that first"));
        }
        if let Some(new) = &object.put {
            let parent = self.tops.parent_of(&object.path);
            return put::obstacle((run, self.run.origin), object, new, parent.as_ref().map_err(|errno| *errno)).and_then(told);
        }
        if let Err(why) = look_again(run, &object.name(), object, self.run.origin) {
            return told(format!("in the trash {why}"));
        }
        let (above, name) = object.path.split();
        match self.tops.parent_of(&object.path).map(|parent| statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(Ok(_)) => told("something has taken its place".to_owned()),
            Ok(Err(Errno::NOENT)) => None,
            Err(Errno::NOENT) if above.starts_with(MOUNTS) => None,
            Err(Errno::NOENT) => told("the directory that it belongs in is gone: is it to be mounted?".to_owned()),
            Ok(Err(errno)) | Err(errno) => told(explain(errno)),
        }
    }

    /// What a layer that dockerd would take for whole lies on and is not there any more.
    fn missing_below(&self, (item, comes): (&Item, &HashSet<&RelPath>), object: &Slot) -> Option<String> {
        if item.class != Class::Garbage(Garbage::UnreferencedLayer) {
            return None;
        }
        let told = |why: String| format!("{}: {why}", object.path);
        match foundation::of(self.run(object)?.1, object) {
            Ok(needed) => {
                let gone = needed.iter().find(|path| !comes.contains(path) && !self.is_there(path));
                gone.map(|path| told(format!("{path}, which it lies on, is gone")))
            }
            Err(why) => Some(told(why)),
        }
    }

    fn is_there(&self, path: &RelPath) -> bool {
        self.tops.parent_of(path).is_ok_and(|parent| statat(&parent, path.split().1, AtFlags::SYMLINK_NOFOLLOW).is_ok())
    }

    fn object(&self, object: &Slot) -> Result<(), String> {
        let told = |errno: Errno| format!("{}: {}", object.path, explain(errno));
        let (_, run) = self.run(object).ok_or_else(|| told(Errno::NOENT))?;
        let parent = self.parent(&object.path).map_err(told)?;
        if let Some(new) = &object.put {
            return put::undo(run, object, new, &parent).map_err(told);
        }
        point::reach("restore");
        renameat_with(run, object.number.to_string(), &parent, object.path.split().1, RenameFlags::NOREPLACE).map_err(told)?;
        point::reach("restored");
        Ok(())
    }

    /// The directory of the run that an object is in, with its top.
    fn run(&self, object: &Slot) -> Option<(usize, &OwnedFd)> {
        let dir = self.dirs.iter().find(|dir| object.place == Some(self.tops.place(dir.top)))?;
        Some((dir.top, &dir.fd))
    }

    /// Opens the directory that an object belongs in, and makes it if it was one of an image's name and went because it was empty. What is
    /// missing else, a file system that is not mounted may be.
    fn parent(&self, path: &RelPath) -> Result<OwnedFd, Errno> {
        match self.tops.parent_of(path) {
            Err(Errno::NOENT) if path.split().0.starts_with(MOUNTS) => {}
            opened => return opened,
        }
        let parent: RelPath = path.split().0.parse().map_err(|_| Errno::NOENT)?;
        let above = self.parent(&parent)?;
        let (_, name) = parent.split();
        mkdirat(&above, name, Mode::RWXU)?;
        let made = open_dir(&above, name)?;
        // As dockerd makes it, whatever our umask is.
        fchmod(&made, Mode::RWXU | Mode::RGRP | Mode::XGRP | Mode::ROTH | Mode::XOTH)?;
        Ok(made)
    }
}
