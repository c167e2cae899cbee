//! The keys of JSON that others may rely on, exactly as promised.

use crate::sample::json;
use serde_json::Value;
use std::collections::BTreeSet;

/// Asserts that `object` has these keys, whatever else it has.
fn has(object: &Value, keys: &[&str]) {
    for key in keys {
        assert!(object.get(key).is_some(), "{key} is missing in {object}");
    }
}

/// The document of a command, after making sure of what all have.
fn document(arguments: &[&str]) -> Value {
    let document = json(arguments);
    assert_eq!(document["schema"], format!("layerwise/{}/1", arguments[0]));
    assert!(document["data_root"].is_string());
    for unreadable in document["unreadable"].as_array().unwrap() {
        has(unreadable, &["path", "operation", "error"]);
    }
    document
}

/// Every item of a list.
fn items(arguments: &[&str], keys: &[&str]) -> Vec<Value> {
    let document = document(arguments);
    let items = document["items"].as_array().unwrap().clone();
    assert!(!items.is_empty());
    for item in &items {
        has(item, keys);
    }
    items
}

#[test]
fn of_df() {
    let df = document(&["df"]);
    assert_eq!(df["data_root"], "ROOT");
    assert_eq!(df["driver"], "overlay2");
    has(&df["total"], &["bytes", "apparent_bytes", "inodes"]);
    has(&df["filesystem"], &["bytes_total", "bytes_free", "inodes_total", "inodes_free"]);
    let classes = df["classes"].as_array().unwrap();
    for class in classes {
        has(class, &["class", "count", "bytes", "apparent_bytes", "inodes", "reclaimable_bytes"]);
    }
    let names: Vec<_> = classes.iter().map(|class| class["class"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "image-layers",
            "container-layers",
            "container-files",
            "build-cache",
            "volumes",
            "plugins",
            "metadata",
            "garbage",
            "inactive-stores",
            "other"
        ]
    );
    for key in ["bytes", "apparent_bytes", "inodes"] {
        let sum: u64 = classes.iter().map(|class| class[key].as_u64().unwrap()).sum();
        assert_eq!(df["total"][key], sum, "{key}");
    }
}

#[test]
fn of_lists() {
    let images = items(
        &["images"],
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
    );
    let base = "sha256:6be5022fb7632c9148c79822fc3be69d7aa7a53a55b7b67ab34ef8ecb170b9e2";
    assert_eq!(images[0]["layers"][0], base, "the base comes first");
    items(
        &["layers"],
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
    );
    items(
        &["containers"],
        &["id", "name", "image", "status", "rw_dir", "init_dir", "bytes", "inodes", "log_bytes", "docker_size", "docker_virtual_size"],
    );
    items(
        &["build-cache"],
        &["id", "kind", "parent", "dir", "chain_id", "in_use", "shared", "bytes", "inodes", "description", "last_used"],
    );
    items(&["tree"], &["kind", "id", "references", "above", "level"]);
    items(&["roots"], &["path", "reasons", "description", "stores", "daemons", "lock", "error"]);
}

#[test]
fn of_answers() {
    let answers = items(&["why", "web", "tool:latest", "58128cd4"], &["target", "kind", "id", "path", "verdict", "class", "held_by"]);
    for answer in &answers {
        assert!(["in-use", "garbage", "unknown"].contains(&answer["verdict"].as_str().unwrap()));
        answer["held_by"].as_array().unwrap().iter().for_each(|holder| has(holder, &["kind", "id", "name", "via"]));
    }
    items(&["inspect", "web"], &["target", "kind", "id", "verdict", "keeps", "details"]);
    has(&document(&["freed", "tool:latest"]), &["bytes", "inodes", "layers", "kept_because"]);
    let check = document(&["check"]);
    let finding = ["severity", "code", "kind", "id", "path", "message", "hint", "affects", "bytes", "inodes", "pins", "in_progress"];
    has(&check["summary"], &["errors", "warnings", "garbage", "notices", "in_progress", "garbage_bytes", "garbage_inodes"]);
    let affected = check["findings"].as_array().unwrap().iter().flat_map(|finding| finding["affects"].as_array().unwrap());
    affected.for_each(|affected| has(affected, &["kind", "id", "name"]));
    check["findings"].as_array().unwrap().iter().for_each(|found| has(found, &finding));
}

#[test]
fn sizes_are_null_where_nothing_was_measured() {
    for image in items(&["images", "--no-scan"], &["bytes"]) {
        assert!(image["bytes"].is_null() && image["exclusive_bytes"].is_null() && image["docker_size"].is_u64());
    }
    for layer in items(&["layers", "--no-scan"], &["bytes"]) {
        assert!(layer["bytes"].is_null() && layer["inodes"].is_null());
    }
}

/// What stands between backticks in the section of docs/json.md with this title.
fn documented(title: &str) -> BTreeSet<&'static str> {
    let document = include_str!("../../docs/json.md");
    let section = document.split("\n## ").find(|section| section.starts_with(title)).unwrap_or_else(|| unreachable!("{title}"));
    let quoted = section.split('`').skip(1).step_by(2);
    quoted.flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')).collect()
}

/// Every key in a document, however deep.
fn keys(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(object) => object.iter().flat_map(|(key, value)| std::iter::once(key.as_str()).chain(keys(value))).collect(),
        Value::Array(elements) => elements.iter().flat_map(keys).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn all_are_documented() {
    // The sections that one refers to are named after it.
    for (arguments, sections) in [
        (&["df", "-v"][..], &["`df`"][..]),
        (&["images"], &["`images`"]),
        (&["layers"], &["`layers`"]),
        (&["containers"], &["`containers`"]),
        (&["volumes"], &["`volumes`"]),
        (&["history", "shop/api:2"], &["`history`"]),
        (&["build-cache"], &["`build-cache`"]),
        (&["tree"], &["`tree`"]),
        (&["why", "--scan", "web", "58128cd4", "shop/api:2", "orders"], &["`why`"]),
        (&["freed", "shop/worker:2", "worker"], &["`freed`", "`why`"]),
        (&["changes", "web"], &["`changes`"]),
        (&["locate", "/etc/passwd", "in", "shop/api:2"], &["`locate`"]),
        (&["waste", "--duplicates"], &["`waste`"]),
        (&["check"], &["`check`"]),
        (&["roots"], &["`roots`"]),
        (&["prune", "--dry-run"], &["`prune`"]),
        (&["repair", "--dry-run"], &["`repair`", "`prune`"]),
    ] {
        let known: BTreeSet<&str> = sections.iter().copied().chain(["All documents"]).flat_map(documented).collect();
        let document = document(arguments);
        let unknown: BTreeSet<&str> = keys(&document).into_iter().filter(|key| !known.contains(key)).collect();
        assert!(unknown.is_empty(), "docs/json.md says nothing of these keys of {arguments:?}: {unknown:?}");
    }
}
