//! `prune` is killed at a step: dockerd starts, what is in use works, its own clean shutdown does no harm, and the next `prune` comes to the
//! same end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::chance::{Chance, Rounds};
use crate::containers::Containers;
use crate::docker::Docker;
use crate::engine::Builder::{BuildKit, Classic};
use crate::engine::Engine;
use crate::images;
use crate::interruption::{Moment, Operation};
use crate::judge::{self, Known};
use crate::layerwise::{Layerwise, Ran, trace};
use crate::registry::Registry;
use crate::ruins::Ruins;

/// A data-root with leftovers of every kind, of which copies are made, and what dockerd must go on to know of it.
pub(crate) struct Template {
    work: tempfile::TempDir,
    known: Known,
}

impl Template {
    pub(crate) fn make(test: &str) -> Option<Self> {
        let work = tempfile::Builder::new().prefix("layerwise-template-").tempdir().unwrap();
        let mut engine = Engine::start_on(test, work.path())?;
        images::import(&engine);
        let context = engine.context("kit", &[("Dockerfile", "FROM base:1\nRUN echo kit >/kit\n")]);
        engine.build(BuildKit, "-t kit:1", &context);
        Containers::create(&mut engine, &["kit:1"]);
        kill_some(&mut engine, &mut Chance::of(test));
        let ids = ["removed", "broken", "unneeded"].map(|name| {
            let context = engine.context(name, &[("Dockerfile", &format!("FROM base:1\nRUN echo {name} >/{name}\nRUN echo 2 >/2\n"))]);
            engine.build(Classic, &format!("-t {name}:1"), &context);
            // Loaded again it has no untagged image below it.
            let archive = engine.work().join(name);
            engine.docker(&format!("save -o {} {name}:1", archive.display()));
            engine.docker(&format!("rmi {name}:1"));
            engine.docker(&format!("load -i {}", archive.display()));
            engine.docker(&format!("inspect --format {{{{.Id}}}} {name}:1"))
        });
        let lost = engine.docker("create base:1 true");
        engine.stop();
        ruin(work.path(), &ids, &lost);
        engine.start_daemon();
        let known = Known::of(&Docker::ask(&engine));
        engine.cut_power();
        Some(Self { work, known })
    }

    fn copy(&self) -> tempfile::TempDir {
        judge::copy_of(self.work.path())
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.work.path()
    }
}

/// Leaves what a few real kills leave.
fn kill_some(engine: &mut Engine, chance: &mut Chance) {
    let registry = Registry::serve(engine);
    let operations = [Operation::Load, Operation::Commit, Operation::RemoveImage, Operation::Run, Operation::BuildClassic];
    for (round, operation) in operations.into_iter().enumerate() {
        operation.prepare(engine, round);
        let mut child = Moment::early(operation, chance).wait(engine, operation, round);
        engine.kill_daemon();
        child.wait().unwrap();
        engine.start_daemon();
    }
    drop(registry);
    engine.cut_power();
    engine.boot();
}

/// Adds what they may not have left.
fn ruin(root: &Path, [removed, broken, unneeded]: &[String; 3], container: &str) {
    let ruins = Ruins::of(root);
    let layers = [removed, broken].map(|image| ruins.own_layers(image));
    for image in [removed, broken, unneeded] {
        ruins.forget_image(image);
    }
    ruins.begin_removal(&layers[0][1]);
    ruins.spoil(&layers[1][1]);
    ruins.disown(container);
    ruins.write_set("unpacked");
    ruins.litter(&ruins.orphan("orphan"));
}

/// Every kind of garbage that `prune` takes.
const CLASSES: [&str; 10] = [
    "interrupted-removal",
    "uncommitted-write-set",
    "unowned-mount",
    "broken-layer-record",
    "unreferenced-layer",
    "orphan-directory",
    "dangling-link",
    "duplicate-link",
    "stale-temporary-file",
    "stale-probe-directory",
];

