//! A real dockerd of its own, in namespaces of its own, in a directory of its own that goes when it goes:
//!
//! ```text
//! WORK/data        the data-root: the same path inside of the engine's chroot and out here
//! WORK/run         exec-root, pid file and socket: gone after a power cut
//! WORK/*.log       what the daemon said; shown when it does not start
//! WORK/…           what the tests put there: build contexts, root file systems
//! ```
//!
//! `supervise.sh` holds the namespaces and removes everything, also after a panic and after the tests were killed.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::api::Api;
use crate::selection;

/// Bounds every wait for something that takes well under a second when it works.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running (or stopped, or killed) dockerd with everything that belongs to it.
#[derive(Debug)]
pub(crate) struct Engine {
    work: PathBuf,
    chroot: &'static Path,
    supervisor: Child,
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// The first process of the namespaces, as seen out here.
    init: Option<u32>,
    daemon: Option<Child>,
}

/// Which of the two builders a build is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Builder {
    /// Commits a container for each step.
    Classic,
    /// Keeps its own snapshots beside the layers.
    BuildKit,
}

impl Engine {
    /// Starts an engine with an empty data-root, or returns `None` where no engine can run.
    pub(crate) fn start(test: &str) -> Option<Self> {
        let chroot = selection::chroot_of_engine(test)?;
        let work = tempfile::Builder::new().prefix("layerwise-engine-").tempdir().unwrap().keep();
        let cgroup = work.file_name().unwrap();
        let mut supervisor = Command::new("sh")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docker/supervise.sh"))
            .args([work.as_os_str(), chroot.as_os_str(), cgroup])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let words = supervisor.stdin.take();
        let answers = BufReader::new(supervisor.stdout.take().unwrap());
        let mut engine = Self { work, chroot, supervisor, words, answers, init: None, daemon: None };
        engine.boot();
        Some(engine)
    }

    /// Makes new namespaces and starts dockerd in them.
    pub(crate) fn boot(&mut self) {
        let answer = self.tell("on");
        self.init = Some(answer.parse().unwrap_or_else(|_| panic!("{answer}")));
        self.start_daemon();
    }

    /// Starts dockerd and waits until it answers.
    pub(crate) fn start_daemon(&mut self) {
        assert!(self.daemon.is_none(), "the daemon runs already");
        fs::create_dir_all(self.work.join("run")).unwrap();
        fs::write(self.work.join("daemon.json"), "{}").unwrap();
        let log = File::options().create(true).append(true).open(self.work.join("dockerd.log")).unwrap();
        let daemon = self
            .of_engine("/usr/sbin/dockerd")
            .arg("--config-file")
            .arg(self.work.join("daemon.json"))
            .arg("--data-root")
            .arg(self.data_root())
            .arg("--exec-root")
            .arg(self.work.join("run/docker"))
            .arg("--pidfile")
            .arg(self.pid_file())
            .args([
                "-H",
                &self.host(),
                "--bridge=none",
                "--iptables=false",
                "--ip-masq=false",
                "--storage-driver=overlay2",
                "--log-level=warn",
            ])
            .arg("--cgroup-parent")
            .arg(Path::new("/").join(self.work.file_name().unwrap()))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.daemon = Some(daemon);
        let answered = self.wait_for(|engine| engine.api().ping().then_some(()));
        assert!(answered.is_some(), "dockerd does not answer:\n{}", self.log());
    }

    /// Stops dockerd as a service manager would, and with it the containers.
    pub(crate) fn stop(&mut self) {
        self.signal_daemon("TERM");
    }

    /// Kills dockerd alone: containerd and the containers live on.
    pub(crate) fn kill_daemon(&mut self) {
        self.signal_daemon("KILL");
    }

    /// Ends daemon, containerd and containers at once, between any two system calls.
    pub(crate) fn cut_power(&mut self) {
        assert_eq!(self.tell("off"), "off");
        self.init = None;
        if let Some(mut daemon) = self.daemon.take() {
            daemon.wait().unwrap();
        }
    }

    /// Returns the data-root.
    pub(crate) fn data_root(&self) -> PathBuf {
        self.work.join("data")
    }

    /// Returns the directory for what a test wants to hand to the engine.
    pub(crate) fn work(&self) -> &Path {
        &self.work
    }

    /// Returns dockerd's API.
    pub(crate) fn api(&self) -> Api {
        Api::at(self.work.join("run/docker.sock"))
    }

