//! The containerd image store: what is not read is told, and what is left of the store before it is not called garbage.

use std::collections::BTreeSet;

use crate::docker;
use crate::du::{self, Du};
use crate::engine::Engine;
use crate::layerwise::{Layerwise, document, text};
use crate::seen::garbage;

const CONFIGURATION: &str = r#"{"features":{"containerd-snapshotter":true}}"#;

/// Fills the engine's containerd with an image and a container that runs.
fn fill(engine: &Engine) {
    engine.import_busybox("new:1");
    engine.docker_sh("run -d --name new --network none new:1", "sleep 1000");
}

/// What is said of the data-root beside an answer.
fn note(engine: &Engine) -> String {
    let output = Layerwise::command().arg("--data-root").arg(engine.data_root()).args(["images", "--no-scan"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stderr).unwrap()
}

/// Asserts that everything is counted, nothing is garbage or broken, and what containerd has is known as its own.
fn assert_is_accounted_for(engine: &Engine) {
    let root = engine.data_root();
    let program = Layerwise::on(&root);
    let (counted, df) = du::around(&root, || program.ask("df", &[]));
    assert_eq!(Du::said_by(&df["total"]), counted);
    let findings = program.findings();
    assert_eq!(garbage(&findings), BTreeSet::new());
    assert!(findings.iter().all(|finding| text(finding, "severity") != "error"), "{findings:?}");
    let containerd = root.join("containerd/daemon");
    let why = &program.items("why", &[containerd.to_str().unwrap()])[0];
    assert_eq!((text(why, "kind"), text(why, "verdict")), ("containerd-store", "in-use"));
}

#[test]
fn a_data_root_of_the_containerd_image_store_is_told_as_such() {
    let test = "a_data_root_of_the_containerd_image_store_is_told_as_such";
    let Some(engine) = Engine::start(test) else { return };
    if engine.major_version() < 24 {
        return;
    }
    drop(engine);
    let Some(mut engine) = Engine::start_configured(test, CONFIGURATION) else { return };
    fill(&engine);
    let is_it = "a data-root with what Docker keeps beside the containerd image store (snapshotter overlayfs); the images and layers of \
                 containerd, which lie in containerd/daemon/ below it and are not read";
    assert!(note(&engine).contains(is_it), "{}", note(&engine));
    assert_is_accounted_for(&engine);
    engine.stop();
    assert_is_accounted_for(&engine);
}

#[test]
fn what_is_left_of_overlay2_beside_the_containerd_image_store_is_read() {
    let Some(mut engine) = Engine::start("what_is_left_of_overlay2_beside_the_containerd_image_store_is_read") else { return };
    if engine.major_version() < 24 {
        return;
    }
    engine.import_busybox("old:1");
    engine.docker("create --name old old:1 sh");
    let known = docker::Docker::ask(&engine).directories();
    engine.stop();
    engine.configure(CONFIGURATION);
    engine.start_daemon();
    fill(&engine);
    let is_it = "stores of overlay2 and of the containerd image store (snapshotter overlayfs), of which dockerd's configuration decides";
    assert!(note(&engine).contains(is_it), "{}", note(&engine));
    for _ in 0..2 {
        assert_is_accounted_for(&engine);
        let images = document(Layerwise::command().arg("--data-root").arg(engine.data_root()).args(["images", "--format", "json"]));
        assert_eq!(images["items"][0]["references"][0], "old:1");
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        for answer in Layerwise::on(&engine.data_root()).items("why", &names) {
            assert_eq!(text(&answer, "verdict"), "in-use", "{answer}");
        }
        if engine.is_running() {
            engine.stop();
        }
    }
}
