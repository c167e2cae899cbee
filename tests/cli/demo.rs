//! `demo`: the whole tour, on a data-root that it makes and removes.

use crate::sample::{binary, run};
use std::fs;

#[test]
fn the_tour_shows_everything_and_leaves_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let ran = run(binary().arg("demo").env("TMPDIR", temp.path()));
    assert_eq!(ran.status, 0, "{}", ran.errors);
    for command in ["df", "images", "tree", "containers", "check --filter severity=garbage", "why ", "freed ", "prune --dry-run"] {
        assert!(ran.output.contains(&format!("\n$ layerwise {command}")), "{command} is not in the tour");
    }
    assert!(!ran.errors.contains("layerwise: "), "{}", ran.errors);
    assert!(ran.output.contains("\nWould be freed: "));
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
}

#[test]
fn what_is_there_is_not_written_over() {
    let temp = tempfile::tempdir().unwrap();
    let ran = run(binary().args(["demo", "--keep"]).arg(temp.path()));
    assert_eq!((ran.status, ran.output.as_str()), (2, ""));
    assert!(ran.errors.contains("exists already\nhint: name a directory that is not there yet"), "{}", ran.errors);
}
