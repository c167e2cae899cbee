//! What `docker save` writes of the images of a real dockerd gives the answers that its data-root gives.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::engine::Engine;
use crate::fixture;
use crate::layerwise::{Layerwise, document, number, text, texts};
use crate::save::{self, Hand, Pack};

/// What an archive cannot know, what of the records of a layer counts for it in a data-root, and what the version of dockerd decides.
const UNKNOWN: [&str; 18] = [
    // Names by a digest are not in archives, nor is what was built upon what; the other names are compared.
    "digest",
    "repository",
    "tag",
    "intermediate",
    "data_root",
    "archives",
    "dir",
    "link",
    "disk_path",
    "parent",
    "containers",
    "build_cache",
    "state",
    "reason",
    "docker_size",
    "docker_shared_size",
    "docker_unique_size",
    // Among them are layers that no image has.
    "copies",
];

/// An answer without what archives cannot know, and without allocated bytes, which are looked at apart.
fn known(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let is_known = |key: &str| !UNKNOWN.contains(&key) && !key.ends_with("bytes");
            let mut fields: Map<_, _> =
                fields.into_iter().filter(|(key, _)| is_known(key)).map(|(key, value)| (key, known(value))).collect();
            // These are in the order of their bytes.
            for key in ["paths", "contents"] {
                if let Some(Value::Array(items)) = fields.get_mut(key) {
                    items.sort_by_key(Value::to_string);
                }
            }
            Value::Object(fields)
        }
        Value::Array(values) => {
            let values = values.into_iter().filter(|value| !value.as_str().is_some_and(|text| text.contains("@sha256:")));
            Value::Array(values.map(known).collect())
        }
        other => other,
    }
}

/// Asks about archives.
fn ask(archives: &[PathBuf], words: &[&str]) -> Value {
    let mut command = Layerwise::command();
    command.args(archives.iter().flat_map(|path| [Path::new("--archive"), path])).args(["--format", "json"]).args(words);
    document(&mut command)
}

/// What a tree would occupy with blocks of 4 KiB, its inodes, and the lengths of all but its directories.
fn computed(diff: &Path) -> (u64, u64, u64) {
    let mut inodes = BTreeMap::new();
    for entry in walkdir::WalkDir::new(diff) {
        let stat = fs::symlink_metadata(entry.unwrap().path()).unwrap();
        let kind = stat.file_type();
        let bytes = match stat.len() {
            _ if kind.is_dir() => 4096,
            length if kind.is_file() => length.next_multiple_of(4096),
            length if kind.is_symlink() && length > 59 => 4096,
            _ => 0,
        };
        // Of a tar every whiteout is one of its own.
        let is_whiteout =
            stat.rdev() == 0 && !kind.is_dir() && !kind.is_file() && !kind.is_symlink() && stat.mode() & 0o170_000 == 0o020_000;
        let own = if is_whiteout { inodes.len() } else { 0 };
        inodes.insert((stat.ino(), own), (bytes, if kind.is_dir() { 0 } else { stat.len() }));
    }
    (inodes.values().map(|(bytes, _)| bytes).sum(), u64::try_from(inodes.len()).unwrap(), inodes.values().map(|(_, length)| length).sum())
}

#[test]
fn archives_answer_as_the_data_root_does() {
    let Some(mut engine) = Engine::start("archives_answer_as_the_data_root_does") else { return };
    fixture::fill(&mut engine);
    // dockerd saves no image without layers.
    engine.docker("rmi nothing:1");
    let root = engine.data_root();
    let there = Layerwise::on(&root);
    let images = there.items("images --all", &[]);
    let own_names = |image: &Value| {
        let own: Vec<String> = texts(image, "references").into_iter().filter(|name| !name.contains('@')).map(str::to_owned).collect();
        if own.is_empty() { vec![text(image, "id").to_owned()] } else { own }
    };
    let names: Vec<String> = images.iter().flat_map(own_names).collect();
    let saved = engine.work().join("all.tar");
    engine.docker(&format!("save -o {} {}", saved.display(), names.join(" ")));
    let oci = engine.work().join("oci");
    save::write(&save::images(&root, |_| true), &oci, Hand::Oci, Pack::Gzip);
    // What is in one archive and not in the other is in both together, and layers are shared across them.
    let (first, second) = (engine.work().join("first"), engine.work().join("second"));
    save::write(
        &save::images(&root, |names| names.is_empty() || names.iter().any(|name| name.starts_with('c'))),
        &first,
        Hand::Present,
        Pack::Zstd,
    );
    save::write(
        &save::images(&root, |names| !names.is_empty() && !names.iter().any(|name| name.starts_with('c'))),
        &second,
        Hand::Former,
        Pack::Plain,
    );
    for archives in [vec![saved], vec![save::tarred(&oci)], vec![first, save::tarred(&second)]] {
        compare(&there, &archives, &images);
        weigh(&there, &root, &archives);
    }
}

