//! Which layer directories are committed: nobody writes to them any more.

use crate::id::{DiffId, DirId, LinkId};
use crate::inventory::Inventory;
use crate::store::layerdb::Layer;
use crate::store::mounts::Mount;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;

/// By what a committed layer is known again, besides its directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What it adds, as far as its record tells: snapshots of builds have none.
    pub diff: Option<DiffId>,
    /// Its link.
    pub link: LinkId,
    /// When its record was changed, which is when it was committed: not remembered.
    pub recorded: Option<(i64, u32)>,
}

impl Identity {
    /// Whether both are of the same layer.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.diff == other.diff && self.link == other.link
    }
}

/// Finds the directories of layers and of snapshots that builds committed; none that a container or a build writes to, and none below
/// which something is mounted.
#[must_use]
pub fn committed(inventory: &Inventory) -> BTreeMap<DirId, Identity> {
    let of_snapshot = |id| (id, Recorded { diff: None, at: None });
    let of_layer =
        |layer: &Layer| Some((layer.dir()?, Recorded { diff: layer.diff.value().copied(), at: layer.stamp.map(|stamp| stamp.changed) }));
    let layers = inventory.layerdb.layers.values().filter(|layer| layer.is_whole());
    // A layer that is a snapshot too is known by its record.
    let mut found: BTreeMap<_, _> = snapshots(inventory).map(of_snapshot).chain(layers.filter_map(of_layer)).collect();
    let written: BTreeSet<DirId> = inventory.mounts.values().flat_map(Mount::dirs).chain(mounted(inventory)).collect();
    found.retain(|id, _| !written.contains(id) && !matches!(id, DirId::Init(_)));
    let identity = |(id, recorded): (DirId, Recorded)| {
        let dir = inventory.overlay2.dirs.get(&id).filter(|dir| dir.diff)?;
        Some((id, Identity { diff: recorded.diff, link: dir.link?, recorded: recorded.at }))
    };
    found.into_iter().filter_map(identity).collect()
}

/// What the record of a layer says.
struct Recorded {
    diff: Option<DiffId>,
    at: Option<(i64, u32)>,
}

/// The directories that builds committed.
fn snapshots(inventory: &Inventory) -> impl Iterator<Item = DirId> {
    let snapshots = inventory.buildkit.iter().flat_map(|buildkit| &buildkit.snapshots);
    snapshots.filter_map(|(key, snapshot)| snapshot.committed.or_else(|| key.dir().filter(|_| snapshot.is_committed)))
}

/// The directories below which something is mounted: what is behind it is not theirs, and what it covers is not counted.
fn mounted(inventory: &Inventory) -> impl Iterator<Item = DirId> {
    let points = inventory.live_mounts.iter().map(|mount| mount.mount_point.as_path());
    points.flat_map(|point| point.components().filter_map(|name| DirId::try_from(name.as_os_str().as_bytes()).ok()))
}