    /// Returns the first number of dockerd's version.
    pub(crate) fn major_version(&self) -> u32 {
        let version = self.docker("version --format {{.Server.Version}}");
        version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_else(|| panic!("a version: {version}"))
    }

    /// Runs the `docker` command with the words of `line`, and returns what it printed, without the last newline.
    ///
    /// # Panics
    /// When it fails.
    pub(crate) fn docker(&self, line: &str) -> String {
        self.succeed(&mut self.docker_command(line))
    }

    /// Returns the `docker` command with the words of `line`, in the namespaces and the chroot of the engine.
    pub(crate) fn docker_command(&self, line: &str) -> Command {
        let mut command = self.of_engine("timeout");
        command.args(["300", "/usr/bin/docker"]).args(line.split_whitespace()).stdin(Stdio::null());
        command
    }

    /// Runs `docker` with the words of `line` and a shell script for the container that it makes.
    pub(crate) fn docker_sh(&self, line: &str, script: &str) -> String {
        self.succeed(self.docker_command(line).args(["sh", "-c", script]))
    }

    /// Writes a build context, with its `Dockerfile` among `files`, and returns its directory.
    pub(crate) fn context(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let context = self.work.join("contexts").join(name);
        for (path, text) in files {
            let path = context.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        context
    }

    /// Returns the command that builds `context` with `builder`, with the options in `line`.
    pub(crate) fn build_command(&self, builder: Builder, line: &str, context: &Path) -> Command {
        let mut command = self.docker_command(&format!("build --network none {line}"));
        command.arg(context).env("DOCKER_BUILDKIT", if builder == Builder::BuildKit { "1" } else { "0" });
        command
    }

    /// Builds `context` with `builder`, with the options in `line`.
    pub(crate) fn build(&self, builder: Builder, line: &str, context: &Path) {
        self.succeed(&mut self.build_command(builder, line, context));
    }

    /// Runs `command` and returns what it printed, without the last newline.
    pub(crate) fn succeed(&self, command: &mut Command) -> String {
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{command:?}: {}
{}",
            String::from_utf8_lossy(&output.stderr),
            self.log()
        );
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Returns a command that sees what the engine's host would see: its processes and mounts, but the machine's own files.
    pub(crate) fn inside(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let init = self.init.expect("the power is off");
        let mut command = Command::new("nsenter");
        command.args(["--target", &init.to_string(), "--mount", "--pid", "--net", "--"]).arg(program).stdin(Stdio::null());
        command
    }

    /// Polls `look` until it finds something.
    pub(crate) fn wait_for<T>(&mut self, mut look: impl FnMut(&Self) -> Option<T>) -> Option<T> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(found) = look(self) {
                return Some(found);
            }
            if let Some(status) = self.daemon.as_mut().and_then(|daemon| daemon.try_wait().unwrap()) {
                panic!("dockerd ended ({status}):\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    /// A program of the engine under test: in its namespaces, its chroot, and with its own idea of a home.
    fn of_engine(&self, program: &str) -> Command {
        let mut command = self.inside("chroot");
        command
            .arg(self.chroot)
            .args(["env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", &format!("DOCKER_HOST={}", self.host())])
            .arg(format!("DOCKER_CONFIG={}", self.work.join("client").display()))
            .arg(program);
        command
    }

    fn host(&self) -> String {
        format!("unix://{}", self.work.join("run/docker.sock").display())
    }

    fn pid_file(&self) -> PathBuf {
        self.work.join("run/docker.pid")
    }

    fn signal_daemon(&mut self, signal: &str) {
        let mut daemon = self.daemon.take().expect("the daemon does not run");
        // The pid file holds the pid that the namespace knows; that of the child out here is nsenter's.
        let pid = fs::read_to_string(self.pid_file()).unwrap();
        let status = self.inside("kill").args(["-s", signal, pid.trim()]).status().unwrap();
        assert!(status.success(), "cannot signal dockerd");
        let ended = self.wait_for(|_| daemon.try_wait().unwrap());
        assert!(ended.is_some(), "dockerd does not end:\n{}", self.log());
        if signal == "KILL" {
            fs::remove_file(self.pid_file()).unwrap();
        }
    }

    fn tell(&mut self, word: &str) -> String {
        writeln!(self.words.as_ref().expect("the supervisor is there"), "{word}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    fn log(&self) -> String {
        let log = fs::read(self.work.join("dockerd.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.words = None;
        drop(self.supervisor.wait());
        if let Some(mut daemon) = self.daemon.take() {
            drop(daemon.wait());
        }
    }
}
