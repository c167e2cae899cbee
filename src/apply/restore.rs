//! Bringing back what was taken, and taking back what was put: each object by one rename, if nothing has taken its place.

use super::error::explain;
use super::foundation;
use super::journal::{Item, Slot};
use super::lock::{Offline, Own};
use super::look::{Sameness, look};
use super::point;
use super::put;
use super::take::MOUNTS;
use super::top::{Tops, open_dir};
use super::trash::{Run, RunDir, Trash};
use crate::graph::verdict::Garbage;
use crate::plan::{Class, RelPath, Role};
use rustix::fs::{AtFlags, Mode, RenameFlags, fchmod, mkdirat, renameat_with, statat};
use rustix::io::Errno;
use std::collections::BTreeSet;
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
/// that lies on what stays: without it, dockerd would take a layer for whole that no container can be started from. dockerd must not run: it
/// would not know of what comes back.
pub fn restore(trash: &mut Trash<'_>, run: &Run, wanted: impl Fn(&Item) -> bool, _: (&Offline, &Own)) -> Vec<(usize, Restored)> {
    put_back(trash, run, wanted)
}

/// As [`restore`], for whoever has just taken the items and holds what that takes.
pub(super) fn put_back(trash: &mut Trash<'_>, run: &Run, wanted: impl Fn(&Item) -> bool) -> Vec<(usize, Restored)> {
    let dirs = match trash.run_dirs(&run.id) {
        Ok(dirs) => dirs,
        Err(error) => return run.items.iter().map(|item| (item.number, Restored::Refused(error.to_string()))).collect(),
    };
    let places = Restorer { tops: trash.tops(), dirs: &dirs };
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
    tops: &'a Tops,
    dirs: &'a [RunDir],
}

impl Restorer<'_> {
    fn item(&self, item: &Item) -> Restored {
        // Directories before the records that name them, whatever was taken first.
        let parts = item.objects.iter().rev().filter(|object| object.role == Role::Part);
        let objects: Vec<&Slot> = parts.chain(item.objects.iter().rev().filter(|object| object.role == Role::Record)).collect();
        let missing = || objects.iter().find_map(|object| self.missing_below(item, object));
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

    /// Why an object cannot be brought back.
    fn obstacle(&self, object: &Slot) -> Option<String> {
        let told = |why: String| Some(format!("{}: {why}", object.path));
        let Some(run) = self.run(object) else { return told("its trash is gone".to_owned()) };
        if let Some(new) = &object.put {
            let parent = self.tops.get(self.tops.of(&object.path)).ok_or(Errno::NOENT).and_then(|top| top.parent_of(&object.path));
            return put::obstacle(run, object, new, parent.as_ref().map_err(|errno| *errno)).and_then(told);
        }
        if let Err(why) = look(run, &object.number.to_string(), &object.evidence, Sameness::Moved) {
            return told(format!("in the trash {why}"));
        }
        let Some(top) = self.tops.get(self.tops.of(&object.path)) else { return told("nothing is there".to_owned()) };
        let (above, name) = object.path.split();
        match top.parent_of(&object.path).map(|parent| statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(Ok(_)) => told("something has taken its place".to_owned()),
            Ok(Err(Errno::NOENT)) => None,
            Err(Errno::NOENT) if above.starts_with(MOUNTS) => None,
            Err(Errno::NOENT) => told("the directory that it belongs in is gone: is it to be mounted?".to_owned()),
            Ok(Err(errno)) | Err(errno) => told(explain(errno)),
        }
    }

    /// What a layer that dockerd would take for whole lies on and is not there any more.
    fn missing_below(&self, item: &Item, object: &Slot) -> Option<String> {
        if item.class != Class::Garbage(Garbage::UnreferencedLayer) {
            return None;
        }
        let told = |why: String| format!("{}: {why}", object.path);
        match foundation::of(self.run(object)?, object) {
            Ok(needed) => {
                let comes = |path: &RelPath| item.objects.iter().any(|part| part.path == *path);
                let gone = needed.iter().find(|path| !comes(path) && !self.is_there(path));
                gone.map(|path| told(format!("{path}, which it lies on, is gone")))
            }
            Err(why) => Some(told(why)),
        }
    }

    fn is_there(&self, path: &RelPath) -> bool {
        let parent = self.tops.get(self.tops.of(path)).and_then(|top| top.parent_of(path).ok());
        parent.is_some_and(|parent| statat(&parent, path.split().1, AtFlags::SYMLINK_NOFOLLOW).is_ok())
    }

    fn object(&self, object: &Slot) -> Result<(), String> {
        let told = |errno: Errno| format!("{}: {}", object.path, explain(errno));
        let run = self.run(object).ok_or_else(|| told(Errno::NOENT))?;
        let parent = self.parent(&object.path).map_err(told)?;
        if let Some(new) = &object.put {
            return put::undo(run, object, new, &parent).map_err(told);
        }
        point::reach("restore");
        renameat_with(run, object.number.to_string(), &parent, object.path.split().1, RenameFlags::NOREPLACE).map_err(told)?;
        point::reach("restored");
        Ok(())
    }

    /// The directory of the run that an object is in.
    fn run(&self, object: &Slot) -> Option<&OwnedFd> {
        let top = self.tops.of(&object.path);
        self.dirs.iter().find(|dir| dir.top == top).map(|dir| &dir.fd)
    }

    /// Opens the directory that an object belongs in, and makes it if it was one of an image's name and went because it was empty. What is
    /// missing else, a file system that is not mounted may be.
    fn parent(&self, path: &RelPath) -> Result<OwnedFd, Errno> {
        let top = self.tops.get(self.tops.of(path)).ok_or(Errno::NOENT)?;
        match top.parent_of(path) {
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
