//! A real dockerd of its own, in namespaces of its own, in a directory of its own that goes when it goes:
//!
//! ```text
//! WORK/data         the data-root, unless it lies elsewhere: the same path inside of the engine's chroot and out here
//! WORK/run          exec-root, pid file and socket: gone after a power cut
//! WORK/daemon.json  its configuration
//! WORK/*.log        what the daemon said; shown when it does not start
//! WORK/…            what the tests put there: build contexts, root file systems
//! ```
//!
//! Each test binary that wants one includes this file with `#[path]`. `supervise.sh` holds the namespaces and removes everything, also
//! after a panic and after the tests were killed.
#![allow(dead_code, unused_imports, reason = "each test binary uses its own part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod api;
mod client;
mod selection;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) use client::{Builder, install_busybox};

/// Bounds every wait for something that takes well under a second when it works.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running (or stopped, or killed) dockerd with everything that belongs to it.
#[derive(Debug)]
pub(crate) struct Engine {
    work: PathBuf,
    data_root: PathBuf,
    /// What dockerd calls its data-root.
    data_root_inside: PathBuf,
    chroot: &'static Path,
    supervisor: Child,
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// The first process of the namespaces, as seen out here.
    init: Option<u32>,
    daemon: Option<Child>,
}

impl Engine {
    /// Starts an engine with an empty data-root of its own, or returns `None` where no engine can run.
    pub(crate) fn start(test: &str) -> Option<Self> {
        let mut engine = Self::off(test, None)?;
        engine.boot();
        Some(engine)
    }

    /// Starts an engine on a data-root that is there, and stays when the engine goes; or returns `None` where no engine can run.
    pub(crate) fn start_on(test: &str, data_root: &Path) -> Option<Self> {
        let mut engine = Self::off(test, Some(data_root.to_owned()))?;
        engine.boot();
        Some(engine)
    }

    /// Starts an engine with this `daemon.json` and an empty data-root of its own, or returns `None` where no engine can run.
    pub(crate) fn start_configured(test: &str, json: &str) -> Option<Self> {
        let mut engine = Self::off(test, None)?;
        engine.configure(json);
        engine.boot();
        Some(engine)
    }

    /// An engine that is switched off, with an empty data-root of its own or on one that is there; or `None` where no engine can run.
    pub(crate) fn off(test: &str, data_root: Option<PathBuf>) -> Option<Self> {
        let chroot = selection::chroot_of_engine(test)?;
        let work = tempfile::Builder::new().prefix("layerwise-engine-").tempdir().unwrap().keep();
        let data_root = data_root.unwrap_or_else(|| work.join("data"));
        fs::create_dir_all(&data_root).unwrap();
        fs::write(work.join("daemon.json"), r#"{"storage-driver":"overlay2"}"#).unwrap();
        let cgroup = work.file_name().unwrap();
        let mut supervisor = Command::new("sh")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engine/supervise.sh"))
            .args([work.as_os_str(), data_root.as_os_str(), chroot.as_os_str(), cgroup])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let words = supervisor.stdin.take();
        let answers = BufReader::new(supervisor.stdout.take().unwrap());
        let data_root_inside = data_root.clone();
        Some(Self { work, data_root, data_root_inside, chroot, supervisor, words, answers, init: None, daemon: None })
    }

    /// Makes new namespaces and starts dockerd in them.
    pub(crate) fn boot(&mut self) {
        self.switch_on();
        self.start_daemon();
    }

    /// Makes new namespaces.
    pub(crate) fn switch_on(&mut self) {
        let answer = self.tell("on");
        self.init = Some(answer.parse().unwrap_or_else(|_| panic!("{answer}")));
    }

    /// Starts dockerd and waits until it answers.
    pub(crate) fn start_daemon(&mut self) {
        self.launch_daemon();
        self.await_daemon().unwrap_or_else(|log| panic!("dockerd does not start:\n{log}"));
    }

    /// Starts dockerd, and waits for nothing.
    pub(crate) fn launch_daemon(&mut self) {
        assert!(self.daemon.is_none(), "the daemon runs already");
        fs::create_dir_all(self.work.join("run")).unwrap();
        let log = File::options().create(true).append(true).open(self.work.join("dockerd.log")).unwrap();
        let mut command = self.of_engine("/usr/sbin/dockerd");
        for (option, path) in [
            ("--config-file", self.work.join("daemon.json")),
            ("--data-root", self.data_root_inside.clone()),
            ("--exec-root", self.work.join("run/docker")),
            ("--pidfile", self.pid_file()),
            ("--cgroup-parent", Path::new("/").join(self.work.file_name().unwrap())),
        ] {
            command.arg(option).arg(path);
        }
        command.args(["--bridge=none", "--iptables=false", "--ip-masq=false", "--log-level=warn"]);
        let daemon = command.args(["-H", &self.host()]).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        self.daemon = Some(daemon);
    }

    /// Waits until dockerd answers; if it ends before that, says what it said.
    pub(crate) fn await_daemon(&mut self) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if self.api().ping() {
                return Ok(());
            }
            let ended = self.daemon.as_mut().is_none_or(|daemon| daemon.try_wait().unwrap().is_some());
            if ended {
                self.daemon = None;
                return Err(self.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(format!("it does not answer:\n{}", self.log()))
    }

    /// The pid of dockerd out here, once it is there: until then it is that of a program that is about to become dockerd.
    pub(crate) fn daemon_pid(&self) -> Option<u32> {
        // What we started is nsenter, which forks to enter the pid namespace.
        let nsenter = self.daemon.as_ref()?.id();
        let children = fs::read_to_string(format!("/proc/{nsenter}/task/{nsenter}/children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    }

    /// Keeps dockerd from going on, until [`Engine::thaw_daemon`].
    pub(crate) fn freeze_daemon(&self) {
        let pid = self.daemon_pid().expect("dockerd is there");
        self.succeed(Command::new("kill").args(["-s", "STOP", &pid.to_string()]));
    }

    /// Lets dockerd go on.
    pub(crate) fn thaw_daemon(&self) {
        // nsenter stops itself when its child is stopped.
        let nsenter = self.daemon.as_ref().map(Child::id);
        for pid in self.daemon_pid().into_iter().chain(nsenter) {
            self.succeed(Command::new("kill").args(["-s", "CONT", &pid.to_string()]));
        }
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

    /// Writes the `daemon.json` that dockerd reads when it is started the next time, instead of one that names the storage driver overlay2.
    pub(crate) fn configure(&self, json: &str) {
        fs::write(self.work.join("daemon.json"), json).unwrap();
    }

    /// Mounts the data-root at another path too, in the engine's mount namespace only; dockerd knows it by that path from its next start on.
    pub(crate) fn mount_data_root_elsewhere(&mut self) {
        let script = "mount -t tmpfs none \"$1/mnt\" && mkdir \"$1/mnt/elsewhere\" && mount --bind \"$2\" \"$1/mnt/elsewhere\"";
        self.succeed(self.inside("sh").args(["-c", script, "mount"]).arg(self.chroot).arg(&self.data_root));
        self.data_root_inside = PathBuf::from("/mnt/elsewhere");
    }

    /// Reports whether dockerd was started and neither stopped nor killed since.
    pub(crate) const fn is_running(&self) -> bool {
        self.daemon.is_some()
    }

    /// Returns the data-root.
    pub(crate) fn data_root(&self) -> PathBuf {
        self.data_root.clone()
    }

    /// Returns the directory for what a test wants to hand to the engine.
    pub(crate) fn work(&self) -> &Path {
        &self.work
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

    /// The end of what dockerd said.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.work.join("dockerd.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
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
