//! The databases of a real dockerd against what it said of them, and databases in which something is missing or wrong.

use super::*;
use crate::id::DiffId;
use crate::store::bolt::forge::{Database, Item, bucket, value};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const CHAIN: &str = "sha256:b1f2e5a0c4d3978685746352413021f0e1d2c3b4a5968778695a4b3c2d1e0f10";
const ACTIVE: &str = "58m0khrzqs70bvabzighe0jdm";
const NAME: &str = "dxts4p735yayxgby72rsbbhif";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/buildkit").join(name)
}

/// What is read of a `buildkit` directory with the given databases.
fn read_of(databases: &[(&str, &[u8])]) -> (Option<BuildKit>, Vec<Unreadable>) {
    let temp = tempfile::tempdir().unwrap();
    fs::create_dir(temp.path().join("buildkit")).unwrap();
    for (name, bytes) in databases {
        let path = temp.path().join("buildkit").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let mut unreadable = Vec::new();
    let read = read(&Dir::root(temp.path()).unwrap(), &mut unreadable);
    (read, unreadable)
}

/// A whole state of which one database is `items` and the others are empty.
fn read_with(name: &str, items: Vec<(&str, Item)>) -> (BuildKit, Vec<(String, Pins)>) {
    let mut databases: BTreeMap<&str, Vec<u8>> =
        [SNAPSHOTS, LEASES, RECORDS].map(|name| (name, Database::new::<&str>(vec![]).bytes())).into();
    databases.insert(name, Database::new(items).bytes());
    let databases: Vec<_> = databases.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
    let (read, unreadable) = read_of(&databases);
    (read.unwrap(), unreadable.into_iter().map(|unreadable| (unreadable.error, unreadable.pins)).collect())
}

/// What was captured of a real dockerd.
fn built() -> BuildKit {
    let databases = [SNAPSHOTS, LEASES, RECORDS].map(|name| (name, fs::read(fixture("built").join(name)).unwrap()));
    let (read, unreadable) = read_of(&databases.each_ref().map(|(name, bytes)| (*name, &bytes[..])));
    assert_eq!(unreadable, []);
    read.unwrap()
}

/// What dockerd said at the same time.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Said {
    build_cache: Vec<SaidRecord>,
    /// The layers of every image.
    images: Vec<Vec<String>>,
}

#[derive(Deserialize, PartialEq, Eq, Debug)]
#[serde(rename_all = "PascalCase")]
struct SaidRecord {
    #[serde(rename = "ID")]
    id: String,
    parent: String,
    r#type: String,
    description: String,
    shared: bool,
    size: u64,
    created_at: String,
    last_used_at: String,
    usage_count: u64,
}

fn said() -> Said {
    serde_json::from_slice(&fs::read(fixture("built/said.json")).unwrap()).unwrap()
}

#[test]
fn the_records_are_what_dockerd_said() {
    let Said { build_cache, images } = said();
    let diffs = images.iter().map(|layers| layers.iter().map(|diff| diff.parse().unwrap()).collect::<Vec<DiffId>>());
    let chains: BTreeSet<_> = diffs.flat_map(|diffs| ChainId::chain(&diffs).collect::<Vec<_>>()).collect();
    let buildkit = built();
    let mut shared = BTreeSet::new();
    for (id, _) in buildkit.listed().filter(|(id, _)| buildkit.chain_of(id).is_some_and(|chain| chains.contains(&chain))) {
        let mut next = Some(id);
        while let Some(id) = next {
            shared.insert(id);
            next = buildkit.records[id].parents.first().map(String::as_str);
        }
    }
    let read = buildkit.listed().map(|(id, record)| SaidRecord {
        id: id.to_owned(),
        parent: record.parents.first().cloned().unwrap_or_default(),
        r#type: record.kind().to_owned(),
        description: record.description.clone().unwrap_or_default(),
        shared: shared.contains(id),
        size: buildkit.size_of(id).unwrap(),
        created_at: record.created.unwrap().to_string(),
        last_used_at: record.last_used.unwrap().to_string(),
        usage_count: record.usage_count,
    });
    assert_eq!(read.collect::<Vec<_>>(), build_cache);
    assert_eq!(build_cache.iter().filter(|record| record.shared).count(), 8);
    assert!(buildkit.records.len() > build_cache.len(), "none that is listed as another");
}