#[test]
fn wherever_prune_is_killed_dockerd_works_and_the_next_prune_comes_to_the_same_end() {
    let test = "wherever_prune_is_killed_dockerd_works_and_the_next_prune_comes_to_the_same_end";
    let Some(template) = Template::make(test) else { return };
    let copy = template.copy();
    let program = Layerwise::on(copy.path());
    let classes: BTreeSet<String> = program.plan("").classes().into_keys().collect();
    assert_eq!(classes, CLASSES.map(str::to_owned).into(), "the template has leftovers of every kind");
    let points = trace(&program, "prune --force");
    assert_dockerd_works(test, &template, copy.path(), "reference");
    program.prune("");
    let end = snapshot(copy.path());

    let mut chance = Chance::of(test);
    let places: Vec<usize> = match Rounds::wanted(8) {
        Rounds::Some(rounds) => (0..rounds).map(|_| chance.below(points.len())).collect(),
        Rounds::All => (0..points.len()).collect(),
    };
    eprintln!("killed at {} of {} steps: {places:?}", places.len(), points.len());
    for place in places {
        for line in ["prune --force", "prune --force --trash"] {
            let when = format!("`{line}` killed at {place} ({})", points[place]);
            let copy = template.copy();
            let program = Layerwise::on(copy.path());
            let mut command = program.command(line);
            let ran = Ran::of(command.env("LAYERWISE_TEST_POINT", format!("{place}:kill -9 $PPID")));
            // Where nothing is given up there are fewer steps.
            assert!(ran.status.is_none() || line.ends_with("--trash"), "{when}: {ran:?}");
            assert_dockerd_works(test, &template, copy.path(), &when);
            if line.ends_with("--trash") {
                let ran = program.run("trash restore");
                assert_eq!(ran.status, Some(0), "{when}: {ran:?}");
                assert_dockerd_works(test, &template, copy.path(), &format!("{when}, restored"));
            }
            program.prune("");
            assert_same(&snapshot(copy.path()), &end, &when);
            assert!(!copy.path().join(".layerwise").exists(), "{when}: the trash is still there");
        }
    }
}

/// dockerd comes up, lists what it did, runs an image and starts a container, and stops as a service manager stops it.
pub(crate) fn assert_dockerd_works(test: &str, template: &Template, root: &Path, when: &str) {
    let mut engine = Engine::start_on(test, root).unwrap();
    Known::of(&Docker::ask(&engine)).assert_is(&template.known, when);
    judge::assert_holds(&engine, ("kit:1", "/kit"), "kit", when);
    engine.docker("start stopped-0");
    let read = engine.wait_for(|engine| (engine.docker("logs stopped-0").lines().count() >= 2).then_some(()));
    assert!(read.is_some(), "{when}: the container does not read what it wrote");
    engine.docker("kill stopped-0");
    engine.stop();
}

/// Everything about the layers and their records but times.
pub(crate) fn snapshot(root: &Path) -> BTreeMap<PathBuf, String> {
    let walk = ["overlay2", "image"].map(|directory| walkdir::WalkDir::new(root.join(directory)));
    let entries = walk.into_iter().flatten().map(Result::unwrap);
    let described = entries.map(|entry| {
        let metadata = entry.path().symlink_metadata().unwrap();
        let content = if metadata.is_file() {
            format!("{:x?}", Sha256::digest(fs::read(entry.path()).unwrap()))
        } else {
            fs::read_link(entry.path()).map(|target| target.display().to_string()).unwrap_or_default()
        };
        let text = format!("{:o} {}:{} {} {content}", metadata.mode(), metadata.uid(), metadata.gid(), metadata.rdev());
        (entry.path().strip_prefix(root).unwrap().to_owned(), text)
    });
    described.collect()
}

#[track_caller]
pub(crate) fn assert_same(found: &BTreeMap<PathBuf, String>, expected: &BTreeMap<PathBuf, String>, when: &str) {
    let paths: BTreeSet<&PathBuf> = found.keys().chain(expected.keys()).filter(|path| found.get(*path) != expected.get(*path)).collect();
    let told = paths.iter().map(|path| format!("{}: {:?}, should be {:?}", path.display(), found.get(*path), expected.get(*path)));
    assert!(paths.is_empty(), "{when}:\n{}", told.collect::<Vec<_>>().join("\n"));
}
