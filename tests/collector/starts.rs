//! dockerd is started while garbage is collected: one of the two gives way, and no dockerd ever works with what is gone.
//!
//! The bait is an image's layers that no image names any more, as a kill in the middle of `rmi` leaves them. A dockerd that has read their
//! records and does not know that they were taken says `Already exists` at the next `docker load` of that image, and the image is broken.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::chance::{Chance, Rounds};
use crate::engine::Builder::Classic;
use crate::engine::Engine;
use crate::images;
use crate::judge;
use crate::layerwise::{Layerwise, Ran, trace};
use crate::ruins::{Ruins, Stash};

/// An engine with the bait.
struct Scene {
    engine: Engine,
    root: PathBuf,
    archive: PathBuf,
    bait: String,
    layers: Stash,
}

/// How a start of dockerd ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// It runs.
    Up,
    /// It gave up because it did not get the lock.
    Refused,
}

impl Scene {
    fn set(test: &str) -> Option<Self> {
        let mut engine = Engine::start(test)?;
        images::import(&engine);
        let files = ("Dockerfile", "FROM base:1\nRUN echo one >/one\nRUN echo two >/two\n");
        let context = engine.context("bait", &[files]);
        engine.build(Classic, "-t bait:1", &context);
        let archive = engine.work().join("bait.tar");
        engine.docker(&format!("save -o {} bait:1", archive.display()));
        let bait = engine.docker("inspect --format {{.Id}} bait:1");
        // The image between its steps goes with it.
        engine.docker("rmi bait:1");
        engine.docker(&format!("load -i {}", archive.display()));
        engine.stop();
        let root = engine.data_root();
        let ruins = Ruins::of(&root);
        let layers = ruins.own_layers(&bait);
        assert_eq!(layers.len(), 2);
        let layers = ruins.stash(layers.iter().flat_map(|layer| ruins.parts(layer)).collect());
        Some(Self { engine, root, archive, bait, layers })
    }

    /// With dockerd stopped: leaves the layers of the bait without an image, and something that takes a while.
    fn lay_bait(&self) {
        let ruins = Ruins::of(&self.root);
        if self.root.join("image/overlay2/imagedb/content").join(self.bait.replace(':', "/")).exists() {
            ruins.own_layers(&self.bait).iter().flat_map(|layer| ruins.parts(layer)).for_each(|path| remove(&self.root.join(path)));
            ruins.forget_image(&self.bait);
        }
        ruins.put_back(&self.layers);
        for number in 0..20 {
            let orphan = ruins.orphan(&format!("orphan-{number}"));
            assert!(self.root.join(orphan).exists());
        }
    }

    fn has_bait(&self) -> bool {
        self.layers.paths().iter().all(|path| self.root.join(path).symlink_metadata().is_ok())
    }

    /// Waits until dockerd is up or has given up, for the one reason that there may be.
    fn settle(&mut self, when: &str) -> Start {
        match self.engine.await_daemon() {
            Ok(()) => Start::Up,
            Err(log) => {
                let last = log.lines().last().unwrap_or_default();
                assert!(last.contains("error while opening volume store metadata database") && last.contains("timeout"), "{when}: {log}");
                Start::Refused
            }
        }
    }

    /// The dockerd that is up, or else the next one, can do everything with the bait and the other images; it is stopped then.
    fn assert_dockerd_knows_what_is_so(&mut self, start: Start, when: &str) {
        if start == Start::Refused {
            self.engine.start_daemon();
        }
        let engine = &mut self.engine;
        engine.docker(&format!("load -i {}", self.archive.display()));
        judge::assert_holds(engine, ("bait:1", "/one /two"), "one\ntwo", &format!("{when}: dockerd works with what is gone"));
        judge::assert_holds(engine, ("base:1", "/etc/base"), &"base".repeat(3000), when);
        engine.stop();
    }
}

fn remove(path: &Path) {
    if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
}

/// A run of `prune` that waits at one of its places until it is let go.
struct Held {
    child: Child,
    directory: tempfile::TempDir,
}

