//! The command as a user types it: what it prints where, how it ends, and the JSON that others may rely on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::Value;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_layerwise"));
    command.args(arguments).env_remove("LAYERWISE_DATA_ROOT").env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

/// The sample data-root, written once by the command itself.
fn sample() -> &'static Path {
    static SAMPLE: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    &SAMPLE
        .get_or_init(|| {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("docker");
            let written = command(&["demo", "--keep", path.to_str().unwrap()]).output().unwrap();
            assert!(written.status.success(), "{written:?}");
            (directory, path)
        })
        .1
}

/// What a command prints on the sample.
fn run(arguments: &[&str]) -> Output {
    command(arguments).arg("--data-root").arg(sample()).output().unwrap()
}

fn stdout(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(&[arguments, &["--format", "json"]].concat())).unwrap()
}

#[test]
fn every_document_has_the_keys_that_others_rely_on() {
    let cases: [(&[&str], &str, &[&str]); 8] = [
        (
            &["images"],
            "items",
            &[
                "id",
                "references",
                "layers",
                "bytes",
                "inodes",
                "shared_bytes",
                "exclusive_bytes",
                "docker_size",
                "docker_shared_size",
                "docker_unique_size",
                "containers",
                "created",
            ],
        ),
        (
            &["layers"],
            "items",
            &[
                "chain_id",
                "diff_id",
                "parent",
                "dir",
                "link",
                "depth",
                "images",
                "containers",
                "build_cache",
                "state",
                "bytes",
                "apparent_bytes",
                "inodes",
                "docker_size",
                "created_by",
            ],
        ),
        (
            &["containers"],
            "items",
            &["id", "name", "image", "status", "rw_dir", "init_dir", "bytes", "inodes", "log_bytes", "docker_size", "docker_virtual_size"],
        ),
        (
            &["build-cache"],
            "items",
            &["id", "kind", "parent", "dir", "chain_id", "in_use", "shared", "bytes", "inodes", "description", "last_used"],
        ),
        (&["why", "shop/api:2"], "items", &["target", "kind", "id", "path", "verdict", "class", "held_by"]),
        (&["df"], "classes", &["class", "count", "bytes", "apparent_bytes", "inodes", "reclaimable_bytes"]),
        (&["tree"], "items", &["kind", "id", "references", "bytes"]),
        (&["freed", "tool:latest"], "kept_because", &["kind", "id", "bytes", "held_by"]),
    ];
    for (arguments, list, keys) in cases {
        let document = json(arguments);
        assert_eq!(document["schema"], format!("layerwise/{}/1", arguments[0]));
        assert_eq!(document["data_root"], sample().canonicalize().unwrap().to_str().unwrap());
        for unreadable in document["unreadable"].as_array().unwrap() {
            assert!(["path", "operation", "error"].iter().all(|key| unreadable.get(key).is_some()), "{unreadable}");
        }
        let items = document[list].as_array().unwrap();
        assert!(!items.is_empty(), "{arguments:?} lists nothing");
        for item in items {
            let missing: Vec<_> = keys.iter().filter(|key| item.get(key).is_none()).collect();
            assert!(missing.is_empty(), "{arguments:?} lacks {missing:?}: {item}");
        }
    }
    let df = json(&["df"]);
    for key in ["bytes_total", "bytes_free", "inodes_total", "inodes_free"] {
        assert!(df["filesystem"][key].is_u64(), "filesystem lacks {key}");
    }
    let sum = |key: &str| df["classes"].as_array().unwrap().iter().map(|class| class[key].as_u64().unwrap()).sum::<u64>();
    for key in ["bytes", "apparent_bytes", "inodes"] {
        assert_eq!(sum(key), df["total"][key].as_u64().unwrap(), "the classes do not sum to the total {key}");
    }
}

