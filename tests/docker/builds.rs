//! While something is being built: nothing that a build uses is garbage.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::docker::Docker;
use crate::engine::Builder::{BuildKit, Classic};
use crate::engine::{Builder, Engine};
use crate::fixture::images;
use crate::layerwise::{Layerwise, text};
use crate::seen::garbage;

#[test]
fn nothing_that_a_running_build_uses_is_garbage() {
    let Some(mut engine) = Engine::start("nothing_that_a_running_build_uses_is_garbage") else { return };
    images::import(&engine);
    for builder in [BuildKit, Classic] {
        let sleeping = start_build(&mut engine, builder);
        let program = Layerwise::on(&engine.data_root());
        let findings = program.findings();
        assert_eq!(garbage(&findings), BTreeSet::new(), "while {builder:?} builds");
        let directories = layer_directories(&engine);
        let why = program.items("why", &directories.iter().map(String::as_str).collect::<Vec<_>>());
        for answer in &why {
            assert_ne!(text(answer, "verdict"), "garbage", "while {builder:?} builds: {answer}");
        }
        let answer = why.iter().find(|answer| text(answer, "target") == sleeping).unwrap();
        assert_eq!(text(answer, "verdict"), "in-use", "what {builder:?} is at: {answer}");
    }
    engine.cut_power();
    let dead = Layerwise::on(&engine.data_root()).findings();
    engine.boot();
    let docker = Docker::ask(&engine);
    for (directory, owner) in docker.directories() {
        assert!(!garbage(&dead).contains(directory.as_str()), "{directory} of {owner} was called garbage after a power cut");
    }
}

/// Starts a build that never ends, and returns the layer directory that it writes to.
fn start_build(engine: &mut Engine, builder: Builder) -> String {
    let before = layer_directories(engine);
    let dockerfile = format!("FROM base:1\nRUN echo {builder:?} >/step\nRUN touch /ready-{builder:?} && sleep 1000\n");
    let context = engine.context(&format!("endless-{builder:?}"), &[("Dockerfile", &dockerfile)]);
    // It ends with the engine.
    drop(engine.build_command(builder, "", &context).spawn().unwrap());
    let ready = engine.wait_for(|engine| {
        let new = layer_directories(engine).into_iter().filter(|name| !before.contains(name));
        new.into_iter().find(|name| path(engine, name).join(format!("diff/ready-{builder:?}")).exists())
    });
    ready.unwrap_or_else(|| panic!("{builder:?} does not come to its last step"))
}

fn path(engine: &Engine, directory: &str) -> PathBuf {
    engine.data_root().join("overlay2").join(directory)
}

/// Returns the names of all layer directories on the disk.
pub(crate) fn layer_directories(engine: &Engine) -> BTreeSet<String> {
    let entries = engine.data_root().join("overlay2").read_dir().unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).filter(|name| name != "l").collect()
}
