//! Many layers at once, and an end before the end.

use crate::world::{World, outcomes, owners};
use layerwise::deep::{Control, Owners, Status};
use layerwise::demo::{Harm, Target, Tree};
use std::fs;
use std::time::Instant;

#[test]
fn any_number_of_threads_finds_the_same() {
    let mut world = World::new();
    let mut below = world.top.clone();
    for number in 0..12 {
        let tree = Tree::new(format!("layer {number}")).file(format!("f{number}"), 10_000 * number).symlink("l", "x");
        below = world.root.layer(Some(&below), tree).unwrap();
    }
    world.root.image(&layerwise::demo::ImageSpec::new(&below).tag("deep:1")).unwrap();
    fs::write(world.at("etc/name"), "another").unwrap();
    let one = outcomes(world.root.path(), &owners(), 1, &Control::default());
    assert_eq!(one.len(), 14);
    for threads in [2, 3, 16, 100] {
        assert_eq!(outcomes(world.root.path(), &owners(), threads, &Control::default()), one, "{threads} threads");
    }
}

#[test]
fn when_time_is_up_the_rest_is_unfinished() {
    let world = World::new();
    let control = Control::until(Some(Instant::now()));
    let late = outcomes(world.root.path(), &owners(), 2, &control);
    assert_eq!(late.iter().map(|outcome| &outcome.status).collect::<Vec<_>>(), [&Status::Unfinished; 2]);
    let control = Control::default();
    control.stop();
    assert!(outcomes(world.root.path(), &owners(), 1, &control).iter().all(|outcome| !outcome.status.is_finished()));
}

#[test]
fn what_was_read_is_counted() {
    let world = World::new();
    let control = Control::default();
    let outcomes = outcomes(world.root.path(), &owners(), 2, &control);
    // Files of the upper layer, and of the lower; hard links and empty files count as nothing.
    let is_root = nix::unistd::geteuid().is_root();
    assert_eq!(control.bytes(), 300_000 + 5_000 + 7 + 20 + 30 + 100_000 + 1 + if is_root { 10 } else { 0 } + 120);
    assert_eq!(outcomes.iter().map(|outcome| outcome.bytes).sum::<u64>(), control.bytes());
    assert_eq!(control.layers(), 2);
}

#[test]
fn owners_are_judged_by_how_they_are_mapped() {
    let world = World::new();
    let strange = outcomes(world.root.path(), &Owners::Shifted { user: 4_000_000, group: 4_000_000 }, 1, &Control::default());
    assert!(strange.iter().all(|outcome| outcome.status == Status::Different), "{strange:#?}");
}

#[test]
fn a_layer_without_what_it_is_put_together_from_cannot_be_verified() {
    for (harm, status) in
        [(Harm::Removed, "unverifiable"), (Harm::Emptied, "unverifiable"), (Harm::Cut, "unverifiable"), (Harm::Garbled, "unverifiable")]
    {
        let world = World::new();
        world.root.damage(&Target::LayerFile(world.top.chain_id, "tar-split.json.gz"), &harm).unwrap();
        let outcome = world.outcome();
        assert_eq!(outcome.status.name(), status, "{harm:?}: {outcome:?}");
    }
}

#[test]
fn a_diff_id_that_the_files_do_not_make_is_told_with_what_they_make() {
    let world = World::new();
    let other = Harm::Replaced(world.base.diff_id.to_string().into_bytes());
    world.root.damage(&Target::LayerFile(world.top.chain_id, "diff"), &other).unwrap();
    assert_eq!(world.outcome().status, Status::Mismatched(world.top.diff_id));
}

#[test]
fn a_record_that_goes_away_meanwhile_is_no_damage() {
    let world = World::new();
    let dir = layerwise::dir::Dir::root(world.root.path()).unwrap();
    let audit = layerwise::audit::Audit::new(layerwise::inventory::Inventory::read(&dir, None), None);
    let jobs = layerwise::deep::jobs(&audit, None);
    world.root.damage(&Target::LayerRecord(world.top.chain_id), &Harm::Removed).unwrap();
    let outcomes = layerwise::deep::verify(&dir, &jobs, &owners(), (1, &Control::default()), |_| {});
    assert_eq!(outcomes.iter().filter(|outcome| outcome.status == Status::Gone).count(), 1);
}
