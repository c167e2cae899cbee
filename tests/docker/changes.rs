//! `layerwise changes` beside `docker diff`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Command;

use ::layerwise::render::escape;
use serde_json::Value;

use crate::engine::{Engine, install_busybox};
use crate::fixture;
use crate::layerwise::{Layerwise, text};

/// What the container does to its image: every kind of change that there is.
pub(crate) const SCRIPT: &str = r#"
    set -e
    cd /data
    alias b=busybox
    echo new >created; mkdir -p made/deep; echo new >made/deep/file; ln -s x made/link
    echo more >>modified; b chmod 600 chmodded; b chown 7:8 owned; b touch -d '2001-02-03 04:05:06' touched
    : >>opened
    b touch -r same-time /tmp/stamp; echo OTHER >same-time; b touch -r /tmp/stamp same-time; rm /tmp/stamp
    mv renamed renamed-to; mv directory directory-to; mv deep/in/it deep/it
    rm -rf to-file; echo now a file >to-file
    rm to-directory; mkdir to-directory; echo in >to-directory/in
    rm -rf and-back; echo file >and-back; rm and-back; mkdir and-back; echo other >and-back/other
    rm -rf opaque; mkdir opaque; echo b >opaque/b; echo x >opaque/x
    rm -rf emptied; mkdir emptied
    rm -rf gone; rm deep/file
    echo one >>linked-1; ln linked-1 linked-3; rm linked-2
    ln kept-1 kept-3
    echo u >'größe ☃'; rm 'naïve'; printf x >"$(printf 'no \377\376 text')"; rm "$(printf 'old \377 name')"
    b mknod null c 1 3; b mknod loop b 7 9; b mkfifo pipe; rm null-too; b mknod null-too c 1 5; b chmod 700 pipe-too
    ln -sf elsewhere link; rm link-to-file; echo f >link-to-file; rm file-to-link; ln -s a file-to-link
    rm -rf to-device; b mknod to-device b 7 11
    b chmod 700 quiet/inner; b chmod 755 quiet/inner
    b dd if=/dev/zero of=holes bs=1 count=0 seek=1000000 2>/dev/null
    truncate -s 3 modified-too
    rm -rf /whole; b chmod 1777 /data
    b touch -d '2001-02-03 04:05:06' /data/deep
"#;

/// Imports an image with something for each of these.
pub(crate) fn import(engine: &Engine) {
    let root = engine.work().join("changes");
    install_busybox(&root);
    let data = root.join("data");
    let files = [
        "modified",
        "modified-too",
        "chmodded",
        "owned",
        "touched",
        "opened",
        "same-time",
        "renamed",
        "directory/a/b",
        "directory/c",
        "deep/in/it",
        "deep/file",
        "to-file/a/b",
        "to-file/c",
        "to-directory",
        "and-back/a",
        "and-back/sub/b",
        "opaque/a",
        "opaque/b",
        "opaque/sub/c",
        "emptied/a",
        "gone/a/b",
        "gone/c",
        "linked-1",
        "kept-1",
        "naïve",
        "link-to-file-target",
        "file-to-link",
        "to-device/a/b",
        "to-device/c",
        "quiet/inner",
        "untouched/a",
        "../whole/a/b",
    ];
    for file in files {
        let path = data.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{:5}\n", file.len())).unwrap();
    }
    fs::create_dir_all(root.join("tmp")).unwrap();
    fs::hard_link(data.join("linked-1"), data.join("linked-2")).unwrap();
    fs::hard_link(data.join("kept-1"), data.join("kept-2")).unwrap();
    fs::write(data.join(std::ffi::OsStr::from_bytes(b"old \xff name")), "old").unwrap();
    let run = |program: &str, arguments: &[&str]| engine.succeed(Command::new(program).args(arguments).current_dir(&data));
    run("mknod", &["null-too", "c", "1", "3"]);
    run("mkfifo", &["pipe-too"]);
    run("ln", &["-s", "there", "link"]);
    run("ln", &["-s", "link-to-file-target", "link-to-file"]);
    let archive = engine.work().join("changes.tar");
    engine.succeed(Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&archive).arg("."));
    engine.docker(&format!("import {} changes:1", archive.display()));
}

