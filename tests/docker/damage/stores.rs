//! Damage to databases and volumes.

use std::fs;

use super::case::{Case, Repair, Says, Start};
use super::root::{Root, cut, remove, write};

pub(super) const CASES: &[Case] = &[
    Case {
        damage: "`volumes/metadata.db` overwritten",
        inflict: |root| scramble(root, "volumes/metadata.db"),
        check: "check",
        codes: &["database-damaged"],
        start: Start::Fails("volume store metadata database"),
        then: &[],
        reaction: "does not start: \"error while opening volume store metadata database: invalid database\"",
        repair: Repair::Leaves,
    },
    Case {
        damage: "`volumes/metadata.db` missing",
        inflict: |root| remove(root.at("volumes/metadata.db")),
        check: "check",
        codes: &["database-missing"],
        start: Start::Works,
        then: &[("volume ls -q", Says::Prints("data"))],
        reaction: "starts; the volumes are listed",
        repair: Repair::Leaves,
    },
    Case {
        damage: "`opts.json` of a volume cut off",
        inflict: |root| cut(root.at("volumes/tuned/opts.json")),
        check: "check",
        codes: &["volume-options-unusable"],
        start: Start::Fails("unmarshaling volume options"),
        then: &[],
        reaction: "does not start: \"error while unmarshaling volume options\"",
        repair: Repair::Leaves,
    },
    Case {
        damage: "`network/files/local-kv.db` overwritten",
        inflict: |root| scramble(root, "network/files/local-kv.db"),
        check: "check",
        codes: &["database-damaged"],
        start: Start::Fails("network controller"),
        then: &[],
        reaction: "does not start: \"Error initializing network controller … invalid database\"",
        repair: Repair::Leaves,
    },
    Case {
        damage: "`network/files/local-kv.db` missing",
        inflict: |root| remove(root.at("network/files/local-kv.db")),
        check: "check",
        codes: &["database-missing"],
        start: Start::Works,
        then: &[],
        reaction: "starts",
        repair: Repair::Leaves,
    },
    Case {
        damage: "`buildkit/snapshots.db` overwritten",
        inflict: |root| scramble(root, "buildkit/snapshots.db"),
        check: "check",
        codes: &["database-damaged"],
        start: Start::Fails("snapshots.db: invalid database"),
        then: &[],
        reaction: "does not start: \"failed to open database file …/snapshots.db: invalid database\"",
        repair: Repair::Leaves,
    },
    Case {
        damage: "`buildkit/snapshots.db` missing",
        inflict: |root| remove(root.at("buildkit/snapshots.db")),
        check: "check",
        codes: &["database-missing"],
        start: Start::Works,
        then: &[("system df", Says::Fails("error getting build cache usage")), ("builder prune -f", Says::Works)],
        reaction: "starts; `docker system df` fails: \"error getting build cache usage … not found\"; `docker builder prune` works",
        repair: Repair::Leaves,
    },
    Case {
        damage: "`buildkit/containerdmeta.db` overwritten",
        inflict: |root| scramble(root, "buildkit/containerdmeta.db"),
        check: "check",
        codes: &["database-damaged"],
        start: Start::Fails("invalid database"),
        then: &[],
        reaction: "does not start: \"invalid database\"",
        repair: Repair::Leaves,
    },
    Case {
        damage: "`buildkit/metadata_v2.db` overwritten",
        inflict: |root| scramble(root, "buildkit/metadata_v2.db"),
        check: "check",
        codes: &["database-damaged"],
        start: Start::Fails("metadata_v2.db: invalid database"),
        then: &[],
        reaction: "does not start: \"failed to open database file …/metadata_v2.db: invalid database\"",
        repair: Repair::Leaves,
    },
    Case {
        damage: "`buildkit/cache.db` overwritten",
        inflict: |root| scramble(root, "buildkit/cache.db"),
        check: "check",
        codes: &["database-damaged"],
        start: Start::Fails("cache.db: invalid database"),
        then: &[],
        reaction: "does not start: \"failed to open database file …/cache.db: invalid database\"",
        repair: Repair::Leaves,
    },
    Case {
        damage: "the directory of build cache missing",
        inflict: |root| remove(root.at("overlay2").join(cached(root))),
        check: "check",
        codes: &["missing-directory"],
        start: Start::Works,
        then: &[("system df", Says::Works), ("builder prune -af", Says::Works), ("system df", Says::Works)],
        reaction: "starts; `docker system df` and `docker builder prune` work",
        repair: Repair::Leaves,
    },
    Case {
        damage: "everything of `image/` missing",
        inflict: |root| remove(root.at("image")),
        check: "check",
        codes: &["container-image-missing", "missing-layer", "missing-mount"],
        start: Start::Works,
        then: &[("images -q", Says::Nothing), ("ps -aq", Says::Nothing)],
        reaction: "starts, \"failed to load container mount\"; no image and no container is listed",
        repair: Repair::Leaves,
    },
    Case {
        damage: "everything of `containers/` missing",
        inflict: |root| {
            remove(root.container());
        },
        check: "check",
        codes: &["containers-missing"],
        start: Start::Works,
        then: &[("ps -aq", Says::Nothing), ("images -q app", Says::Works)],
        reaction: "starts; no container is listed, the images are",
        repair: Repair::Leaves,
    },
];

/// Writes something else over a database.
fn scramble(root: &Root, database: &str) {
    let path = root.at(database);
    let size = fs::metadata(&path).unwrap().len();
    write(path, vec![0x5a; usize::try_from(size).unwrap()]);
}

/// The layer directory of the build cache that no image has.
fn cached(root: &Root) -> String {
    let buildkit = root.inventory.buildkit.as_ref().unwrap();
    let mut ids = buildkit.snapshots.values().filter_map(|snapshot| snapshot.committed.as_ref());
    let is_cache = |id: &str| root.at("overlay2").join(id).join("diff/cached").exists();
    ids.find(|id| is_cache(&id.to_string())).map(ToString::to_string).unwrap()
}
