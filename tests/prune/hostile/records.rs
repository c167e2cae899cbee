//! Records that are not what Docker writes: two of one directory, one inside of another, names that lead elsewhere.

use crate::world::World;
use layerwise::demo::{Builder, ContainerSpec, ImageSpec, Layer, MountNaming, Removal, Tree};
use std::fs;
use std::path::Path;

/// A data-root with an image, and its layer.
fn world() -> (World, Builder, Layer) {
    let (world, mut root) = World::empty();
    let used = root.layer(None, Tree::new("used").file("a", 9_000)).unwrap();
    root.image(&ImageSpec::new(&used).tag("used:1")).unwrap();
    (world, root, used)
}

/// Makes the record at `record` name the directory of `layer`.
fn name_directory(world: &World, record: &Path, layer: &Layer) {
    fs::write(world.root().join(record).join("cache-id"), layer.dir.id.to_string()).unwrap();
}

/// The records that dockerd would load and whose directory is not there: it would never notice, and break later pulls.
fn without_directory(world: &World) -> Vec<String> {
    let records = fs::read_dir(world.root().join("image/overlay2/layerdb/sha256")).unwrap().map(|entry| entry.unwrap().path());
    let records = records.filter(|record| record.file_name().unwrap().len() == 64);
    let missing = records.filter(|record| {
        let id = fs::read_to_string(record.join("cache-id")).unwrap();
        !world.root().join("overlay2").join(id).exists()
    });
    missing.map(|record| record.display().to_string()).collect()
}

/// Kills a prune at every place, and looks for layers without a directory.
fn assert_no_layer_loses_its_directory(world: &World, name: &str) {
    let arguments = ["prune", "--force"];
    let points = World::copy(world).points(&arguments);
    for (number, point) in points.iter().enumerate() {
        let copy = World::copy(world);
        assert_eq!(copy.run_with(&arguments, number, "kill -9 $PPID").status, None);
        assert_eq!(without_directory(&copy), Vec::<String>::new(), "{name}: killed at {number} ({point})");
        let ran = copy.run(&arguments);
        assert_eq!((ran.status, copy.planned(&[])), (Some(0), Vec::new()), "{name}: {ran:?}");
    }
}

#[test]
fn a_directory_goes_after_every_record_that_names_it() {
    type Share = fn(&World, &mut Builder, &Layer);
    let shared: [(&str, Share); 4] = [
        ("two layers", |world, root, one| {
            let other = root.layer(None, Tree::new("other").file("c", 5_000)).unwrap();
            name_directory(world, &other.record(), one);
        }),
        ("a layer and one on it", |world, root, one| {
            let other = root.layer(Some(one), Tree::new("other").file("c", 5_000)).unwrap();
            name_directory(world, &other.record(), one);
        }),
        ("a layer and an interrupted removal", |world, root, one| {
            let other = root.layer(None, Tree::new("other").file("c", 5_000)).unwrap();
            let record = root.interrupted_removal(&other, Removal::Begun).unwrap();
            name_directory(world, &record, one);
        }),
        ("a layer and a write set", |_, root, one| {
            root.write_set("other", Some(&one.dir)).unwrap();
        }),
    ];
    for (name, share) in shared {
        let (world, mut root, _) = world();
        let one = root.layer(None, Tree::new("one").file("b", 5_000)).unwrap();
        share(&world, &mut root, &one);
        assert!(world.planned(&[]).contains(&one.dir.path().to_str().unwrap().to_owned()), "{name}");
        assert_no_layer_loses_its_directory(&world, name);
    }
}

