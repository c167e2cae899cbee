//! Archives of images give the answers that the data-root gives from which they were saved.

mod broken;

use crate::sample::{Ran, binary, run};
use crate::save::{self, Hand, Pack};
use layerwise::demo::{Builder, ImageSpec, Tree};
use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What an archive cannot know, or has not.
const UNKNOWN: [&str; 9] = ["data_root", "archives", "unreadable", "dir", "link", "disk_path", "parent", "containers", "build_cache"];

/// What belongs to a layer on a disk besides its tree.
const RECORDED: [&str; 6] = ["bytes", "apparent_bytes", "inodes", "shared_bytes", "exclusive_bytes", "reclaimable_bytes"];

/// A host with images that share layers, hide files of each other in every way, and have names of every kind.
fn host() -> TempDir {
    let temp = tempfile::tempdir().unwrap();
    let mut root = Builder::create(temp.path().join("root")).unwrap();
    let long = format!("{}/{}", "directory".repeat(12), "name".repeat(40));
    let base = Tree::new("base")
        .file("etc/mode", 50_000)
        .content("etc/text", "x".repeat(30_000))
        .file("var/cache/a", 20_000)
        .file("var/cache/deep/b", 20_000)
        .file("one", 10_000)
        .hard_link("two", "one")
        .file("usr/lib/libc.so", 70_000)
        .symlink("lib", "usr/lib")
        .symlink("usr/share/link", "far/".repeat(40))
        .file(std::ffi::OsStr::new("gr\u{fc}n \u{1f433}"), 100)
        .file(&long, 5_000)
        .owner(1000, 2000)
        .fifo("run/fifo")
        .directory("srv/old");
    let base = root.layer(None, base).unwrap();
    let change = Tree::new("base")
        .file("etc/mode", 50_000)
        .mode(0o4755)
        .content("etc/text", "y".repeat(30_000))
        .whiteout("var/cache")
        .whiteout("one")
        .opaque_directory("usr")
        .file("usr/bin/new", 9_000)
        .file("srv/old/new", 1)
        .file("copy", 70_000)
        .modified(1_700_000_000);
    let change = root.layer(Some(&base), change).unwrap();
    let shop = || Tree::new("shop").file("srv/shop", 80_000);
    let (app, other) = (root.layer(Some(&change), shop()).unwrap(), root.layer(Some(&base), shop()).unwrap());
    root.image(&ImageSpec::new(&base).tag("base:1").tag("base:2").history("ADD base")).unwrap();
    let steps = |spec: ImageSpec| spec.history("ADD base").history("RUN change everything").empty_history("CMD app");
    root.image(&steps(ImageSpec::new(&app)).tag("app:1").history("COPY shop /srv")).unwrap();
    root.image(&ImageSpec::new(&other).tag("team/other:1").history("ADD base")).unwrap();
    root.image(&ImageSpec::scratch().tag("scratch:1")).unwrap();
    temp
}

fn ask(place: &[&str], words: &[&str]) -> Ran {
    run(binary().args(place).args(["--format", "json"]).args(words))
}

/// The document without what an archive cannot know; without what is `left_out` too.
fn known(value: Value, left_out: &[&str]) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(key, _)| !UNKNOWN.contains(&key.as_str()) && !left_out.contains(&key.as_str()));
            Value::Object(fields.map(|(key, value)| (key, known(value, left_out))).collect::<Map<_, _>>())
        }
        // A name by which an image was pulled is not in an archive.
        Value::Array(values) => {
            let values = values.into_iter().filter(|value| !value.as_str().is_some_and(|text| text.contains("@sha256:")));
            Value::Array(values.map(|value| known(value, left_out)).collect())
        }
        other => other,
    }
}

