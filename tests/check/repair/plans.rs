//! What is planned, and what is not although something would mend it.

use super::{json, run};
use crate::world::World;
use layerwise::demo::{Harm, Target};
use layerwise::id::ImageId;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

#[test]
fn a_plan_says_what_is_put_where_and_a_dry_run_changes_nothing() {
    let world = World::new();
    world.damage(&Target::DirectoryEntry(world.top.dir.id, "lower"), &Harm::Emptied);
    world.remove(&Target::DirectoryEntry(world.middle.dir.id, "committed"));
    let document = json(world.root.path(), &["repair", "--dry-run"]);
    let actions = document["plan"]["actions"].as_array().unwrap();
    let shown: Vec<_> = actions
        .iter()
        .map(|action| {
            let object = &action["objects"][0];
            let put = &object["put"];
            let [class, path, kind, text] =
                [&action["class"], &object["path"], &put["kind"], &put["text"]].map(|value| value.as_str().unwrap());
            (class.to_owned(), path.to_owned(), kind.to_owned(), text.to_owned(), put["mode"].as_u64().unwrap())
        })
        .collect();
    let dir = |path: &str| world.fill(path);
    let lower = world.fill("l/<middle link>:l/<base link>");
    assert_eq!(
        shown,
        [
            ("missing-lower".to_owned(), dir("overlay2/<top dir>/lower"), "file".to_owned(), lower, 0o644),
            ("missing-committed".to_owned(), dir("overlay2/<middle dir>/committed"), "file".to_owned(), String::new(), 0o600),
        ]
    );
    assert_eq!(fs::read(world.at(Target::DirectoryEntry(world.top.dir.id, "lower").path())).unwrap(), b"");
}

#[test]
fn a_saved_plan_is_applied_as_far_as_it_is_still_so() {
    let world = World::new();
    world.remove(&Target::Link(world.middle.dir.link));
    let file = world.root.path().parent().unwrap().join("plan.json");
    let file = file.to_str().unwrap();
    assert_eq!(run(world.root.path(), &["repair", "--dry-run", "--save-plan", file]).status, Some(0));
    // What is damaged later is not in the plan.
    world.remove(&Target::DirectoryEntry(world.web.rw.id, "work"));
    let ran = run(world.root.path(), &["repair", "--force", "--plan", file]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.output.contains("1 place more can be mended now: run it again"), "{}", ran.output);
    let found: Vec<_> = world.found().into_iter().filter(|found| !found.contains("in-trash")).collect();
    assert_eq!(found, [world.fill("error missing-work overlay2/<rw>/work")]);
    // Now it is no longer so.
    assert_eq!(run(world.root.path(), &["repair", "--force", "--plan", file]).status, Some(5));
}

#[test]
fn an_edited_plan_puts_nothing_else() {
    let world = World::new();
    world.remove(&Target::Link(world.middle.dir.link));
    let file = world.root.path().parent().unwrap().join("plan.json");
    assert_eq!(run(world.root.path(), &["repair", "--dry-run", "--save-plan", file.to_str().unwrap()]).status, Some(0));
    let text = fs::read_to_string(&file).unwrap();
    let middle = format!("../{}/diff", world.middle.dir.id);
    assert!(text.contains(&middle));
    fs::write(&file, text.replace(&middle, "../../../etc")).unwrap();
    let ran = run(world.root.path(), &["repair", "--force", "--plan", file.to_str().unwrap()]);
    assert_eq!(ran.status, Some(5), "{ran:?}");
    assert!(world.at(Target::Link(world.middle.dir.link).path()).symlink_metadata().is_err());
}

#[test]
fn a_file_of_names_that_dockerd_would_not_write_is_left_alone() {
    let mut world = World::new();
    world.root.tag("gone:1", ImageId::of(b"gone")).unwrap();
    let path = world.at(Target::Repositories.path());
    let text = fs::read_to_string(&path).unwrap() + " ";
    fs::write(&path, &text).unwrap();
    let ran = run(world.root.path(), &["repair", "--force"]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.output.contains("Left as it is: image/overlay2/repositories.json: the file is not as dockerd writes it"), "{}", ran.output);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn only_the_names_of_nothing_go() {
    let mut world = World::new();
    let path = world.at(Target::Repositories.path());
    let before = fs::read_to_string(&path).unwrap();
    world.root.tag("gone:1", ImageId::of(b"gone")).unwrap();
    world.root.tag("app:2", ImageId::of(b"gone")).unwrap();
    assert_ne!(fs::read_to_string(&path).unwrap(), before);
    assert_eq!(run(world.root.path(), &["repair", "--force"]).status, Some(0));
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
}

#[test]
fn what_is_put_belongs_to_whom_dockerd_would_give_it() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root gives files to others");
        return;
    }
    let world = World::new();
    world.remove(&Target::DirectoryEntry(world.web.rw.id, "work"));
    world.damage(&Target::DirectoryEntry(world.top.dir.id, "lower"), &Harm::Emptied);
    // The data-root of remapped users, of a dockerd that is somebody else.
    let path = world.root.path().parent().unwrap().join("100000.200000");
    fs::rename(world.root.path(), &path).unwrap();
    std::os::unix::fs::chown(path.join(Target::Repositories.path()), Some(3), Some(4)).unwrap();
    assert_eq!(run(&path, &["repair", "--force"]).status, Some(0));
    let owner = |target: &Target| {
        let metadata = fs::metadata(path.join(target.path())).unwrap();
        (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777)
    };
    assert_eq!(owner(&Target::DirectoryEntry(world.web.rw.id, "work")), (100_000, 200_000, 0o700));
    assert_eq!(owner(&Target::DirectoryEntry(world.top.dir.id, "lower")), (3, 4, 0o644));
}