#[test]
fn a_directory_that_a_living_record_names_too_stays() {
    let (world, mut root, used) = world();
    let dead = root.layer(None, Tree::new("dead").file("b", 5_000)).unwrap();
    name_directory(&world, &dead.record(), &used);
    let removed = root.layer(None, Tree::new("removed").file("c", 5_000)).unwrap();
    let removal = root.interrupted_removal(&removed, Removal::Begun).unwrap();
    name_directory(&world, &removal, &used);
    root.write_set("x", Some(&used.dir)).unwrap();
    root.unowned_mount("dead", &used, &Tree::new("mount")).unwrap();
    let record = world.root().join("image/overlay2/layerdb/mounts");
    let record = fs::read_dir(record).unwrap().next().unwrap().unwrap().path();
    fs::write(record.join("mount-id"), used.dir.id.to_string()).unwrap();
    let before = world.snapshot();
    let planned = world.planned(&[]);
    let of_used = [used.dir.path(), used.dir.link_path(), used.record()].map(|path| path.to_str().unwrap().to_owned());
    assert!(planned.iter().all(|path| !of_used.contains(path)), "{planned:?}");
    assert!(planned.contains(&removal.to_str().unwrap().to_owned()), "{planned:?}");
    assert_eq!(world.run(&["prune", "--force"]).status, Some(0));
    world.snapshot().assert_is(&before.without(&planned), "afterwards");
}

#[test]
fn a_record_in_which_a_living_one_lies_stays() {
    let (world, mut root, layer) = world();
    let image = root.image(&ImageSpec::new(&layer).tag("team/app:1")).unwrap();
    let container = root.container(&ContainerSpec::new("web", &image).image_mount(&image, "/opt", MountNaming::Joined)).unwrap();
    root.container(&ContainerSpec::new("other", &image)).unwrap();
    let mounts = world.root().join("image/overlay2/layerdb/mounts");
    let outer = mounts.join(format!("{}-team", container.id));
    assert!(outer.join("app:1").join("mount-id").exists(), "Docker 28 makes directories of an image's name");
    // As if the container had had an image called `team` mounted as well.
    let leaked = root.orphan_directory("leaked", Some(&layer), &Tree::new("leaked")).unwrap();
    fs::write(outer.join("mount-id"), leaked.id.to_string()).unwrap();
    let before = world.snapshot();
    let planned = world.planned(&[]);
    let ran = world.run(&["prune", "--force"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(outer.join("app:1").join("mount-id").exists(), "{planned:?}");
    world.snapshot().assert_is(&before, "nothing is proven dead");
    // Without the container both are dead. The inner one goes first, which changes the outer one, and so this goes the next time.
    fs::remove_dir_all(world.root().join(container.path())).unwrap();
    let before = world.snapshot();
    let ran = world.run(&["prune", "--force", "--trash"]);
    assert!(ran.status == Some(5) && ran.output.contains("it has changed since"), "{ran:?}");
    assert_eq!(world.run(&["trash", "restore"]).status, Some(0));
    assert_eq!(world.snapshot().0.keys().collect::<Vec<_>>(), before.0.keys().collect::<Vec<_>>());
    for status in [5, 0] {
        assert_eq!(world.run(&["prune", "--force"]).status, Some(status));
    }
    assert!(!outer.exists() && world.planned(&[]).is_empty());
}

#[test]
fn a_directory_that_a_stopped_container_has_bound_stays() {
    let (world, mut root, used) = world();
    let image = root.image(&ImageSpec::new(&used).tag("app:1")).unwrap();
    let container = root.container(&ContainerSpec::new("web", &image)).unwrap();
    let [bound, other] = ["bound", "other"].map(|name| root.orphan_directory(name, None, &Tree::new(name).file("data", 1)).unwrap());
    let path = world.root().join(container.path()).join("config.v2.json");
    let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let source = world.root().join(bound.path()).join("diff/data");
    config["MountPoints"]["/data"] = serde_json::json!({ "Type": "bind", "Source": source, "Destination": "/data", "RW": true });
    fs::write(&path, config.to_string()).unwrap();
    let why = world.run(&["why", &bound.id.to_string()]).output;
    assert!(why.contains("bind mount of") && why.contains("web"), "{why}");
    assert_eq!(world.run(&["prune", "--force"]).status, Some(0));
    assert!(source.exists() && !world.root().join(other.path()).exists());
}
