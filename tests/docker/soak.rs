//! Scans in a loop beside a dockerd that builds, runs and removes: nothing that comes and goes is an error, and nothing is counted wrong.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use layerwise::dir::Dir;
use layerwise::inventory::Inventory;
use layerwise::usage::cache::{self, Clock};
use layerwise::usage::scan::{Measured, Options, Progress, Usage, scan};

use crate::du::Du;
use crate::engine::{Builder, Engine};
use crate::fixture::images;

/// How long: `LAYERWISE_SOAK_SECONDS=600 cargo test --test docker soak` for a real one.
fn duration() -> Duration {
    Duration::from_secs(std::env::var("LAYERWISE_SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(6))
}

#[test]
fn scans_beside_a_busy_dockerd_are_whole() {
    let Some(mut engine) = Engine::start("scans_beside_a_busy_dockerd_are_whole") else { return };
    images::import(&engine);
    let (root, caches) = (engine.data_root(), tempfile::tempdir().unwrap());
    let is_over = AtomicBool::new(false);
    let scans = std::thread::scope(|scope| {
        let scanner = scope.spawn(|| scan_until(&is_over, &root, caches.path()));
        let rounds = build_and_remove(&engine, Instant::now() + duration());
        is_over.store(true, Relaxed);
        let (scans, vanished) = scanner.join().unwrap();
        eprintln!("{scans} scans beside {rounds} rounds of building and removing; {vanished} entries went away while they were counted");
        scans
    });
    assert!(scans > 10, "{scans} scans");
    engine.stop();
    // What was remembered in all that haste fits to what is there at rest, but for blocks that were not yet written then.
    let full = measure(&root);
    let helped = with_cache(&root, caches.path());
    assert_eq!(inodes(&helped), inodes(&full));
    assert!(helped.from_cache.unwrap().layers > 0);
    nix::unistd::sync();
    let (fresh, full) = (tempfile::tempdir().unwrap(), measure(&root));
    assert_eq!(Du { bytes: full.total.bytes, inodes: full.total.inodes }, Du::of(&root));
    for _ in 0..2 {
        // Layers of this second are not remembered, so there may be fewer than all, and never a wrong one.
        let helped = with_cache(&root, fresh.path());
        assert_eq!(Measured { from_cache: None, ..helped }, full);
    }
}

fn build_and_remove(engine: &Engine, end: Instant) -> u32 {
    let mut rounds = 0;
    while Instant::now() < end || rounds == 0 {
        let dockerfile = format!(
            "FROM base:1\nRUN i=0; while [ $i -lt 300 ]; do echo $i >/f-$i; i=$((i+1)); done; ln /f-1 /g; rm /etc/motd; echo {rounds}\nRUN mkdir -p /a/b/c && echo {rounds} >/a/b/c/d\n"
        );
        let context = engine.context(&format!("soak-{rounds}"), &[("Dockerfile", &dockerfile)]);
        let builder = if rounds % 2 == 0 { Builder::BuildKit } else { Builder::Classic };
        engine.build(builder, &format!("-t soak-{rounds}:1"), &context);
        engine.docker_sh(&format!("run --rm --network none soak-{rounds}:1"), "rm -r /a; cp -r /bin /copy; rm -r /copy; touch /f-2");
        engine.docker(&format!("rmi soak-{rounds}:1"));
        if rounds % 3 == 2 {
            engine.docker("builder prune --force --all");
        }
        rounds += 1;
    }
    rounds
}

/// How many scans there were, and how many entries vanished before them.
fn scan_until(is_over: &AtomicBool, root: &Path, caches: &Path) -> (u32, u64) {
    let (mut scans, mut vanished) = (0, 0);
    while !is_over.load(Relaxed) {
        for measured in [measure(root), with_cache(root, caches)] {
            assert_eq!(measured.unreadable, [], "scan {scans}");
            let sum = measured.owners.values().fold(Usage::default(), |mut sum, &usage| {
                sum += usage;
                sum
            });
            assert_eq!(sum, measured.total, "scan {scans}");
            assert!(measured.total.inodes > 100, "scan {scans}: {:?}", measured.total);
            scans += 1;
            vanished += measured.vanished;
        }
    }
    (scans, vanished)
}

fn measure(root: &Path) -> Measured {
    scan(&Dir::root(root).unwrap(), &Options::default(), &Progress::default())
}

/// A scan that remembers even what was made a moment ago.
fn with_cache(root: &Path, caches: &Path) -> Measured {
    let dir = Dir::root(root).unwrap();
    let clock = Clock { now: jiff::Timestamp::now().as_second(), settled: 1 };
    cache::scan(&dir, &Inventory::read(&dir, None), (&Options::default(), &Progress::default()), (caches, clock)).0
}

/// How many inodes each owner has.
fn inodes(measured: &Measured) -> Vec<(&layerwise::store::place::Owner, u64)> {
    measured.owners.iter().map(|(owner, usage)| (owner, usage.inodes)).collect()
}