/// What dockerd says, letter and path; bytes that are no text are lost in its JSON.
fn docker_diff(engine: &Engine, container: &str) -> BTreeSet<String> {
    let changes: Value = engine.api().get(&format!("/containers/{container}/changes"));
    let line = |change: &Value| {
        format!("{} {}", ["C", "A", "D"][usize::try_from(change["Kind"].as_u64().unwrap()).unwrap()], text(change, "Path"))
    };
    changes.as_array().into_iter().flatten().map(line).collect()
}

/// What layerwise says of the same.
fn changes(root: &Path, container: &str) -> Vec<Value> {
    Layerwise::on(root).items("changes", &[container])
}

fn as_docker_says(items: &[Value]) -> BTreeSet<String> {
    let listed = items.iter().filter(|item| item["docker"].is_string());
    let path = |item: &Value| String::from_utf8_lossy(&escape::parse_name(text(item, "path")).unwrap()).into_owned();
    listed.map(|item| format!("{} {}", text(item, "docker"), path(item))).collect()
}

/// Whether a line is of something that was in a directory that became a block device, which some Docker takes for a directory.
fn is_below_a_device(line: &str, items: &[Value]) -> bool {
    let devices = items.iter().filter(|item| item["kind"] == "block-device" && item["kind_before"] == "directory");
    line.strip_prefix("D ").is_some_and(|path| devices.map(|item| text(item, "path")).any(|device| Path::new(path).starts_with(device)))
}

fn assert_same(container: &str, docker: &BTreeSet<String>, items: &[Value]) {
    let ours = as_docker_says(items);
    let docker: BTreeSet<String> = docker.iter().filter(|line| !is_below_a_device(line, items)).cloned().collect();
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>();
    assert_eq!((only(&docker, &ours), only(&ours, &docker)), (Vec::new(), Vec::new()), "{container}: only docker, only layerwise");
}

/// The item of a path below `/data`.
fn item<'a>(items: &'a [Value], path: &str) -> &'a Value {
    items.iter().find(|item| text(item, "path") == format!("/data/{path}")).unwrap_or_else(|| panic!("{path} is not told"))
}

#[test]
fn changes_are_those_of_docker_diff() {
    let Some(mut engine) = Engine::start("changes_are_those_of_docker_diff") else { return };
    fixture::fill(&mut engine);
    import(&engine);
    engine.docker_sh("run --name every --network none changes:1", SCRIPT);
    engine.docker("run -d --name with-volume -v /data/volume --network none --stop-signal KILL changes:1 sleep 1000");
    let root = engine.data_root();
    let listed: Vec<Value> = engine.api().get("/containers/json?all=1");
    assert!(listed.len() > 8, "{listed:?}");
    let ids: Vec<&str> = listed.iter().map(|container| text(container, "Id")).collect();
    let diffs: Vec<_> = ids.iter().map(|id| docker_diff(&engine, id)).collect();
    for (id, diff) in ids.iter().zip(&diffs) {
        assert_same(id, diff, &changes(&root, id));
    }
    let every = docker_diff(&engine, "every");
    assert!(every.len() > 55, "{every:#?}");
    engine.stop();
    let items = changes(&root, "every");
    assert_same("every, with dockerd stopped", &every, &items);
    tell_more_than_docker(&items);
}

/// What `docker diff` does not say: whether contents changed, what is hidden, what was copied for nothing.
fn tell_more_than_docker(items: &[Value]) {
    for (path, change, content) in [
        ("modified", "changed", "changed"),
        ("chmodded", "changed", "same"),
        ("owned", "changed", "same"),
        ("touched", "changed", "same"),
        ("opened", "copied", "same"),
        ("same-time", "changed", "changed"),
    ] {
        let item = item(items, path);
        assert_eq!((text(item, "change"), item["content"].as_str()), (change, Some(content)), "{item}");
        assert!(item["copied_bytes"].as_u64() > Some(0), "{item}");
    }
    for path in ["opened", "same-time"] {
        assert_eq!(item(items, path)["docker"], Value::Null);
    }
    assert_eq!(item(items, "gone")["hidden_inodes"], 4);
    for (path, change) in [
        ("to-file", "replaced"),
        ("to-device", "replaced"),
        ("to-directory", "replaced"),
        ("opaque", "replaced"),
        ("link-to-file", "replaced"),
        ("directory", "deleted"),
    ] {
        assert_eq!(text(item(items, path), "change"), change, "{path}");
    }
    // The other name of it is still seen, so nothing of it is hidden.
    assert_eq!(item(items, "linked-2")["hidden_inodes"].as_u64().unwrap() + item(items, "linked-1")["hidden_inodes"].as_u64().unwrap(), 1);
}
