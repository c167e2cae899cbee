//! `waste` on a data-root in which every reason for waste occurs once, and on the sample.

use crate::sample::{binary, json, layerwise, printed, run};
use layerwise::demo::{Builder, ImageSpec, Tree};
use serde_json::Value;
use tempfile::TempDir;

/// A base, and on it an image that changes it in every way that wastes something.
fn wasteful() -> TempDir {
    let temp = tempfile::tempdir().unwrap();
    let mut root = Builder::create(temp.path().join("root")).unwrap();
    let base = Tree::new("base")
        .file("etc/mode", 50_000)
        .content("etc/text", "x".repeat(30_000))
        .file("var/cache/a", 20_000)
        .file("var/cache/b", 20_000)
        .file("one", 10_000)
        .hard_link("two", "one")
        .file("three", 10_000)
        .hard_link("four", "three");
    let base = root.layer(None, base).unwrap();
    let top = Tree::new("base")
        .file("etc/mode", 50_000)
        .mode(0o600)
        .content("etc/text", "y".repeat(30_000))
        .whiteout("var/cache")
        .whiteout("one")
        .whiteout("three")
        .whiteout("four");
    let top = root.layer(Some(&base), top).unwrap();
    let steps = |spec: ImageSpec| spec.history("ADD base").history("RUN change everything");
    root.image(&steps(ImageSpec::new(&top).tag("app:1"))).unwrap();
    temp
}

fn ask(root: &TempDir, words: &[&str]) -> Value {
    let mut command = binary();
    command.arg("--copy").arg("--data-root").arg(root.path().join("root")).args(["--format", "json"]).args(words);
    let ran = run(&mut command);
    assert_eq!(ran.status, 0, "{}", ran.errors);
    serde_json::from_str(&ran.output).unwrap()
}

#[test]
fn every_reason_is_told_with_its_step() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root can make whiteouts");
        return;
    }
    let root = wasteful();
    let document = ask(&root, &["waste"]);
    let app = &document["items"][0];
    let number = |key: &str| app[key].as_u64().unwrap();
    assert_eq!(number("visible_bytes") + number("wasted_bytes"), number("bytes"));
    assert_eq!(number("visible_inodes") + number("wasted_inodes"), number("inodes"));
    // The file of which only one name is gone is still seen.
    assert_eq!((number("wasted_inodes"), number("whiteouts")), (6 + 4, 4), "{document}");
    let by_reason = ["deleted_bytes", "overwritten_bytes", "unchanged_bytes"].map(number);
    assert_eq!(by_reason.iter().sum::<u64>(), number("wasted_bytes"));
    assert!(by_reason.iter().all(|bytes| *bytes > 0), "{app}");
    let told: Vec<_> =
        document["paths"].as_array().unwrap().iter().map(|path| [&path["path"], &path["why"], &path["hidden_by_step"]]).collect();
    let told = serde_json::to_string(&told).unwrap();
    assert_eq!(
        told,
        r#"[["/etc/mode","unchanged","RUN change everything"],["/var/cache","deleted","RUN change everything"],["/etc/text","overwritten","RUN change everything"],["/four","deleted","RUN change everything"]]"#
    );
    let totals = &document["totals"];
    assert_eq!((&totals["unseen_bytes"], &totals["bytes"]), (&app["wasted_bytes"], &app["bytes"]), "one image is all there is");
    // Files: mode twice, text twice; one, three and their whiteouts; the directory with its whiteout.
    let (least, all) = (50_000.0 + 30_000.0 + 40_000.0 + 40_000.0, 100_000.0 + 60_000.0 + 80_000.0 + 20_000.0);
    let expected: f64 = 10_000.0 * least / all;
    assert!((app["efficiency"].as_f64().unwrap() - expected.round() / 100.0).abs() < 0.011, "{app}, not {expected}");
    assert_eq!(ask(&root, &["waste", "--paths", "1"])["paths_omitted"], 3);
}

#[test]
fn people_see_what_to_change() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let root = wasteful();
    let mut command = binary();
    command.arg("--copy").arg("--data-root").arg(root.path().join("root")).args(["waste", "app:1"]);
    let ran = run(&mut command);
    for line in [
        "/etc/mode: stored again with the same content, in 1 image",
        "RUN change everything",
        "advice     set mode and owner in the step that makes it (COPY --chmod, --chown), or leave it alone",
        "advice     delete it in the step that makes it, or copy what is needed from an earlier stage",
    ] {
        assert!(ran.output.contains(line), "{line}: {}", ran.output);
    }
}

#[test]
fn files_of_the_same_content_are_found_if_asked_for() {
    assert_eq!(json(&["waste"])["duplicates"], Value::Null);
    let document = json(&["waste", "--duplicates", "--larger-than", "1kB"]);
    let contents = document["duplicates"]["contents"].as_array().unwrap();
    let told: Vec<_> =
        contents.iter().map(|content| (content["size"].as_u64().unwrap(), content["in_one_image"].as_bool().unwrap())).collect();
    assert_eq!(told, [(42_000, false), (18_000, false)]);
    let copies: Vec<_> = contents[0]["copies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|copy| (copy["path"].as_str().unwrap(), copy["created_by"].as_str().unwrap()))
        .collect();
    assert_eq!(copies, [("/srv/shop/app.py", "COPY shop /srv/shop"); 2]);
    assert_eq!(json(&["waste", "--duplicates", "--larger-than", "20kB"])["duplicates"]["contents"].as_array().unwrap().len(), 1);
    let page = printed(&["waste", "--duplicates", "--larger-than", "1kB"]);
    assert!(page.contains("2 files, in different images\n  /srv/shop/app.py  "), "{page}");
    // Two layers that are never in one image are no copies of each other for whoever asks about one.
    assert_eq!(json(&["waste", "shop/api:2", "--duplicates", "--larger-than", "1kB"])["duplicates"]["bytes_lost"], 0);
}

#[test]
fn images_are_chosen_and_sorted_like_in_other_lists() {
    let images = json(&["waste"]);
    // A nameless image between the steps of a build is looked at by whoever asks for it.
    assert_eq!(images["items"].as_array().unwrap().len(), 6);
    let step = json(&["images", "--all"]);
    let step = step["items"].as_array().unwrap().iter().find(|image| image["references"] == serde_json::json!([])).unwrap()["id"].clone();
    assert!(!images["items"].as_array().unwrap().iter().any(|image| image["id"] == step));
    assert_eq!(json(&["waste", step.as_str().unwrap()])["items"][0]["id"], step);
    assert_eq!(images["layers"].as_array().unwrap().len(), 8);
    assert_eq!(printed(&["waste", "tool", "--format", "{{.References}} {{.Layers}} {{.Efficiency}}"]), "[tool:latest] 1 100.0\n");
    assert_eq!(layerwise(&["waste", "web"]).status, 2);
    assert_eq!(layerwise(&["waste", "none:1"]).status, 1);
}
