//! `build-cache`: what BuildKit keeps, as `docker system df -v` lists it.

use super::chains::Users;
use crate::audit::Audit;
use crate::graph::Thing;
use crate::id::{ChainId, DirId};
use crate::store::buildkit::{BuildKit, Record, SnapshotKey};
use crate::store::layerdb::Layer;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// An entry of the build cache.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    /// Its ID.
    pub id: String,
    /// What it is: `regular`, `source.local`, `exec.cachemount` …
    pub kind: String,
    /// The entry that it is built on; several where they were merged.
    pub parent: Option<String>,
    /// Every entry that it is built on.
    pub parents: Vec<String>,
    /// Its directory in `overlay2/`.
    pub dir: Option<DirId>,
    /// The layer that it is, or was exported as.
    pub chain_id: Option<ChainId>,
    /// Whether a mount uses it now; what else a running step uses only dockerd knows.
    pub in_use: bool,
    /// Whether an image has it, or an entry that is built on it.
    pub shared: bool,
    /// The allocated bytes of its directory and link.
    pub bytes: Option<u64>,
    /// The inodes of the same.
    pub inodes: Option<u64>,
    /// Its size as Docker counts, once it was asked.
    pub docker_size: Option<u64>,
    /// What made it.
    pub description: Option<String>,
    /// When it was made.
    pub created: Option<String>,
    /// When a build last used it.
    pub last_used: Option<String>,
    /// How many builds used it.
    pub usage_count: u64,
}

/// Lists the build cache.
#[must_use]
pub fn list(audit: &Audit) -> Vec<Item> {
    let Some(buildkit) = &audit.inventory.buildkit else { return Vec::new() };
    let shared = shared(audit, buildkit);
    buildkit.listed().map(|(id, record)| item(audit, buildkit, (id, record), shared.contains(id))).collect()
}

/// The entries that an image has, and all that these are built on.
fn shared<'a>(audit: &Audit, buildkit: &'a BuildKit) -> BTreeSet<&'a str> {
    let users = Users::find(audit);
    let of_image = |id: &str| buildkit.chain_of(id).is_some_and(|chain| users.of(chain).is_some_and(|users| !users.images.is_empty()));
    let mut open: Vec<&str> = buildkit.records.keys().map(String::as_str).filter(|id| of_image(id)).collect();
    let mut shared = BTreeSet::new();
    while let Some(id) = open.pop() {
        if shared.insert(id) {
            open.extend(buildkit.records.get(id).into_iter().flat_map(|record| &record.parents).map(String::as_str));
        }
    }
    shared
}

fn item(audit: &Audit, buildkit: &BuildKit, (id, record): (&str, &Record), shared: bool) -> Item {
    let key = record.snapshot.clone().unwrap_or_else(|| SnapshotKey::parse(id.as_bytes()));
    let chain_id = buildkit.chain_of(id);
    let layer = chain_id.and_then(|chain| audit.inventory.layerdb.layers.get(&chain));
    let dir = layer.and_then(Layer::dir).or_else(|| buildkit.dir_of(&key));
    let dir = dir.filter(|dir| audit.inventory.overlay2.dirs.contains_key(dir));
    let usage = audit.account.as_ref().map(|account| dir.map(|dir| account.directory(dir)).unwrap_or_default());
    let mounted = |dir: DirId| audit.inventory.live_mounts.iter().any(|mount| mount.directories.contains(&dir));
    Item {
        id: id.to_owned(),
        kind: record.kind.clone().unwrap_or_else(|| "regular".to_owned()),
        parent: record.parents.first().cloned(),
        parents: record.parents.clone(),
        dir,
        chain_id,
        in_use: dir.is_some_and(mounted),
        shared,
        bytes: usage.map(|usage| usage.bytes),
        inodes: usage.map(|usage| usage.inodes),
        docker_size: buildkit.size_of(id),
        description: record.description.clone(),
        created: record.created.map(|time| time.to_string()),
        last_used: record.last_used.map(|time| time.to_string()),
        usage_count: record.usage_count,
    }
}

/// What BuildKit's databases say of a thing.
#[must_use]
pub fn details(audit: &Audit, thing: &Thing) -> Value {
    let Some(buildkit) = &audit.inventory.buildkit else { return Value::Null };
    match thing {
        Thing::Snapshot(key) => buildkit.snapshots.get(key).map_or(Value::Null, |snapshot| {
            json!({
                "parent": snapshot.parent.as_ref().map(ToString::to_string),
                "committed": snapshot.committed,
                "chain_id": snapshot.chain,
                "size": snapshot.size,
            })
        }),
        Thing::Lease(id) => buildkit
            .leases
            .get(id)
            .map_or(Value::Null, |lease| json!({ "snapshots": lease.snapshots.iter().map(ToString::to_string).collect::<Vec<_>>() })),
        Thing::Record(id) => json!(list(audit).into_iter().find(|item| item.id == *id)),
        _ => Value::Null,
    }
}
