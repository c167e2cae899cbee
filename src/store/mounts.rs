//! Read-write layers: which directories a container, an image mount or a build step writes to.
//!
//! ```text
//! image/overlay2/layerdb/mounts/<name>/
//! ├── mount-id        the directory of the RW layer
//! ├── init-id         the directory of the init layer below it; absent for builders and image mounts
//! └── parent          the ChainID of the layer below both; absent for containers from scratch
//! ```
//!
//! `<name>` is a container, the hash of an image mount, or a BuildKit view. The three files are written without a sync, so after a power
//! cut they may be empty. A missing `parent` is legal, so that a lost one shows only in the `lower` file of the directory.

use super::{id_of_name, read_each, read_id};
use crate::dir::{Dir, Stamp};
use crate::id::{ChainId, DirId, MountName};
use crate::unreadable::{Pins, Unreadable, keep};
use std::collections::BTreeMap;

const PATH: &str = "image/overlay2/layerdb/mounts";

/// The record of a read-write layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Its name.
    pub name: MountName,
    /// The directory of the RW layer.
    pub mount_id: Option<DirId>,
    /// The directory of the init layer.
    pub init_id: Option<DirId>,
    /// The layer below.
    pub parent: Option<ChainId>,
    /// When the record was made.
    pub stamp: Option<Stamp>,
}

/// Reads every record of a read-write layer.
pub fn read(root: &Dir, unreadable: &mut Vec<Unreadable>) -> BTreeMap<MountName, Mount> {
    let Some(dir) = keep(root.dir(PATH), Pins::Everything, unreadable).flatten() else { return BTreeMap::new() };
    let names = keep(dir.entries(), Pins::Everything, unreadable).unwrap_or_default();
    let mounts = read_each(&names, unreadable, |entry, unreadable| {
        let name = id_of_name(&dir, entry, Pins::Everything, unreadable)?;
        Some(read_one(&dir, name, unreadable))
    });
    mounts.into_iter().map(|mount| (mount.name, mount)).collect()
}

fn read_one(dir: &Dir, name: MountName, unreadable: &mut Vec<Unreadable>) -> Mount {
    let mount_id = keep(read_id(dir, format!("{name}/mount-id")), Pins::Directories, unreadable);
    if mount_id == Some(None) {
        let path = dir.path().join(format!("{name}/mount-id"));
        unreadable.push(Unreadable::malformed(path, "missing, so the directory of this read-write layer is unknown", Pins::Directories));
    }
    Mount {
        name,
        mount_id: mount_id.flatten(),
        init_id: keep(read_id(dir, format!("{name}/init-id")), Pins::Directories, unreadable).flatten(),
        parent: keep(read_id(dir, format!("{name}/parent")), Pins::Layers, unreadable).flatten(),
        stamp: keep(dir.stamp(name.to_string()), Pins::Nothing, unreadable).flatten(),
    }
}
