//! The shell steps of docs/ci.md and of the actions at the top of the tree, run as they stand there, on the sample; on images of a real dockerd they run in `tests/docker/ci.rs`.

mod example;

use crate::sample::root;
use example::{Job, steps, steps_of};
use std::fs;

/// A job with a `docker` and a `cargo` that note what they were asked for, and a `layerwise` that is told where the sample is; with a policy.
fn on_the_sample(variables: &[(&'static str, &str)]) -> Job {
    let note = |name: &str| format!("echo \"{name} $*\" >> calls\n");
    let layerwise = format!("exec {} --copy --data-root {} \"$@\"\n", env!("CARGO_BIN_EXE_layerwise"), root().display());
    let job = Job::new(&[("docker", note("docker")), ("cargo", note("cargo")), ("layerwise", layerwise)], variables);
    assert_eq!(job.run("sudo layerwise lint --init\n").0, 0);
    job
}

/// Adds a rule that the sample breaks.
fn tighten(job: &Job) {
    let policy = job.file("layerwise.toml");
    let text = fs::read_to_string(&policy).unwrap().replace("[max-size]", "[[max-size]]");
    fs::write(&policy, text + "\n[[max-size]]\nimages = 'shop/api'\nlimit = '1MB'\n").unwrap();
}

#[test]
fn the_example_for_github_does_what_it_says() {
    let steps = steps("GitHub Actions");
    let [build, install, check, remember] = steps.as_slice() else { panic!("{steps:?}") };
    let place = tempfile::tempdir().unwrap();
    let summary = place.path().join("summary.md");
    let job = on_the_sample(&[("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()), ("CI", "true")]);
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
    tighten(&job);
    let (status, said) = job.run(check);
    assert!(status == 1 && said.contains("::error title=layerwise max-size::registry.example:5000/shop/api:2: it weighs "), "{said}");
    assert!(remember.contains("--save-baseline"));
}

#[test]
fn the_example_for_gitlab_does_what_it_says() {
    let steps = steps("GitLab CI");
    assert_eq!(steps.len(), 4, "{steps:?}");
    let branches = [("CI_COMMIT_BRANCH", "main"), ("CI_DEFAULT_BRANCH", "main")];
    let job = on_the_sample(&branches);
    job.run_all(&steps);
    let calls = fs::read_to_string(job.file("calls")).unwrap();
    assert!(calls.starts_with("docker build --tag shop/api:ci api\n"), "{calls}");
    assert!(job.file("lint.xml").is_file() && job.file("layers.json").is_file());
    job.run_all(&steps);
    tighten(&job);
    let (status, said) = job.run(steps.last().unwrap());
    assert!(status == 1 && said.contains("since layers.json"), "{said}");
    assert!(fs::read_to_string(job.file("lint.xml")).unwrap().contains("<failure "));
    // A branch changes nothing that the main branch is compared with.
    let branch = on_the_sample(&[("CI_COMMIT_BRANCH", "work"), branches[1]]);
    branch.run_all(&steps);
    assert!(!branch.file("layers.json").exists());
}

/// A file at the top of the tree.
fn top(name: &str) -> String {
    fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn the_action_does_what_it_says() {
    let steps = steps_of(&top("action.yml"));
    let [install, check] = steps.as_slice() else { panic!("{steps:?}") };
    let place = tempfile::tempdir().unwrap();
    let summary = place.path().join("summary.md");
    let inputs = [("ARCHIVE", ""), ("POLICY", "layerwise.toml"), ("BASELINE", "layers.json"), ("REPORT", "report")];
    let runner = [("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()), ("GITHUB_ACTION_PATH", "/action")];
    let job = on_the_sample(&[inputs, [("CI", "true"), runner[0], runner[1], ("HOME", "/")]].concat());
    let (status, said) = job.run(install);
    assert!(status == 0 && !job.file("calls").exists(), "what is installed is not built again: {said}");
    let (status, said) = job.run(check);
    assert_eq!(status, 0, "{said}");
    for file in ["images.json", "waste.json", "lint.sarif", "lint.xml"] {
        assert!(fs::metadata(job.file("report").join(file)).unwrap().len() > 0, "{file}");
    }
    assert!(fs::read_to_string(&summary).unwrap().contains(" passed, 0 warned, 0 failed"));
    tighten(&job);
    let (status, said) = job.run(check);
    assert!(status == 1 && said.contains("::error title=layerwise max-size::"), "{said}");
    fs::remove_file(job.file("layerwise.toml")).unwrap();
    let (status, said) = job.run(check);
    assert!(status == 0 && said.contains("::notice title=layerwise::there is no layerwise.toml"), "{said}");
}

#[test]
fn the_hook_before_a_commit_names_a_command_that_there_is() {
    let hooks = top(".pre-commit-hooks.yaml");
    let entry = hooks.lines().find_map(|line| line.trim().strip_prefix("entry: ")).unwrap();
    let job = on_the_sample(&[]);
    assert_eq!(job.run(&format!("{entry}\n")).0, 0);
    tighten(&job);
    assert_eq!(job.run(&format!("{entry}\n")).0, 1);
}
