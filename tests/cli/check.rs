//! `check` as a person types it.

use crate::sample::{json, layerwise, printed};

#[test]
fn findings_are_listed_worst_first() {
    let lines = printed(&["check", "--format", "{{.severity}} {{.code}} {{.kind}}"]);
    let mut lines: Vec<_> = lines.lines().collect();
    lines.dedup();
    assert_eq!(
        lines,
        [
            "warning container-config-missing container",
            "garbage interrupted-removal removal",
            "garbage interrupted-removal directory",
            "garbage interrupted-removal link",
            "garbage uncommitted-write-set write-set",
            "garbage uncommitted-write-set directory",
            "garbage uncommitted-write-set link",
            "garbage broken-layer-record layer",
            "garbage unreferenced-layer layer",
            "garbage unreferenced-layer directory",
            "garbage unreferenced-layer link",
            "garbage orphan-directory directory",
            "garbage orphan-directory link",
            "garbage orphan-directory directory",
            "garbage dangling-link link",
            "garbage duplicate-link link",
            "garbage stale-temporary-file temporary-file",
            "garbage stale-probe-directory directory",
            "notice dead-container container",
            "notice stale-database build-cache-store",
        ]
    );
}

#[test]
fn people_see_them_grouped_and_short() {
    let page = printed(&["check", "--no-scan"]);
    let lines: Vec<_> = page.lines().collect();
    assert_eq!(lines[0], "warning container-config-missing: a container has no config, so dockerd does not list it");
    assert!(lines[1].starts_with("  containers/3f65d1ae1f86") && lines[1].contains("/config.v2.json: it is missing"), "{}", lines[1]);
    assert_eq!(lines[2], "    breaks: container 3f65d1ae1f86");
    assert!(lines[3].starts_with("    hint: "), "{}", lines[3]);
    assert!(page.contains("\ngarbage unreferenced-layer (6): a valid layer that no image, container or build needs\n"), "{page}");
    assert!(page.contains("  … and 1 more (--no-trunc shows all)\n"), "{page}");
    assert_eq!(*lines.last().unwrap(), "0 errors, 1 warning, 23 garbage, 2 notices");
    assert!(!printed(&["check", "--no-scan", "--no-trunc"]).contains("more (--no-trunc"));
    let only = printed(&["check", "--filter", "code=dangling-link"]);
    assert!(only.starts_with("garbage dangling-link, 4") && only.lines().count() == 4, "{only}");
}

#[test]
fn the_exit_status_is_what_was_asked_for() {
    for (severity, status) in [("error", 0), ("warning", 1), ("garbage", 1), ("notice", 1), ("never", 0)] {
        assert_eq!(layerwise(&["check", "--no-scan", "--fail-on", severity]).status, status, "{severity}");
    }
    assert_eq!(layerwise(&["check", "--fail-on", "bad"]).status, 2);
}

#[test]
fn a_code_is_explained_without_a_data_root() {
    let text = printed(&["check", "--explain", "missing-link"]);
    assert!(text.starts_with("missing-link (error): the short name") && text.contains("dockerd never makes links anew"), "{text}");
    let all = printed(&["check", "--explain"]);
    assert!(all.lines().any(|line| line.starts_with("garbage  orphan-directory ")), "{all}");
    let wrong = layerwise(&["check", "--explain", "missing-lnk"]);
    assert!(wrong.status == 2 && wrong.errors.contains("did you mean missing-link?"), "{}", wrong.errors);
}

#[test]
fn the_summary_adds_up() {
    let check = json(&["check"]);
    let of = |severity: &str| check["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] == severity).count();
    for (key, severity) in [("errors", "error"), ("warnings", "warning"), ("garbage", "garbage"), ("notices", "notice")] {
        assert_eq!(check["summary"][key], of(severity), "{key}");
    }
    let garbage = json(&["df"])["classes"].as_array().unwrap().iter().find(|class| class["class"] == "garbage").unwrap().clone();
    assert_eq!(check["summary"]["garbage_bytes"], garbage["bytes"]);
    assert_eq!(check["summary"]["garbage_inodes"], garbage["inodes"]);
}