/// Everything that is asked of both, and what their answers need not have in common.
fn questions() -> Vec<(Vec<&'static str>, &'static [&'static str])> {
    let mut questions: Vec<(Vec<_>, &'static [_])> = vec![
        (vec!["images"], &RECORDED),
        (vec!["images", "--no-scan"], &[]),
        (vec!["layers"], &RECORDED),
        (vec!["tree"], &RECORDED),
        (vec!["tree", "app:1", "--no-scan"], &[]),
        (vec!["waste"], &[]),
        (vec!["waste", "app:1", "base:2", "--duplicates", "--larger-than", "1", "--paths", "100"], &[]),
    ];
    questions.extend(["base:1", "app:1", "team/other", "scratch:1"].map(|image| (vec!["changes", image], &[][..])));
    for path in ["/etc/mode", "/lib/libc.so", "/var/cache/a", "/one", "/two", "/usr/bin", "/srv/old/new", "/"] {
        // The root of a layer is dockerd's, and its mode too.
        questions.push((vec!["locate", path, "in", "app:1"], if path == "/" { &["mode"] } else { &[] }));
    }
    questions
}

fn compare(root: &Path, archives: &[PathBuf]) {
    let there = ["--copy", "--data-root", root.to_str().unwrap()];
    let here: Vec<&str> = archives.iter().flat_map(|path| ["--archive", path.to_str().unwrap()]).collect();
    for (words, left_out) in questions() {
        let (expected, found) = (ask(&there, &words), ask(&here, &words));
        assert_eq!(found.status, expected.status, "{words:?}: {} {}", found.errors, expected.errors);
        let parsed = |ran: &Ran| serde_json::from_str::<Value>(&ran.output).ok().map(|document| known(document, left_out));
        assert_eq!(parsed(&found), parsed(&expected), "{words:?}\n{}\n{}", found.output, expected.output);
    }
}

/// The images of a host as one archive.
fn saved(host: &TempDir, name: &str, hand: Hand, pack: Pack) -> PathBuf {
    let directory = host.path().join(name);
    save::write(&save::images(&host.path().join("root"), |_| true), &directory, hand, pack);
    directory
}

#[test]
fn the_answers_are_those_of_the_data_root() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root can make whiteouts");
        return;
    }
    let host = host();
    let root = host.path().join("root");
    for (name, hand, pack) in [
        ("former", Hand::Former, Pack::Plain),
        ("present", Hand::Present, Pack::Plain),
        ("oci", Hand::Oci, Pack::Gzip),
        ("zstd", Hand::Oci, Pack::Zstd),
    ] {
        let directory = saved(&host, name, hand, pack);
        compare(&root, &[save::tarred(&directory)]);
        compare(&root, &[directory]);
    }
}

#[test]
fn several_archives_are_one_store() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let host = host();
    let root = host.path().join("root");
    let parts = [
        ("base", Hand::Former, Pack::Plain),
        ("app", Hand::Oci, Pack::Zstd),
        ("other", Hand::Present, Pack::Gzip),
        ("scratch", Hand::Oci, Pack::Plain),
    ];
    let archives = parts.map(|(name, hand, pack)| {
        let directory = host.path().join(name);
        save::write(&save::images(&root, |names| names.iter().any(|own| own.contains(name))), &directory, hand, pack);
        directory
    });
    compare(&root, &archives);
}

const POLICY: &str = r#"
base.on = "base:1"
base.except = "scratch"
same-base.images = ["app", "team/other"]
max-layers.limit = 2
no-duplicate-layers = {}
no-setuid = {}
no-path.paths = ["/var/cache/*", "/usr/lib/*", "/srv/*"]
min-efficiency.limit = "90%"
max-user-waste.limit = "1%"
"#;