impl Held {
    /// Starts it, and waits until it is there.
    fn at(program: &Layerwise, point: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (here, go) = (directory.path().join("here"), directory.path().join("go"));
        let wait = format!("{point}:touch {}; until [ -e {} ]; do sleep 0.01; done", here.display(), go.display());
        let mut command = program.command("prune --force");
        let mut child = command.env("LAYERWISE_TEST_POINT", wait).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(60);
        while !here.exists() {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "prune ends before its place {point}: {:?}", Ran::of_output(&child.wait_with_output().unwrap()));
            assert!(Instant::now() < end, "prune does not come to its place {point}");
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { child, directory }
    }

    fn let_go(&self) {
        fs::write(self.directory.path().join("go"), "").unwrap();
    }

    fn end(self) -> Ran {
        self.let_go();
        Ran::of_output(&self.child.wait_with_output().unwrap())
    }
}

/// What dockerd does while `prune` waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    /// It has only begun.
    Begins,
    /// It has read everything and waits for the lock.
    WaitsForLock,
    /// It has given up.
    GivesUp,
}

#[test]
fn a_dockerd_that_is_started_while_prune_is_at_any_step_gives_up() {
    let test = "a_dockerd_that_is_started_while_prune_is_at_any_step_gives_up";
    let Some(mut scene) = Scene::set(test) else { return };
    let mut chance = Chance::of(test);
    scene.lay_bait();
    let program = Layerwise::on(&scene.root);
    let points = trace(&program, "prune --force");
    let released = points.iter().position(|name| name == "unlocked").expect("it lets go of the lock");
    let step = |name: &str| points.iter().position(|point| point == name).unwrap();
    let mut places = vec![step("locked"), step("begun"), step("taken"), step("settle"), step("doom")];
    let more = match Rounds::wanted(1) {
        Rounds::Some(rounds) => (0..rounds).map(|_| chance.below(released)).collect(),
        Rounds::All => (0..released).collect::<Vec<_>>(),
    };
    places.extend(more);
    for place in places {
        for meanwhile in [Meanwhile::Begins, Meanwhile::WaitsForLock, Meanwhile::GivesUp] {
            let when = format!("prune at {place} ({}), dockerd {meanwhile:?}", points[place]);
            eprintln!("{when}");
            scene.lay_bait();
            let held = Held::at(&program, place);
            scene.engine.launch_daemon();
            reach(&mut scene, meanwhile, &when);
            let ran = held.end();
            assert_eq!(ran.status, Some(0), "{when}: {ran:?}");
            let start = if meanwhile == Meanwhile::GivesUp { Start::Refused } else { scene.settle(&when) };
            // One that only began may have come to the lock when it was free again.
            assert!(start == Start::Refused || meanwhile == Meanwhile::Begins, "{when}: dockerd got the lock");
            assert!(!scene.has_bait(), "{when}");
            scene.assert_dockerd_knows_what_is_so(start, &when);
        }
    }
    // What is slow comes when dockerd can start again.
    scene.lay_bait();
    let held = Held::at(&program, released);
    scene.engine.launch_daemon();
    assert_eq!(scene.settle("while prune deletes"), Start::Up);
    assert_eq!(held.end().status, Some(0));
    scene.assert_dockerd_knows_what_is_so(Start::Up, "while prune deletes");
}

