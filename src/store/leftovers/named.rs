//! What could go although nothing is wrong with it: only ever looked for where somebody asks for its kind.
//!
//! ```text
//! image/overlay2/distribution/
//! ├── v2metadata-by-diffid/sha256/<diff>      which registries have this content: stale if no layer has it
//! └── diffid-by-digest/sha256/<blob>          which content a blob is: stale likewise
//! builder/                                    cache of the first experimental BuildKit, until 19.03
//! trust/                                      keys of signed images, until 22.06
//! tmp-old/                                    the former tmp/, which each start deletes
//! buildkit/<database>.db.<25 characters>.bak  a database that BuildKit found broken and set aside
//! <driver>/, image/<driver>/                  stores of other storage drivers: see [`inactive`](super::inactive)
//! ```
//!
//! Docker makes all of it anew when it needs it, except for images and containers of other drivers: those come back if it is switched back.

use super::{Leftover, What, leftover};
use crate::dir::{Dir, Entry, Kind};
use crate::id::{ChainId, DiffId, DirId, FileName};
use crate::inventory::Inventory;
use crate::store::layerdb::{self, Layer};
use crate::store::{id_of_name, read_each, read_id};
use crate::unreadable::{Pins, Unreadable, keep};
use std::collections::{BTreeSet, HashSet};
use std::os::unix::ffi::OsStrExt as _;

const BY_DIFF: &str = "image/overlay2/distribution/v2metadata-by-diffid/sha256";
const BY_BLOB: &str = "image/overlay2/distribution/diffid-by-digest/sha256";

/// Lists everything of the kinds that are `wanted`, in the order of paths.
pub fn read(root: &Dir, inventory: &Inventory, wanted: &BTreeSet<What>, unreadable: &mut Vec<Unreadable>) -> Vec<Leftover> {
    let mut found = Vec::new();
    if wanted.contains(&What::DistributionEntry) {
        found.extend(distribution(root, inventory, unreadable));
    }
    if wanted.contains(&What::RetiredStore) {
        found.extend(retired(root, inventory, unreadable));
    }
    found.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    found
}

/// Entries about contents that no layer and no image has. A layer whose content is not known, or is not what its name was made from, could have
/// any of them; so could one whose record is being removed, cannot be read, or is not there although something names it.
fn distribution(root: &Dir, inventory: &Inventory, unreadable: &mut Vec<Unreadable>) -> Vec<Leftover> {
    let database = &inventory.layerdb;
    let content = |layer: &Layer| layer.diff.value().copied().filter(|_| layer.computed_chain() == Some(layer.chain));
    let leftovers = database.removals.values().chain(database.write_sets.values());
    let contents = database.layers.values().map(content).chain(leftovers.map(|leftover| leftover.diff));
    let Some(mut here): Option<HashSet<DiffId>> = contents.collect() else { return Vec::new() };
    if lacks_records(inventory) {
        return Vec::new();
    }
    here.extend(inventory.images.values().flat_map(|image| &image.config.diff_ids));
    let by_diff = |dir: &Dir, entry: &Entry, unreadable: &mut Vec<Unreadable>| {
        id_of_name::<FileName<DiffId>>(dir, entry, Pins::Nothing, unreadable).map(|name| name.0)
    };
    let by_blob =
        |dir: &Dir, entry: &Entry, unreadable: &mut Vec<Unreadable>| keep(read_id::<DiffId>(dir, &entry.name), Pins::Nothing, unreadable)?;
    let mut found = stale(root, BY_DIFF, &here, by_diff, unreadable);
    found.extend(stale(root, BY_BLOB, &here, by_blob, unreadable));
    found
}

