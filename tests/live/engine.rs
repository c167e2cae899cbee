//! A real dockerd in namespaces of its own: ending the first process of its pid namespace ends all of it, as a power cut would.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;

/// A dockerd with its data, below one temporary directory.
#[derive(Debug)]
pub(crate) struct Engine {
    temp: TempDir,
    namespace: Child,
}

/// Says why there can be no dockerd here; with `LAYERWISE_REQUIRE_DOCKER=1` that fails the test.
pub(crate) fn is_missing() -> bool {
    let has = |program: &str| Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    let why = if !nix::unistd::geteuid().is_root() {
        "not root"
    } else if !has("dockerd") || !has("docker") || !has("unshare") || !Path::new("/bin/busybox").exists() {
        "dockerd, docker, unshare or busybox is not installed"
    } else {
        return false;
    };
    assert!(std::env::var_os("LAYERWISE_REQUIRE_DOCKER").is_none_or(|value| value != "1"), "a dockerd is required: {why}");
    eprintln!("skipped: {why}");
    true
}

impl Engine {
    /// Starts a dockerd. `before` is shell run first in its mount namespace, with `$BASE` for the temporary directory; the data-root is
    /// what dockerd will call `data_root`, with `BASE/` for the same.
    pub(crate) fn start(before: &str, data_root: &str) -> Self {
        let temp = TempDir::new_in("/tmp").unwrap();
        let base = temp.path().canonicalize().unwrap();
        fs::create_dir_all(base.join("data")).unwrap();
        fs::write(base.join("daemon.json"), "{}").unwrap();
        let data_root = data_root.replace("BASE", base.to_str().unwrap());
        let script = format!(
            "BASE={base}; {before}
            dockerd --data-root {data_root} --exec-root $BASE/run --pidfile $BASE/pid -H unix://$BASE/sock --config-file $BASE/daemon.json \
                --bridge=none --iptables=false --ip-masq=false --storage-driver overlay2 --cgroup-parent {cgroup} &
            wait; while :; do sleep 1000; done",
            base = base.display(),
            cgroup = Path::new("/").join(cgroup(&base)).display(),
        );
        let log = fs::File::create(base.join("log")).unwrap();
        let namespace = Command::new("unshare")
            .args(["--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc", "--propagation", "private", "sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let engine = Self { temp, namespace };
        engine.wait_for("dockerd to answer", || engine.docker(&["version"]).status.success());
        engine
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.temp.path().canonicalize().unwrap().join(path)
    }

    fn docker(&self, arguments: &[&str]) -> Output {
        Command::new("docker").arg("-H").arg(format!("unix://{}", self.path("sock").display())).args(arguments).output().unwrap()
    }

    /// Runs `docker`, which must succeed, and takes the last word that it says.
    pub(crate) fn ask(&self, arguments: &[&str]) -> String {
        let output = self.docker(arguments);
        assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().split_whitespace().last().unwrap_or_default().to_owned()
    }

    /// Imports an image of busybox alone.
    pub(crate) fn import(&self, name: &str) {
        let root = self.path("busybox");
        fs::create_dir_all(root.join("bin")).unwrap();
        fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
        let tar = Command::new("tar").arg("-C").arg(&root).args(["-cf", "-", "."]).output().unwrap();
        let mut import = Command::new("docker")
            .arg("-H")
            .arg(format!("unix://{}", self.path("sock").display()))
            .args(["import", "-", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        import.stdin.take().unwrap().write_all(&tar.stdout).unwrap();
        assert!(import.wait().unwrap().success());
    }

    /// Waits until something is so; a dockerd does what it does in its own time.
    pub(crate) fn wait_for(&self, what: &str, is_so: impl Fn() -> bool) {
        for _ in 0..600 {
            if is_so() {
                return;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("waited in vain for {what}: {}", fs::read_to_string(self.path("log")).unwrap());
    }
}

/// The name of the control group of all containers of the engine below `base`.
fn cgroup(base: &Path) -> String {
    format!("layerwise-live{}", base.file_name().unwrap().to_str().unwrap().replace('.', "-"))
}

/// Removes an empty tree of control groups, whose files are the kernel's and cannot be removed.
fn remove_cgroup(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        remove_cgroup(&entry.path());
    }
    // One that is not empty yet stays behind: nothing but its name is lost by that.
    drop(fs::remove_dir(group));
}

impl Drop for Engine {
    fn drop(&mut self) {
        // With unshare goes the first process of the namespace, and with it everything in it.
        self.namespace.kill().unwrap();
        self.namespace.wait().unwrap();
        // The last mounts and control groups go with the last process of the namespace, which the kernel ends meanwhile.
        let group = cgroup(self.temp.path());
        let hierarchies = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten().map(|entry| entry.path());
        let groups: Vec<PathBuf> = hierarchies.chain(["/sys/fs/cgroup".into()]).map(|hierarchy| hierarchy.join(&group)).collect();
        for _ in 0..100 {
            for group in &groups {
                remove_cgroup(group);
            }
            if !groups.iter().any(|group| group.exists()) && fs::remove_dir_all(self.temp.path()).is_ok() {
                return;
            }
            sleep(Duration::from_millis(50));
        }
    }
}
