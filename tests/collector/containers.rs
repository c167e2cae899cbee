//! Containers in every state, each with something written into it that must never get lost.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::process::Stdio;

use sha2::{Digest, Sha256};

use crate::engine::Engine;
use crate::saved::Hasher;

/// What each container is expected to hold: the digest of `docker export`, which reads every file through the mounted layers.
#[derive(Debug, Default)]
pub(crate) struct Containers(BTreeMap<String, String>);

/// What they all run: it writes at its first start only, and reads at each.
const SCRIPT: &str = "test -e /content || echo written by $0 >/content; cat /content; exec sleep 1000";

impl Containers {
    /// Creates one that was never started, one that was, and one that runs, from each of `images`.
    pub(crate) fn create(engine: &mut Engine, images: &[&str]) -> Self {
        Self::create_in(engine, &["created", "stopped", "running"], images)
    }

    /// Creates one that runs from each of `images`.
    pub(crate) fn create_running(engine: &mut Engine, images: &[&str]) -> Self {
        Self::create_in(engine, &["running"], images)
    }

    fn create_in(engine: &mut Engine, states: &[&str], images: &[&str]) -> Self {
        let mut containers = Self::default();
        for (number, image) in images.iter().enumerate() {
            for &state in states {
                let name = format!("{state}-{number}");
                let options = format!("create --network none --stop-signal KILL --name {name} {image} sh -c");
                engine.succeed(engine.docker_command(&options).arg(SCRIPT).arg(&name));
                let content = engine.work().join("content");
                fs::write(&content, format!("copied into {name}\n")).unwrap();
                if state == "created" {
                    engine.docker(&format!("cp {} {name}:/content", content.display()));
                } else {
                    start(engine, &name);
                }
                if state == "stopped" {
                    engine.docker(&format!("kill {name}"));
                }
                containers.0.insert(name.clone(), export(engine, &name));
            }
        }
        containers
    }

    /// Starts those that shall run, after dockerd was stopped and with it they.
    pub(crate) fn start_running(&self, engine: &mut Engine) {
        for name in self.0.keys().filter(|name| name.starts_with("running")) {
            start(engine, name);
        }
    }

    /// Checks that each still holds every byte that it held, starts, and can read it; leaves those running that shall run.
    pub(crate) fn assert_they_live(&mut self, engine: &mut Engine, when: &str) {
        for (name, expected) in &mut self.0 {
            assert_eq!(export(engine, name), *expected, "{when}: the files of {name}");
            if engine.docker(&format!("inspect --format {{{{.State.Running}}}} {name}")) == "false" {
                start(engine, name);
            }
            if !name.starts_with("running") {
                engine.docker(&format!("kill {name}"));
            }
            // A first start makes mount points.
            *expected = export(engine, name);
        }
    }
}

/// Starts a container and waits until it has read what was written into it.
fn start(engine: &mut Engine, name: &str) {
    let read = |engine: &Engine| engine.docker(&format!("logs {name}")).lines().filter(|line| line.ends_with(name)).count();
    let before = read(engine);
    engine.docker(&format!("start {name}"));
    let found = engine.wait_for(|engine| (read(engine) > before).then_some(()));
    assert!(found.is_some(), "{name} does not read what it has: {}", engine.log());
}

fn export(engine: &Engine, name: &str) -> String {
    let mut export = engine.docker_command(&format!("export {name}")).stdout(Stdio::piped()).spawn().unwrap();
    let mut hasher = Hasher(Sha256::new());
    io::copy(&mut export.stdout.take().unwrap(), &mut hasher).unwrap();
    assert!(export.wait().unwrap().success(), "docker export {name}: {}", engine.log());
    hasher.finish()
}
