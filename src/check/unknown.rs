//! What lies where Docker's own things do, and is nothing that it makes or still knows.

use super::{Checker, Code, Finding, Subject};
use crate::dir::{Entry, Kind};
use crate::id::DirId;
use crate::render::words::count;
use crate::store::detail::Soundness;
use crate::store::leftovers::is_probe;
use crate::store::place::{Area, Owner, Place, TRASH};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// What stands in `overlay2/` besides layers, on some file systems.
const EXPECTED: [&str; 3] = ["backingFsBlockDev", "lost+found", TRASH];

/// What has to be true of something that layerwise cannot know.
const LOOK: &str = "layerwise never takes it, because nothing proves what it is: look at it, and remove it by hand";

pub(super) fn check(checker: &mut Checker<'_>) {
    let unknown: Vec<&Entry> = checker.inventory.overlay2.others.iter().filter(|entry| is_unknown(entry)).collect();
    for entry in unknown {
        let is_removal = entry.name.as_bytes().ends_with(b"-removing");
        let message = if is_removal {
            "it is called like what is being deleted, which overlay2 never does: other drivers and tools do"
        } else {
            "nothing that Docker makes is called so"
        };
        let place = Place::of_path(&Path::new("overlay2").join(&entry.name), entry.kind == Kind::Directory);
        let finding = Finding::new(Code::UnknownEntry, Subject::Owner(place.owner().clone()), message).hint(LOOK);
        checker.keep(finding);
    }
    temporary_directory(checker);
    volumes(checker);
}

/// What the inventory cannot make sense of because it has the name of a layer, it has noted itself.
fn is_unknown(entry: &Entry) -> bool {
    let name = entry.name.as_bytes();
    let is_known = DirId::try_from(name).is_ok() || is_probe(name) && entry.kind == Kind::Directory;
    !is_known && !EXPECTED.iter().any(|expected| expected.as_bytes() == name)
}

/// `tmp/`, in which a dockerd that runs is at work, and which each start empties.
fn temporary_directory(checker: &mut Checker<'_>) {
    let number = checker.details.temporary;
    if number > 0 && checker.inventory.running.is_none() {
        let message = format!("{} in it, and no dockerd runs that could be at work on them", count(number, "entry"));
        let subject = Subject::Owner(Owner::new(Area::Metadata, b"tmp"));
        let hint = "the next start of dockerd deletes them: it moves tmp/ to tmp-old/ and removes that";
        checker.keep(Finding::new(Code::StaleTmp, subject, message).hint(hint));
    }
}

/// Volumes that the database does not know, if it can be read.
fn volumes(checker: &mut Checker<'_>) {
    let is_sound = |path: &str| checker.details.databases.iter().any(|one| one.path == path && one.soundness == Soundness::Sound);
    if !is_sound("volumes/metadata.db") {
        return;
    }
    for (name, _) in checker.inventory.volumes.iter().filter(|(_, volume)| volume.has_directory && !volume.has_record) {
        let subject = Subject::Owner(Owner::new(Area::Volume, name.as_bytes()));
        let message = "volumes/metadata.db does not know it; dockerd takes every directory there for a volume of the local driver";
        let hint = "after the next start of dockerd `docker volume ls` lists it, and `docker volume rm` removes it with its data";
        checker.keep(Finding::new(Code::VolumeWithoutRecord, subject, message).hint(hint));
    }
}
