//! The forms in which things are printed.

use crate::sample::{binary, json, layerwise, printed, root};
use std::io::Read as _;
use std::process::Stdio;

#[test]
fn a_list_has_one_json_line_for_each_item() {
    let whole = json(&["containers", "--no-scan"]);
    let lines = printed(&["containers", "--no-scan", "--format", "jsonl"]);
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(&lines, whole["items"].as_array().unwrap());
}

#[test]
fn a_template_is_filled_in_for_each_item() {
    let template = "{{.Name}}: {{.status}}{{range .Volumes}} with {{.}}{{end}}";
    let lines = printed(&["containers", "--no-scan", "--sort", "name:desc", "--format", template]);
    assert_eq!(lines, "worker: paused\nweb: running with orders\nstuck: dead\nnext: created\nmigrate: exited\n3f65d1ae1f86: unreadable\n");
    let table = printed(&["images", "--no-scan", "--filter", "references=tool*", "--format", "table {{.ID}}\\t{{len .Layers}}"]);
    assert!(table.starts_with("IMAGE ID") && table.lines().count() == 2, "{table}");
    assert_eq!(printed(&["why", "tool:latest", "--format", "{{.kind}} {{.verdict}}"]), "image in-use\n");
    assert_eq!(printed(&["df", "--format", "{{.driver}}"]), "overlay2\n");
}

#[test]
fn what_is_not_a_table_is_told_item_by_item_too() {
    for arguments in [&["tree", "tool:latest"][..], &["why", "tool:latest", "web"], &["inspect", "tool:latest", "web"]] {
        let whole = json(arguments);
        let items = whole["items"].as_array().unwrap();
        let lines = printed(&[arguments, &["--format", "jsonl"]].concat());
        let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(&lines, items);
        let whole: Vec<String> = items.iter().map(|item| format!("{}\n", item["id"].as_str().unwrap())).collect();
        assert_eq!(printed(&[arguments, &["--format", "{{.ID}}"]].concat()), whole.concat());
        assert_eq!(printed(&[arguments, &["-q", "--no-trunc"]].concat()), whole.concat());
        let short = |id: &String| format!("{}\n", &id.trim_start_matches("sha256:")[..12]);
        assert_eq!(printed(&[arguments, &["-q"]].concat()), whole.iter().map(short).collect::<String>());
    }
}

#[test]
fn threads_are_a_reasonable_number() {
    assert_eq!(printed(&["images", "-q", "--threads", "256"]), printed(&["images", "-q", "--threads", "1"]));
    for number in ["0", "257", "-1", "many"] {
        let ran = layerwise(&["images", &format!("--threads={number}")]);
        assert_eq!(ran.status, 2);
        assert!(ran.errors.contains("give a number from 1 to 256"), "{}", ran.errors);
    }
}

#[test]
fn identifiers_and_sizes_are_whole_where_that_is_asked_for() {
    let short = printed(&["images", "-q"]);
    assert!(short.lines().all(|line| line.len() == 12), "{short}");
    let whole = printed(&["images", "-q", "--no-trunc"]);
    assert!(whole.lines().all(|line| line.len() == 71), "{whole}");
    let sizes = |arguments: &[&str]| -> Vec<String> {
        let table = printed(arguments);
        table.lines().skip(1).map(|line| line.split_whitespace().nth(3).unwrap_or_default().to_owned()).collect()
    };
    let classes = json(&["df"])["classes"].as_array().unwrap().clone();
    let plain: Vec<u64> = sizes(&["df", "--bytes"]).iter().take(10).map(|size| size.parse().unwrap()).collect();
    assert_eq!(plain, classes.iter().map(|class| class["apparent_bytes"].as_u64().unwrap()).collect::<Vec<_>>());
    assert!(sizes(&["df"])[0].ends_with("MB"));
}

#[test]
fn nothing_is_coloured_when_it_is_piped_unless_that_is_asked_for() {
    assert!(!printed(&["images", "--no-scan"]).contains('\x1b'));
    assert!(printed(&["images", "--no-scan", "--color", "always"]).contains('\x1b'));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    for arguments in [
        &["check", "--fail-on", "warning", "--format", "jsonl"][..],
        &["check"],
        &["layers"],
        &["inspect", "web"],
        &["completions", "zsh"],
        &["--help"],
    ] {
        let mut child =
            binary().args(arguments).env("LAYERWISE_DATA_ROOT", root()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Closed before anything can have been written.
        drop(child.stdout.take());
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        let status = child.wait().unwrap().code();
        let expected = i32::from(arguments.contains(&"warning"));
        assert_eq!(status, Some(expected), "{arguments:?}: {errors}");
        assert!(!errors.contains("roken pipe") && !errors.contains("panicked"), "{errors}");
    }
}

#[test]
fn completions_are_made_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = layerwise(&["completions", shell]);
        assert_eq!(ran.status, 0);
        assert!(ran.output.contains("build-cache"), "{shell}");
    }
    assert_eq!(layerwise(&["completions", "cmd"]).status, 2);
}
