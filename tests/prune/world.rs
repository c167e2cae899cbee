//! A data-root of one test, runs of the binary on it, and snapshots of it.

use layerwise::demo::{Builder, sample};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{OnceLock, PoisonError, RwLock};

/// A data-root that goes when it goes.
pub(crate) struct World {
    temp: Temp,
    path: PathBuf,
}

/// How a run ended; no status if a signal ended it.
#[derive(Debug)]
#[must_use]
pub(crate) struct Ran {
    pub(crate) status: Option<i32>,
    pub(crate) output: String,
    pub(crate) errors: String,
}

/// Held for writing while a data-root is removed. All have directories of the same names, and where one is that somebody has open cannot be
/// told any more once it is gone: so no program runs meanwhile that would take it for its own.
static VANISHING: RwLock<()> = RwLock::new(());

thread_local! {
    /// Whether this thread holds it for writing, and so needs not ask for it.
    static IS_ALONE: Cell<bool> = const { Cell::new(false) };
}

/// Does something while no other test runs a program: because a process has something open of which the kernel does not tell where it
/// lies, so that it may be in any directory of any data-root.
pub(crate) fn alone(work: impl FnOnce()) {
    let _nobody_else_runs = VANISHING.write().unwrap_or_else(PoisonError::into_inner);
    IS_ALONE.set(true);
    work();
    IS_ALONE.set(false);
}

/// A directory that goes when it goes, while no program runs.
struct Temp(Option<tempfile::TempDir>);

impl Temp {
    fn path(&self) -> &Path {
        self.0.as_ref().unwrap().path()
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _no_program_runs = (!IS_ALONE.get()).then(|| VANISHING.write().unwrap_or_else(PoisonError::into_inner));
        drop(self.0.take());
    }
}

impl World {
    /// The data-root of the tour, with one of each kind of garbage: all that bear this name are alike to the nanosecond.
    pub(crate) fn sample() -> Self {
        static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
        let template = TEMPLATE.get_or_init(|| {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("prune-sample");
            if path.exists() {
                fs::remove_dir_all(&path).unwrap();
            }
            sample::write(&path).unwrap();
            path
        });
        Self::made(|path| assert!(Command::new("cp").arg("-a").args([template, path]).status().unwrap().success()))
    }

    /// Another data-root that is like `other`.
    pub(crate) fn copy(other: &Self) -> Self {
        Self::made(|path| assert!(Command::new("cp").arg("-a").args([&other.path, path]).status().unwrap().success()))
    }

    /// A data-root of a fresh dockerd, for a test to add to.
    pub(crate) fn empty() -> (Self, Builder) {
        let mut builder = None;
        let world = Self::made(|path| builder = Some(Builder::create(path).unwrap()));
        (world, builder.unwrap())
    }

    /// The same on a disk.
    pub(crate) fn empty_on_disk() -> (Self, Builder) {
        let temp = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let path = temp.path().canonicalize().unwrap().join("docker");
        let builder = Builder::create(&path).unwrap();
        (Self { temp: Temp(Some(temp)), path }, builder)
    }

    /// In memory, if the machine has such a file system: hundreds of data-roots are written and synced.
    fn made(make: impl FnOnce(&Path)) -> Self {
        let temp = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))).unwrap();
        let path = temp.path().canonicalize().unwrap().join("docker");
        make(&path);
        Self { temp: Temp(Some(temp)), path }
    }

    /// A data-root at `path`, which somebody else takes away.
    pub(crate) fn at(path: &Path) -> Self {
        Self { temp: Temp(Some(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap())), path: path.to_owned() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.path
    }

    /// A path beside the data-root, on the same file system.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.temp.path().canonicalize().unwrap().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_layerwise"));
        command.args(arguments).arg("--data-root").arg(&self.path).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments))
    }

    /// Runs it with a shell command at the `point`-th place between two steps; `$PPID` is the program itself.
    pub(crate) fn run_with(&self, arguments: &[&str], point: usize, command: &str) -> Ran {
        run(self.command(arguments).env("LAYERWISE_TEST_POINT", format!("{point}:{command}")))
    }

    /// As [`World::run_with`], with what [`World::lines_at`] says.
    pub(crate) fn run_points(&self, arguments: &[&str], points: &str) -> Ran {
        run(self.command(arguments).env("LAYERWISE_TEST_POINT", points))
    }

    /// What to set `LAYERWISE_TEST_POINT` to for commands at named places, each given by its name and which of that name it is, counted from 0:
    /// which places these are is tried out on a copy of the data-root.
    pub(crate) fn lines_at(&self, arguments: &[&str], commands: &[(&str, usize, &str)]) -> String {
        let points = Self::copy(self).points(arguments);
        let line = |&(name, nth, command): &(&str, usize, &str)| {
            let at = points.iter().enumerate().filter(|(_, point)| *point == name).nth(nth);
            assert!(at.is_some(), "there is no {name} {nth} in {points:?}");
            format!("{}:{command}", at.unwrap().0)
        };
        commands.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Runs a shell script in a mount namespace of its own, in which `$L` is the program and its arguments, `$D` the data-root and `$T` a
    /// directory beside it; `points` are commands at places of the program.
    pub(crate) fn script(&self, script: &str, arguments: &[&str], points: &str) -> Ran {
        let program = self.command(arguments);
        let words: Vec<String> =
            std::iter::once(program.get_program()).chain(program.get_args()).map(|word| format!("'{}'", word.display())).collect();
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null());
        command.env("L", words.join(" ")).env("D", &self.path).env("T", self.temp.path()).env("LAYERWISE_TEST_POINT", points);
        run(&mut command)
    }

    /// Runs it to a good end and parses what it prints.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.run(&[arguments, &["--format", "json"]].concat());
        assert_eq!(ran.status, Some(0), "{arguments:?}: {ran:?}");
        serde_json::from_str(&ran.output).unwrap()
    }

    /// The names of the places between two steps that a run comes by, in their order.
    pub(crate) fn points(&self, arguments: &[&str]) -> Vec<String> {
        let trace = self.temp.path().join("trace");
        let ran = run(self.command(arguments).env("LAYERWISE_TEST_TRACE", &trace));
        assert_eq!(ran.status, Some(0), "{ran:?}");
        let text = fs::read_to_string(&trace).unwrap();
        text.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
    }

    /// Everything below the data-root.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.path)
    }

    /// The actions of a plan.
    pub(crate) fn actions(&self, arguments: &[&str]) -> Vec<Value> {
        let document = self.json(&[&["prune", "--dry-run"], arguments].concat());
        document["plan"]["actions"].as_array().unwrap().clone()
    }

    /// The paths that a plan would take.
    pub(crate) fn planned(&self, arguments: &[&str]) -> Vec<String> {
        self.actions(arguments).iter().flat_map(objects).collect()
    }
}

