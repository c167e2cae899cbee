//! One kind of damage after another, and exactly what is found.

mod directories;
mod leftovers;
mod records;
mod stores;

use crate::world::{World, findings, shown};
use layerwise::check::{Code, Marks};
use std::collections::BTreeSet;
use std::fs;

/// Damage, and what is found: severity, code and path, with names in place of `<…>`.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) damage: fn(&mut World),
    found: &'static [&'static str],
}

const fn case(name: &'static str, damage: fn(&mut World), found: &'static [&'static str]) -> Case {
    Case { name, damage, found }
}

/// Every case.
pub(crate) fn all() -> impl Iterator<Item = &'static Case> {
    [records::CASES, directories::CASES, stores::CASES, leftovers::CASES].into_iter().flatten()
}

/// Whether `found` is `expected`, in which `*` stands for one name or the end of one.
fn is_like(found: &str, expected: &str) -> bool {
    match expected.split_once('*') {
        None => found == expected,
        Some((before, after)) => {
            let rest = found.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            rest.is_some_and(|name| !name.contains('/'))
        }
    }
}

#[test]
fn each_damage_is_found_and_nothing_else() {
    let mut wrong = Vec::new();
    for case in all() {
        let mut world = World::new();
        (case.damage)(&mut world);
        let mut found = world.found();
        let mut expected: Vec<_> = case.found.iter().map(|text| world.fill(text)).collect();
        found.sort();
        expected.sort();
        if found.len() != expected.len() || !found.iter().zip(&expected).all(|(found, expected)| is_like(found, expected)) {
            let messages: Vec<_> = world.findings().into_iter().map(|finding| finding.message).collect();
            wrong.push(format!("{}: found {found:#?}, not {expected:#?}: {messages:#?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Codes that other tests show.
const ELSEWHERE: [&str; 17] = [
    // Below.
    "records-missing",
    "redirect",
    "metacopy",
    "whiteout-file",
    "foreign-opaque",
    // tests/check/file_system.rs
    "no-file-types",
    "nearly-full",
    "nearly-out-of-inodes",
    // tests/deep.rs
    "file-missing",
    "file-content",
    "file-size",
    "file-type",
    "file-metadata",
    "file-times",
    "file-unreadable",
    "unexpected-file",
    "mismatched-diff-id",
];

#[test]
fn every_code_has_a_case() {
    let shown: BTreeSet<&str> = all().flat_map(|case| case.found).map(|found| found.split(' ').nth(1).unwrap()).collect();
    let all: BTreeSet<&str> = Code::all().map(Code::name).collect();
    let elsewhere: BTreeSet<&str> = ELSEWHERE.into_iter().chain(["tar-split-invalid", "not-reproducible"]).collect();
    assert_eq!(shown.union(&elsewhere).copied().collect::<BTreeSet<_>>(), all);
    assert!(shown.is_disjoint(&elsewhere), "{:?}", shown.intersection(&elsewhere));
}

#[test]
fn a_store_of_which_only_the_directories_are_left_is_an_error() {
    let world = World::new();
    for gone in ["image", "containers", "buildkit"] {
        fs::remove_dir_all(world.at(gone)).unwrap();
    }
    let found = world.found();
    assert!(found.contains(&"error records-missing overlay2".to_owned()), "{found:#?}");
    assert!(!found.iter().any(|found| found.starts_with("garbage")), "{found:#?}");
}

#[test]
fn marks_that_docker_does_not_make_are_found_where_they_can_be_set() {
    let world = World::new();
    let diff = world.at(world.top.dir.path()).join("diff");
    fs::create_dir(diff.join("marked")).unwrap();
    fs::File::create(diff.join("srv/copied")).unwrap().set_len(10_000).unwrap();
    let set = |path: &std::path::Path, name: &str, value: &[u8]| {
        rustix::fs::lsetxattr(path, name, value, rustix::fs::XattrFlags::empty()).is_ok()
    };
    if !set(&diff.join("marked"), "trusted.overlay.redirect", b"/x") {
        return;
    }
    let opaque = |prefix: &str| set(&diff.join("marked"), &format!("{prefix}.overlay.opaque"), b"y");
    assert!(set(&diff.join("srv/copied"), "trusted.overlay.metacopy", b""));
    fs::create_dir(diff.join("mixed")).unwrap();
    fs::write(diff.join("mixed/hidden"), "").unwrap();
    assert!(set(&diff.join("mixed"), "trusted.overlay.opaque", b"x") && set(&diff.join("mixed/hidden"), "trusted.overlay.whiteout", b"y"));
    let at = world.fill("overlay2/<top dir>/diff");
    let codes = |marks| -> BTreeSet<String> {
        let found = shown(&findings(world.root.path(), marks));
        found.iter().filter(|found| found.ends_with(&at)).map(|found| found.split(' ').nth(1).unwrap().to_owned()).collect()
    };
    assert_eq!(codes(Marks::Trusted), ["metacopy", "redirect", "whiteout-file"].map(str::to_owned).into());
    assert!(opaque("user"));
    assert_eq!(codes(Marks::Trusted), ["foreign-opaque", "metacopy", "redirect", "whiteout-file"].map(str::to_owned).into());
    assert!(opaque("trusted"));
    assert_eq!(codes(Marks::Trusted), ["metacopy", "redirect", "whiteout-file"].map(str::to_owned).into());
    assert!(codes(Marks::User).contains("foreign-opaque"));
}
