//! What lies in layer directories besides what names anything, and where stray links lead.

use crate::dir::{Dir, Kind, ReadError};
use crate::id::{DirId, LinkId};
use crate::inventory::Inventory;
use crate::unreadable::{Pins, Unreadable, keep};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// What a layer directory has besides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one for each name that may be there")]
pub struct DirectoryFiles {
    /// Whether `link` is there, whatever it says.
    pub link: bool,
    /// Whether `work/` is there.
    pub work: bool,
    /// Whether `merged/` is there.
    pub merged: bool,
    /// Whether `committed` is there.
    pub committed: bool,
    /// Whether a mount that was `volatile` was not unmounted: the kernel refuses the next one.
    pub volatile: bool,
}

/// Looks into every layer directory.
pub(super) fn read(overlay2: Option<&Dir>, inventory: &Inventory, unreadable: &mut Vec<Unreadable>) -> BTreeMap<DirId, DirectoryFiles> {
    let Some(dir) = overlay2 else { return BTreeMap::new() };
    let ids: Vec<DirId> = inventory.overlay2.dirs.keys().copied().collect();
    let read: Vec<_> = ids.into_par_iter().with_min_len(16).map(|id| (id, look_into(dir, id))).collect();
    let mut files = BTreeMap::new();
    for (id, looked) in read {
        // One that has gone away meanwhile has nothing to be told of.
        files.extend(keep(looked, Pins::Nothing, unreadable).flatten().map(|found| (id, found)));
    }
    files
}

fn look_into(overlay2: &Dir, id: DirId) -> Result<Option<DirectoryFiles>, ReadError> {
    let Some(dir) = overlay2.dir(id.to_string())? else { return Ok(None) };
    let mut files = DirectoryFiles::default();
    for entry in dir.entries()? {
        match (entry.name.to_str(), entry.kind) {
            (Some("link"), _) => files.link = true,
            (Some("work"), Kind::Directory) => files.work = true,
            (Some("merged"), Kind::Directory) => files.merged = true,
            (Some("committed"), _) => files.committed = true,
            _ => {}
        }
    }
    // Only root may look into what the kernel keeps there; to others it is as if there were nothing.
    let incompatible = if files.work { dir.dir("work/work/incompat").ok().flatten() } else { None };
    files.volatile = incompatible.is_some_and(|dir| dir.kind("volatile").is_ok_and(|kind| kind.is_some()));
    Ok(Some(files))
}

/// Reads the texts of the links that lead to no layer directory.
pub(super) fn read_stray_links(overlay2: Option<&Dir>, inventory: &Inventory) -> BTreeMap<LinkId, String> {
    let Some(dir) = overlay2.and_then(|dir| dir.dir("l").ok().flatten()) else { return BTreeMap::new() };
    let stray = inventory.overlay2.links.iter().filter(|(_, target)| target.is_none());
    stray
        .map(|(&link, _)| {
            let text = match dir.read_link(link.to_string()) {
                Ok(text) => text.map(|text| text.to_string_lossy().chars().take(80).collect()).unwrap_or_default(),
                Err(error) => error.cause.to_string(),
            };
            (link, text)
        })
        .collect()
}