/// Waits until dockerd is where it is to be.
fn reach(scene: &mut Scene, meanwhile: Meanwhile, when: &str) {
    match meanwhile {
        Meanwhile::Begins => {}
        Meanwhile::WaitsForLock => {
            let end = Instant::now() + Duration::from_secs(60);
            while !has_database_open(&scene.engine) {
                assert!(Instant::now() < end, "{when}: dockerd does not come to the lock");
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        Meanwhile::GivesUp => assert_eq!(scene.settle(when), Start::Refused, "{when}"),
    }
}

fn has_database_open(engine: &Engine) -> bool {
    let Some(pid) = engine.daemon_pid() else { return false };
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|path| path.ends_with("volumes/metadata.db"))
}

#[test]
fn a_dockerd_that_hangs_between_reading_and_the_lock_does_not_get_it_while_it_is_stale() {
    let test = "a_dockerd_that_hangs_between_reading_and_the_lock_does_not_get_it_while_it_is_stale";
    let Some(mut scene) = Scene::set(test) else { return };
    let mut chance = Chance::of(test);
    let program = Layerwise::on(&scene.root);
    let rounds = match Rounds::wanted(6) {
        Rounds::Some(rounds) => rounds,
        Rounds::All => 60,
    };
    for round in 0..rounds {
        scene.lay_bait();
        let held = Held::at(&program, 0);
        scene.engine.launch_daemon();
        while scene.engine.daemon_pid().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        // Anywhere between its first instruction and the lock, and now and then right at it.
        let delay = (round % 3 > 0).then(|| chance.time_below(Duration::from_millis(400)));
        match delay {
            Some(delay) => std::thread::sleep(delay),
            None => reach(&mut scene, Meanwhile::WaitsForLock, "hanging"),
        }
        scene.engine.freeze_daemon();
        let when = format!("{round}: dockerd hangs after {delay:?}");
        eprintln!("{when}");
        held.let_go();
        // Longer than dockerd's own patience with the lock.
        std::thread::sleep(Duration::from_secs(3));
        scene.engine.thaw_daemon();
        let ran = held.end();
        assert_eq!(ran.status, Some(0), "{when}: {ran:?}");
        let start = scene.settle(&when);
        assert!(!scene.has_bait(), "{when}");
        scene.assert_dockerd_knows_what_is_so(start, &when);
    }
}

#[test]
fn whenever_dockerd_is_started_one_of_the_two_gives_way() {
    let test = "whenever_dockerd_is_started_one_of_the_two_gives_way";
    let Some(mut scene) = Scene::set(test) else { return };
    let mut chance = Chance::of(test);
    let program = Layerwise::on(&scene.root);
    let rounds = match Rounds::wanted(12) {
        Rounds::Some(rounds) => rounds,
        Rounds::All => 200,
    };
    let mut outcomes = std::collections::BTreeMap::<_, usize>::new();
    for round in 0..rounds {
        scene.lay_bait();
        let (ahead, behind) = (chance.time_below(Duration::from_millis(400)), chance.time_below(Duration::from_millis(500)));
        // With a dockerd in sight --online takes what that cannot know; if it comes to hold the lock, the rest too.
        let line = *chance.one_of(&["prune --force", "prune --force --online"]);
        let prune = || program.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let dockerd_first = chance.below(2) == 0;
        let when = if dockerd_first {
            format!("{round}: dockerd is {ahead:?} ahead of `{line}`")
        } else {
            format!("{round}: `{line}` is {behind:?} ahead")
        };
        let child = if dockerd_first {
            scene.engine.launch_daemon();
            std::thread::sleep(ahead);
            prune()
        } else {
            let child = prune();
            std::thread::sleep(behind);
            scene.engine.launch_daemon();
            child
        };
        let ran = Ran::of_output(&child.wait_with_output().unwrap());
        let start = scene.settle(&when);
        let took = took_a_layer(&ran, &when);
        assert_eq!(scene.has_bait(), !took, "{when}: {ran:?}");
        scene.assert_dockerd_knows_what_is_so(start, &when);
        *outcomes.entry((if took { "taken" } else { "refused" }, format!("dockerd {start:?}"))).or_default() += 1;
    }
    eprintln!("{outcomes:?}");
}

/// Whether a run took the bait.
#[track_caller]
fn took_a_layer(ran: &Ran, when: &str) -> bool {
    let actions: Vec<_> = ran.document["outcome"]["actions"].as_array().into_iter().flatten().collect();
    let is_clean = actions.iter().all(|action| action["status"] == "taken" || action["status"] == "skipped");
    assert!(matches!(ran.status, Some(0 | 4 | 5)) && is_clean, "{when}: {ran:?}");
    actions.iter().any(|action| action["kind"] == "layer" && action["status"] == "taken")
}
