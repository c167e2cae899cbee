//! Whether a part of the data-root is really another one's, mounted here from there.
//!
//! ```text
//! 61 30 254:0 /var/lib/docker/overlay2 /srv/docker/overlay2 rw - ext4 /dev/vda rw      what is needed of it the other one's records know
//! 62 30 254:0 /srv/docker/overlay2     /srv/docker/overlay2 rw - ext4 /dev/vda rw      dockerd itself mounts it so, to keep mounts private
//! 63 30 254:1 /                        /srv/docker/overlay2 rw - xfs /dev/vdb rw       a file system of its own
//! ```

use super::mountinfo::{self, Mount};
use super::proc::{FileId, Proc};
use crate::dir::Dir;
use crate::store::{containers, layerdb, overlay2};
use crate::unreadable::{Pins, Unreadable};
use std::path::{Path, PathBuf};

/// What nothing is known of as a whole without the records beside it.
const PARTS: [&str; 2] = [overlay2::PATH, "image"];

/// The records by which a data-root knows what it needs.
const RECORDS: [&str; 2] = [layerdb::LAYERS, containers::PATH];

/// The parts of `root` that are another data-root's, each with what that means.
pub(super) fn foreign(proc: &Proc, root: &Dir) -> Vec<Unreadable> {
    let table = proc.own_pid().and_then(|own| proc.read(own, "mountinfo", super::mounts::LIMIT).ok().flatten()).unwrap_or_default();
    let mounts: Vec<Mount<'_>> = mountinfo::parse(&table).flatten().collect();
    let of_part = |part: &str| {
        let path = root.path().canonicalize().unwrap_or_else(|_| root.path().to_owned()).join(part);
        // Of several mounts on one point, the last is on top.
        let mount = mounts.iter().rev().find(|mount| mount.mount_point() == path)?;
        let owner = places_around(mount, &mounts).find(|place| is_another(place, root))?;
        let why = format!("it is that of another data-root, {}, whose records tell what is needed of it", owner.display());
        Some(Unreadable::malformed(path, why, Pins::Everything))
    };
    PARTS.into_iter().filter_map(of_part).collect()
}

/// The names that we have for the directory in which lies what `mount` shows.
fn places_around<'a>(mount: &'a Mount<'_>, mounts: &'a [Mount<'_>]) -> impl Iterator<Item = PathBuf> + 'a {
    let around = mount.root().parent().map(Path::to_owned);
    let same = mounts.iter().filter(|other| other.device == mount.device);
    same.filter_map(move |other| Some(other.mount_point().join(around.as_deref()?.strip_prefix(other.root()).ok()?)))
}

/// Whether records lie in `place` that are not those of `root`.
fn is_another(place: &Path, root: &Dir) -> bool {
    RECORDS.into_iter().any(|records| {
        let there = FileId::by_path(&place.join(records)).ok();
        there.is_some() && there != root.stamp(records).ok().flatten().map(FileId::from)
    })
}
