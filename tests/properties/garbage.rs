//! Each kind of garbage, alone beside things in use: found, by its name, and nothing else is.

use crate::look::{garbage, inventory, measure, temporary};
use crate::steps::Made;
use layerwise::audit::Audit;
use layerwise::demo::{Builder, ContainerSpec, Fragment, ImageSpec, MountNaming, Removal, Result, SnapshotSpec, Tree};
use layerwise::graph::Thing;
use layerwise::graph::verdict::Verdict;
use layerwise::inventory::{Inventory, Running};
use layerwise::report::df::{self, Detail};
use std::collections::BTreeSet;
use std::path::Path;
use tempfile::TempDir;

/// A data-root in which everything is in use.
pub(crate) fn world() -> (TempDir, Made) {
    let temp = temporary();
    let mut made = Made::new(Builder::create(temp.path().join("root")).unwrap()).unwrap();
    made.batch(|made| {
        let (root, base) = (&mut made.root, made.layers[0].clone());
        let top = root.layer(Some(&base), Tree::new("top").file("etc/top", 50))?;
        let image = root.image(&ImageSpec::new(&top).tag("registry.example/top:1"))?;
        let namings = [MountNaming::Joined, MountNaming::Spelled, MountNaming::Hashed];
        let spec = ContainerSpec::new("web", &image).running(1);
        let spec = namings.into_iter().enumerate().fold(spec, |spec, (n, naming)| spec.image_mount(&image, &format!("/m{n}"), naming));
        made.containers.push(root.container(&spec)?);
        root.container(&ContainerSpec::new("done", &made.images[0]).exited(0).volume("data", "/data"))?;
        root.volume("data", &Tree::new("data"))?;
        root.snapshot(&SnapshotSpec::new("step", Tree::new("step").file("out", 9)).on_layer(&top))?;
        root.snapshot(&SnapshotSpec::local_source("context", Tree::new("context")).unleased())?;
        made.layers.push(top);
        Ok(())
    })
    .unwrap();
    (temp, made)
}

type Leave = fn(&mut Made) -> Result<()>;

/// What is left, by which name it is found, and the kinds of things that bear it.
const KINDS: [(&str, Leave, &str, &[&str]); 20] = [
    ("nothing", |_| Ok(()), "", &[]),
    (
        "an orphan",
        |made| made.root.orphan_directory("x", Some(&made.layers[1]), &tree()).map(drop),
        "orphan-directory",
        &["directory", "link"],
    ),
    (
        "an orphan of a build",
        |made| made.root.orphan_snapshot("x", Some(&made.layers[1]), &tree()).map(drop),
        "orphan-directory",
        &["directory", "link"],
    ),
    ("an orphan init layer", |made| made.root.orphan_init("x", &made.layers[1]).map(drop), "orphan-directory", &["directory", "link"]),
    ("a bare directory", |made| made.root.fragment("x", Fragment::Bare).map(drop), "orphan-directory", &["directory"]),
    ("a directory with diff", |made| made.root.fragment("x", Fragment::WithDiff).map(drop), "orphan-directory", &["directory"]),
    (
        "a directory with a symlink",
        |made| made.root.fragment("x", Fragment::WithSymlink).map(drop),
        "orphan-directory",
        &["directory", "link"],
    ),
    (
        "a directory without lower",
        |made| made.root.fragment("x", Fragment::WithoutLower).map(drop),
        "orphan-directory",
        &["directory", "link"],
    ),
    ("a dangling link", |made| made.root.dangling_link("x").map(drop), "dangling-link", &["link"]),
    ("a duplicate link", |made| made.root.duplicate_link(&made.layers[1].dir).map(drop), "duplicate-link", &["link"]),
    ("a removal begun", |made| removal(made, Removal::Begun), "interrupted-removal", &["directory", "link", "removal"]),
    ("a removal that took the link", |made| removal(made, Removal::LinkGone), "interrupted-removal", &["directory", "removal"]),
    ("a removal that took the directory", |made| removal(made, Removal::DirectoryGone), "interrupted-removal", &["removal"]),
    ("a removal that took its cache-id", |made| removal(made, Removal::CacheIdGone), "interrupted-removal", &["removal"]),
    ("a write set", |made| write_set(made), "uncommitted-write-set", &["directory", "link", "write-set"]),
    ("an empty write set", |made| made.root.write_set("x", None).map(drop), "uncommitted-write-set", &["write-set"]),
    ("a broken record", |made| made.root.broken_layer_record("x").map(drop), "broken-layer-record", &["layer"]),
    (
        "an unowned mount",
        |made| made.root.unowned_mount("x", &made.layers[1], &tree()).map(drop),
        "unowned-mount",
        &["directory", "link", "mount"],
    ),
    ("a build's view", |made| made.root.build_view("x", &made.layers[1]).map(drop), "unowned-mount", &["directory", "link", "mount"]),
    (
        "a layer of no image",
        |made| made.root.layer(Some(&made.layers[1]), tree()).map(drop),
        "unreferenced-layer",
        &["directory", "layer", "link"],
    ),
];

