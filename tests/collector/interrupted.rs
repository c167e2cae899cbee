//! dockerd is killed, or the power fails, in the middle of what it does: what it leaves goes, and what it knows stays and works.

use std::collections::BTreeMap;
use std::path::Path;

use crate::chance::{Chance, Rounds};
use crate::containers::Containers;
use crate::docker::Docker;
use crate::engine::Engine;
use crate::images;
use crate::interruption::{Moment, OPERATIONS, Operation, name};
use crate::judge::{self, Known};
use crate::layerwise::{Layerwise, Plan, add};
use crate::registry::Registry;
use crate::saved;

/// What was taken in all, by class, and what was withheld, by reason.
#[derive(Debug, Default)]
struct Sums {
    taken: BTreeMap<String, usize>,
    withheld: BTreeMap<String, usize>,
}

#[test]
fn after_any_interruption_the_garbage_goes_and_everything_that_dockerd_knows_works() {
    let test = "after_any_interruption_the_garbage_goes_and_everything_that_dockerd_knows_works";
    let Some(mut engine) = Engine::start(test) else { return };
    let mut chance = Chance::of(test);
    let rounds = match Rounds::wanted(2) {
        Rounds::Some(rounds) => rounds,
        Rounds::All => 20,
    };
    fill(&engine);
    let mut containers = Containers::create(&mut engine, &["classic:1", "stages:1"]);
    let mut sums = Sums::default();
    for round in 0..rounds * OPERATIONS.len() {
        let operation = OPERATIONS[round % OPERATIONS.len()];
        interrupt(test, &mut engine, &mut chance, (operation, round), &mut sums);
        if (round + 1) % OPERATIONS.len() == 0 {
            let when = format!("after {} interruptions", round + 1);
            containers.assert_they_live(&mut engine, &when);
            judge::assert_images_work(&engine, &Docker::ask(&engine), &when);
        }
    }
    assert_nothing_is_left_when_everything_is_removed(&mut engine, &mut sums);
    eprintln!("taken: {:?}\nkept: {:?}", sums.taken, sums.withheld);
    assert!(sums.taken.len() >= 3, "hardly anything was left behind: {:?}", sums.taken);
}

/// Images of all kinds: imported, built by both builders, committed, loaded, of several names and of none, on shared bases.
fn fill(engine: &Engine) {
    images::import(engine);
    images::build_classic(engine);
    images::build_with_buildkit(engine);
    images::commit_and_load(engine);
    images::move_tags(engine);
}

/// One interruption, and everything that must be so afterwards.
fn interrupt(test: &str, engine: &mut Engine, chance: &mut Chance, (operation, round): (Operation, usize), sums: &mut Sums) {
    let registry = Registry::serve(engine);
    operation.prepare(engine, round);
    let before = Known::of(&Docker::ask(engine));
    let moment = Moment::choose(operation, chance);
    let power = chance.below(3) == 0;
    let when = format!("{round}: {} in {operation:?} at {moment:?}", if power { "power cut" } else { "dockerd killed" });
    eprintln!("{when}");
    let mut child = moment.wait(engine, operation, round);
    if power {
        engine.cut_power();
    } else {
        engine.kill_daemon();
    }
    child.wait().unwrap();
    drop(registry);

    let expected = judge::known_without_us(test, &engine.data_root());
    assert_nothing_is_forgotten(&before, &expected, operation, &when);
    collect(&engine.data_root(), "", &when, sums);
    if power {
        engine.boot();
    } else {
        engine.start_daemon();
    }
    let docker = Docker::ask(engine);
    Known::of(&docker).assert_is(&expected, &when);
    saved::assert_images_are_whole(engine, &docker, &when);
    engine.docker(&format!("container rm --force {}", name(round)));
}

/// The judge is only as good as its memory: what was there before the interruption is there after it, but for what was being removed.
fn assert_nothing_is_forgotten(before: &Known, expected: &Known, operation: Operation, when: &str) {
    if operation == Operation::PruneBuilder {
        return;
    }
    let is_subject = |what: &String| what.contains("round-");
    let is_usage = |key: &String| key.starts_with("usage");
    for (key, what) in before.0.iter().filter(|(key, what)| !is_usage(key) && !is_subject(what)) {
        assert!(expected.0.contains_key(key), "{when}: dockerd forgot {key}: {what}");
    }
}

/// Takes everything that is dead; then nothing is left to be taken, and what is kept for no known use is told with its reason.
fn collect(data_root: &Path, options: &str, when: &str, sums: &mut Sums) {
    let program = Layerwise::on(data_root);
    let plan = program.prune(options);
    let rest = program.plan(options);
    assert!(rest.actions.is_empty(), "{when}: still to be taken: {:?}", rest.actions);
    assert!(!data_root.join(".layerwise").exists(), "{when}: something is in the trash");
    assert_reasons(&rest, when);
    eprintln!("  taken {:?}", plan.classes());
    if !rest.withheld.is_empty() {
        eprintln!("  kept {:?}", rest.reasons());
    }
    add(&mut sums.taken, plan.classes());
    add(&mut sums.withheld, rest.reasons());
}

/// What is withheld is so for something that was really lost, and the reason names it.
fn assert_reasons(plan: &Plan, when: &str) {
    for reason in plan.reasons().keys() {
        let vague = ["nothing is known", "running dockerd", "not one image"].iter().any(|vague| reason.contains(vague));
        assert!(!vague, "{when}: {reason}: {:?}", plan.withheld);
    }
}

/// Removes by hand, as the reason says, what is left in `containers/` of containers whose config was lost: dockerd does not list them.
fn remove_lost_containers(root: &Path) {
    let containers = root.join("containers").read_dir().unwrap().map(|entry| entry.unwrap().path());
    for lost in containers.filter(|path| !path.join("config.v2.json").exists()) {
        std::fs::remove_dir_all(lost).unwrap();
    }
}

/// When every image, container and build is removed, `overlay2/` and `layerdb/` are empty after one last run.
fn assert_nothing_is_left_when_everything_is_removed(engine: &mut Engine, sums: &mut Sums) {
    // Mounts of runs that outlived a killed dockerd hold what they were mounted from.
    engine.cut_power();
    engine.boot();
    for (list, remove) in [("ps --all --quiet", "rm --force"), ("images --all --quiet --no-trunc", "rmi --force")] {
        // An image goes only after the last of its children, and their order is nobody's.
        for _ in 0..20 {
            let ids = engine.docker(list);
            if ids.is_empty() {
                break;
            }
            drop(engine.docker_command(remove).args(ids.split_whitespace()).output().unwrap());
        }
        assert_eq!(engine.docker(list), "", "docker {remove}");
    }
    engine.docker("builder prune --all --force");
    engine.stop();
    let root = engine.data_root();
    remove_lost_containers(&root);
    // A build that was cut off leaves snapshots that `docker builder prune` does not find either, and containers what was written in them.
    collect(&root, "--allow-empty --include build-snapshots --include unowned-data", "when everything is removed", sums);
    let names = |directory: &str| -> Vec<String> {
        let entries = root.join(directory).read_dir().into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names("overlay2"), ["l"], "overlay2/");
    for directory in ["overlay2/l", "sha256", "mounts", "tmp"] {
        let path = if directory.starts_with("overlay2") { directory.to_owned() } else { format!("image/overlay2/layerdb/{directory}") };
        assert_eq!(names(&path), [""; 0], "{path}/");
    }
}
