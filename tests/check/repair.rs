//! `repair`, with the real binary: that it mends what can be mended and nothing else, that it can be undone, refuses, and can be killed anywhere.

mod killed;
mod pairs;
mod plans;
mod refuses;
mod snapshot;
mod swaps;

use crate::cases;
use crate::world::{World, shown};
use layerwise::check::{Code, Finding};
use layerwise::graph::verdict::Garbage;
use serde_json::Value;
use snapshot::Snapshot;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// How a run ended; no status if a signal ended it.
#[derive(Debug)]
#[must_use]
struct Ran {
    status: Option<i32>,
    output: String,
    errors: String,
}

/// The program, with the data-root at `path`.
fn program(path: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_layerwise"));
    command.args(arguments).arg("--data-root").arg(path).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

fn ran(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let [output, errors] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Ran { status: status.code(), output, errors }
}

fn run(path: &Path, arguments: &[&str]) -> Ran {
    ran(&mut program(path, arguments))
}

/// Runs it, and parses what it prints.
fn json(path: &Path, arguments: &[&str]) -> Value {
    let ran = run(path, &[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&ran.output).unwrap()
}

/// Whether `repair` is to do away with a finding.
fn is_mended(finding: &Finding) -> bool {
    finding.mend.is_some() || finding.code == Code::Garbage(Garbage::BrokenRecord)
}

/// What is found beside what `repair` keeps in the trash.
fn found(world: &World) -> Vec<String> {
    let findings = world.findings();
    let others: Vec<_> = findings.into_iter().filter(|finding| finding.code != Code::Garbage(Garbage::Trash)).collect();
    shown(&others)
}

#[test]
fn every_damage_that_can_be_mended_is_and_comes_back_when_it_is_undone() {
    let mut mended = 0;
    for case in cases::all() {
        let mut world = World::new();
        (case.damage)(&mut world);
        let findings = world.findings().into_iter().filter(|finding| finding.code != Code::Garbage(Garbage::Trash));
        let (with, without): (Vec<_>, Vec<_>) = findings.partition(is_mended);
        let damaged = Snapshot::of(world.root.path());
        let ran = run(world.root.path(), &["repair", "--force"]);
        assert!(matches!(ran.status, Some(0 | 1 | 4)), "{}: {ran:?}", case.name);
        if ran.status == Some(4) {
            // Where so much is lost that nothing can be proven it does nothing.
            assert!(with.is_empty(), "{}: {ran:?}", case.name);
        }
        assert_eq!(found(&world), shown(&without), "{}: {ran:?}", case.name);
        if with.is_empty() {
            Snapshot::of(world.root.path()).assert_is(&damaged, case.name);
            continue;
        }
        mended += 1;
        let undone = run(world.root.path(), &["trash", "restore"]);
        assert_eq!(undone.status, Some(0), "{}: {undone:?}", case.name);
        Snapshot::of(world.root.path()).assert_is(&damaged, case.name);
    }
    assert!(mended > 25, "{mended}");
}

#[test]
fn what_cannot_be_mended_has_a_reason_and_a_way_out() {
    let world = World::new();
    world.remove(&layerwise::demo::Target::Directory(world.middle.dir.id));
    world.write("volumes/data/opts.json", "{");
    let document = json(world.root.path(), &["repair", "--dry-run"]);
    let unmendable = document["unmendable"].as_array().unwrap().iter().find(|one| one["code"] == "missing-directory").unwrap();
    assert_eq!(
        (&unmendable["code"], &unmendable["why"]),
        (&"missing-directory".into(), &"what was in it is nowhere else on this disk".into())
    );
    let steps: Vec<&str> = document["way_out"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    // Containers before images, images before those that they were built upon, and only then what brings them back.
    let place = |step: &str| steps.iter().position(|other| *other == step).unwrap_or_else(|| panic!("no {step} in {steps:#?}"));
    let order = ["docker rm -f web", "docker rmi app:1", "docker rmi below:1", "docker pull app:1"].map(place);
    assert!(order.is_sorted(), "{steps:#?}");
    assert!(place("docker rm -f next") < place("docker rmi app:1"), "{steps:#?}");
    place("build or load below:1 again");
    assert!(!steps.iter().any(|step| step.contains("site:1") || step.contains("tool:1")), "{steps:#?}");
    let ran = run(world.root.path(), &["repair", "--dry-run"]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.output.contains("The shortest way out:\n  docker rm -f "), "{}", ran.output);
    // What to do about something else is told where that is.
    let options = ran.output.split("volume-options-unusable").nth(1).and_then(|rest| rest.lines().nth(2)).unwrap();
    assert!(options.starts_with("    ") && options.contains("opts.json"), "{}", ran.output);
}

#[test]
fn what_mending_proves_is_mended_by_the_next_run() {
    use layerwise::demo::{Harm, Target};
    let world = World::new();
    // The link says of which directory it is; only then does the directory above prove what it lies on.
    world.remove(&Target::Link(world.middle.dir.link));
    world.damage(&Target::DirectoryEntry(world.top.dir.id, "lower"), &Harm::Emptied);
    let first = json(world.root.path(), &["repair", "--dry-run"]);
    assert_eq!((first["plan"]["actions"].as_array().unwrap().len(), &first["way_out"]), (1, &Value::Array(Vec::new())), "{first:#}");
    let ran = run(world.root.path(), &["repair", "--force"]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.output.contains("1 place more can be mended now: run it again"), "{}", ran.output);
    let ran = run(world.root.path(), &["repair", "--force"]);
    assert_eq!((ran.status, found(&world)), (Some(0), Vec::new()), "{ran:?}");
}

#[test]
fn a_broken_record_that_is_needed_is_first_moved_away() {
    let world = World::new();
    world.remove(&layerwise::demo::Target::LayerFile(world.top.chain_id, "cache-id"));
    let document = json(world.root.path(), &["repair", "--dry-run"]);
    let steps: Vec<&str> = document["way_out"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    let record = world.at(layerwise::demo::Target::LayerRecord(world.top.chain_id).path());
    assert_eq!(steps, [format!("with dockerd stopped, move {} away", record.display()).as_str(), "docker pull app:1"]);
}

#[test]
fn a_whole_data_root_has_nothing_to_mend() {
    let world = World::new();
    let before = Snapshot::of(world.root.path());
    let ran = run(world.root.path(), &["repair", "--force"]);
    assert_eq!((ran.status, ran.output.as_str()), (Some(0), "Nothing to mend.\n"), "{ran:?}");
    Snapshot::of(world.root.path()).assert_is(&before, "afterwards");
}