fn tree() -> Tree {
    Tree::new("left").file("left/over", 700)
}

fn removal(made: &mut Made, reached: Removal) -> Result<()> {
    let layer = made.root.layer(Some(&made.layers[1]), tree())?;
    made.root.interrupted_removal(&layer, reached).map(drop)
}

fn write_set(made: &mut Made) -> Result<()> {
    let dir = made.root.orphan_directory("x", Some(&made.layers[1]), &tree())?;
    made.root.write_set("x", Some(&dir)).map(drop)
}

/// The names by which things are garbage, and the kinds of these things.
fn found(audit: &Audit) -> (BTreeSet<&'static str>, Vec<&'static str>) {
    let dead = garbage(audit);
    let mut kinds: Vec<_> = dead.keys().map(Thing::kind).collect();
    kinds.sort_unstable();
    (dead.values().map(|kind| kind.code()).collect(), kinds)
}

/// The names by which inodes are garbage.
fn weighed(audit: &Audit) -> Vec<&'static str> {
    let df = df::sum(audit, audit.account.as_ref().unwrap(), None, Detail::Classes);
    df.garbage.iter().map(|item| item.code).collect()
}

fn look(root: &Path, running: Option<Running>) -> Audit {
    Audit::new(Inventory { running, ..inventory(root) }, Some(measure(root, 2)))
}

#[test]
fn each_kind_alone_is_found_by_its_name() {
    for (name, leave, code, kinds) in KINDS {
        let (_temp, mut made) = world();
        made.batch(leave).unwrap();
        let audit = look(made.root.path(), None);
        let codes: BTreeSet<&str> = [code].into_iter().filter(|code| !code.is_empty()).collect();
        assert_eq!(found(&audit), (codes.clone(), kinds.to_vec()), "{name}");
        assert_eq!(weighed(&audit), codes.into_iter().collect::<Vec<_>>(), "{name}");
        let unknown = audit.graph.things().filter(|(node, _)| matches!(audit.verdicts.of(*node), Verdict::Unknown(_)));
        assert_eq!(unknown.count(), 0, "{name}");
    }
}

#[test]
fn what_a_running_dockerd_may_have_made_is_not_garbage() {
    // Links are made after their directories, so one that leads nowhere is dead however young.
    let never_young = ["dangling-link", "duplicate-link"];
    for (name, leave, code, kinds) in KINDS {
        let (_temp, mut made) = world();
        made.batch(leave).unwrap();
        let root = made.root.path();
        let running = |started| Some(Running { pid: Some(1), started });
        for started in [None, Some((0, 0))] {
            let (codes, _) = found(&look(root, running(started)));
            assert!(codes.iter().all(|code| never_young.contains(code)), "{name}: {codes:?}");
        }
        let remembers = inventory(root).overlay2.dirs.values().all(|dir| dir.stamp.is_some_and(|stamp| stamp.born.is_some()));
        if remembers {
            let later = look(root, running(Some((i64::MAX, 0))));
            // A whole layer has been loaded by that dockerd, however old it is.
            let (code, kinds) = if code == "unreferenced-layer" { ("", &[][..]) } else { (code, kinds) };
            let codes: BTreeSet<&str> = [code].into_iter().filter(|code| !code.is_empty()).collect();
            assert_eq!(found(&later), (codes, kinds.to_vec()), "{name}");
        }
    }
}

#[test]
fn files_being_written_are_garbage_unless_dockerd_runs() {
    let (_temp, mut made) = world();
    let dir = made.layers[1].dir.path();
    for name in [Path::new("image/overlay2/repositories.json"), &dir.join("link")] {
        made.root.temporary(name, "half").unwrap();
    }
    made.root.probe_directory("metacopy-check").unwrap();
    let running = Some(Running { pid: Some(1), started: Some((i64::MAX, 0)) });
    assert_eq!(weighed(&look(made.root.path(), None)), ["stale-temporary-file", "stale-probe-directory"]);
    assert!(weighed(&look(made.root.path(), running)).is_empty());
}

#[test]
fn a_container_without_a_config_holds_what_could_be_its_image_mount() {
    let (_temp, mut made) = world();
    made.root.container_without_config("lost").unwrap();
    made.root.unowned_mount("x", &made.layers[1], &tree()).unwrap();
    made.root.orphan_directory("y", None, &tree()).unwrap();
    let (codes, kinds) = found(&look(made.root.path(), None));
    assert_eq!((codes, kinds), (BTreeSet::from(["orphan-directory"]), vec!["directory", "link"]));
}
