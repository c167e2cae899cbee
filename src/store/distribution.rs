//! What Docker remembers of registries, to push and pull faster.
//!
//! ```text
//! image/overlay2/distribution/
//! ├── v2metadata-by-diffid/sha256/<DiffID>    the repositories that are known to have this layer
//! └── diffid-by-digest/sha256/<blob>          the DiffID of a blob that was once pulled
//! ```
//!
//! It keeps nothing alive, and Docker does not remove its entries together with the layers.

use super::{id_of_name, read_each};
use crate::dir::Dir;
use crate::id::{DiffId, FileName};
use crate::unreadable::{Pins, Unreadable, keep};
use std::collections::BTreeSet;

const BY_DIFF: &str = "image/overlay2/distribution/v2metadata-by-diffid/sha256";

/// Reads every `DiffID` of which Docker remembers where they can be had.
pub fn read(root: &Dir, unreadable: &mut Vec<Unreadable>) -> BTreeSet<DiffId> {
    let Some(dir) = keep(root.dir(BY_DIFF), Pins::Nothing, unreadable).flatten() else { return BTreeSet::new() };
    let names = keep(dir.entries(), Pins::Nothing, unreadable).unwrap_or_default();
    let names: Vec<_> = names.into_iter().filter(|entry| !entry.name.to_string_lossy().starts_with(".tmp-")).collect();
    let diffs = read_each(&names, unreadable, |entry, unreadable| id_of_name::<FileName<DiffId>>(&dir, entry, Pins::Nothing, unreadable));
    diffs.into_iter().map(|name| name.0).collect()
}
