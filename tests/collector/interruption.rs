//! What dockerd may be in the middle of, and when it is interrupted.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::engine::Builder::{BuildKit, Classic};
use crate::engine::Engine;
use crate::registry::ADDRESS;

/// Something that dockerd does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Import,
    Load,
    Pull,
    BuildClassic,
    BuildWithBuildKit,
    Commit,
    Run,
    RemoveContainer,
    RemoveImage,
    PruneBuilder,
}

use Operation::{BuildClassic, BuildWithBuildKit, Commit, Import, Load, PruneBuilder, Pull, RemoveContainer, RemoveImage, Run};

/// All of them.
pub(crate) const OPERATIONS: [Operation; 10] =
    [Import, Load, Pull, BuildClassic, BuildWithBuildKit, Commit, Run, RemoveContainer, RemoveImage, PruneBuilder];

const DIRECTORIES: &str = "overlay2";
const LAYERS: &str = "image/overlay2/layerdb/sha256";
const WRITE_SETS: &str = "image/overlay2/layerdb/tmp";
const MOUNTS: &str = "image/overlay2/layerdb/mounts";
const IMAGES: &str = "image/overlay2/imagedb/content/sha256";
const CONTAINERS: &str = "containers";

impl Operation {
    /// The directories in which it makes or removes something.
    const fn places(self) -> &'static [&'static str] {
        match self {
            Import | Load | Pull => &[DIRECTORIES, WRITE_SETS, LAYERS, IMAGES],
            BuildClassic => &[CONTAINERS, MOUNTS, DIRECTORIES, WRITE_SETS, LAYERS, IMAGES],
            BuildWithBuildKit => &[DIRECTORIES, MOUNTS, LAYERS, IMAGES],
            Commit => &[WRITE_SETS, DIRECTORIES, LAYERS, IMAGES],
            Run | RemoveContainer => &[MOUNTS, DIRECTORIES, CONTAINERS],
            RemoveImage => &[IMAGES, LAYERS, DIRECTORIES],
            PruneBuilder => &[DIRECTORIES, LAYERS],
        }
    }

    /// Makes what the operation needs; `round` names it.
    pub(crate) fn prepare(self, engine: &Engine, round: usize) {
        let name = name(round);
        match self {
            Run => {}
            Import => drop(archive(engine, round)),
            BuildClassic | BuildWithBuildKit => drop(context(engine, round)),
            Load | Pull | RemoveImage => {
                engine.build(Classic, &format!("-t {name}:1"), &context(engine, round));
                let archive = saved(engine, round);
                engine.docker(&format!("save -o {} {name}:1", archive.display()));
                if self == Pull {
                    engine.docker(&format!("tag {name}:1 {ADDRESS}/{name}:1"));
                    engine.docker(&format!("push {ADDRESS}/{name}:1"));
                    engine.docker(&format!("rmi {ADDRESS}/{name}:1"));
                }
                engine.docker(&format!("rmi {name}:1"));
                if self == RemoveImage {
                    // Without the untagged images between its steps, which would go with it.
                    engine.docker(&format!("load -i {}", archive.display()));
                }
            }
            Commit | RemoveContainer => {
                let fill = "i=0; while [ $i -lt 300 ]; do echo $i >/file-$i; i=$((i+1)); done; dd if=/dev/urandom of=/noise bs=1M count=4";
                engine.docker_sh(&format!("run --name {name} --network none base:1"), fill);
            }
            PruneBuilder => {
                engine.build(BuildKit, &format!("-t {name}:1"), &context(engine, round));
                engine.docker(&format!("rmi {name}:1"));
            }
        }
    }

    /// Starts the operation.
    pub(crate) fn start(self, engine: &Engine, round: usize) -> Child {
        let name = name(round);
        let build = |builder| engine.build_command(builder, &format!("-t {name}:1"), &engine.work().join("contexts").join(&name));
        let mut command: Command = match self {
            Import => {
                let mut command = engine.docker_command(&format!("import - {name}:1"));
                command.stdin(File::open(archive(engine, round)).unwrap());
                command
            }
            Load => engine.docker_command(&format!("load -i {}", saved(engine, round).display())),
            Pull => engine.docker_command(&format!("pull {ADDRESS}/{name}:1")),
            BuildClassic => build(Classic),
            BuildWithBuildKit => build(BuildKit),
            Commit => engine.docker_command(&format!("commit {name} {name}:1")),
            Run => engine.docker_command(&format!("run --name {name} --network none classic:1 touch /ran")),
            RemoveContainer => engine.docker_command(&format!("rm {name}")),
            RemoveImage => engine.docker_command(&format!("rmi {name}:1")),
            PruneBuilder => engine.docker_command("builder prune --all --force"),
        };
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

/// What a round calls its own.
pub(crate) fn name(round: usize) -> String {
    format!("round-{round}")
}

/// A moment in an operation: a while after a directory has changed for the first time, or after the start.
#[derive(Debug)]
pub(crate) struct Moment {
    place: Option<&'static str>,
    after: Duration,
}

impl Moment {
    /// A moment in `operation` that chance chooses.
    pub(crate) fn choose(operation: Operation, chance: &mut Chance) -> Self {
        // Most of what is left behind is so for a moment only.
        let longest = *chance.one_of(&[2, 30, 300].map(Duration::from_millis));
        let place = (chance.below(4) > 0).then(|| *chance.one_of(operation.places()));
        Self { place, after: chance.time_below(longest) }
    }

    /// A moment in `operation` at which something is begun.
    pub(crate) fn early(operation: Operation, chance: &mut Chance) -> Self {
        Self { place: Some(*chance.one_of(operation.places())), after: Duration::ZERO }
    }

    /// Starts the operation and waits for the moment in it; it may be over before that.
    pub(crate) fn wait(&self, engine: &Engine, operation: Operation, round: usize) -> Child {
        let root = engine.data_root();
        let before = self.place.map(|place| listing(&root.join(place)));
        let mut child = operation.start(engine, round);
        let end = Instant::now() + Duration::from_secs(60);
        if let (Some(place), Some(before)) = (self.place, before) {
            while listing(&root.join(place)) == before && child.try_wait().unwrap().is_none() && Instant::now() < end {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
        std::thread::sleep(self.after);
        child
    }
}

fn listing(directory: &Path) -> BTreeSet<Vec<u8>> {
    let entries = directory.read_dir().into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().as_bytes().to_vec()).collect()
}

/// A context whose image has three layers of its own with many files, so that each step takes a moment.
fn context(engine: &Engine, round: usize) -> PathBuf {
    let dockerfile = "FROM base:1\nCOPY one /one\nRUN echo step >/step && rm /etc/motd\nCOPY two /two\n";
    let context = engine.context(&name(round), &[("Dockerfile", dockerfile)]);
    for part in ["one", "two"] {
        files(&context.join(part), &format!("{part} of {round}"));
    }
    context
}

/// An archive of a root file system.
fn archive(engine: &Engine, round: usize) -> PathBuf {
    let root = engine.work().join("imports").join(name(round));
    let archive = root.with_extension("tar");
    if !archive.exists() {
        crate::engine::install_busybox(&root);
        files(&root.join("files"), &format!("import of {round}"));
        assert!(Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&root).arg(".").status().unwrap().success());
    }
    archive
}

fn files(directory: &Path, text: &str) {
    fs::create_dir_all(directory).unwrap();
    for number in 0..200 {
        fs::write(directory.join(number.to_string()), format!("{text}: {number}\n").repeat(200)).unwrap();
    }
}

fn saved(engine: &Engine, round: usize) -> PathBuf {
    engine.work().join(name(round)).with_extension("tar")
}