/// Asks both everything.
fn compare(there: &Layerwise, archives: &[PathBuf], images: &[Value]) {
    let all = ["--paths", "100000"];
    // An archive does not say which images are only steps of a build, which `waste` leaves out unless they are asked for.
    let ids = images.iter().map(|image| text(image, "id"));
    let of_waste = ["waste", "--duplicates", "--larger-than", "1"].into_iter().chain(all).chain(ids).collect();
    let mut questions: Vec<Vec<&str>> = vec![vec!["images", "--all"], vec!["layers"], vec!["tree", "--all"], of_waste];
    for (number, image) in images.iter().enumerate() {
        questions.push(vec!["changes", text(image, "id")]);
        if number % 4 > 0 {
            continue;
        }
        for path in ["/bin/busybox", "/etc/motd", "/opaque", "/opaque/new", "/hard", "/soft", "/payload/b/c", "/not/there"] {
            questions.push(vec!["locate", path, "in", text(image, "id")]);
        }
    }
    for words in questions {
        let (expected, found) = (known(there.ask(&words.join(" "), &[])), known(ask(archives, &words)));
        let is_weighed = matches!(words[0], "images" | "layers" | "tree");
        let without = |value: Value| if is_weighed { without_inodes(value) } else { value };
        let (mut expected, mut found) = (without(expected), without(found));
        let [theirs, ours] = [&mut expected, &mut found].map(|answer| items_of_images(&mut answer["items"]));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{words:?} of {archives:?}");
        }
        assert_eq!((ours.len(), found), (theirs.len(), expected), "{words:?} of {archives:?}");
    }
}

/// The items of a list, without the layers that a data-root has and no image.
fn items_of_images(items: &mut Value) -> Vec<Value> {
    let Value::Array(items) = items.take() else { panic!("a list of items") };
    items.into_iter().filter(|item| !item.get("diff_id").is_some_and(|_| item["images"] == Value::Array(Vec::new()))).collect()
}

/// Without the inodes, among which are those of a layer's records in a data-root.
fn without_inodes(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.into_iter().filter(|(key, _)| key != "inodes").map(|(key, value)| (key, without_inodes(value))).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(without_inodes).collect()),
        other => other,
    }
}

/// What is computed of a layer is what the rule says of its directory, and Docker's size is dockerd's.
fn weigh(there: &Layerwise, root: &Path, archives: &[PathBuf]) {
    let known = there.items("layers", &[]);
    let answer = ask(archives, &["layers"]);
    let layers = answer["items"].as_array().unwrap();
    assert!(layers.len() > 10, "{answer}");
    let mut met = BTreeSet::new();
    for layer in layers {
        let same = known.iter().find(|known| text(known, "chain_id") == text(layer, "chain_id")).expect("the layer");
        let dir = text(same, "dir");
        let (bytes, inodes, size) = computed(&root.join("overlay2").join(dir).join("diff"));
        assert_eq!(
            (number(layer, "bytes"), number(layer, "inodes"), number(layer, "docker_size")),
            (bytes, inodes, size),
            "{layer} {same}"
        );
        // A layer that BuildKit made in place is recorded without the texts of its links.
        if dir.len() == 64 {
            assert_eq!(number(layer, "docker_size"), number(same, "docker_size"), "{layer}");
            met.insert("loaded");
        } else {
            assert!(number(layer, "docker_size") >= number(same, "docker_size"), "{layer}");
            met.insert("built in place");
        }
    }
    assert_eq!(met.len(), 2, "both kinds of layers were met: {met:?}");
}
