//! `prune --online` in a loop beside everything that dockerd does: what was dead before it started goes, and nothing ever fails.

mod stage;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::containers::Containers;
use crate::docker::Docker;
use crate::engine::Builder::{BuildKit, Classic};
use crate::engine::Engine;
use crate::images;
use crate::interruption::{Moment, Operation};
use crate::judge::{self, Known};
use crate::layerwise::Layerwise;
use crate::registry::Registry;
use crate::ruins::{self, Ruins};
use stage::{Figures, Stage};

/// How long it goes on: `LAYERWISE_SOAK_SECONDS=600 cargo test --test collector online` for a real one.
fn duration() -> Duration {
    Duration::from_secs(env::var("LAYERWISE_SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(30))
}

/// How many images and containers there are from before the start, for dockerd to remove meanwhile: their directories are as old as garbage.
fn old_things() -> usize {
    usize::try_from(duration().as_secs()).unwrap().div_ceil(3).clamp(10, 100)
}

#[test]
fn nothing_fails_beside_prune_online_and_what_was_dead_before_is_taken() {
    let test = "nothing_fails_beside_prune_online_and_what_was_dead_before_is_taken";
    let Some(mut engine) = Engine::start(test) else { return };
    let mut containers = fill(&mut engine);
    let kept = Known::of(&Docker::ask(&engine));
    add_old_things(&engine);
    leave_garbage(&mut engine, test);
    engine.stop();
    let root = engine.data_root();
    let mut dead = dead_directories(&root);
    let pool = Pool::fill(&engine);
    dead.extend(pool.0.iter().map(|(_, directory)| directory.clone()));
    ruins::age();
    engine.start_daemon();
    let young = Ruins::of(&root).orphan("young");
    let registry = Registry::serve(&mut engine);
    containers.start_running(&mut engine);

    let figures = play(&engine, pool);
    eprintln!("in {:?}: {figures:?}", duration());
    drop(registry);

    for path in &dead {
        assert!(!root.join(path).exists(), "{} was dead before dockerd was started, and is still there", path.display());
    }
    assert!(root.join(young).exists(), "a directory that is younger than dockerd was taken");
    let docker = Docker::ask(&engine);
    let now = Known::of(&docker);
    for (key, _) in kept.0.iter().filter(|(key, _)| key.starts_with("image") || key.starts_with("container")) {
        assert!(now.0.contains_key(key), "{key} is gone");
    }
    judge::assert_images_work(&engine, &docker, "afterwards");
    containers.assert_they_live(&mut engine, "afterwards");
    engine.stop();
    let check = Layerwise::on(&root).run("check --fail-on error");
    assert_eq!(check.status, Some(0), "{check:?}");
}

/// Lets everybody work at the same time until the time is over.
fn play(engine: &Engine, pool: Pool) -> Figures {
    let stage = Stage::new(engine, duration());
    thread::scope(|scope| {
        let mut workers: Vec<_> =
            [Stage::build, Stage::push_and_pull, Stage::run_and_commit, Stage::remove_old_things, Stage::prune_system]
                .into_iter()
                .map(|work| {
                    let stage = &stage;
                    scope.spawn(move || stage.repeat(work))
                })
                .collect();
        workers.push(scope.spawn(|| stage.bring_garbage(pool)));
        let collector = scope.spawn(|| stage.collect());
        let failed = workers.into_iter().filter_map(|worker| worker.join().err()).count();
        stage.end();
        let figures = collector.join().expect("prune");
        assert_eq!(failed, 0, "something failed beside prune --online: see above");
        figures
    })
}

/// What is there and stays.
fn fill(engine: &mut Engine) -> Containers {
    images::import(engine);
    images::build_classic(engine);
    images::build_with_buildkit(engine);
    // Untagged images and stopped containers go with `docker system prune`: these have names, and run.
    Containers::create_running(engine, &["classic:1", "stages:1"])
}

fn old(number: usize) -> String {
    format!("old-{number}")
}

/// Images, containers and build cache from before dockerd's start, for it to remove.
fn add_old_things(engine: &Engine) {
    for number in 0..old_things() {
        let builder = if number.is_multiple_of(2) { Classic } else { BuildKit };
        let name = old(number);
        let context = engine.context(&name, &[("Dockerfile", &format!("FROM base:1\nRUN echo {name} >/{name}\n"))]);
        engine.build(builder, &format!("-t {name}:1"), &context);
        engine.docker(&format!("create --name {name} --network none {name}:1 true"));
    }
}

/// What a kill in the middle of an import leaves, and directories that nothing has ever named.
fn leave_garbage(engine: &mut Engine, test: &str) {
    let mut chance = crate::chance::Chance::of(test);
    for round in 0..3 {
        Operation::Import.prepare(engine, round);
        let mut import = Moment::early(Operation::Import, &mut chance).wait(engine, Operation::Import, round);
        engine.kill_daemon();
        import.wait().unwrap();
        engine.start_daemon();
    }
    let root = engine.data_root();
    for number in 0..30 {
        Ruins::of(&root).orphan(&format!("dead-{number}"));
    }
}

/// The orphan directories, with dockerd stopped.
fn dead_directories(root: &Path) -> Vec<PathBuf> {
    let plan = Layerwise::on(root).plan("");
    let orphans = plan.actions.iter().filter(|action| action["class"] == "orphan-directory");
    let dead: Vec<PathBuf> = orphans.map(|action| action["path"].as_str().unwrap().into()).collect();
    assert!(dead.len() >= 30, "{plan:?}");
    dead
}

/// Garbage that is kept elsewhere on the file system until its time has come, so that every run has some to take: links and directories, by
/// their paths below the data-root.
struct Pool(Vec<(PathBuf, PathBuf)>);

impl Pool {
    fn fill(engine: &Engine) -> Self {
        let root = engine.data_root();
        let things = (0..usize::try_from(duration().as_secs()).unwrap() * 4).map(|number| {
            let directory = Ruins::of(&root).orphan(&format!("pooled-{number}"));
            let link = Path::new("overlay2/l").join(fs::read_to_string(root.join(&directory).join("link")).unwrap());
            (link, directory)
        });
        let pool = Self(things.collect());
        for path in pool.0.iter().flat_map(|(link, directory)| [link, directory]) {
            let kept = pool_of(engine).join(path);
            fs::create_dir_all(kept.parent().unwrap()).unwrap();
            fs::rename(root.join(path), kept).unwrap();
        }
        pool
    }
}

fn pool_of(engine: &Engine) -> PathBuf {
    engine.work().join("pool")
}
