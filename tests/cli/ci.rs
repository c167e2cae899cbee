//! The shell steps of docs/ci.md, run as they stand there, on the sample.
//!
//! What they call beside the shell is put before everything else in `PATH`: a `docker` and a `cargo` that note what they were asked for, a `sudo` that
//! hides the environment as the real one does, and a `layerwise` that is told where the sample is.

use crate::sample::root;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The shell steps of the example under a heading, in the order of the document.
fn steps(heading: &str) -> Vec<String> {
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md")).unwrap();
    let section = document.split(&format!("\n## {heading}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    let example = section.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
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
struct Job {
    place: TempDir,
    variables: Vec<(&'static str, String)>,
}

const SUDO: &str = r#"kept=""
case $1 in --preserve-env=*) for name in $(printf %s "${1#*=}" | tr , ' '); do kept="$kept $name=$(eval "printf %s \"\$$name\"")"; done; shift;; esac
exec env -i PATH="$PATH" $kept "$@"
"#;

impl Job {
    fn new(variables: &[(&'static str, &str)]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let bin = place.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let note = |name: &str| format!("echo \"{name} $*\" >> {}\n", place.path().join("calls").display());
        let layerwise = format!("exec {} --copy --data-root {} \"$@\"\n", env!("CARGO_BIN_EXE_layerwise"), root().display());
        for (name, text) in [("docker", note("docker")), ("cargo", note("cargo")), ("sudo", SUDO.to_owned()), ("layerwise", layerwise)] {
            let file = bin.join(name);
            fs::write(&file, format!("#!/bin/sh\n{text}")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let variables = variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let job = Self { place, variables };
        assert_eq!(job.run("sudo layerwise lint --init\n").0, 0);
        job
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Runs a step as the runners do: bash, which ends at the first command that fails. How it ended, and what it said.
    fn run(&self, step: &str) -> (i32, String) {
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", step]).current_dir(self.place.path());
        command.env_clear().envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.env("PATH", format!("{}:/usr/bin:/bin", self.file("bin").display())).stdin(Stdio::null());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code().unwrap(), said)
    }

    /// Runs all steps; every one must end well.
    fn run_all(&self, steps: &[String]) {
        for step in steps {
            let (status, said) = self.run(step);
            assert_eq!(status, 0, "{step}: {said}");
        }
    }

    /// Adds a rule that the sample breaks.
    fn tighten(&self) {
        let policy = self.file("layerwise.toml");
        let text = fs::read_to_string(&policy).unwrap().replace("[max-size]", "[[max-size]]");
        fs::write(&policy, text + "\n[[max-size]]\nimages = 'shop/api'\nlimit = '1MB'\n").unwrap();
    }
}

#[test]
fn the_example_for_github_does_what_it_says() {
    let steps = steps("GitHub Actions");
    let [build, install, check, remember] = steps.as_slice() else { panic!("{steps:?}") };
    let place = tempfile::tempdir().unwrap();
    let summary = place.path().join("summary.md");
    let job = Job::new(&[("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()), ("CI", "true")]);
    job.run_all(&steps);
    let calls = fs::read_to_string(job.file("calls")).unwrap();
    assert_eq!(calls.lines().count(), 3, "{build}{install}{calls}");
    assert!(fs::read_to_string(&summary).unwrap().contains(" passed, 0 warned, 0 failed"), "the summary reaches layerwise through sudo");
    for file in ["lint.sarif", "lint.xml", "layers.json"] {
        assert!(job.file(file).is_file(), "{file}");
    }
    // The second time there is something to compare with.
    let (status, said) = job.run(check);
    assert!(status == 0 && said.contains("since layers.json: new nothing; gone nothing"), "{said}");
    assert!(fs::read_to_string(&summary).unwrap().contains("since layers.json"), "what is new or gone is in the summary");
    job.tighten();
    let (status, said) = job.run(check);
    assert!(status == 1 && said.contains("::error title=layerwise max-size::registry.example:5000/shop/api:2: it weighs "), "{said}");
    assert!(remember.contains("--save-baseline"));
}

#[test]
fn the_example_for_gitlab_does_what_it_says() {
    let steps = steps("GitLab CI");
    assert_eq!(steps.len(), 4, "{steps:?}");
    let branches = [("CI_COMMIT_SHORT_SHA", "0a1b2c3d"), ("CI_COMMIT_BRANCH", "main"), ("CI_DEFAULT_BRANCH", "main")];
    let job = Job::new(&branches);
    job.run_all(&steps);
    let calls = fs::read_to_string(job.file("calls")).unwrap();
    assert!(calls.starts_with("docker build --tag shop/api:0a1b2c3d api\n"), "{calls}");
    assert!(job.file("lint.xml").is_file() && job.file("layers.json").is_file());
    job.run_all(&steps);
    job.tighten();
    let (status, said) = job.run(steps.last().unwrap());
    assert!(status == 1 && said.contains("since layers.json"), "{said}");
    assert!(fs::read_to_string(job.file("lint.xml")).unwrap().contains("<failure "));
    // A branch changes nothing that the main branch is compared with.
    let branch = Job::new(&[branches[0], ("CI_COMMIT_BRANCH", "work"), branches[2]]);
    branch.run_all(&steps);
    assert!(!branch.file("layers.json").exists());
}
