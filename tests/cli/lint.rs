//! `lint`: a policy to begin with, what it finds, and the reports for others to read.

mod baseline;
mod damaged;
mod inside;
mod schemas;

use crate::sample::{binary, root, run};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs `lint` on the sample with the policy `text`.
fn lint(place: &Path, text: &str, arguments: &[&str]) -> Command {
    let policy = place.join("policy.toml");
    fs::write(&policy, text).unwrap();
    let mut command = binary();
    command.args(["lint", "--copy", "--data-root"]).arg(root()).arg("--policy").arg(policy).args(arguments);
    command
}

const BROKEN: &str = "[max-size]\nimages = 'shop/api'\nlimit = '1MB'\n[same-base]\nlevel = 'warn'\n[max-layers]\nlimit = 9\n";

#[test]
fn the_policy_to_begin_with_passes_and_is_not_written_over() {
    let place = tempfile::tempdir().unwrap();
    let policy = place.path().join("layerwise.toml");
    let mut command = binary();
    command.current_dir(&place).args(["lint", "--copy", "--init", "--data-root"]).arg(root());
    assert_eq!(run(&mut command).status, 0);
    let text = fs::read_to_string(&policy).unwrap();
    let again = run(&mut command);
    assert!(again.status == 2 && again.errors.contains("exists already"), "{again:?}");
    assert_eq!(fs::read_to_string(&policy).unwrap(), text);
    let ran = run(binary().current_dir(&place).args(["lint", "--copy", "--data-root"]).arg(root()));
    assert!(ran.status == 0 && ran.errors.contains(" 0 warned, 0 failed"), "{ran:?}");
    assert!(ran.output.lines().count() > 10, "{ran:?}");
}

#[test]
fn a_broken_rule_fails_the_whole_and_a_warning_does_not() {
    let place = tempfile::tempdir().unwrap();
    let ran = run(&mut lint(place.path(), BROKEN, &[]));
    assert!(ran.status == 1 && ran.errors.contains("6 passed, 1 warned, 1 failed"), "{ran:?}");
    let rows: Vec<_> = ran.output.lines().skip(1).take(2).map(|row| row.split_whitespace().take(2).collect::<Vec<_>>()).collect();
    assert_eq!(rows, [["fail", "max-size"], ["warn", "same-base"]], "the worst first");
    assert!(ran.output.contains("1.298MB") && ran.output.contains("begin with the heaviest layer"), "{ran:?}");
    let warned = run(&mut lint(place.path(), "[same-base]\nlevel = 'warn'\n", &[]));
    assert_eq!(warned.status, 0, "{warned:?}");
}

#[test]
fn only_what_is_about_the_named_images_is_shown() {
    let place = tempfile::tempdir().unwrap();
    let document = |arguments: &[&str]| -> Value {
        let ran = run(lint(place.path(), BROKEN, arguments).args(["--format", "json"]));
        serde_json::from_str(&ran.output).unwrap()
    };
    assert_eq!(document(&["tool:latest"])["summary"], serde_json::json!({"passed": 1, "warned": 1, "failed": 0, "unknown": 0}));
    let all = document(&[]);
    assert_eq!((all["schema"].as_str(), all["results"].as_array().unwrap().len()), (Some("layerwise/lint/1"), 8));
    let first = &all["results"][0];
    assert_eq!(
        (first["rule"].as_str(), first["verdict"].as_str(), first["unit"].as_str()),
        (Some("max-size"), Some("fail"), Some("bytes"))
    );
    assert_eq!(first["limit"], 1_000_000);
    assert!(first["measured"].as_u64() > Some(1_000_000), "{first}");
}

#[test]
fn reports_are_written_for_those_who_read_them() {
    let place = tempfile::tempdir().unwrap();
    let [junit, sarif, summary] = ["j.xml", "s.sarif", "summary.md"].map(|name| place.path().join(name));
    fs::write(&summary, "before\n").unwrap();
    let files = ["--github", "--junit", junit.to_str().unwrap(), "--sarif", sarif.to_str().unwrap()];
    let ran = run(lint(place.path(), BROKEN, &files).env("GITHUB_STEP_SUMMARY", &summary));
    let kinds: Vec<_> = ran.output.lines().map(|line| line.split(':').nth(2).unwrap().split(' ').next().unwrap().to_owned()).collect();
    assert_eq!((ran.status, kinds), (1, vec!["error".to_owned(), "warning".to_owned()]));
    let junit = fs::read_to_string(&junit).unwrap();
    assert_eq!((junit.matches("<testcase ").count(), junit.matches("<failure ").count()), (8, 1), "{junit}");
    let sarif: Value = serde_json::from_slice(&fs::read(&sarif).unwrap()).unwrap();
    let levels: Vec<_> = sarif["runs"][0]["results"].as_array().unwrap().iter().map(|result| result["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["error", "warning"]);
    let summary = fs::read_to_string(&summary).unwrap();
    assert!(summary.starts_with("before\n### layerwise lint: 6 passed, 1 warned, 1 failed\n"), "{summary}");
}

#[test]
fn a_policy_that_is_not_understood_checks_nothing() {
    let place = tempfile::tempdir().unwrap();
    let ran = run(&mut lint(place.path(), "[max-sizes]\nlimit = 1\n", &[]));
    assert!(ran.status == 2 && ran.errors.contains("did you mean max-size?") && ran.output.is_empty(), "{ran:?}");
    let absent = run(binary().args(["lint", "--policy"]).arg(place.path().join("absent.toml")));
    assert!(absent.status == 2 && absent.errors.contains("lint --init"), "{absent:?}");
    let container = run(&mut lint(place.path(), "", &["web"]));
    assert!(container.status == 2 && container.errors.contains("web is a container"), "{container:?}");
}