#[test]
fn df_counts_what_du_counts() {
    let du = |argument: &str| {
        let output = Command::new("du").args(["-sx", argument]).arg(sample()).output().unwrap();
        String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    let total = &json(&["df"])["total"];
    assert_eq!(total["bytes"], du("--block-size=1"));
    assert_eq!(total["inodes"], du("--inodes"));
}

#[test]
fn a_target_can_be_named_in_every_way_in_which_one_has_it_in_hand() {
    let layer = json(&["layers", "--no-scan", "--filter", "state=in-use"])["items"][0].clone();
    let text = |key: &str| layer[key].as_str().unwrap().to_owned();
    let root = sample().to_str().unwrap();
    let (dir, link, chain) = (text("dir"), text("link"), text("chain_id"));
    for (target, kind) in [
        (dir.clone(), "directory"),
        (dir[..12].to_owned(), "directory"),
        (format!("{root}/overlay2/{dir}/diff/etc/passwd"), "directory"),
        (link.clone(), "link"),
        (format!("{root}/overlay2/l/{link}"), "link"),
        (chain.clone(), "layer"),
        (format!("{root}/image/overlay2/layerdb/sha256/{}", &chain[7..]), "layer"),
        ("shop/api:2".to_owned(), "image"),
        ("tool".to_owned(), "image"),
        ("web".to_owned(), "container"),
    ] {
        let item = json(&["why", &target])["items"][0].clone();
        assert_eq!(item["kind"], kind, "{target}");
        assert_eq!(item["verdict"], "in-use", "{target}");
        assert!(!item["held_by"].as_array().unwrap().is_empty() || kind == "container", "{target} is held by nothing");
    }
}

#[test]
fn what_is_not_there_or_ambiguous_is_told_with_what_to_do() {
    for (target, message) in [("nonsense", "nothing here is called nonsense"), ("1", "may mean")] {
        let output = run(&["why", target]);
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(message) && told.contains("hint: "), "{told}");
    }
}

#[test]
fn a_wrong_command_line_is_told_with_a_suggestion() {
    for (arguments, message) in [
        (&["images", "--sort", "exclusiv_bytes"][..], "did you mean exclusive_bytes?"),
        (&["images", "--filter", "colour=red"], "unknown"),
        (&["images", "--format", "jsno"], "did you mean json?"),
        (&["images", "--format", "{{.Nonsense}}"], "Nonsense"),
        (&["imagse"], "images"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(message), "{arguments:?}: {told}");
        assert!(output.stdout.is_empty(), "{arguments:?} printed something all the same");
    }
}

#[test]
fn a_directory_that_is_no_data_root_ends_with_3_and_says_what_it_is() {
    let empty = tempfile::tempdir().unwrap();
    for (path, message) in [
        (empty.path().to_owned(), "an empty directory"),
        (empty.path().join("absent"), "No such file"),
        (sample().join("overlay2"), "overlay2"),
    ] {
        let output = command(&["df", "--data-root"]).arg(&path).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", path.display());
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(message), "{told}");
    }
}

#[test]
fn lists_can_be_filtered_sorted_and_shown_in_every_form() {
    let names = stdout(&["containers", "--format", "{{.Name}}", "--sort", "name"]);
    assert_eq!(names.lines().collect::<Vec<_>>(), ["3f65d1ae1f86", "migrate", "next", "stuck", "web", "worker"]);
    let running = stdout(&["containers", "-q", "--filter", "status=running", "--filter", "status=paused", "--filter", "name!=worker"]);
    assert_eq!(running.lines().collect::<Vec<_>>(), ["b76f7bc2cd03"]);
    let bytes: Vec<u64> =
        stdout(&["images", "--format", "{{.Bytes}}", "--sort", "bytes"]).lines().map(|line| line.parse().unwrap()).collect();
    assert!(bytes.is_sorted_by(|one, other| one >= other), "{bytes:?}");
    let lines = stdout(&["images", "--format", "jsonl"]);
    assert_eq!(lines.lines().count(), bytes.len());
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok_and(|item| item["id"].is_string())));
    let header = stdout(&["images", "--no-scan"]);
    assert!(header.starts_with("IMAGE"), "{header}");
    assert!(!header.contains('\u{1b}'), "a pipe gets no colours");
}

#[test]
fn no_scan_leaves_sizes_out_and_keeps_dockers() {
    let image = &json(&["images", "--no-scan"])["items"][0];
    assert!(image["bytes"].is_null());
    assert!(image["docker_size"].is_u64());
}

#[test]
fn any_number_of_threads_prints_the_same() {
    for arguments in [&["df", "-v"][..], &["images"], &["layers"], &["tree"], &["check", "--filter", "severity=garbage"]] {
        let with = |threads: &str| run(&[arguments, &["--format", "json", "--threads", threads]].concat()).stdout;
        let one = with("1");
        assert!(!one.is_empty());
        // The free space of the file system is not ours to keep still.
        let stable = |text: &[u8]| {
            let mut document: Value = serde_json::from_slice(text).unwrap();
            document.as_object_mut().unwrap().remove("filesystem");
            document
        };
        assert_eq!(stable(&one), stable(&with("8")), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child =
        command(&["layers", "--no-trunc", "--data-root"]).arg(sample()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut first = [0];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn check_ends_with_1_where_something_is_wrong() {
    // The sample has a container without a config, which may hide an image mount.
    let output = run(&["check"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("config.v2.json"));
}

#[test]
fn completions_know_the_commands() {
    let script = command(&["completions", "bash"]).output().unwrap();
    assert!(String::from_utf8(script.stdout).unwrap().contains("build-cache"));
}