#[test]
fn every_record_is_leased_and_has_its_snapshot() {
    let buildkit = built();
    let mut layers = 0;
    for (id, record) in buildkit.listed() {
        let lease = &buildkit.leases[id];
        let key = record.snapshot.clone().unwrap_or_else(|| SnapshotKey::parse(id.as_bytes()));
        assert_eq!(lease.snapshots, std::slice::from_ref(&key), "{id}");
        assert!(lease.created.unwrap() <= record.last_used.unwrap() && !lease.is_temporary() && lease.expires().is_none(), "{id}");
        match &key {
            SnapshotKey::Chain(chain) => {
                assert_eq!((record.chain, buildkit.chain_of(id), buildkit.dir_of(&key)), (Some(*chain), Some(*chain), None));
                layers += 1;
            }
            SnapshotKey::Build(_) | SnapshotKey::Other(_) => {
                let dir = buildkit.dir_of(&key).unwrap();
                let snapshot = &buildkit.snapshots[&SnapshotKey::parse(dir.to_string().as_bytes())];
                let committed = buildkit.snapshots[&key].committed;
                assert_eq!(committed.is_some(), snapshot.is_committed, "{id}");
                assert_eq!(committed.is_some(), dir.to_string() != id, "{id}");
            }
        }
    }
    assert_eq!((layers, buildkit.listed().count(), buildkit.leases.len()), (4, 15, 15));
}

#[test]
fn what_dockerd_left_behind_is_read_too() {
    let pruned = fs::read(fixture("pruned/snapshots.db")).unwrap();
    let empty = fs::read(fixture("fresh/snapshots.db")).unwrap();
    let (read, unreadable) = read_of(&[(SNAPSHOTS, &pruned), (LEASES, &empty), (RECORDS, &empty)]);
    let snapshots = read.unwrap().snapshots;
    assert_eq!((snapshots.len(), unreadable.len()), (4, 0));
    assert!(snapshots.values().all(|snapshot| snapshot.chain.is_some() && snapshot.committed.is_none()));
}

#[test]
fn a_state_before_the_first_build_is_empty() {
    let empty: &[u8] = &fs::read(fixture("fresh/snapshots.db")).unwrap();
    for databases in [&[][..], &[(SNAPSHOTS, empty), (LEASES, empty), (RECORDS, empty)]] {
        assert_eq!(read_of(databases), (Some(BuildKit::default()), vec![]));
    }
    let temp = tempfile::tempdir().unwrap();
    let mut unreadable = Vec::new();
    assert_eq!(read(&Dir::root(temp.path()).unwrap(), &mut unreadable), None);
    assert_eq!(unreadable, []);
}

#[test]
fn the_containerd_image_store_is_told_apart() {
    let (read, unreadable) = read_of(&[("cache.db", b""), ("history_c8d.db", b""), ("containerd-overlayfs/metadata_v2.db", b"")]);
    assert_eq!((read.unwrap().containerd_snapshotters, unreadable), (vec!["overlayfs".to_owned()], vec![]));
}

