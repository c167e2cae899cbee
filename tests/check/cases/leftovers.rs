//! What is no damage, but garbage.

use super::{Case, case};
use layerwise::demo::{Fragment, Harm, Removal, SnapshotSpec, Target, Tree};

pub(super) const CASES: &[Case] = &[
    case(
        "a dangling link",
        |world| {
            world.root.dangling_link("x").unwrap();
        },
        &["garbage dangling-link overlay2/l/*"],
    ),
    case(
        "a duplicate link",
        |world| {
            world.root.duplicate_link(&world.base.dir).unwrap();
        },
        &["garbage duplicate-link overlay2/l/*"],
    ),
    case(
        "an orphan directory",
        |world| drop(world.root.orphan_directory("x", Some(&world.base), &Tree::new("x")).unwrap()),
        &["garbage orphan-directory overlay2/*", "garbage orphan-directory overlay2/l/*"],
    ),
    case(
        "a fragment of a directory",
        |world| {
            world.root.fragment("x", Fragment::WithDiff).unwrap();
        },
        &["garbage orphan-directory overlay2/*"],
    ),
    case(
        "an unneeded layer",
        |world| drop(world.root.layer(Some(&world.base), Tree::new("x").file("x", 1)).unwrap()),
        &[
            "garbage unreferenced-layer image/overlay2/layerdb/sha256/*",
            "garbage unreferenced-layer overlay2/*",
            "garbage unreferenced-layer overlay2/l/*",
        ],
    ),
    case(
        "an unneeded layer that is broken in many ways",
        |world| {
            let layer = world.root.layer(Some(&world.base), Tree::new("x").file("x", 1)).unwrap();
            world.remove(&Target::LayerFile(layer.chain_id, "tar-split.json.gz"));
            world.damage(&Target::DirectoryEntry(layer.dir.id, "link"), &Harm::Emptied);
            world.write(layer.dir.path().join("diff/more"), "more");
        },
        &[
            "garbage unreferenced-layer image/overlay2/layerdb/sha256/*",
            "garbage unreferenced-layer overlay2/*",
            "garbage unreferenced-layer overlay2/l/*",
        ],
    ),
    case(
        "a broken record",
        |world| {
            world.root.broken_layer_record("x").unwrap();
        },
        &["garbage broken-layer-record image/overlay2/layerdb/sha256/*"],
    ),
    case(
        "an interrupted removal",
        |world| {
            let layer = world.root.layer(Some(&world.base), Tree::new("x").file("x", 1)).unwrap();
            world.root.interrupted_removal(&layer, Removal::DirectoryGone).unwrap();
        },
        &["garbage interrupted-removal image/overlay2/layerdb/sha256/*"],
    ),
    case(
        "a write set",
        |world| drop(world.root.write_set("x", None).unwrap()),
        &["garbage uncommitted-write-set image/overlay2/layerdb/tmp/*"],
    ),
    case(
        "an unowned mount",
        |world| drop(world.root.unowned_mount("x", &world.base, &Tree::new("x")).unwrap()),
        &[
            "garbage unowned-mount image/overlay2/layerdb/mounts/*",
            "garbage unowned-mount overlay2/*",
            "garbage unowned-mount overlay2/l/*",
        ],
    ),
    case("a probe", |world| drop(world.root.probe_directory("metacopy-check").unwrap()), &["garbage stale-probe-directory overlay2/*"]),
    case(
        "a temporary file",
        |world| drop(world.root.temporary("image/overlay2/repositories.json", "x").unwrap()),
        &["garbage stale-temporary-file image/overlay2/.tmp-*"],
    ),
    case(
        "something in the trash",
        |world| {
            std::fs::create_dir_all(world.at(".layerwise/trash/1")).unwrap();
            world.write(".layerwise/trash/1/x", "x");
        },
        &["garbage in-trash .layerwise"],
    ),
    case(
        "a directory that was renamed to be deleted",
        |world| std::fs::create_dir(world.at(format!("overlay2/{}-removing", "a".repeat(64)))).unwrap(),
        &["notice unknown-entry overlay2/*-removing"],
    ),
    case("a download that was cut off", |world| world.write("tmp/GetImageBlob1", "x"), &["notice stale-tmp tmp"]),
    case(
        "a volume that was copied there",
        |world| std::fs::create_dir_all(world.at("volumes/copied/_data")).unwrap(),
        &["notice volume-without-record volumes/copied"],
    ),
    case(
        "a temporary file that may be all that is left",
        |world| {
            world.root.temporary("image/overlay2/repositories.json", "x").unwrap();
            world.damage(&Target::Repositories, &Harm::Emptied);
        },
        &["error references-unusable image/overlay2/repositories.json", "notice withheld-garbage "],
    ),
    case(
        "what a prune of builds leaves",
        |world| {
            let layer = world.root.layer(Some(&world.base), Tree::new("x").file("x", 1)).unwrap();
            world.root.snapshot(&SnapshotSpec::new("x", Tree::new("y")).on_layer(&layer).unleased().unrecorded()).unwrap();
        },
        &[],
    ),
];
