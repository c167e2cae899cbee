//! Saved plans, and what narrows a plan.

use crate::world::World;
use layerwise::demo::{Builder, ImageSpec, Layer, Tree};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

fn saved(world: &World) -> PathBuf {
    let file = world.root().parent().unwrap().join("plan.json");
    let ran = world.run(&["prune", "--dry-run", "--save-plan", file.to_str().unwrap()]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    file
}

#[test]
fn a_saved_plan_takes_exactly_what_it_says() {
    let world = World::sample();
    let (before, planned, file) = (world.snapshot(), world.planned(&[]), saved(&world));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    // Dead too, but not in the plan.
    let extra = Builder::open(world.root()).unwrap().orphan_directory("later", None, &Tree::new("later").file("x", 1)).unwrap();
    let with_extra = world.snapshot();
    let ran = world.run(&["prune", "--force", "--plan", file.to_str().unwrap()]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    world.snapshot().assert_is(&with_extra.without(&planned), "afterwards");
    assert!(world.root().join(extra.path()).exists() && before != world.snapshot());
}

#[test]
fn what_has_changed_since_the_plan_is_skipped_and_told() {
    let world = World::sample();
    let file = saved(&world);
    let orphan = world.root().join("overlay2/4ba5ec135cede39e54f198fe2a3bf1d6940ce70545eb22c6ff385b44c909deb5");
    fs::write(orphan.join("note"), "somebody looks into this").unwrap();
    let ran = world.run(&["prune", "--force", "--plan", file.to_str().unwrap()]);
    assert_eq!(ran.status, Some(5), "{ran:?}");
    assert!(ran.output.contains("Skipped: directory 4ba5ec135ced: it is not in the plan, or it has changed"), "{}", ran.output);
    assert!(orphan.exists());
    assert_eq!(world.actions(&[]).len(), 1, "everything else is gone");
}

#[test]
fn what_is_in_use_since_the_plan_is_skipped() {
    let (world, mut root) = World::empty();
    let base = root.layer(None, Tree::new("base").file("a", 1)).unwrap();
    root.image(&ImageSpec::new(&base).tag("base:1")).unwrap();
    let spare = root.layer(Some(&base), Tree::new("spare").file("b", 1)).unwrap();
    let file = saved(&world);
    root.image(&ImageSpec::new(&spare).tag("spare:1")).unwrap();
    let before = world.snapshot();
    let ran = world.run(&["prune", "--force", "--plan", file.to_str().unwrap()]);
    assert_eq!(ran.status, Some(5), "{ran:?}");
    world.snapshot().assert_is(&before, "afterwards");
}

#[test]
fn a_plan_that_somebody_has_edited_takes_nothing_more() {
    let world = World::sample();
    let file = saved(&world);
    let text = fs::read_to_string(&file).unwrap();
    let live = "1c9c4eb1185d8f6c4ea2eceb486d6b64df91f4a340ab30406a481db0018abd0a";
    assert!(world.root().join("overlay2").join(live).exists());
    let orphan = "4ba5ec135cede39e54f198fe2a3bf1d6940ce70545eb22c6ff385b44c909deb5";
    let before = world.snapshot();
    let planned = world.planned(&["--exclude", orphan]);
    fs::write(&file, text.replace(orphan, live)).unwrap();
    let ran = world.run(&["prune", "--force", "--plan", file.to_str().unwrap()]);
    assert_eq!(ran.status, Some(5), "{ran:?}");
    world.snapshot().assert_is(&before.without(&planned), "afterwards");
    for (from, to) in [("layerwise/plan/1", "layerwise/plan/2"), ("\"overlay2/", "\"../overlay2/")] {
        fs::write(&file, text.replace(from, to)).unwrap();
        assert_eq!(world.run(&["prune", "--force", "--plan", file.to_str().unwrap()]).status, Some(2), "{to}");
    }
}

#[test]
fn a_plan_of_another_data_root_is_refused() {
    let (one, other) = (World::sample(), World::sample());
    let file = saved(&one);
    let before = other.snapshot();
    let ran = other.run(&["prune", "--force", "--plan", file.to_str().unwrap()]);
    assert_eq!(ran.status, Some(4), "{ran:?}");
    other.snapshot().assert_is(&before, "afterwards");
}

/// Three layers on each other that nothing needs, beside an image.
fn chain() -> (World, [Layer; 3]) {
    let (world, mut root) = World::empty();
    let used = root.layer(None, Tree::new("used").file("a", 1)).unwrap();
    root.image(&ImageSpec::new(&used).tag("used:1")).unwrap();
    let low = root.layer(None, Tree::new("low").file("b", 100_000)).unwrap();
    let middle = root.layer(Some(&low), Tree::new("middle").file("c", 10_000)).unwrap();
    let top = root.layer(Some(&middle), Tree::new("top").file("d", 1_000)).unwrap();
    (world, [low, middle, top])
}

/// The layers that a plan takes, in its order.
fn layers(world: &World, arguments: &[&str]) -> Vec<String> {
    world.actions(arguments).iter().map(|action| action["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn children_go_before_what_they_lie_on() {
    let (world, [low, middle, top]) = chain();
    let order = [top, middle, low].map(|layer| layer.chain_id.to_string());
    assert_eq!(layers(&world, &[]), order);
}

#[test]
fn what_is_excluded_keeps_what_it_lies_on() {
    let (world, [low, middle, top]) = chain();
    assert_eq!(layers(&world, &["--exclude", &low.chain_id.to_string()]), [&top, &middle].map(|layer| layer.chain_id.to_string()));
    assert_eq!(layers(&world, &["--exclude", &middle.chain_id.to_string()]), [top.chain_id.to_string()]);
    assert_eq!(layers(&world, &["--exclude", &top.dir.id.to_string()]), Vec::<String>::new());
}

#[test]
fn at_most_so_many_bytes_are_taken_and_never_a_parent_without_its_child() {
    let (world, [low, middle, top]) = chain();
    assert_eq!(layers(&world, &["--max-bytes", "1GB"]).len(), 3);
    let bytes: Vec<u64> = world.actions(&[]).iter().map(|action| action["bytes"].as_u64().unwrap()).collect();
    let [of_top, of_middle, of_low] = bytes[..] else { panic!("{bytes:?}") };
    let ids = [&top, &middle, &low].map(|layer| layer.chain_id.to_string());
    for (most, taken) in
        [(of_top + of_middle + of_low, 3), (of_top + of_middle + of_low - 1, 2), (of_top + of_middle - 1, 1), (of_top - 1, 0)]
    {
        assert_eq!(layers(&world, &["--max-bytes", &most.to_string()]), ids[..taken], "{most}");
    }
}

#[test]
fn what_is_younger_stays() {
    let (world, _) = chain();
    for arguments in [["--older-than", "1h"], ["--filter", "until=1h"], ["--filter", "until=2000-01-01T00:00:00Z"]] {
        assert_eq!(layers(&world, &arguments), Vec::<String>::new(), "{arguments:?}");
    }
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert_eq!(layers(&world, &["--older-than", "10ms"]).len(), 3);
}

#[test]
fn what_no_record_knows_can_be_excluded_too() {
    let world = World::sample();
    let planned = world.planned(&[]);
    let leftovers = planned.iter().filter(|path| path.contains("check-overlayfs") || path.contains(".tmp-"));
    assert_eq!(leftovers.clone().count(), 2, "{planned:?}");
    for path in leftovers {
        let absolute = world.root().join(path);
        let without: Vec<&String> = planned.iter().filter(|other| *other != path).collect();
        assert_eq!(world.planned(&["--exclude", absolute.to_str().unwrap()]).iter().collect::<Vec<_>>(), without);
    }
    // One in a directory that goes keeps that.
    let orphan = "4ba5ec135cede39e54f198fe2a3bf1d6940ce70545eb22c6ff385b44c909deb5";
    let inside = walkdir::WalkDir::new(world.root().join("overlay2")).into_iter().filter_map(Result::ok);
    let inside = inside.map(walkdir::DirEntry::into_path).find(|path| path.to_str().unwrap().contains("/.tmp-link")).unwrap();
    let around = inside.parent().unwrap().strip_prefix(world.root()).unwrap().to_str().unwrap().to_owned();
    assert!(planned.contains(&around) && !world.planned(&["--exclude", inside.to_str().unwrap()]).contains(&around));
    let nothing = world.root().join("overlay2").join(orphan).with_file_name("l");
    assert_eq!(world.run(&["prune", "--dry-run", "--exclude", nothing.to_str().unwrap()]).status, Some(2));
}

#[test]
fn a_temporary_file_that_may_be_all_that_is_left_stays() {
    let world = World::sample();
    let temporary = |world: &World| world.planned(&[]).iter().any(|path| path.contains(".tmp-repositories.json"));
    assert!(temporary(&world));
    fs::remove_file(world.root().join("image/overlay2/repositories.json")).unwrap();
    assert!(!temporary(&world));
    let ran = world.run(&["prune", "--dry-run"]);
    assert!(ran.output.contains("it may be all that is left of it"), "{}", ran.output);
}

#[test]
fn a_temporary_file_beside_one_that_makes_no_sense_stays_and_everything_says_so() {
    let harms: [(&str, &[u8]); 4] = [("gone", b"-"), ("empty", b""), ("zeros", &[0; 64]), ("nameless", br#"{"Repositories":{}}"#)];
    for (name, content) in harms {
        let world = World::sample();
        let original = world.root().join("image/overlay2/repositories.json");
        let temporary = world.planned(&[]).into_iter().find(|path| path.contains(".tmp-repositories.json")).unwrap();
        if name == "gone" {
            fs::remove_file(&original).unwrap();
        } else {
            fs::write(&original, content).unwrap();
        }
        assert!(!world.planned(&[]).contains(&temporary), "{name}");
        let why = world.run(&["why", world.root().join(&temporary).to_str().unwrap()]).output;
        assert!(why.contains("it may be all that is left of it") && !why.contains("garbage"), "{name}: {why}");
        let check = world.run(&["check", "--format", "json"]).output;
        assert!(!check.contains(r#""code":"stale-temporary-file","kind":"temporary-file","id":"image"#), "{name}: {check}");
        let planned: u64 = world.actions(&[]).iter().map(|action| action["bytes"].as_u64().unwrap()).sum();
        assert_eq!(reclaimable(&world), planned, "{name}");
    }
}

/// The bytes of garbage, as `df` has them.
fn reclaimable(world: &World) -> u64 {
    let df: serde_json::Value = serde_json::from_str(&world.run(&["df", "--format", "json"]).output).unwrap();
    let classes = df["classes"].as_array().unwrap();
    classes.iter().find(|class| class["class"] == "garbage").unwrap()["reclaimable_bytes"].as_u64().unwrap()
}

#[test]
fn a_file_in_the_place_of_a_record_is_taken() {
    let world = World::sample();
    let path = format!("image/overlay2/layerdb/sha256/{}", "5".repeat(64));
    fs::write(world.root().join(&path), "x").unwrap();
    assert!(world.planned(&[]).contains(&path));
    let ran = world.run(&["prune", "--force"]);
    assert!(ran.status == Some(0) && !world.root().join(&path).exists(), "{ran:?}");
}

#[test]
fn where_prune_refuses_nothing_is_reclaimable() {
    let world = World::sample();
    fs::write(world.root().join("buildkit/snapshots.db"), "").unwrap();
    assert_eq!(world.run(&["prune", "--dry-run"]).status, Some(4));
    assert_eq!(reclaimable(&world), 0);
    let check = world.run(&["check", "--format", "json"]).output;
    assert!(!check.contains(r#""severity":"garbage""#), "{check}");
}

#[test]
fn a_plan_is_written_into_a_pipe_and_behind_a_link_and_replaces_neither() {
    let world = World::sample();
    let (pipe, link, target) = (world.beside("pipe"), world.beside("link"), world.beside("target"));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::write(&target, "before").unwrap();
    std::os::unix::fs::symlink("target", &link).unwrap();
    let dry = |file: &PathBuf| world.run(&["prune", "--dry-run", "--save-plan", file.to_str().unwrap()]);
    let read = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    assert_eq!(dry(&pipe).status, Some(0));
    assert_eq!(dry(&link).status, Some(0));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let plan = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["actions"].clone();
    assert_eq!(plan(&read.join().unwrap()), plan(&fs::read_to_string(&target).unwrap()));
    // A directory is none of both.
    assert_eq!(dry(&world.root().to_owned()).status, Some(2));
    // What a shell makes of `--save-plan >(program)`.
    let standard = world.run(&["prune", "--dry-run", "--quiet", "--save-plan", "/dev/stdout"]).output;
    assert!(
        standard.contains("\"schema\": \"layerwise/plan/1\"") && fs::symlink_metadata("/dev/stdout").unwrap().is_symlink(),
        "{standard}"
    );
}

#[test]
fn a_plan_that_somebody_else_may_have_written_is_not_applied() {
    let world = World::sample();
    let before = world.snapshot();
    let file = world.beside("plan.json");
    let path = file.to_str().unwrap();
    assert_eq!(world.run(&["prune", "--dry-run", "--save-plan", path]).status, Some(0));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    let refused = |why: &str| {
        let ran = world.run(&["prune", "--force", "--plan", path]);
        assert!(ran.status == Some(2) && ran.errors.contains(why), "{why}: {ran:?}");
        world.snapshot().assert_is(&before, why);
    };
    for (mode, why) in [(0o620, "may be written by its group"), (0o602, "may be written by everybody")] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        refused(why);
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    if std::os::unix::fs::chown(&file, Some(12_345), None).is_ok() {
        refused("belongs to the user 12345");
        std::os::unix::fs::chown(&file, Some(0), None).unwrap();
    }
    assert_eq!(world.run(&["prune", "--force", "--plan", path]).status, Some(0));
}

#[test]
fn a_plan_that_makes_no_sense_is_refused_at_once() {
    let world = World::sample();
    let before = world.snapshot();
    let file = world.beside("plan.json");
    let deep = format!("{{\"schema\":{}", "[".repeat(1 << 20));
    for text in ["", "{}", "null", "\u{0}", &deep, &"9".repeat(1 << 20)] {
        fs::write(&file, text).unwrap();
        let ran = world.run(&["prune", "--force", "--plan", file.to_str().unwrap()]);
        assert_eq!(ran.status, Some(2), "{ran:?}");
    }
    // Larger than any plan, and nothing but zeros.
    fs::File::create(&file).unwrap().set_len(1 << 30).unwrap();
    for plan in [&file, &world.root().to_owned(), &world.beside("absent")] {
        assert_eq!(world.run(&["prune", "--force", "--plan", plan.to_str().unwrap()]).status, Some(2), "{}", plan.display());
    }
    world.snapshot().assert_is(&before, "afterwards");
}