#[test]
fn what_is_missing_or_damaged_pins_what_it_knew() {
    let empty: &[u8] = &Database::new::<&str>(vec![]).bytes();
    let damaged: &[u8] = &empty[..5000];
    for (databases, expected) in [
        (&[(LEASES, empty), (RECORDS, empty)][..], &[(SNAPSHOTS, Pins::Everything)][..]),
        (&[("cache.db", empty)], &[(SNAPSHOTS, Pins::Everything)]),
        (&[("history.db", empty), (SNAPSHOTS, empty), (LEASES, empty)], &[(RECORDS, Pins::Layers)]),
        (&[(SNAPSHOTS, empty), (RECORDS, empty)], &[(LEASES, Pins::Layers)]),
        (&[(SNAPSHOTS, empty), (OLD_RECORDS, empty)], &[]),
        (&[(SNAPSHOTS, damaged), (LEASES, empty), (RECORDS, empty)], &[(SNAPSHOTS, Pins::Everything)]),
        (&[(SNAPSHOTS, empty), (LEASES, damaged), (RECORDS, empty)], &[(LEASES, Pins::Everything)]),
        (&[(SNAPSHOTS, empty), (LEASES, empty), (RECORDS, damaged)], &[(RECORDS, Pins::Everything)]),
        (&[(SNAPSHOTS, empty), (OLD_RECORDS, damaged)], &[(OLD_RECORDS, Pins::Everything)]),
        (&[(SNAPSHOTS, b""), (LEASES, empty), (RECORDS, empty)], &[(SNAPSHOTS, Pins::Everything)]),
    ] {
        let (read, unreadable) = read_of(databases);
        assert!(read.is_some());
        let found: Vec<_> = unreadable.iter().map(|it| (it.path.file_name().unwrap().to_str().unwrap(), it.pins)).collect();
        assert_eq!(found, expected, "{:?}", databases.iter().map(|(name, _)| name).collect::<Vec<_>>());
    }
}

#[test]
fn something_else_in_its_place_pins_everything() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("buildkit"), "").unwrap();
    let mut unreadable = Vec::new();
    assert_eq!(read(&Dir::root(temp.path()).unwrap(), &mut unreadable), None);
    assert_eq!(unreadable[0].pins, Pins::Everything);
}

