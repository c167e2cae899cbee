//! `--cached`: the same answers, and what of them is not of today.

use crate::sample::{Ran, layerwise, root, run};
use layerwise::dir::Dir;
use layerwise::inventory::Inventory;
use layerwise::usage::cache::{self, Clock};
use layerwise::usage::scan::{Options, Progress};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// Fills the cache as a run does that comes when the sample has been left alone for long enough.
fn remember(caches: &Path) {
    let dir = Dir::root(root()).unwrap();
    let clock = Clock { now: jiff::Timestamp::now().as_second(), settled: -60 };
    let inventory = Inventory::read(&dir, None);
    let (_, notes) = cache::scan(&dir, &inventory, (&Options::default(), &Progress::default()), (caches, clock));
    assert!(notes.is_empty(), "{notes:?}");
}

fn df(caches: &Path, format: &str) -> Ran {
    layerwise(&["df", "-v", "--cached", "--cache-dir", caches.to_str().unwrap(), "--format", format])
}

/// A document without what a run with a cache adds, and that.
fn split(ran: &Ran) -> (Value, Option<Value>) {
    let mut document: Value = serde_json::from_str(&ran.output).unwrap();
    // What is free changes while other tests run.
    document["filesystem"].take();
    // What is in the cache is not looked at.
    for key in ["largest_files", "fullest_directories"] {
        assert!(document.as_object_mut().unwrap().remove(key).is_some(), "{key}");
    }
    let from_cache = document.as_object_mut().unwrap().remove("from_cache");
    (document, from_cache)
}

#[test]
fn the_second_run_says_the_same_and_how_much_it_did_not_measure() {
    let caches = tempfile::tempdir().unwrap();
    let (full, nothing) = split(&layerwise(&["df", "-v", "--format", "json"]));
    assert_eq!(nothing, None);
    // What was written just now may still change unseen, so it is not remembered yet.
    let first = df(caches.path(), "table");
    assert!(first.output.contains("From the cache: nothing; everything was measured now\n"), "{}", first.output);
    remember(caches.path());
    let second = df(caches.path(), "json");
    let (helped, from_cache) = split(&second);
    assert_eq!((second.status, second.errors.as_str(), &helped), (0, "", &full));
    let from_cache = from_cache.unwrap();
    let layers = from_cache["layers"].as_u64().unwrap();
    assert!(layers > 5 && from_cache["inodes"].as_u64().unwrap() > layers * 3, "{from_cache}");
    let oldest: jiff::Timestamp = from_cache["oldest"].as_str().unwrap().parse().unwrap();
    assert!(jiff::Timestamp::now().as_second() - oldest.as_second() < 600);
    let table = df(caches.path(), "table").output;
    let line = table.lines().find(|line| line.starts_with("From the cache: ")).unwrap();
    assert!(line.contains(&format!("{layers} layer directories, ")) && line.ends_with(" ago"), "{line}");
    assert!(table.contains("\nLARGEST FILES, OF WHAT WAS MEASURED NOW "), "{table}");
    let list = layerwise(&["layers", "--cached", "--cache-dir", caches.path().to_str().unwrap()]);
    assert!(list.errors.starts_with(&format!("note: {layers} layer directories from the cache; the oldest ")), "{}", list.errors);
}

#[test]
fn who_is_shown_less_does_not_remember_for_others() {
    const LESS: [&str; 2] = ["setpriv", "--bounding-set=-sys_admin"];
    if !nix::unistd::geteuid().is_root() || Command::new(LESS[0]).args([LESS[1], "true"]).output().is_err() {
        return eprintln!("skipped: who_is_shown_less_does_not_remember_for_others needs root, and setpriv");
    }
    let caches = tempfile::tempdir().unwrap();
    remember(caches.path());
    let mut command = Command::new(LESS[0]);
    command.arg(LESS[1]).arg(env!("CARGO_BIN_EXE_layerwise")).args(["df", "--copy", "--cached", "--cache-dir"]).arg(caches.path());
    let ran = run(command.arg("--data-root").arg(root()));
    assert!(ran.errors.contains("or by one with other rights"), "{ran:?}");
    assert!(ran.output.contains("From the cache: nothing"), "{ran:?}");
}

#[test]
fn a_bad_cache_is_told_of_and_changes_nothing() {
    let caches = tempfile::tempdir().unwrap();
    let (full, _) = split(&layerwise(&["df", "-v", "--format", "json"]));
    remember(caches.path());
    let file = fs::read_dir(caches.path()).unwrap().next().unwrap().unwrap().path();
    let good = fs::read(&file).unwrap();
    let middle = good.len() / 2;
    let flipped = [&good[..middle], &[!good[middle]], &good[middle + 1..]].concat();
    for (bytes, mode, said) in [
        (&good[..middle], 0o600, "damaged"),
        (&flipped, 0o600, "damaged"),
        (b"{\"layers\": 7}, which is not of ours", 0o600, "not a cache of layerwise"),
        (&good, 0o644, "others have rights to it"),
    ] {
        fs::write(&file, bytes).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let ran = df(caches.path(), "json");
        let (helped, from_cache) = split(&ran);
        assert!(ran.status == 0 && ran.errors.contains("note: the cache is not used: ") && ran.errors.contains(said), "{ran:?}");
        assert_eq!((helped, from_cache.unwrap()["layers"].as_u64()), (full.clone(), Some(0)), "{said}");
    }
    fs::set_permissions(caches.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let ran = df(caches.path(), "json");
    assert!(ran.errors.contains("note: without a cache: cannot use ") && split(&ran).0 == full, "{ran:?}");
}
