//! Docker's answers beside layerwise's, at every moment at which the busy data-root was looked at.

mod build_cache;
mod containers;
mod df;
mod images;
mod layers;
mod removals;
mod why;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use crate::busy::{Seen, busy};

/// Runs `compare` on what was seen at each moment, if an engine can run at all.
fn at_each_moment(test: &str, compare: impl Fn(&Seen)) {
    for seen in busy(test).iter().flat_map(|busy| &busy.seen) {
        compare(seen);
    }
}

/// Asserts that both sides have the same keys with the same values, and shows both sides of each that differs.
fn assert_same<T: PartialEq + Debug>(what: &str, seen: &Seen, docker: &BTreeMap<String, T>, layerwise: &BTreeMap<String, T>) {
    let keys: BTreeSet<&String> = docker.keys().chain(layerwise.keys()).collect();
    assert!(!docker.is_empty(), "{what}, {}: there is nothing to compare", seen.moment);
    let differs = |key: &&&String| docker.get(**key) != layerwise.get(**key);
    let show = |side: &BTreeMap<String, T>, key: &str| side.get(key).map_or_else(|| "nothing".to_owned(), |value| format!("{value:?}"));
    let line = |key: &&String| format!("{key}\n     docker: {}\n  layerwise: {}", show(docker, key), show(layerwise, key));
    let differences: Vec<String> = keys.iter().filter(differs).map(line).collect();
    assert!(differences.is_empty(), "{what}, {}: {} of {} differ\n{}", seen.moment, differences.len(), keys.len(), differences.join("\n"));
}
