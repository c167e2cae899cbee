//! Hostile data-roots: whatever somebody managed to write into one, layerwise says what is wrong, comes to an end, prints nothing that a
//! terminal would obey, and opens nothing outside.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

#[path = "hostile/contents.rs"]
mod contents;
#[path = "hostile/run.rs"]
mod run;
#[path = "hostile/world.rs"]
mod world;

use contents::CASES;
use run::{Trace, layerwise};
use world::World;

/// Commands that between them read, judge, measure and print everything.
const COMMANDS: [&[&str]; 8] = [
    &["check", "--format", "json"],
    &["check", "--no-trunc"],
    &["df", "--verbose"],
    &["images", "--no-scan"],
    &["layers", "--no-trunc"],
    &["containers"],
    &["build-cache"],
    &["tree", "--no-scan"],
];

#[test]
fn every_hostile_content_is_a_finding_and_nothing_else_happens() {
    for case in CASES {
        let world = World::new();
        (case.write)(&world);
        let tripwire = world.tripwire();
        for command in COMMANDS {
            let ran = layerwise(&world, command);
            assert!(matches!(ran.status, 0 | 1), "{}: {command:?} ended with {}: {}", case.name, ran.status, ran.errors);
            run::assert_harmless(&ran.output, case.name);
            run::assert_harmless(&ran.errors, case.name);
        }
        assert_eq!(tripwire.opened(), Vec::<String>::new(), "{}: something outside was opened", case.name);
        let check = layerwise(&world, &["check", "--format", "json"]);
        let report: serde_json::Value = serde_json::from_str(&check.output).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let is_it = |finding: &&serde_json::Value| {
            let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            text("path").contains(&world.fill(case.path)) && text("message").contains(case.message) && text("code") == case.code
        };
        let short: Vec<_> =
            findings.iter().map(|finding| format!("{} {} {}", finding["code"], finding["path"], finding["message"])).collect();
        assert!(findings.iter().any(|finding| is_it(&finding)), "{}: {short:#?}", case.name);
    }
}

#[test]
fn nothing_is_lost_by_what_is_hostile() {
    for case in CASES {
        let world = World::new();
        let before = world.garbage();
        (case.write)(&world);
        let after = world.garbage();
        let more: Vec<_> = after.difference(&before).filter(|thing| !case.makes_garbage(thing)).collect();
        assert!(more.is_empty(), "{}: {more:?}", case.name);
    }
}

#[test]
fn no_file_outside_is_opened() {
    if !Trace::works() {
        return;
    }
    for case in CASES {
        let world = World::new();
        (case.write)(&world);
        for command in [&["check"][..], &["df", "--verbose"]] {
            let opened = Trace::of(&world, command);
            assert!(opened.iter().any(|path| path.starts_with(world.root())), "{}: the trace shows nothing", case.name);
            let strange: Vec<_> = opened.iter().filter(|path| !world.may_be_opened(path)).collect();
            assert!(strange.is_empty(), "{}: {command:?} opened {strange:?}", case.name);
        }
    }
}
