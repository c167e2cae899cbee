//! How long dockerd cannot start: until everything is out of its sight, however long the deleting takes.

use crate::world::World;
use layerwise::demo::{ImageSpec, LayerSpec, Tree};
use serde_json::Value;
use std::env;
use std::fs;
use std::time::{Duration, Instant};

const FILES: usize = 20;

/// How many directories: `LAYERWISE_TEST_LARGE=1 cargo test --release --test prune the_outcome -- --nocapture` tells how long 2,000 take (a release has
/// no places to stop at, so the other test needs a debug build).
fn directories() -> usize {
    if env::var_os("LAYERWISE_TEST_LARGE").is_some() { 2_000 } else { 100 }
}

/// A data-root on a disk with a few layers in use, and so many orphan directories.
fn world() -> World {
    let (world, mut root) = World::empty_on_disk();
    let tree = |name: String| (0..FILES).fold(Tree::new(name), |tree, file| tree.file(format!("{}/{file}", file % 4), 4096));
    root.batch(|root| {
        let mut top = root.layer(None, LayerSpec::without_tar(Tree::new("base")))?;
        for layer in 0..100 {
            top = root.layer(Some(&top), LayerSpec::without_tar(Tree::new(layer.to_string())))?;
        }
        root.image(&ImageSpec::new(&top).tag("used:1"))?;
        for number in 0..directories() {
            let name = format!("orphan-{number}");
            root.orphan_directory(&name, None, &tree(name.clone()))?;
        }
        Ok(())
    })
    .unwrap();
    world
}

#[test]
fn dockerd_can_start_again_before_anything_is_deleted() {
    let world = world();
    let count = |directory: &str| format!("find {}/{directory} -type f -path '*/diff/*' | wc -l", world.root().display());
    let told = world.beside("told");
    // The lock is free then; in sight are only the layers that are in use.
    let look = format!(
        "{{ flock --exclusive --nonblock {root}/volumes/metadata.db true && echo free; {}; {}; }} >{}",
        count("overlay2"),
        count(".layerwise"),
        told.display(),
        root = world.root().display()
    );
    let points = world.lines_at(&["prune", "--force"], &[("unlocked", 0, &look)]);
    assert_eq!(world.actions(&[]).len(), directories());
    let ran = world.run_points(&["prune", "--force"], &points);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(fs::read_to_string(told).unwrap(), format!("free\n0\n{}\n", directories() * FILES), "{ran:?}");
    assert!(ran.errors.contains("dockerd can start again, after "), "{ran:?}");
}

#[test]
fn the_outcome_tells_how_long_dockerd_could_not_start() {
    let world = world();
    let begun = Instant::now();
    let document = world.json(&["prune", "--force"]);
    let all = begun.elapsed();
    let outcome = &document["outcome"];
    assert_eq!(outcome["actions"].as_array().map(Vec::len), Some(directories()));
    let milliseconds = |value: &Value| Duration::from_millis(value.as_u64().unwrap());
    let (locked, deleting) = (milliseconds(&outcome["locked_ms"]), milliseconds(&outcome["deleting_ms"]));
    assert!(locked > Duration::ZERO && locked + deleting <= all, "{locked:?} and {deleting:?} of {all:?}");
    eprintln!("{} directories of {FILES} files: locked for {locked:?}, deleting for {deleting:?}, {all:?} in all", directories());
}