/// Whether the record of a layer is not there, or cannot be read, that there is or was.
fn lacks_records(inventory: &Inventory) -> bool {
    let records = inventory.root.join(layerdb::LAYERS);
    let is_hidden = |unreadable: &Unreadable| unreadable.path.starts_with(&records) && unreadable.pins != Pins::Nothing;
    let layers = &inventory.layerdb.layers;
    let of_images = inventory.images.values().flat_map(|image| ChainId::chain(&image.config.diff_ids));
    let of_mounts = inventory.mounts.values().filter_map(|mount| mount.parent.value().copied());
    let of_layers = layers.values().filter_map(|layer| layer.parent.value().copied());
    let of_builds = inventory.buildkit.iter().flat_map(|buildkit| buildkit.snapshots.values()).filter_map(|snapshot| snapshot.chain);
    let mut named = of_images.chain(of_mounts).chain(of_layers).chain(of_builds);
    let is_lost = layers.is_empty() && !inventory.overlay2.dirs.is_empty();
    is_lost || inventory.unreadable.iter().any(is_hidden) || named.any(|chain| !layers.contains_key(&chain))
}

/// The files in `place` that tell of a content that is not `here`.
fn stale(
    root: &Dir,
    place: &str,
    here: &HashSet<DiffId>,
    told: impl Fn(&Dir, &Entry, &mut Vec<Unreadable>) -> Option<DiffId> + Sync,
    unreadable: &mut Vec<Unreadable>,
) -> Vec<Leftover> {
    let Some(dir) = keep(root.dir(place), Pins::Nothing, unreadable).flatten() else { return Vec::new() };
    let mut entries = keep(dir.entries(), Pins::Nothing, unreadable).unwrap_or_default();
    entries.retain(|entry| entry.kind == Kind::File && DiffId::from_hex(entry.name.as_bytes()).is_ok());
    read_each(&entries, unreadable, |entry, unreadable| {
        let diff = told(&dir, entry, unreadable)?;
        if here.contains(&diff) { None } else { leftover(root, place, entry, What::DistributionEntry, unreadable) }
    })
}

/// What was kept by versions before the one that was here last, as far as the disk tells which that was.
fn retired(root: &Dir, inventory: &Inventory, unreadable: &mut Vec<Unreadable>) -> Vec<Leftover> {
    // 20.10 writes the one, 23.0 the other.
    let has_new_builder = root.kind("buildkit/metadata_v2.db").is_ok_and(|kind| kind == Some(Kind::File));
    let is_retired = |entry: &&Entry| match entry.name.as_bytes() {
        b"builder" => has_new_builder,
        b"trust" => inventory.has_engine_id,
        b"tmp-old" => true,
        _ => false,
    };
    let top = keep(root.entries(), Pins::Nothing, unreadable).unwrap_or_default();
    let top: Vec<&Entry> = top.iter().filter(|entry| entry.kind == Kind::Directory).filter(is_retired).collect();
    let mut found: Vec<Leftover> = top.into_iter().filter_map(|entry| leftover(root, "", entry, What::RetiredStore, unreadable)).collect();
    let databases = keep(root.entries_of("buildkit"), Pins::Nothing, unreadable).unwrap_or_default();
    let set_aside = databases.iter().filter(|entry| entry.kind == Kind::File && is_set_aside(entry.name.as_bytes()));
    found.extend(set_aside.filter_map(|entry| leftover(root, "buildkit", entry, What::RetiredStore, unreadable)));
    found
}

/// Whether a name is `<database>.db.<25 characters>.bak`.
fn is_set_aside(name: &[u8]) -> bool {
    let parts = name.strip_suffix(b".bak").and_then(|rest| rest.split_at_checked(rest.len().checked_sub(26)?));
    parts.is_some_and(|(database, random)| {
        let is_random = random.strip_prefix(b".").is_some_and(|random| matches!(DirId::try_from(random), Ok(DirId::Build(_))));
        is_random && database.ends_with(b".db") && database.len() > 3
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_was_set_aside_is_called_so() {
        let random = "0al2u8na1bkp9fzqga1jyrhph";
        assert!(is_set_aside(format!("cache.db.{random}.bak").as_bytes()));
        for name in ["cache.db", "cache.db.bak", ".db.0al2u8na1bkp9fzqga1jyrhph.bak", "cache.db.0AL2U8NA1BKP9FZQGA1JYRHPH.bak"] {
            assert!(!is_set_aside(name.as_bytes()), "{name}");
        }
    }
}
