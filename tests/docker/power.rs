//! The harness itself: an engine comes back from everything the tests do to it, and leaves nothing behind.

use std::fs;
use std::path::Path;

use crate::engine::{Builder, Engine};

#[test]
fn an_engine_survives_a_stop_a_kill_and_a_power_cut() {
    let Some(mut engine) = Engine::start("an_engine_survives_a_stop_a_kill_and_a_power_cut") else { return };
    let context = engine.context("nothing", &[("Dockerfile", "FROM scratch\nENV nothing=1\n")]);
    engine.build(Builder::Classic, "-t nothing:1", &context);
    let image = engine.docker("images --quiet --no-trunc");
    engine.stop();
    engine.start_daemon();
    assert_eq!(engine.docker("images --quiet --no-trunc"), image, "after a stop");
    engine.kill_daemon();
    engine.start_daemon();
    assert_eq!(engine.docker("images --quiet --no-trunc"), image, "after a kill");
    engine.cut_power();
    engine.boot();
    assert_eq!(engine.docker("images --quiet --no-trunc"), image, "after a power cut");
}

#[test]
fn an_engine_leaves_no_file_no_mount_and_no_cgroup() {
    let Some(engine) = Engine::start("an_engine_leaves_no_file_no_mount_and_no_cgroup") else { return };
    let work = engine.work().to_owned();
    let name = work.file_name().unwrap().to_str().unwrap().to_owned();
    drop(engine);
    assert!(!work.exists(), "{} is still there", work.display());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&name), "still mounted:\n{mounts}");
    for cgroup in [Path::new("/sys/fs/cgroup").join(&name), Path::new("/sys/fs/cgroup/memory").join(&name)] {
        assert!(!cgroup.exists(), "{} is still there", cgroup.display());
    }
}

#[test]
fn an_engine_works_on_a_data_root_that_stays_when_it_goes() {
    let test = "an_engine_works_on_a_data_root_that_stays_when_it_goes";
    let elsewhere = tempfile::tempdir().unwrap();
    let mut images = Vec::new();
    for _ in 0..2 {
        let Some(engine) = Engine::start_on(test, elsewhere.path()) else { return };
        if images.is_empty() {
            engine.import_busybox("base:1");
        }
        images.push(engine.docker("images --quiet --no-trunc base:1"));
    }
    assert!(images[0].starts_with("sha256:") && images[0] == images[1], "{images:?}");
}
