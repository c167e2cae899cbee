//! What a test asks of its engine: the `docker` command and dockerd's API.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Engine;
use super::api::Api;

/// Which of the two builders a build is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Builder {
    /// Commits a container for each step.
    Classic,
    /// Keeps its own snapshots beside the layers.
    BuildKit,
}

impl Engine {
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

    /// Imports an image of nothing but busybox, with the names of the usual commands.
    pub(crate) fn import_busybox(&self, name: &str) {
        let root = self.work.join("busybox");
        install_busybox(&root);
        let archive = self.output(Command::new("tar").arg("-C").arg(&root).args(["-cf", "-", "."]));
        let mut import = self.docker_command(&format!("import - {name}")).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        import.stdin.take().unwrap().write_all(&archive).unwrap();
        assert!(import.wait().unwrap().success(), "docker import {name}");
    }

    /// Runs `command` and returns what it printed, without the last newline.
    pub(crate) fn succeed(&self, command: &mut Command) -> String {
        String::from_utf8(self.output(command)).unwrap().trim_end().to_owned()
    }

    /// Runs `command` and returns the bytes that it printed.
    pub(crate) fn output(&self, command: &mut Command) -> Vec<u8> {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {}\n{}", String::from_utf8_lossy(&output.stderr), self.log());
        output.stdout
    }
}

/// Puts busybox into the root file system `root`.
pub(crate) fn install_busybox(root: &Path) {
    let places = ["/usr/bin/busybox", "/bin/busybox"].map(Path::new);
    let busybox = places.into_iter().find(|place| place.is_file()).expect("busybox is installed");
    fs::create_dir_all(root.join("bin")).unwrap();
    fs::copy(busybox, root.join("bin/busybox")).unwrap();
    for applet in ["cat", "cp", "dd", "echo", "false", "ln", "mkdir", "mv", "rm", "sh", "sleep", "touch", "true", "truncate", "wc"] {
        let name = root.join("bin").join(applet);
        if !name.is_symlink() {
            symlink("busybox", name).unwrap();
        }
    }
}
