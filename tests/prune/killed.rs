//! Killed before and after every single step: what was in use is whole, and the next run comes to the same end.

use crate::world::{Ran, World};

/// Kills a run at each of its places, and checks what `after` says of each.
fn kill_everywhere(arguments: &[&str], after: impl Fn(&World, &str)) {
    let points = World::sample().points(arguments);
    assert!(points.len() > 40, "{points:?}");
    for (number, name) in points.iter().enumerate() {
        let world = World::sample();
        let Ran { status, errors, .. } = world.run_with(arguments, number, "kill -9 $PPID");
        assert_eq!(status, None, "at {number} ({name}): {errors}");
        after(&world, &format!("killed at {number} ({name})"));
    }
}

/// What `check` says is broken.
fn broken(world: &World) -> Vec<String> {
    let ran = world.run(&["check", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&ran.output).unwrap();
    let findings = document["findings"].as_array().unwrap().iter();
    findings.filter(|finding| finding["severity"] == "error").map(ToString::to_string).collect()
}

#[test]
fn what_is_kept_is_whole_and_the_next_prune_reaches_the_same_end() {
    let reference = World::sample();
    let before = reference.snapshot();
    let planned = reference.planned(&[]);
    let errors = broken(&reference);
    assert_eq!(reference.run(&["prune", "--force"]).status, Some(0));
    let end = reference.snapshot();
    end.assert_is(&before.without(&planned), "reference");
    kill_everywhere(&["prune", "--force"], |world, when| {
        let mut kept = world.snapshot().without(&planned).without(&[".layerwise".to_owned()]);
        kept.0.retain(|path, _| !path.to_str().unwrap().ends_with("-removing"));
        kept.assert_is(&end, when);
        assert_eq!(broken(world).len(), errors.len(), "{when}");
        let ran = world.run(&["prune", "--force"]);
        assert_eq!(ran.status, Some(0), "{when}: {ran:?}");
        // A trash in which no run was begun is empty, and stays until it is needed.
        std::fs::remove_dir(world.root().join(".layerwise")).unwrap_or_default();
        world.snapshot().assert_is(&end, when);
    });
}

#[test]
fn what_was_put_into_the_trash_comes_back_just_as_it_was() {
    let before = World::sample().snapshot();
    kill_everywhere(&["prune", "--force", "--trash"], |world, when| {
        let ran = world.run(&["trash", "restore"]);
        assert_eq!(ran.status, Some(0), "{when}: {ran:?}");
        let ran = world.run(&["trash", "empty", "--force"]);
        assert_eq!(ran.status, Some(0), "{when}: {ran:?}");
        world.snapshot().assert_is(&before, when);
    });
}

#[test]
fn a_restore_that_is_killed_is_finished_by_the_next() {
    let before = World::sample().snapshot();
    let trashed = || {
        let world = World::sample();
        assert_eq!(world.run(&["prune", "--force", "--trash"]).status, Some(0));
        world
    };
    let points = trashed().points(&["trash", "restore"]);
    assert!(points.len() > 40, "{points:?}");
    for (number, name) in points.iter().enumerate() {
        let world = trashed();
        assert_eq!(world.run_with(&["trash", "restore"], number, "kill -9 $PPID").status, None, "{number} {name}");
        let ran = world.run(&["trash", "restore"]);
        assert_eq!(ran.status, Some(0), "{number} {name}: {ran:?}");
        world.snapshot().assert_is(&before, &format!("killed at {number} ({name})"));
    }
}

#[test]
fn ctrl_c_ends_after_the_step_and_the_next_prune_goes_on() {
    let reference = World::sample();
    assert_eq!(reference.run(&["prune", "--force"]).status, Some(0));
    let points = World::sample().points(&["prune", "--force"]);
    let number = points.iter().position(|name| name == "taken").unwrap();
    let world = World::sample();
    let ran = world.run_with(&["prune", "--force"], number, "kill -INT $PPID");
    assert_eq!(ran.status, Some(130), "{ran:?}");
    assert!(ran.output.contains("Not reached: "), "{}", ran.output);
    assert_eq!(world.run(&["prune", "--force"]).status, Some(0));
    world.snapshot().assert_is(&reference.snapshot(), "afterwards");
}
