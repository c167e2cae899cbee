//! What only goes when it is named.

use crate::world::World;
use layerwise::demo::{ContainerSpec, ImageSpec, SnapshotSpec, Tree};
use std::fs;

/// The classes of the actions of a plan, each once, and the paths that it takes.
fn planned(world: &World, include: &str) -> (Vec<String>, Vec<String>) {
    let actions = world.actions(&["--include", include]);
    let mut classes: Vec<String> = actions.iter().map(|action| action["class"].as_str().unwrap().to_owned()).collect();
    classes.sort_unstable();
    classes.dedup();
    (classes, world.planned(&["--include", include]))
}

/// Prunes with a class named, and checks that just the plan is gone.
fn taken(world: &World, include: &str) {
    let (before, (_, paths)) = (world.snapshot(), planned(world, include));
    let ran = world.run(&["prune", "--force", "--include", include]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    world.snapshot().assert_is(&before.without(&paths), include);
    assert_eq!(planned(world, include).1, Vec::<String>::new());
}

#[test]
fn nothing_of_it_goes_unless_it_is_named() {
    let world = World::sample();
    assert_eq!(world.run(&["prune", "--force"]).status, Some(0));
    let before = world.snapshot();
    for (include, class) in [("distribution", "stale-distribution-entry"), ("retired", "retired-store")] {
        let (classes, paths) = planned(&world, include);
        assert_eq!(classes, [class]);
        assert!(paths.iter().all(|path| world.root().join(path).exists()), "{paths:?}");
    }
    assert_eq!(world.run(&["prune", "--force"]).status, Some(0));
    world.snapshot().assert_is(&before, "without naming it");
    for include in ["distribution", "retired"] {
        taken(&world, include);
    }
    assert!(
        !world.root().join("builder").exists() && world.root().join("trust").exists(),
        "nothing tells that Docker is newer than trust/"
    );
}

#[test]
fn the_store_of_a_former_driver_goes_if_no_container_may_be_of_it() {
    let (world, mut root) = World::empty();
    let layer = root.layer(None, Tree::new("app").file("a", 1)).unwrap();
    let image = root.image(&ImageSpec::new(&layer).tag("app:1")).unwrap();
    let container = root.container(&ContainerSpec::new("web", &image)).unwrap();
    root.inactive_driver("vfs", &Tree::new("vfs").file("bin/tool", 90_000)).unwrap();
    let config = world.root().join("containers").join(container.id.to_string()).join("config.v2.json");
    let text = fs::read_to_string(&config).unwrap();
    // Of the other driver, or of one that is not known.
    for spoilt in [text.replace("\"Driver\":\"overlay2\"", "\"Driver\":\"vfs\""), "{".to_owned()] {
        assert_ne!(spoilt, text);
        fs::write(&config, spoilt).unwrap();
        assert_eq!(planned(&world, "inactive-stores").1, Vec::<String>::new());
    }
    fs::write(&config, text).unwrap();
    let (classes, paths) = planned(&world, "inactive-stores");
    assert_eq!((classes, paths), (vec!["inactive-store".to_owned()], vec!["image/vfs".to_owned(), "vfs".to_owned()]));
    taken(&world, "inactive-stores");
}

#[test]
fn untagged_images_go_with_their_layers_children_first() {
    let (world, mut root) = World::empty();
    let base = root.layer(None, Tree::new("base").file("a", 10_000)).unwrap();
    root.image(&ImageSpec::new(&base).tag("base:1")).unwrap();
    let middle = root.layer(Some(&base), Tree::new("middle").file("b", 20_000)).unwrap();
    let parent = root.image(&ImageSpec::new(&middle)).unwrap();
    let top = root.layer(Some(&middle), Tree::new("top").file("c", 30_000)).unwrap();
    let child = root.image(&ImageSpec::new(&top).parent(&parent)).unwrap();
    let kinds: Vec<String> = world
        .actions(&["--include", "untagged-images"])
        .iter()
        .map(|action| format!("{} {}", action["kind"].as_str().unwrap(), action["id"].as_str().unwrap()))
        .collect();
    let place = |text: String| kinds.iter().position(|kind| *kind == text).unwrap_or_else(|| panic!("{text} is not in {kinds:?}"));
    let [of_child, of_parent] = [&child, &parent].map(|image| place(format!("image {}", image.id)));
    let [of_top, of_middle] = [&top, &middle].map(|layer| place(format!("layer {}", layer.chain_id)));
    assert!(of_child < of_parent && of_child < of_top && of_top < of_middle && of_parent < of_middle, "{kinds:?}");
    assert_eq!(kinds.len(), 4);
    taken(&world, "untagged-images");
}

#[test]
fn an_untagged_image_stays_if_it_has_a_child_a_container_or_if_names_may_be_lost() {
    let (world, mut root) = World::empty();
    let base = root.layer(None, Tree::new("base").file("a", 10_000)).unwrap();
    let parent = root.image(&ImageSpec::new(&base)).unwrap();
    let top = root.layer(Some(&base), Tree::new("top").file("b", 1_000)).unwrap();
    root.image(&ImageSpec::new(&top).tag("top:1").parent(&parent)).unwrap();
    let other = root.layer(Some(&base), Tree::new("other").file("c", 1_000)).unwrap();
    let other = root.image(&ImageSpec::new(&other)).unwrap();
    root.container(&ContainerSpec::new("web", &other)).unwrap();
    assert_eq!(planned(&world, "untagged-images").1, Vec::<String>::new());
    let spare = root.layer(Some(&base), Tree::new("spare").file("d", 1_000)).unwrap();
    root.image(&ImageSpec::new(&spare)).unwrap();
    assert_eq!(planned(&world, "untagged-images").0, ["unreferenced-layer", "untagged-image"]);
    // A dockerd that has lost this file writes an empty one, and all images are untagged.
    let names = world.root().join("image/overlay2/repositories.json");
    fs::write(&names, r#"{"Repositories":{}}"#).unwrap();
    assert_eq!(planned(&world, "untagged-images").1, Vec::<String>::new());
    fs::remove_file(&names).unwrap();
    assert_eq!(planned(&world, "untagged-images").1, Vec::<String>::new());
}

#[test]
fn the_layers_of_an_image_that_could_not_be_taken_stay() {
    let (world, mut root) = World::empty();
    let base = root.layer(None, Tree::new("base").file("a", 10_000)).unwrap();
    root.image(&ImageSpec::new(&base).tag("base:1")).unwrap();
    let spare = root.layer(Some(&base), Tree::new("spare").file("b", 1_000)).unwrap();
    let image = root.image(&ImageSpec::new(&spare)).unwrap();
    let before = world.snapshot();
    // Its config changes between the look and the taking.
    let config = world.root().join("image/overlay2/imagedb/content/sha256").join(image.id.hex().to_string());
    let points = {
        let copy = World::copy(&world);
        copy.points(&["prune", "--force", "--include", "untagged-images"])
    };
    let first = points.iter().position(|name| name == "begin").unwrap();
    let ran = world.run_with(&["prune", "--force", "--include", "untagged-images"], first, &format!("chmod 640 {}", config.display()));
    assert_eq!(ran.status, Some(5), "{ran:?}");
    let layers = ["overlay2", "image/overlay2/layerdb"];
    let of_layers = |mut snapshot: crate::world::Snapshot| {
        snapshot.0.retain(|path, _| layers.iter().any(|place| path.starts_with(place)));
        snapshot
    };
    of_layers(world.snapshot()).assert_is(&of_layers(before), "layers");
}

#[test]
fn build_snapshots_that_nothing_knows_go_and_what_a_lease_or_a_record_leads_to_stays() {
    let (world, mut root) = World::empty();
    let base = root.layer(None, Tree::new("base").file("a", 10_000)).unwrap();
    root.image(&ImageSpec::new(&base).tag("base:1")).unwrap();
    // A stage that a leased one lies on, though nothing holds it itself.
    let below =
        root.snapshot(&SnapshotSpec::new("below", Tree::new("below").file("b", 1_000)).on_layer(&base).unleased().unrecorded()).unwrap();
    root.snapshot(&SnapshotSpec::new("above", Tree::new("above").file("c", 1_000)).on(&below)).unwrap();
    root.snapshot(&SnapshotSpec::new("recorded", Tree::new("recorded").file("d", 1_000)).unleased()).unwrap();
    assert_eq!(planned(&world, "build-snapshots").1, Vec::<String>::new());
    let dead = root.snapshot(&SnapshotSpec::new("dead", Tree::new("dead").file("e", 1_000)).unleased().unrecorded()).unwrap();
    let on_dead = SnapshotSpec::new("on dead", Tree::new("on dead").file("f", 1_000)).on(&dead).unleased().unrecorded();
    root.snapshot(&on_dead).unwrap();
    assert_eq!(world.planned(&[]), Vec::<String>::new(), "only when it is named");
    let actions = world.actions(&["--include", "build-snapshots"]);
    assert_eq!(actions.len(), 2, "{actions:?}");
    assert!(actions.iter().all(|action| action["class"] == "unleased-build-snapshot"), "{actions:?}");
    let last = crate::world::objects(&actions[1]);
    assert!(last.contains(&dead.dir.path().to_str().unwrap().to_owned()), "what is below comes last: {last:?}");
    taken(&world, "build-snapshots");
}

#[test]
fn no_build_snapshot_goes_where_a_part_of_what_builds_know_is_lost() {
    for lose in [
        // 20.10 left the records of 19.03 behind, which are not those of today.
        |buildkit: &std::path::Path| fs::rename(buildkit.join("metadata_v2.db"), buildkit.join("metadata.db")).unwrap(),
        |buildkit: &std::path::Path| fs::remove_file(buildkit.join("metadata_v2.db")).unwrap(),
        |buildkit: &std::path::Path| fs::remove_file(buildkit.join("containerdmeta.db")).unwrap(),
    ] {
        let (world, mut root) = World::empty();
        let base = root.layer(None, Tree::new("base").file("a", 10_000)).unwrap();
        root.image(&ImageSpec::new(&base).tag("base:1")).unwrap();
        root.snapshot(&SnapshotSpec::new("leased", Tree::new("leased").file("c", 1_000))).unwrap();
        root.snapshot(&SnapshotSpec::new("dead", Tree::new("dead").file("e", 1_000)).unleased().unrecorded()).unwrap();
        drop(root);
        assert!(!planned(&world, "build-snapshots").1.is_empty());
        lose(&world.root().join("buildkit"));
        let ran = world.run(&["prune", "--dry-run", "--include", "build-snapshots"]);
        assert!(ran.output.contains("Nothing to take back.") && ran.output.contains("it is missing beside"), "{ran:?}");
    }
}

#[test]
fn no_untagged_image_goes_while_something_refers_to_one_that_is_not_here() {
    let (world, mut root) = World::empty();
    let base = root.layer(None, Tree::new("base").file("a", 10_000)).unwrap();
    root.image(&ImageSpec::new(&base).tag("base:1")).unwrap();
    let spare = root.layer(Some(&base), Tree::new("spare").file("d", 1_000)).unwrap();
    let image = root.image(&ImageSpec::new(&spare).tag("spare:1")).unwrap();
    drop(root);
    let file = world.root().join("image/overlay2/repositories.json");
    let text = fs::read_to_string(&file).unwrap();
    let id = image.id.hex().to_string();
    // One digit of the ID is another one: the image has no name any more, and the name no image.
    let slip = if id.ends_with('0') { "1" } else { "0" };
    fs::write(&file, text.replace(&id, &format!("{}{slip}", &id[..63]))).unwrap();
    let ran = world.run(&["prune", "--dry-run", "--include", "untagged-images"]);
    assert!(ran.output.contains("Nothing to take back.") && ran.output.contains("which is not here: another one may be meant"), "{ran:?}");
}

#[test]
fn no_memory_of_a_registry_goes_while_a_layer_says_something_wrong_about_its_content() {
    let world = World::sample();
    assert_eq!(world.run(&["prune", "--force"]).status, Some(0));
    assert!(!world.actions(&["--include", "distribution"]).is_empty());
    let mut records = fs::read_dir(world.root().join("image/overlay2/layerdb/sha256")).unwrap().map(|entry| entry.unwrap().path());
    let file = records.find(|record| record.join("parent").exists()).unwrap().join("diff");
    let text = fs::read_to_string(&file).unwrap();
    // One digit of the DiffID is another one.
    let slip = if text.ends_with('0') { "1" } else { "0" };
    fs::write(&file, format!("{}{slip}", &text[..text.len() - 1])).unwrap();
    assert_eq!(world.actions(&["--include", "distribution"]), Vec::<serde_json::Value>::new());
}

#[test]
fn no_untagged_image_goes_while_a_name_stands_for_nothing() {
    let (world, mut root) = World::empty();
    for name in ["base:1", "spare:1"] {
        let layer = root.layer(None, Tree::new(name).file("a", 1_000)).unwrap();
        root.image(&ImageSpec::new(&layer).tag(name)).unwrap();
    }
    drop(root);
    let file = world.root().join("image/overlay2/repositories.json");
    let text = fs::read_to_string(&file).unwrap();
    let damaged = [
        text.replacen("sha256:", "sia256:", 1),
        text.replacen("\"base:1\"", "\"bare:1\"", 1),
        text.replacen("\"base:1\"", "\"spare:1\"", 1),
    ];
    for damaged in damaged {
        assert_ne!(damaged, text);
        fs::write(&file, damaged).unwrap();
        assert_eq!(world.actions(&["--include", "untagged-images"]), Vec::<serde_json::Value>::new());
    }
}

#[test]
fn what_was_written_in_a_container_that_is_gone_goes_only_if_it_is_named() {
    let (world, mut root) = World::empty();
    let layer = root.layer(None, Tree::new("app").file("bin/app", 10)).unwrap();
    let image = root.image(&ImageSpec::new(&layer).tag("app:1")).unwrap();
    let kept = root.container(&ContainerSpec::new("kept", &image).exited(0)).unwrap();
    let lost = root.container(&ContainerSpec::new("lost", &image).exited(0)).unwrap();
    let unused = root.container(&ContainerSpec::new("unused", &image).exited(0)).unwrap();
    drop(root);
    let diff = |container: &layerwise::demo::Container| world.root().join(container.rw.path()).join("diff");
    fs::write(diff(&lost).join("data"), "all that there is of it").unwrap();
    for entry in fs::read_dir(diff(&unused)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
    // As where `containers/` is a disk of its own that is not mounted, and a container was made since.
    for container in [&lost, &unused] {
        fs::remove_dir_all(world.root().join("containers").join(container.id.to_string())).unwrap();
    }
    let ran = world.run(&["prune", "--force"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(diff(&lost).join("data").exists() && diff(&kept).exists(), "{ran:?}");
    assert!(!diff(&unused).exists(), "nothing was written in it: {ran:?}");
    let dry = world.run(&["prune", "--dry-run"]);
    assert!(dry.output.contains("--include unowned-data"), "{dry:?}");
    let check = world.run(&["check"]);
    assert!(check.output.contains("withheld-garbage"), "{check:?}");
    taken(&world, "unowned-data");
    assert!(!diff(&lost).exists() && diff(&kept).exists());
}
