//! The shell steps of docs/ci.md, run as they stand there, on the sample; on images of a real dockerd they run in `tests/docker/ci.rs`.

mod example;

use crate::sample::root;
use example::{Job, steps};
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
