//! Volumes: directories that outlive containers.
//!
//! ```text
//! volumes/
//! ├── <name>/_data/       what containers see
//! ├── <name>/opts.json    the options of the local driver, where there are some
//! ├── metadata.db         what dockerd remembers of volumes (bbolt); held locked while dockerd runs
//! └── backingFsBlockDev   for the quota probe
//! ```
//!
//! Volumes keep no layer alive.

use crate::dir::{Dir, Kind};
use crate::unreadable::{Pins, Unreadable, keep};
use std::collections::BTreeSet;

const PATH: &str = "volumes";

/// Reads the names of all volumes.
pub fn read(root: &Dir, unreadable: &mut Vec<Unreadable>) -> BTreeSet<String> {
    let entries = keep(root.entries_of(PATH), Pins::Nothing, unreadable).unwrap_or_default();
    let directories = entries.into_iter().filter(|entry| entry.kind == Kind::Directory);
    directories.map(|entry| entry.name.to_string_lossy().into_owned()).collect()
}