/// The paths that an action takes.
pub(crate) fn objects(action: &Value) -> Vec<String> {
    action["objects"].as_array().unwrap().iter().map(|object| object["path"].as_str().unwrap().to_owned()).collect()
}

fn run(command: &mut Command) -> Ran {
    let _nothing_vanishes = (!IS_ALONE.get()).then(|| VANISHING.read().unwrap_or_else(PoisonError::into_inner));
    let Output { status, stdout, stderr } = command.output().unwrap();
    let [output, errors] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Ran { status: status.code(), output, errors }
}

/// Everything about everything below a directory: names, kinds, modes, owners, times, contents, attributes, and which names are one inode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot(pub(crate) BTreeMap<PathBuf, String>);

/// Directories that something is taken out of or put into: their own times change.
const CHANGING: [&str; 14] = [
    "",
    "overlay2",
    "overlay2/l",
    "image",
    "image/overlay2",
    "image/overlay2/layerdb/sha256",
    "image/overlay2/layerdb/mounts",
    "image/overlay2/layerdb/tmp",
    "image/overlay2/imagedb/content/sha256",
    "image/overlay2/imagedb/metadata/sha256",
    "image/overlay2/distribution/v2metadata-by-diffid/sha256",
    "image/overlay2/distribution/diffid-by-digest/sha256",
    "buildkit",
    "volumes",
];

impl Snapshot {
    pub(crate) fn of(root: &Path) -> Self {
        let mut first_names: BTreeMap<(u64, u64), PathBuf> = BTreeMap::new();
        let walk = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().map(Result::unwrap);
        let described = walk.map(|entry| {
            let below = entry.path().strip_prefix(root).unwrap().to_owned();
            let metadata = entry.path().symlink_metadata().unwrap();
            let first = first_names.entry((metadata.dev(), metadata.ino())).or_insert_with(|| below.clone()).clone();
            let time = if CHANGING.contains(&below.to_str().unwrap_or("?")) { (0, 0) } else { (metadata.mtime(), metadata.mtime_nsec()) };
            let kind = metadata.file_type();
            let content = if kind.is_file() {
                format!("{:x?}", Sha256::digest(fs::read(entry.path()).unwrap()))
            } else if kind.is_symlink() {
                fs::read_link(entry.path()).unwrap().display().to_string()
            } else {
                format!("{} {}", metadata.rdev(), kind.is_char_device())
            };
            let owner = (metadata.uid(), metadata.gid());
            let text = format!("{:o} {owner:?} {time:?} {content} {} {}", metadata.mode(), first.display(), attributes(entry.path()));
            (below, text)
        });
        Self(described.collect())
    }

    /// Fails with what differs from `expected`, if anything does.
    #[track_caller]
    pub(crate) fn assert_is(&self, expected: &Self, when: &str) {
        let differs = |path: &&PathBuf| self.0.get(*path) != expected.0.get(*path);
        let paths: BTreeSet<&PathBuf> = self.0.keys().chain(expected.0.keys()).filter(differs).collect();
        let told = paths
            .iter()
            .map(|path| format!("{}:\n  is        {:?}\n  should be {:?}", path.display(), self.0.get(*path), expected.0.get(*path)));
        assert!(paths.is_empty(), "{when}:\n{}", told.collect::<Vec<_>>().join("\n"));
    }

    /// Without what lies at or below one of `paths`.
    pub(crate) fn without(mut self, paths: &[String]) -> Self {
        self.0.retain(|path, _| !paths.iter().any(|taken| path.starts_with(taken)));
        self
    }
}

/// The extended attributes of a file, links not followed.
fn attributes(path: &Path) -> String {
    let mut names = vec![0; 4096];
    let length = rustix::fs::llistxattr(path, &mut names).unwrap_or_default();
    let names = names[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty());
    let value = |name: &[u8]| {
        let mut value = vec![0; 4096];
        let length = rustix::fs::lgetxattr(path, std::ffi::OsStr::from_bytes(name), &mut value).unwrap_or_default();
        format!("{}={:?}", String::from_utf8_lossy(name), &value[..length])
    };
    names.map(value).collect::<Vec<_>>().join(" ")
}
