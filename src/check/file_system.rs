//! The file system, and the stores as wholes.

use super::{Checker, Code, Finding, Subject};
use crate::graph::doubt;
use crate::render::size::{self, Digits};
use crate::store::Told;
use crate::store::place::{Area, Owner};
use crate::unreadable::Pins;
use std::path::Path;

/// Of the whole, so much is next to nothing…
const SHARE: u64 = 20;
/// … unless it is still so many bytes,
const BYTES: u64 = 5_000_000_000;
/// or inodes: several layers of a distribution.
const INODES: u64 = 100_000;

pub(super) fn check(checker: &mut Checker<'_>) {
    room(checker);
    if checker.details.lists_kinds == Some(false) {
        let hint =
            "move the data-root to a file system with d_type: ext4 with filetype, or XFS made with ftype=1 (ftype=0 cannot be changed)";
        let message = "overlay2/ is listed without the kinds of what is in it";
        checker.keep(Finding::new(Code::NoFileTypes, Subject::FileSystem, message).hint(hint));
    }
    if let Some(doubt) = doubt::nothing_in_use(&checker.audit.graph, checker.inventory) {
        let subject = Subject::Owner(Owner::new(Area::Overlay2, b""));
        let hint = "is this the right directory, and is everything mounted that belongs to it? Remove nothing before that is known";
        checker.keep(Finding { pins: Some(doubt.pins), ..Finding::new(Code::RecordsMissing, subject, doubt.why).hint(hint) });
    }
    let has_init = checker.inventory.mounts.values().any(|mount| !matches!(mount.init_id, Told::Absent));
    if checker.inventory.containers.is_empty() && has_init {
        let subject = Subject::Owner(Owner::new(Area::Containers, b""));
        let unread = checker.unread.get(Path::new("containers"));
        let state = unread.map_or_else(|| "is empty".to_owned(), |unread| format!("cannot be read: {}", unread.error));
        let message = format!("it {state}, although there are read-write layers of containers");
        let hint = "is something to be mounted on containers/? Remove nothing before that is known";
        checker.keep(Finding { pins: Some(Pins::Mounts), ..Finding::new(Code::ContainersMissing, subject, message).hint(hint) });
    }
}

fn room(checker: &mut Checker<'_>) {
    // What cannot be written to needs no room: an image of a disk, mounted to be looked at.
    let Some(figures) = checker.facts.file_system.filter(|figures| !figures.read_only) else { return };
    let is_scarce = |free: u64, total: u64, enough: u64| total > 0 && free < total / SHARE && free < enough;
    if is_scarce(figures.bytes_available, figures.bytes_total, BYTES) {
        let [free, total] = [figures.bytes_available, figures.bytes_total].map(|bytes| size::human(bytes, Digits::Four));
        let finding = Finding::new(Code::NearlyFull, Subject::FileSystem, format!("{free} of {total} are free"));
        checker.keep(finding.hint("layerwise df says where it went, and what could be given back"));
    }
    if is_scarce(figures.inodes_free, figures.inodes_total, INODES) {
        let message = format!("{} of {} inodes are free", figures.inodes_free, figures.inodes_total);
        let finding = Finding::new(Code::NearlyOutOfInodes, Subject::FileSystem, message);
        checker.keep(finding.hint("layerwise df says where they went, and what could be given back"));
    }
}
