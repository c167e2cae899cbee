//! `check` as a person types it.

use crate::sample::{json, layerwise, printed, root};

/// Not of the file system that the tests happen to run on, which may be nearly full.
const OF_THE_SAMPLE: &str = "kind!=file-system";

#[test]
fn findings_are_listed_worst_first() {
    let lines = printed(&["check", "--filter", OF_THE_SAMPLE, "--format", "{{.severity}} {{.code}} {{.kind}}"]);
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
            "garbage stale-probe-directory probe-directory",
            "notice dead-container container",
            "notice stale-database build-cache-store",
            "notice withheld-garbage container",
        ]
    );
}

#[test]
fn people_see_them_grouped_and_short() {
    let page = printed(&["check", "--no-scan", "--filter", OF_THE_SAMPLE]);
    let lines: Vec<_> = page.lines().collect();
    assert_eq!(lines[0], "warning container-config-missing: a container has no config, so dockerd does not list it");
    assert!(lines[1].starts_with("  containers/3f65d1ae1f86") && lines[1].contains("/config.v2.json: it is missing"), "{}", lines[1]);
    assert_eq!(lines[2], "    breaks: container 3f65d1ae1f86");
    assert!(lines[3].starts_with("    hint: "), "{}", lines[3]);
    assert!(page.contains("\ngarbage unreferenced-layer (6): a valid layer that no image, container or build needs\n"), "{page}");
    assert!(page.contains("  … and 1 more (--no-trunc shows all)\n"), "{page}");
    assert_eq!(*lines.last().unwrap(), "0 errors, 1 warning, 25 garbage, 3 notices", "{page}");
    assert!(!printed(&["check", "--no-scan", "--no-trunc"]).contains("more (--no-trunc"));
    let only = printed(&["check", "--filter", "code=dangling-link"]);
    assert!(only.starts_with("garbage dangling-link, 4") && only.lines().count() == 6, "{only}");
    assert_eq!(only.lines().last(), Some("0 errors, 0 warnings, 1 garbage, 0 notices"), "what is filtered out is not counted");
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

#[test]
fn contents_are_verified_and_counted() {
    let check = json(&["check", "--deep", "--no-scan"]);
    let deep = &check["deep"];
    assert_eq!((deep["layers_total"].as_u64(), deep["verified"].as_u64(), deep["unfinished"].as_u64()), (Some(8), Some(8), Some(0)));
    let layers = deep["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 8);
    for layer in layers {
        assert_eq!((layer["status"].as_str(), layer["omitted"].as_u64()), (Some("verified"), Some(0)), "{layer}");
        assert!(layer["chain_id"].is_string() && layer["directory"].is_string() && layer["verified_at"].is_string(), "{layer}");
    }
    let bytes: u64 = layers.iter().map(|layer| layer["bytes"].as_u64().unwrap()).sum();
    assert_eq!(deep["bytes"], bytes);
    assert!(json(&["check", "--no-scan"]).get("deep").is_none());
}

#[test]
fn contents_of_some_layers_are_verified() {
    let total = |target: &str| json(&["check", "--deep", "--no-scan", target])["deep"]["layers_total"].clone();
    assert_eq!(total("python:3"), 2);
    assert_eq!(total("web"), 4);
    assert_eq!(total("6be5022fb763"), 1);
    assert_eq!(layerwise(&["check", "--deep", "orders"]).errors, "layerwise: orders has no layer that could be verified\n");
    assert_eq!(layerwise(&["check", "--deep", "nothing:1"]).status, 1);
    assert_eq!(layerwise(&["check", "python:3"]).status, 2);
}

#[test]
fn what_was_verified_is_remembered_outside_of_the_data_root() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("new/state.json");
    let state = file.to_str().unwrap();
    let late = layerwise(&["check", "--deep", "--no-scan", "--state", state, "--max-duration", "0s"]);
    assert_eq!(late.errors, "time was up before 8 layers were verified: run the same again to go on with them\n");
    let page = printed(&["check", "--deep", "--no-scan", "--state", state, "--max-duration", "1h"]);
    assert!(page.contains("\n8 of 8 layers verified, 1.4") && page.contains("; none longer ago than 2"), "{page}");
    let remembered = std::fs::read_to_string(&file).unwrap();
    assert!(remembered.contains("layerwise/verified/1") && remembered.matches("\"verified\"").count() == 8, "{remembered}");
    for inside in ["state.json", "overlay2/l/../state.json"] {
        let refused = layerwise(&["check", "--deep", "--state", root().join(inside).to_str().unwrap()]);
        assert_eq!(refused.status, 2);
        assert!(refused.errors.contains("is in the data-root, to which layerwise never writes"), "{}", refused.errors);
    }
    std::fs::write(&file, "something else").unwrap();
    let foreign = layerwise(&["check", "--deep", "--state", state]);
    assert!(foreign.status == 2 && foreign.errors.contains("it is no state of layerwise"), "{}", foreign.errors);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "something else");
}