#[test]
fn rules_hold_for_archives_as_for_the_data_root() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let host = host();
    let root = host.path().join("root");
    let policy = host.path().join("policy.toml");
    fs::write(&policy, POLICY).unwrap();
    let archive = save::tarred(&saved(&host, "oci", Hand::Oci, Pack::Zstd));
    let words = ["lint", "--policy", policy.to_str().unwrap()];
    let lint = |place: &[&str]| {
        let ran = ask(place, &words);
        assert_eq!(ran.status, 1, "{}", ran.errors);
        known(serde_json::from_str(&ran.output).unwrap(), &["places"])
    };
    let expected = lint(&["--copy", "--data-root", root.to_str().unwrap()]);
    let found = lint(&["--archive", archive.to_str().unwrap()]);
    for (found, expected) in found["results"].as_array().unwrap().iter().zip(expected["results"].as_array().unwrap()) {
        // A layer weighs what Docker adds to its tree too, in a data-root.
        let message = if expected["rule"] == "no-duplicate-layers" { "message" } else { "" };
        assert_eq!(known(found.clone(), &[message]), known(expected.clone(), &[message]));
    }
    assert_eq!(known(found, &["message"]), known(expected.clone(), &["message"]));
    let failed = expected["results"].as_array().unwrap().iter().filter(|result| result["verdict"] == "fail");
    let rules: std::collections::BTreeSet<_> = failed.map(|result| result["rule"].as_str().unwrap()).collect();
    assert_eq!(rules.len(), 6, "{rules:?}");
    // There is no host whose space, or garbage, a rule could be about.
    fs::write(&policy, "no-garbage = {}").unwrap();
    let told: Value = serde_json::from_str(&ask(&["--archive", archive.to_str().unwrap()], &words).output).unwrap();
    assert_eq!(
        (&told["results"][0]["verdict"], &told["results"][0]["message"]),
        (&"warn".into(), &"archives are on no host".into()),
        "{told}"
    );
    // What passes as it is passes.
    fs::remove_file(&policy).unwrap();
    for words in [vec!["lint", "--init", "--policy"], vec!["lint", "--policy"]] {
        let ran = run(binary().arg("--archive").arg(&archive).args(words).arg(&policy));
        assert_eq!(ran.status, 0, "{}{}", ran.output, ran.errors);
    }
    assert!(!fs::read_to_string(&policy).unwrap().contains("\n[no-garbage]"));
}

#[test]
fn the_answer_does_not_depend_on_threads_or_on_the_order_of_archives() {
    let host = host();
    let archives = [saved(&host, "former", Hand::Former, Pack::Plain), saved(&host, "oci", Hand::Oci, Pack::Zstd)];
    let [former, oci] = archives.each_ref().map(|path| path.to_str().unwrap());
    for words in [&["waste", "--duplicates"][..], &["tree"], &["images"]] {
        let answer = |place: &[&str]| {
            let mut document: Value = serde_json::from_str(&ask(place, words).output).unwrap();
            document.as_object_mut().unwrap().remove("archives");
            document
        };
        let expected = answer(&["--archive", former, "--archive", oci, "--threads", "1"]);
        assert_eq!(answer(&["--archive", oci, "--archive", former, "--threads", "4"]), expected, "{words:?}");
        assert_eq!(answer(&["--archive", oci]), expected, "{words:?}");
    }
}

#[test]
fn people_see_what_they_see_of_a_data_root() {
    let host = host();
    let archive = save::tarred(&saved(&host, "former", Hand::Former, Pack::Plain));
    let printed = |words: &[&str]| {
        let ran = run(binary().arg("--archive").arg(&archive).args(words));
        assert_eq!((ran.status, ran.errors.as_str()), (0, ""), "{words:?}");
        ran.output
    };
    assert!(printed(&["images", "--no-trunc"]).contains("base:1, base:2"));
    assert!(printed(&["tree"]).contains("RUN change everything"));
    let waste = printed(&["waste", "app:1"]);
    assert!(waste.contains("/var/cache") && waste.contains("stored again with the same content"), "{waste}");
    assert!(printed(&["changes", "app:1", "-v"]).contains("/etc/mode"));
    assert!(printed(&["locate", "/etc/mode", "in", "app:1", "-v"]).contains("/etc/mode in app:1 is a file"));
}
