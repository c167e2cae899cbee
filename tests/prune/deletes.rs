//! It takes everything that is dead, and nothing else.

use crate::world::World;
use layerwise::demo::{ContainerSpec, ImageSpec, MountNaming, Tree};

#[test]
fn everything_dead_goes_and_everything_else_stays_as_it_is() {
    let world = World::sample();
    let before = world.snapshot();
    let planned = world.planned(&[]);
    assert!(planned.len() > 20, "{planned:?}");
    let ran = world.run(&["prune", "--force"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    world.snapshot().assert_is(&before.without(&planned), "afterwards");
    assert_eq!(world.planned(&[]), Vec::<String>::new());
    let garbage = world.json(&["df"])["classes"].as_array().unwrap().iter().find(|class| class["class"] == "garbage").cloned().unwrap();
    assert_eq!(garbage["inodes"], 0);
}

#[test]
fn every_kind_of_garbage_is_in_the_plan_of_the_sample() {
    let document = World::sample().json(&["prune", "--dry-run"]);
    let mut classes: Vec<&str> =
        document["plan"]["actions"].as_array().unwrap().iter().map(|action| action["class"].as_str().unwrap()).collect();
    classes.dedup();
    assert_eq!(
        classes,
        [
            "interrupted-removal",
            "uncommitted-write-set",
            "broken-layer-record",
            "unreferenced-layer",
            "orphan-directory",
            "duplicate-link",
            "dangling-link",
            "stale-temporary-file",
            "stale-probe-directory"
        ]
    );
}

#[test]
fn what_is_really_freed_is_what_was_measured() {
    let world = World::sample();
    let document = world.json(&["prune", "--force"]);
    let planned: u64 = document["plan"]["actions"].as_array().unwrap().iter().map(|action| action["bytes"].as_u64().unwrap()).sum();
    let inodes: u64 = document["plan"]["actions"].as_array().unwrap().iter().map(|action| action["inodes"].as_u64().unwrap()).sum();
    let outcome = &document["outcome"];
    assert_eq!((outcome["reclaimed_bytes"].as_u64(), outcome["reclaimed_inodes"].as_u64()), (Some(planned), Some(inodes)));
    assert!(outcome["actions"].as_array().unwrap().iter().all(|action| action["status"] == "taken"), "{outcome}");
}

#[test]
fn a_mount_without_a_container_goes_with_both_its_directories_and_a_nested_name_leaves_no_empty_directories() {
    let (world, mut root) = World::empty();
    let layer = root.layer(None, Tree::new("base").file("bin/app", 5_000)).unwrap();
    let image = root.image(&ImageSpec::new(&layer).tag("registry.example/team/app:1")).unwrap();
    root.container(&ContainerSpec::new("web", &image).image_mount(&image, "/opt/app", MountNaming::Hashed)).unwrap();
    root.unowned_mount("leaked", &layer, &Tree::new("leaked").file("tmp/x", 9_000)).unwrap();
    // As a `docker run` leaves one that is killed before it writes the container's config.
    let killed = root.container(&ContainerSpec::new("killed", &image)).unwrap();
    std::fs::remove_dir_all(world.root().join("containers").join(killed.id.to_string())).unwrap();
    // As Docker 28 leaves one behind when the container that had the image mounted is removed.
    let mounts = world.root().join("image/overlay2/layerdb/mounts");
    let gone = "0123456789abcdef".repeat(4);
    let nested = mounts.join(format!("{gone}-registry.example/team/app:1"));
    let leaked = root.orphan_directory("leaked image mount", Some(&layer), &Tree::new("x").file("y", 1)).unwrap();
    std::fs::create_dir_all(&nested).unwrap();
    std::fs::write(nested.join("mount-id"), leaked.id.to_string()).unwrap();
    std::fs::write(nested.join("parent"), layer.chain_id.to_string()).unwrap();

    let before = world.snapshot();
    let planned = world.planned(&[]);
    assert!(planned.iter().any(|path| path.ends_with("-init")), "{planned:?}");
    let ran = world.run(&["prune", "--force"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let top = format!("image/overlay2/layerdb/mounts/{gone}-registry.example");
    world.snapshot().assert_is(&before.without(&[planned, vec![top]].concat()), "afterwards");
    assert_eq!(world.planned(&[]), Vec::<String>::new());
}

#[test]
fn nothing_is_asked_of_nobody_and_nothing_done_without_an_answer() {
    let world = World::sample();
    let before = world.snapshot();
    let ran = world.run(&["prune"]);
    assert_eq!(ran.status, Some(2), "{ran:?}");
    assert!(ran.errors.contains("stdin is not a terminal"), "{}", ran.errors);
    world.snapshot().assert_is(&before, "afterwards");
}
