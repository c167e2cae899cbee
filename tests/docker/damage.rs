//! Damage done to the data-root of a real dockerd: what `check` finds, and what dockerd makes of it, stand beside each other in
//! docs/damage.md, which is written from the cases here.
//!
//! `check` is right with any dockerd. What dockerd does is asserted for 20.10 only, which the page speaks of.

mod case;
mod containers;
mod contents;
mod directories;
mod records;
mod repaired;
mod root;
mod stores;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::engine::Builder::{BuildKit, Classic};
use crate::engine::Engine;
use crate::layerwise::{Layerwise, text};
use case::{Case, Start, page};
use root::Root;

/// An engine, and its data-root as it was before anything was done to it.
struct Patient {
    engine: Engine,
    /// What is found on it when it is whole.
    healthy: BTreeSet<String>,
    asserts_reaction: bool,
}

impl Patient {
    fn admit(test: &str) -> Option<Self> {
        let mut engine = Engine::start(test)?;
        let asserts_reaction = engine.major_version() == 20;
        fill(&engine);
        engine.stop();
        engine.cut_power();
        engine.succeed(Command::new("cp").arg("-a").args([engine.data_root(), engine.work().join("whole")]));
        let healthy = codes(&engine.data_root(), "check --deep");
        Some(Self { engine, healthy, asserts_reaction })
    }

    /// Makes it whole, damages it, and compares what is found and what dockerd does with what the case says; returns what is not so.
    fn suffer(&mut self, case: &Case) -> Vec<String> {
        self.make_whole();
        let data_root = self.engine.data_root();
        (case.inflict)(&Root::read(&data_root));
        let found = codes(&data_root, case.check);
        let found: Vec<_> = found.difference(&self.healthy).map(String::as_str).collect();
        let mut wrong = Vec::new();
        if found.iter().collect::<BTreeSet<_>>() != case.codes.iter().collect() {
            wrong.push(format!("{}: `{}` finds {found:?}", case.damage, case.check));
        }
        wrong.extend(self.treat(case).into_iter().filter(|_| self.asserts_reaction).map(|wrong| format!("{}: {wrong}", case.damage)));
        wrong
    }

    /// Makes it what it was at first.
    fn make_whole(&self) {
        let data_root = self.engine.data_root();
        for entry in fs::read_dir(&data_root).unwrap() {
            self.engine.succeed(Command::new("rm").arg("-rf").arg(entry.unwrap().path()));
        }
        self.engine.succeed(Command::new("cp").arg("-a").args([self.engine.work().join("whole/."), data_root]));
    }

    /// Starts dockerd on it, and asks of it what the case asks.
    fn treat(&mut self, case: &Case) -> Vec<String> {
        let log = self.engine.work().join("dockerd.log");
        fs::write(&log, "").unwrap();
        self.engine.switch_on();
        self.engine.launch_daemon();
        let started = self.engine.await_daemon().is_ok();
        let said = || fs::read_to_string(&log).unwrap();
        let mut wrong = match case.start {
            Start::Fails(why) => (started || !said().contains(why)).then(|| format!("dockerd started: {started}: {}", said())),
            Start::Says(what) => (!started || !said().contains(what)).then(|| format!("dockerd started: {started}: {}", said())),
            Start::Works => (!started).then(said),
        }
        .into_iter()
        .collect::<Vec<_>>();
        if started {
            wrong.extend(case.then.iter().filter_map(|(line, says)| says.is_wrong(line, self.engine.docker_command(line))));
        }
        self.engine.cut_power();
        wrong
    }
}

/// The codes of what is found that is more than garbage.
fn codes(data_root: &Path, check: &str) -> BTreeSet<String> {
    let mut document = Layerwise::on_damaged(data_root).ask(check, &[]);
    let Value::Array(findings) = document["findings"].take() else { panic!("{document}") };
    // What waits until a damage is mended follows from it, and depends on what garbage there happens to be.
    let counts = |finding: &&Value| text(finding, "severity") != "garbage" && text(finding, "code") != "withheld-garbage";
    findings.iter().filter(counts).map(|finding| text(finding, "code").to_owned()).collect()
}

/// Images of both builders on a common base, a container with a volume, and build cache that no image has.
fn fill(engine: &Engine) {
    engine.import_busybox("base:1");
    let context = engine.context("app", &[("Dockerfile", "FROM base:1\nCOPY app /app\nRUN echo more >/more\n"), ("app", "served\n")]);
    engine.build(Classic, "-t app:1", &context);
    let context = engine.context("built", &[("Dockerfile", "FROM base:1\nRUN echo built >/built\n")]);
    engine.build(BuildKit, "-t built:1", &context);
    let context = engine.context("cached", &[("Dockerfile", "FROM base:1\nRUN echo cached >/cached\n")]);
    engine.build(BuildKit, "-t cached:1", &context);
    engine.docker("rmi cached:1");
    engine.docker("volume create --opt type=tmpfs --opt device=tmpfs tuned");
    engine.docker("run --name web --network none -v data:/data app:1 cat /app");
}

/// Damages one data-root in all the ways of a part of the page, and repairs it.
fn suffer_all(test: &str, cases: &[Case]) {
    let Some(mut patient) = Patient::admit(test) else { return };
    let mut wrong = Vec::new();
    for case in cases {
        wrong.extend(patient.suffer(case));
        wrong.extend(patient.repair(case));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn damaged_records_are_found() {
    suffer_all("damaged_records_are_found", records::CASES);
}

#[test]
fn damaged_layer_directories_are_found() {
    suffer_all("damaged_layer_directories_are_found", directories::CASES);
}

#[test]
fn damaged_contents_are_found() {
    suffer_all("damaged_contents_are_found", contents::CASES);
}

#[test]
fn damaged_containers_are_found() {
    suffer_all("damaged_containers_are_found", containers::CASES);
}

#[test]
fn damaged_stores_are_found() {
    suffer_all("damaged_stores_are_found", stores::CASES);
}

#[test]
fn the_page_says_what_was_seen() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/damage.md");
    let page = page(&[
        ("Records of images and layers", records::CASES),
        ("Layer directories", directories::CASES),
        ("Contents of layers", contents::CASES),
        ("Containers", containers::CASES),
        ("Databases and volumes", stores::CASES),
    ]);
    let written = fs::read_to_string(path).unwrap_or_default();
    let tables = written.split_once("\n## ").map(|(_, rest)| format!("\n## {rest}")).unwrap_or_default();
    assert_eq!(tables.trim(), page.trim(), "docs/damage.md, from its first heading on");
}
