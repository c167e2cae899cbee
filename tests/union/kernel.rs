//! Layers that come about by random steps in overlays that the kernel mounts, renames by reference among them.

use crate::machine;
use crate::step::{self, Step};
use crate::world::{Renames, Seen, World, read, shown, walk};
use layerwise::union::changes;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::collections::{BTreeMap, BTreeSet};

/// Two to five layers, each with the steps that make it.
fn layers() -> impl Strategy<Value = Vec<Vec<Step>>> {
    (prop::collection::vec(step::step(), 10..40), prop::collection::vec(prop::collection::vec(step::step(), 1..15), 1..5))
        .prop_map(|(base, rest)| std::iter::once(base).chain(rest).collect())
}

/// Acts on worlds of random layers, some of which the kernel wrote in this way.
pub(crate) fn each_case(cases: u32, renames: Renames, act: impl Fn(&World)) {
    let strategy = (layers(), prop::sample::select(vec![Renames::Copy, renames]));
    let run = |(layers, renames): (Vec<Vec<Step>>, Renames)| {
        let mut world = World::new();
        for steps in &layers {
            world.add_written(steps, renames);
        }
        act(&world);
        Ok(())
    };
    TestRunner::new(crate::cases::cases(cases)).run(&strategy, run).unwrap();
}

#[test]
fn the_union_is_what_the_kernel_shows() {
    if !machine::can_mount("kernel::the_union_is_what_the_kernel_shows") {
        return;
    }
    each_case(150, Renames::Refer, |world| {
        let union = world.union();
        for top in 0..2 {
            let mounted = world.mount_without(top, "merged");
            let (ours, kernels) = (read(&union, top), walk(&mounted.0));
            let paths: BTreeSet<_> = ours.keys().chain(kernels.keys()).collect();
            for path in paths {
                assert_eq!(ours.get(path), kernels.get(path), "{} (layerwise, kernel)", shown(path));
            }
        }
        assert_eq!(union.into_lost(), []);
    });
}

#[test]
fn changes_are_what_a_comparison_of_two_mounts_finds() {
    if !machine::can_mount("kernel::changes_are_what_a_comparison_of_two_mounts_finds") {
        return;
    }
    each_case(150, Renames::Refer, |world| {
        let union = world.union();
        let (now, before) = (world.mount_without(0, "merged"), world.mount_without(1, "below"));
        let expected = compare(&walk(&now.0), &walk(&before.0));
        let found = changes::find(&union, (0, 1));
        let listed = found.iter().filter_map(|change| Some((shown(&change.path), change.letter?)));
        assert_eq!(listed.collect::<BTreeMap<_, _>>(), expected);
        for change in found.iter().filter(|change| change.content.is_some()) {
            let read = |seen: BTreeMap<Vec<u8>, Seen>| seen.get(&change.path).and_then(|seen| seen.content.clone());
            let is_same = read(walk(&now.0)) == read(walk(&before.0));
            assert_eq!(
                change.content,
                Some(if is_same { changes::Content::Same } else { changes::Content::Changed }),
                "{}",
                shown(&change.path)
            );
        }
    });
}

/// What dockerd lists, worked out as it does it: from two whole trees.
fn compare(now: &BTreeMap<Vec<u8>, Seen>, before: &BTreeMap<Vec<u8>, Seen>) -> BTreeMap<String, char> {
    let is_directory = |seen: &Seen| seen.mode & 0o170_000 == 0o040_000;
    let above = |path: &[u8]| layerwise::union::split(path).0.to_vec();
    let is_entered = |path: &[u8]| path.is_empty() || now.get(path).is_some_and(is_directory);
    let mut listed = BTreeMap::new();
    for (path, seen) in now {
        match before.get(path) {
            None => drop(listed.insert(shown(path), 'A')),
            // A directory that took the place of something else has nothing to compare its contents with.
            Some(former) => {
                let without_content = |seen: &Seen| {
                    let is_directory = is_directory(former);
                    let time = if is_directory { (0, 0) } else { seen.modified };
                    Seen { content: None, size: seen.size.filter(|_| !is_directory), modified: time, ..seen.clone() }
                };
                if without_content(seen) != without_content(former) {
                    listed.insert(shown(path), 'C');
                }
            }
        }
    }
    for path in before.keys().filter(|path| !now.contains_key(*path)) {
        // Of what is in something that is gone, or no directory any more, nothing is said.
        if is_entered(&above(path)) {
            listed.insert(shown(path), 'D');
        }
    }
    for path in listed.keys().cloned().collect::<Vec<_>>() {
        for directory in std::path::Path::new(&path).ancestors().skip(1).filter(|directory| !directory.as_os_str().is_empty()) {
            listed.entry(directory.display().to_string()).or_insert('C');
        }
    }
    listed
}
