//! Two damages at once, each of which may spoil what would prove how to mend the other: whatever is mended is as it was before both.

use super::run;
use super::snapshot::Snapshot;
use crate::cases;
use crate::world::World;
use layerwise::demo::{Fragment, Target, Tree};

/// Mends until nothing more can be, which is soon; says how often something was.
fn mend(world: &World, when: &str) -> usize {
    let is_mended = |round: &usize| {
        let ran = run(world.root.path(), &["repair", "--force"]);
        assert!(matches!(ran.status, Some(0 | 1 | 4)), "{when}, {round}: {ran:?}");
        ran.output.contains("Mended: ")
    };
    let rounds = (0..8).take_while(is_mended).count();
    assert!(rounds < 8, "{when}: it mends without end");
    rounds
}

/// Damages a data-root, mends it, and compares; returns how often something was mended, and what is neither as before nor as damaged.
fn suffer(when: &str, damage: impl Fn(&mut World)) -> (usize, Vec<String>) {
    let mut world = World::new();
    let before = Snapshot::of(world.root.path()).without_times();
    damage(&mut world);
    let damaged = Snapshot::of(world.root.path());
    let rounds = mend(&world, when);
    let after = Snapshot::of(world.root.path()).without_times();
    // The note of a parent that is gone is nowhere else on the disk: it goes.
    let is_note = |path: &str| path.starts_with("image/overlay2/imagedb/metadata/") && path.ends_with("/parent");
    let mut wrong = after.neither(&damaged.clone().without_times(), &before, is_note);
    // Of two names one may go and the other stay: tests/check/repair/plans.rs has more of them.
    wrong.retain(|wrong| !wrong.starts_with("image/overlay2/repositories.json"));
    if rounds > 0 {
        let ran = run(world.root.path(), &["trash", "restore"]);
        assert_eq!(ran.status, Some(0), "{when}: {ran:?}");
        Snapshot::of(world.root.path()).assert_is(&damaged, when);
    }
    (rounds, wrong.into_iter().map(|wrong| format!("{when}: {wrong}")).collect())
}

/// What is not combined with others.
const ALONE: [&str; 5] = [
    // The lock of a stopped dockerd is a database that is made for it, and stays.
    "no database of volumes",
    // No damage, and nothing that mends anything.
    "a directory that was renamed to be deleted",
    "a download that was cut off",
    "a volume that was copied there",
    "a temporary file that may be all that is left",
];

#[test]
fn what_is_mended_of_two_damages_is_as_it_was_before_both() {
    let cases: Vec<_> = cases::all().filter(|case| !ALONE.contains(&case.name)).collect();
    let pairs = (0..cases.len()).flat_map(|one| (one + 1..cases.len()).map(move |other| (one, other)));
    // All of them take an hour.
    let step = if std::env::var_os("LAYERWISE_TEST_LARGE").is_some() { 1 } else { 61 };
    let (mut mended, mut wrong) = (0, Vec::new());
    for (one, other) in pairs.step_by(step) {
        let (one, other) = (cases[one], cases[other]);
        let when = format!("{} and {}", one.name, other.name);
        let damage = |world: &mut World| {
            (one.damage)(world);
            // What the first one took away the second cannot spoil.
            drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (other.damage)(world))));
        };
        let (rounds, of_pair) = suffer(&when, damage);
        mended += rounds.min(1);
        wrong.extend(of_pair);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(mended > 10, "{mended}");
}

#[test]
fn a_record_that_names_a_wrong_directory_spoils_none_that_names_the_right_one() {
    let wrong = |world: &World, dir: &dyn std::fmt::Display| world.say(&Target::LayerFile(world.middle.chain_id, "cache-id"), dir);
    let whole = |world: &mut World| {
        let base = world.base.clone();
        let orphan = world.root.orphan_directory("other", Some(&base), &Tree::new("other").file("x", 10)).unwrap();
        wrong(world, &orphan.id);
    };
    let mut wrongs = suffer("the directory of an orphan on the same base", whole).1;
    let fragment = |world: &mut World| {
        let before: Vec<_> = std::fs::read_dir(world.at("overlay2")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        world.root.fragment("other", Fragment::WithDiff).unwrap();
        let mut names = std::fs::read_dir(world.at("overlay2")).unwrap().map(|entry| entry.unwrap().file_name());
        let made = names.find(|name| !before.contains(name)).unwrap();
        wrong(world, &made.display());
    };
    wrongs.extend(suffer("a fragment", fragment).1);
    wrongs.extend(suffer("a container's", |world| wrong(world, &world.web.rw.id)).1);
    wrongs.extend(suffer("its own child's", |world| wrong(world, &world.top.dir.id)).1);
    let both = |world: &mut World| {
        wrong(world, &world.base.dir.id);
        world.remove(&Target::DirectoryEntry(world.top.dir.id, "lower"));
    };
    wrongs.extend(suffer("the base's, and a child without lower", both).1);
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
}
