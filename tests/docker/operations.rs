//! What dockerd may be in the middle of when the power fails, and how far it has come.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::engine::Builder::{BuildKit, Classic};
use crate::engine::Engine;

/// Something that dockerd does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    Import,
    BuildClassic,
    BuildWithBuildKit,
    Commit,
    Run,
    RemoveContainer,
    RemoveImage,
}

use Operation::{BuildClassic, BuildWithBuildKit, Commit, Import, RemoveContainer, RemoveImage, Run};

const DIRECTORIES: &str = "overlay2";
const LAYERS: &str = "image/overlay2/layerdb/sha256";
const WRITE_SETS: &str = "image/overlay2/layerdb/tmp";
const MOUNTS: &str = "image/overlay2/layerdb/mounts";
const IMAGES: &str = "image/overlay2/imagedb/content/sha256";
const CONTAINERS: &str = "containers";

/// Each operation with the directories whose first change is a moment at which to interrupt it.
pub(crate) const MOMENTS: [(Operation, &[&str]); 7] = [
    (Import, &[DIRECTORIES, WRITE_SETS, LAYERS, IMAGES]),
    (BuildClassic, &[CONTAINERS, MOUNTS, WRITE_SETS, LAYERS]),
    (BuildWithBuildKit, &[DIRECTORIES, LAYERS, IMAGES]),
    (Commit, &[WRITE_SETS, DIRECTORIES, LAYERS]),
    (Run, &[DIRECTORIES, MOUNTS, CONTAINERS]),
    (RemoveContainer, &[MOUNTS, DIRECTORIES, CONTAINERS]),
    (RemoveImage, &[IMAGES, LAYERS, DIRECTORIES]),
];

impl Operation {
    /// Makes what the operation needs; `round` names it.
    pub(crate) fn prepare(self, engine: &Engine, round: usize) {
        let fill = "i=0; while [ $i -lt 300 ]; do echo $i >/file-$i; i=$((i+1)); done; dd if=/dev/zero of=/zeros bs=1M count=30";
        match self {
            Import | Run => {}
            BuildClassic | BuildWithBuildKit => {
                let dockerfile = format!("FROM base:1\nRUN echo {round} >/round\nRUN echo again >>/round\n");
                engine.context(&format!("round-{round}"), &[("Dockerfile", &dockerfile)]);
            }
            Commit | RemoveContainer | RemoveImage => {
                engine.docker_sh(&format!("run --name round-{round} --network none base:1"), &format!("{fill}; echo {round} >/round"));
                if matches!(self, RemoveImage) {
                    engine.docker(&format!("commit round-{round} round-{round}:1"));
                    engine.docker(&format!("rm round-{round}"));
                }
            }
        }
    }

    /// Starts the operation.
    pub(crate) fn start(self, engine: &Engine, round: usize) -> Child {
        let mut command = match self {
            Import => {
                let mut command = engine.docker_command(&format!("import - import-{round}:1"));
                command.stdin(File::open(engine.work().join("roots/base.tar")).unwrap());
                command
            }
            BuildClassic => build(engine, Classic, round),
            BuildWithBuildKit => build(engine, BuildKit, round),
            Commit => engine.docker_command(&format!("commit round-{round} round-{round}:1")),
            Run => engine.docker_command(&format!("run --name run-{round} --network none base:1 touch /ran")),
            RemoveContainer => engine.docker_command(&format!("rm round-{round}")),
            RemoveImage => engine.docker_command(&format!("rmi round-{round}:1")),
        };
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

fn build(engine: &Engine, builder: crate::engine::Builder, round: usize) -> Command {
    engine.build_command(builder, &format!("-t built-{round}:1"), &engine.work().join(format!("contexts/round-{round}")))
}

/// What is in a directory, to notice when it changes.
pub(crate) fn listing(root: &Path, directory: &str) -> BTreeSet<Vec<u8>> {
    let entries = root.join(directory).read_dir().into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().as_bytes().to_vec()).collect()
}

/// Waits until `directory` is not as it was in `before`, or the operation is over: then there is no such moment in it, which is well too.
pub(crate) fn wait_for_moment(root: &Path, directory: &str, before: &BTreeSet<Vec<u8>>, operation: &mut Child) {
    let end = Instant::now() + Duration::from_secs(60);
    while listing(root, directory) == *before && operation.try_wait().unwrap().is_none() && Instant::now() < end {
        std::thread::sleep(Duration::from_micros(200));
    }
}
