//! A real dockerd on a data-root of ours, in namespaces of its own: ending them ends the daemon, its containerd and its containers at once.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A running dockerd.
pub(crate) struct Dockerd {
    namespaces: Child,
    socket: PathBuf,
    client: PathBuf,
    log: PathBuf,
    /// The name of the control group of its containers.
    group: String,
    _run: tempfile::TempDir,
}

/// The path of a program, if there is one.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    directories.map(|dir| dir.join(program)).find(|path| path.is_file())
}

/// Why no dockerd can be run here, if so.
fn missing() -> Option<&'static str> {
    if !nix::unistd::geteuid().is_root() {
        Some("this needs root")
    } else if find("dockerd").is_none() {
        Some("there is no dockerd")
    } else {
        None
    }
}

/// Starts `dockerd` on `root` in new namespaces, with everything else that it writes below `run`.
fn spawn(dockerd: &Path, root: &Path, run: &Path, group: &str) -> std::io::Result<Child> {
    let output = std::fs::File::create(run.join("log"))?;
    let script = "mount -t tmpfs tmpfs /run && exec \"$0\" \"$@\"";
    Command::new("unshare")
        .args(["--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc", "--propagation", "private", "sh", "-c", script])
        .arg(dockerd)
        .args(["--bridge=none", "--iptables=false", "--ip-masq=false", "--storage-driver=overlay2"])
        .arg(format!("--cgroup-parent=/{group}"))
        .arg(format!("--data-root={}", root.display()))
        .arg(format!("--exec-root={}", run.join("exec").display()))
        .arg(format!("--pidfile={}", run.join("pid").display()))
        .arg(format!("--host=unix://{}", run.join("sock").display()))
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
}

impl Dockerd {
    /// Starts a dockerd on `root`, or says why the test that wants one is left out.
    ///
    /// With `LAYERWISE_REQUIRE_DOCKER=1` in the environment nothing is left out.
    pub(crate) fn start(root: &Path) -> Option<Self> {
        if let Some(reason) = missing() {
            let required = std::env::var_os("LAYERWISE_REQUIRE_DOCKER").is_some_and(|value| value == "1");
            assert!(!required, "{reason}");
            eprintln!("left out: {reason}");
            return None;
        }
        let dockerd = find("dockerd").unwrap();
        // The client that came with the daemon: another version may speak another protocol.
        let beside = dockerd.parent().unwrap().with_file_name("bin").join("docker");
        let client = if beside.is_file() { beside } else { find("docker").expect("there is a dockerd, but no docker") };
        let run = tempfile::tempdir().unwrap();
        let group = format!("layerwise-builder{}", run.path().file_name().unwrap().display()).replace('.', "-");
        let (socket, log) = (run.path().join("sock"), run.path().join("log"));
        let namespaces = spawn(&dockerd, root, run.path(), &group).unwrap();
        let mut daemon = Self { namespaces, socket, client, log, group, _run: run };
        daemon.wait();
        Some(daemon)
    }

    /// Waits until it answers.
    fn wait(&mut self) {
        let started = Instant::now();
        while !self.try_docker(&["version"]).status.success() {
            let ended = self.namespaces.try_wait().unwrap();
            assert!(ended.is_none() && started.elapsed() < Duration::from_secs(60), "dockerd does not start:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Everything it said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Runs `docker` against it, whether that succeeds or not.
    fn try_docker(&self, arguments: &[&str]) -> Output {
        let host = format!("unix://{}", self.socket.display());
        Command::new(&self.client).env("DOCKER_HOST", host).env_remove("DOCKER_CONTEXT").args(arguments).output().unwrap()
    }

    /// What `docker` answers.
    pub(crate) fn docker(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.try_docker(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker {}: {said}\n{}", arguments.join(" "), self.log());
        output.stdout
    }

    /// The lines of what `docker` answers, sorted.
    #[must_use]
    pub(crate) fn lines(&self, arguments: &[&str]) -> Vec<String> {
        let text = String::from_utf8(self.docker(arguments)).unwrap();
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        // All that is in the pid namespace dies with its first process, and the kernel takes its time to do away with it.
        for end in [Child::kill, |child: &mut Child| child.wait().map(drop)] {
            if let Err(error) = end(&mut self.namespaces) {
                eprintln!("cannot end dockerd: {error}");
            }
        }
        let hierarchies = std::fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten().map(|entry| entry.path());
        let groups: Vec<_> = hierarchies.chain([PathBuf::from("/sys/fs/cgroup")]).map(|at| at.join(&self.group)).collect();
        for _ in 0..100 {
            for group in &groups {
                remove_group(group);
            }
            if !groups.iter().any(|group| group.exists()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Removes a control group and those in it, as far as they are empty.
fn remove_group(group: &Path) {
    for entry in std::fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_group(&entry.path());
        }
    }
    // One that is still in use is tried again.
    drop(std::fs::remove_dir(group));
}
