//! The build snapshots that nobody asks for any more: no lease holds them, no record of the cache names them, nothing lies on them.
//!
//! A build that is cut off between two transactions leaves such snapshots. `BuildKit` looks at a snapshot only by way of its records and leases,
//! so it neither uses one of these again nor ever deletes it. What stays in `snapshots.db` when its directory is gone is a key that nothing
//! looks up, as `docker builder prune` leaves one too.

use super::verdict::Emptiness;
use crate::inventory::Inventory;
use crate::store::buildkit::{BuildKit, SnapshotKey};
use crate::unreadable::Pins;
use std::collections::{BTreeMap, BTreeSet};

/// The keys of the snapshots that nobody asks for.
///
/// # Errors
/// When it is not known as a whole who asks for what, with the reason: then there is none.
pub fn find(inventory: &Inventory, emptiness: Emptiness) -> Result<BTreeSet<SnapshotKey>, String> {
    let Some(buildkit) = &inventory.buildkit else { return Ok(BTreeSet::new()) };
    let home = inventory.root.join(crate::store::buildkit::HOME);
    let lost = |pins| !matches!(pins, Pins::Nothing | Pins::Images);
    if let Some(unreadable) = inventory.unreadable.iter().find(|unreadable| unreadable.path.starts_with(&home) && lost(unreadable.pins)) {
        return Err(format!("cannot {} {}: {}", unreadable.operation, unreadable.path.display(), unreadable.error));
    }
    let is_meant_to_be_empty = emptiness == Emptiness::Believed && buildkit.records.is_empty();
    if buildkit.leases.is_empty() && !buildkit.snapshots.is_empty() && !is_meant_to_be_empty {
        return Err("BuildKit has not one lease: a Docker before 20.10 has none, and one that lost them neither".to_owned());
    }
    let live = live(buildkit);
    Ok(buildkit.snapshots.keys().filter(|key| !live.contains(key)).cloned().collect())
}

/// Everything that a lease or a record leads to, in whichever way keys lead to each other.
#[must_use]
pub(super) fn live(buildkit: &BuildKit) -> BTreeSet<SnapshotKey> {
    // The name under which a snapshot was committed and the one under which it was made stand for one directory.
    let mut twins: BTreeMap<SnapshotKey, Vec<SnapshotKey>> = BTreeMap::new();
    for (key, snapshot) in &buildkit.snapshots {
        if let Some(made) = snapshot.committed.map(|dir| SnapshotKey::parse(dir.to_string().as_bytes())) {
            twins.entry(made.clone()).or_default().push(key.clone());
            twins.entry(key.clone()).or_default().push(made);
        }
    }
    let leased = buildkit.leases.iter().flat_map(|(id, lease)| lease.snapshots.iter().cloned().chain([SnapshotKey::parse(id.as_bytes())]));
    let recorded = buildkit.records.iter().flat_map(|(id, record)| {
        let chain = record.chain.map(SnapshotKey::Chain);
        [Some(SnapshotKey::parse(id.as_bytes())), record.snapshot.clone(), chain].into_iter().flatten()
    });
    let mut live = BTreeSet::new();
    let mut open: Vec<SnapshotKey> = leased.chain(recorded).collect();
    while let Some(key) = open.pop() {
        if live.insert(key.clone()) {
            open.extend(twins.get(&key).into_iter().flatten().cloned());
            let snapshot = buildkit.snapshots.get(&key);
            open.extend(snapshot.and_then(|snapshot| snapshot.parent.clone()));
            open.extend(snapshot.and_then(|snapshot| snapshot.chain).map(SnapshotKey::Chain));
        }
    }
    live
}