#[test]
fn one_wrong_value_pins_everything_and_hides_nothing_else() {
    let sound = || bucket(vec![("committed", value(ACTIVE))]);
    for (item, problem, pins) in [
        (bucket(vec![("chainid", value("sha256:b1f2"))]), r#"/chainid: "sha256:b1f2" is not a ChainID (sha256:…)"#, Pins::Everything),
        (
            bucket(vec![("committed", value("../../etc"))]),
            r#"/committed: "../../etc" is not the name of a layer directory"#,
            Pins::Everything,
        ),
        (bucket(vec![("parent", value("sha256:"))]), "/parent: sha256: is not a ChainID", Pins::Everything),
        (bucket(vec![("child", value(""))]), "/child: not a key of a snapshot", Pins::Everything),
        (bucket(vec![("parent", bucket::<&str>(vec![]))]), "/parent: a bucket where a value should be", Pins::Everything),
        (bucket(vec![("size", value("12 kB"))]), "/size: not a size", Pins::Nothing),
        (value(""), ": a value where a snapshot should be", Pins::Everything),
    ] {
        let (read, problems) = read_with(SNAPSHOTS, vec![("0", item), (NAME, sound())]);
        assert!(problems.len() == 1 && problems[0].0.starts_with(&format!("0{problem}")), "{problems:?}");
        assert_eq!(problems[0].1, pins, "{problem}");
        assert_eq!(read.dir_of(&SnapshotKey::parse(NAME.as_bytes())).unwrap().to_string(), ACTIVE);
    }
    let (read, problems) = read_with(SNAPSHOTS, vec![("sha256:b1f2", sound())]);
    assert_eq!(problems, [("sha256:b1f2: not a ChainID".to_owned(), Pins::Everything)]);
    assert_eq!(read.snapshots.len(), 1);
}

#[test]
fn a_lease_holds_snapshots_of_any_name_until_it_ends() {
    let labels = bucket(vec![
        ("buildkit/lease.temporary", value("2026-11-23T15:00:12Z")),
        ("containerd.io/gc.expire", value("2026-11-23T16:00:12Z")),
    ]);
    let held = bucket(vec![(CHAIN, value("")), (NAME, value("")), ("some-view", value(""))]);
    let lease = bucket(vec![("content", bucket::<&str>(vec![])), ("labels", labels), ("snapshots", bucket(vec![("default", held)]))]);
    let leases = |namespace| (namespace, bucket(vec![("leases", bucket(vec![("17-x", lease.clone())]))]));
    let v1 = vec![leases("buildkit"), leases("buildkit_history"), ("version", value([6]))];
    let (read, problems) = read_with(LEASES, vec![("v1", bucket(v1))]);
    assert_eq!(problems, []);
    assert_eq!(read.leases.keys().collect::<Vec<_>>(), ["17-x", "buildkit_history/17-x"]);
    let lease = &read.leases["17-x"];
    assert_eq!(lease.snapshots.iter().map(ToString::to_string).collect::<Vec<_>>(), [NAME, CHAIN, "some-view"]);
    assert!(lease.is_temporary());
    assert_eq!(lease.expires().unwrap().to_string(), "2026-11-23T16:00:12Z");
}

#[test]
fn an_unknown_schema_pins_everything() {
    let wrong = || bucket(vec![("leases", value(""))]);
    for (name, items, problem) in [
        (LEASES, vec![("v2", bucket::<&str>(vec![]))], "v2: an unknown schema"),
        (LEASES, vec![("v1", bucket(vec![("buildkit", value(""))]))], "buildkit: a value where a namespace should be"),
        (LEASES, vec![("v1", bucket(vec![("buildkit", wrong())]))], "buildkit/leases: a value where a bucket should be"),
        (RECORDS, vec![("_main", value(""))], "_main: an unknown schema"),
        (RECORDS, vec![("_other", bucket::<&str>(vec![]))], "_other: an unknown schema"),
    ] {
        let (_, problems) = read_with(name, items);
        assert_eq!(problems, [(problem.to_owned(), Pins::Everything)]);
    }
}

#[test]
fn a_field_of_a_record_pins_what_it_may_refer_to() {
    let deep = format!(r#"{{"value":{}"x"}}"#, "[".repeat(100_000));
    for (field, stored, pins) in [
        ("cache.snapshot", r#"{"value":"sha256:"}"#, Some(Pins::Everything)),
        ("cache.chainID", r#"{"value":"x"}"#, Some(Pins::Everything)),
        ("cache.chainID", "", None),
        ("cache.chainID", "{}", None),
        ("cache.parent", "[]", Some(Pins::Everything)),
        ("cache.equalMutable", &deep, Some(Pins::Everything)),
        ("cache.description", r#"{"value":1}"#, Some(Pins::Nothing)),
        ("cache.createdAt", r#"{"value":9223372036854775808}"#, Some(Pins::Nothing)),
        ("snapshot.size", r#"{"value":-1}"#, None),
        ("snapshot.size", r#"{"value":1e99}"#, Some(Pins::Nothing)),
        ("anything.else", "not JSON", None),
    ] {
        let records = bucket(vec![(NAME, bucket(vec![(field, value(stored))]))]);
        let (read, problems) = read_with(RECORDS, vec![("_main", records)]);
        assert_eq!(problems.first().map(|(_, pins)| *pins), pins, "{field} = {stored:.40}");
        assert_eq!(read.records[NAME], Record::default(), "{field}");
    }
}

#[test]
fn the_old_layout_names_layers_by_their_records() {
    let field = |text: &str| value(format!(r#"{{"value":{text}}}"#));
    let layer = bucket(vec![("cache.description", field(r#""pulled from x""#)), ("cache.lastUsedAt", field("0"))]);
    let merged = bucket(vec![("cache.mergeParents", field(r#"["a","b"]"#)), ("cache.deleted", field("true"))]);
    let records = Database::new(vec![("_main", bucket(vec![(NAME, merged), (CHAIN, layer)]))]).bytes();
    let snapshots = Database::new(vec![(CHAIN, bucket::<&str>(vec![]))]).bytes();
    let (read, unreadable) = read_of(&[(SNAPSHOTS, &snapshots), (OLD_RECORDS, &records)]);
    assert_eq!(unreadable, []);
    let read = read.unwrap();
    assert_eq!(read.chain_of(CHAIN).unwrap().to_string(), CHAIN);
    assert_eq!(read.records[CHAIN].last_used, None);
    assert_eq!(read.records[NAME].parents, ["a", "b"]);
    assert_eq!(read.listed().map(|(id, _)| id).collect::<Vec<_>>(), [CHAIN]);
}
