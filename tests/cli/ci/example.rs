//! The examples of docs/ci.md, and a place to run their shell steps in.
//!
//! What they call beside the shell is put before everything else in `PATH`: whatever `docker`, `cargo` and `layerwise` are to be, and a `sudo` that
//! hides the environment as the real one does.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The shell steps of the example under a heading, in the order of the document.
pub(crate) fn steps(heading: &str) -> Vec<String> {
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md")).unwrap();
    let section = document.split(&format!("\n## {heading}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    steps_of(section.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap())
}

/// The shell steps of a job's or an action's description.
pub(crate) fn steps_of(example: &str) -> Vec<String> {
    let lines: Vec<&str> = example.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut steps = Vec::new();
    let mut script = None;
    for (number, line) in lines.iter().enumerate() {
        script = script.filter(|script| indent(line) > *script);
        let item = line.trim_start();
        if item == "script:" {
            script = Some(indent(line));
        }
        let own = script.filter(|_| item.starts_with("- ")).map(|_| &item[2..]);
        match own.or_else(|| item.strip_prefix("run: ")) {
            Some("|") => {
                let block: Vec<&str> = lines[number + 1..].iter().take_while(|next| indent(next) > indent(line)).copied().collect();
                let margin = block.iter().map(|line| indent(line)).min().unwrap();
                steps.push(block.iter().fold(String::new(), |text, line| text + &line[margin..] + "\n"));
            }
            Some(command) => steps.push(format!("{command}\n")),
            None => {}
        }
    }
    steps
}

/// A place to work in, with the commands that the steps call.
pub(crate) struct Job {
    place: TempDir,
    variables: Vec<(&'static str, String)>,
}

const SUDO: &str = r#"kept=""
case $1 in --preserve-env=*) for name in $(printf %s "${1#*=}" | tr , ' '); do kept="$kept $name=$(eval "printf %s \"\$$name\"")"; done; shift;; esac
exec env -i PATH="$PATH" $kept "$@"
"#;

impl Job {
    /// A place where the steps find these commands, as shell scripts, and the runner's variables.
    pub(crate) fn new(commands: &[(&str, String)], variables: &[(&'static str, &str)]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let bin = place.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for (name, text) in commands.iter().cloned().chain([("sudo", SUDO.to_owned())]) {
            let file = bin.join(name);
            fs::write(&file, format!("#!/bin/sh\n{text}")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let variables = variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { place, variables }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Runs a step as the runners do: bash, which ends at the first command that fails. How it ended, and what it said.
    pub(crate) fn run(&self, step: &str) -> (i32, String) {
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", step]).current_dir(self.place.path());
        command.env_clear().envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.env("PATH", format!("{}:/usr/bin:/bin", self.file("bin").display())).stdin(Stdio::null());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code().unwrap(), said)
    }

    /// Runs all steps; every one must end well.
    pub(crate) fn run_all(&self, steps: &[String]) {
        for step in steps {
            let (status, said) = self.run(step);
            assert_eq!(status, 0, "{step}: {said}");
        }
    }
}
