//! What is wrong with an archive is told, left out, and hides nothing else.

use super::{ask, host, saved};
use crate::sample::{Ran, binary, run};
use crate::save::{self, Hand, Pack};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The blobs of a layout, the largest first.
fn blobs(layout: &Path) -> Vec<PathBuf> {
    let mut blobs: Vec<_> = fs::read_dir(layout.join("blobs/sha256")).unwrap().map(|entry| entry.unwrap().path()).collect();
    blobs.sort_by_key(|path| std::cmp::Reverse((path.metadata().unwrap().len(), path.clone())));
    blobs
}

fn told(path: &Path, words: &[&str]) -> (Ran, Value) {
    let ran = ask(&["--archive", path.to_str().unwrap()], words);
    let document = serde_json::from_str(&ran.output).unwrap_or_default();
    (ran, document)
}

/// The layer that all images but the one without layers have is lost: each of them says so, and nothing else of them.
fn base_is_lost(layout: &Path, why: &str) {
    let (ran, document) = told(layout, &["images"]);
    assert_eq!(ran.status, 1);
    assert!(ran.errors.contains("blobs/sha256/") && ran.errors.contains(why), "{} has no {why}", ran.errors);
    assert!(document["unreadable"].to_string().contains(why), "{document}");
    for image in document["items"].as_array().unwrap() {
        let has_layers = !image["layers"].as_array().unwrap().is_empty();
        assert_eq!(
            (image["missing_layers"].as_array().unwrap().len(), image["docker_size"].is_null()),
            (usize::from(has_layers), has_layers),
            "{image}"
        );
    }
    let (ran, document) = told(layout, &["waste"]);
    assert_eq!((ran.status, document["incomplete"].as_array().unwrap().len(), document["items"].as_array().unwrap().len()), (1, 3, 1));
    assert!(ran.errors.contains("was left out: its layer sha256:"), "{}", ran.errors);
    for (words, why) in [
        (&["changes", "app:1"][..], "a layer that it lies on could not be read"),
        (&["locate", "/etc/mode", "in", "app:1"], "cannot say what is in app:1: not all of its layers are there"),
    ] {
        let (ran, _) = told(layout, words);
        assert!(ran.status == 3 && ran.errors.contains(why), "{words:?}: {}", ran.errors);
    }
}

#[test]
fn a_damaged_layer_is_not_trusted() {
    let host = host();
    for (name, pack) in [("plain", Pack::Plain), ("gzip", Pack::Gzip), ("zstd", Pack::Zstd)] {
        let layout = saved(&host, name, Hand::Oci, pack);
        let largest = blobs(&layout).remove(0);
        let whole = fs::read(&largest).unwrap();
        let mut content = whole.clone();
        content[whole.len() / 2] ^= 4;
        fs::write(&largest, &content).unwrap();
        base_is_lost(&layout, "by which it is stored: save or copy the image again");
        fs::write(&largest, &whole[..whole.len() / 2]).unwrap();
        base_is_lost(&layout, "by which it is stored: save or copy the image again");
        fs::remove_file(&largest).unwrap();
        base_is_lost(&layout, "it is not in the archive");
        // It is whole in another archive.
        let other = saved(&host, &format!("{name}-other"), Hand::Present, Pack::Plain);
        let both = ["--archive", layout.to_str().unwrap(), "--archive", other.to_str().unwrap()];
        let ran = ask(&both, &["images"]);
        let document: Value = serde_json::from_str(&ran.output).unwrap();
        assert!(
            document["items"].as_array().unwrap().iter().all(|image| image["missing_layers"] == Value::Array(Vec::new())),
            "{document}"
        );
        // A blob is not even looked at where it leads out of the layout.
        fs::write(host.path().join("outside"), &whole).unwrap();
        symlink("../../../outside", &largest).unwrap();
        base_is_lost(&layout, "not a regular file");
    }
}

#[test]
fn a_layer_that_is_not_the_images_is_not_trusted() {
    let host = host();
    let directory = saved(&host, "former", Hand::Former, Pack::Plain);
    let manifest: Value = serde_json::from_slice(&fs::read(directory.join("manifest.json")).unwrap()).unwrap();
    let app = manifest.as_array().unwrap().iter().find(|image| image["RepoTags"][0] == "app:1").unwrap();
    let member = |layer: usize| directory.join(app["Layers"][layer].as_str().unwrap());
    fs::copy(member(2), member(1)).unwrap();
    let (ran, document) = told(&save::tarred(&directory), &["images"]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.errors.contains("/layer.tar: its content is sha256:") && ran.errors.contains("as the image's config says"),
        "{}",
        ran.errors
    );
    let missing = |image: &&Value| !image["missing_layers"].as_array().unwrap().is_empty();
    assert_eq!(document["items"].as_array().unwrap().iter().filter(missing).count(), 1, "the others do not have it");
}

#[test]
fn a_config_that_is_not_the_images_is_left_out() {
    let host = host();
    let directory = saved(&host, "former", Hand::Former, Pack::Plain);
    let configs = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some());
    let config = configs.filter(|path| !path.ends_with("manifest.json")).min().unwrap();
    let before = told(&directory, &["images"]).1["items"].as_array().unwrap().len();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("linux", "other")).unwrap();
    let (ran, document) = told(&directory, &["images"]);
    assert_eq!((ran.status, document["items"].as_array().unwrap().len()), (1, before - 1));
    assert!(ran.errors.contains(".json: its content is sha256:"), "{}", ran.errors);
}

#[test]
fn no_rule_passes_that_needed_what_could_not_be_read() {
    let host = host();
    let layout = saved(&host, "oci", Hand::Oci, Pack::Plain);
    let policy = host.path().join("policy.toml");
    fs::write(&policy, "[no-path]\npaths = \"/nowhere\"\n[max-layers]\nlimit = 100\n").unwrap();
    let words = ["lint", "--policy", policy.to_str().unwrap()];
    assert_eq!(told(&layout, &words).0.status, 0);
    let largest = blobs(&layout).remove(0);
    fs::write(&largest, "damage").unwrap();
    let (ran, document) = told(&layout, &words);
    assert_eq!(ran.status, 1, "{document}");
    let unknown = |result: &&Value| result["verdict"] == "unknown";
    assert!(document["results"].as_array().unwrap().iter().filter(unknown).count() >= 3, "{document}");
    // Here the name of an image is lost with it.
    fs::remove_file(&largest).unwrap();
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    let manifest = index["manifests"][0]["digest"].as_str().unwrap().replace(':', "/");
    fs::write(layout.join("blobs").join(manifest), "{}").unwrap();
    let (ran, document) = told(&layout, &words);
    assert_eq!(ran.status, 1);
    assert!(document["results"].as_array().unwrap().iter().any(|result| result["kind"] == "set" && unknown(&result)), "{document}");
}

#[test]
fn what_is_no_archive_of_images_is_refused() {
    let host = host();
    let at = |name: &str| host.path().join(name);
    let whole = fs::read(save::tarred(&saved(&host, "whole", Hand::Former, Pack::Plain))).unwrap();
    fs::write(at("text"), "no archive\n".repeat(100)).unwrap();
    fs::write(at("gzip"), save::packed(&whole, Pack::Gzip)).unwrap();
    fs::write(at("half"), &whole[..whole.len() / 2]).unwrap();
    fs::create_dir_all(at("empty")).unwrap();
    fs::create_dir_all(at("bomb")).unwrap();
    fs::write(at("bomb/manifest.json"), format!("[{{\"x\":{}", "[".repeat(1 << 20))).unwrap();
    fs::create_dir_all(at("huge")).unwrap();
    fs::File::create(at("huge/manifest.json")).unwrap().set_len(1 << 40).unwrap();
    nix::unistd::mkfifo(&at("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (name, why) in [
        ("text", "this is not the header of a tar"),
        ("gzip", "it is compressed as a whole: decompress it first"),
        ("half", "it ends in the middle of a member"),
        ("empty", "neither a manifest.json nor an index.json is in it"),
        ("bomb", "EOF while parsing a list"),
        ("huge", "larger than the"),
        ("fifo", "write it to a file first"),
        ("absent", "No such file or directory"),
    ] {
        let ran = run(binary().arg("--archive").arg(at(name)).arg("images"));
        assert_eq!(ran.status, 3, "{name}: {}", ran.errors);
        assert!(ran.errors.contains(why) && ran.errors.contains(name), "{name}: {}, not {why}", ran.errors);
    }
}

#[test]
fn what_inflates_to_more_than_there_is_memory_for_takes_none() {
    const LENGTH: u64 = 600 << 20;
    let directory = tempfile::tempdir().unwrap();
    let layout = directory.path().join("bomb");
    fs::create_dir(&layout).unwrap();
    // A file of zeros, in a tar as the system writes it.
    let file = fs::File::create(directory.path().join("zeros")).unwrap();
    file.set_len(LENGTH).unwrap();
    let script = "tar -cf - zeros | tee >(sha256sum | cut -c-64 >diff) | gzip -1 >bomb/layer.tar";
    assert!(Command::new("bash").args(["-c", script]).current_dir(directory.path()).status().unwrap().success());
    let diff = (0..100).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::read_to_string(directory.path().join("diff")).ok().filter(|text| text.len() == 65)
    });
    let config = format!(r#"{{"rootfs":{{"type":"layers","diff_ids":["sha256:{}"]}}}}"#, diff.unwrap().trim());
    fs::write(layout.join("config"), config).unwrap();
    fs::write(layout.join("manifest.json"), r#"[{"Config":"config","RepoTags":["bomb:1"],"Layers":["layer.tar"]}]"#).unwrap();
    let mut limited = Command::new("prlimit");
    limited.arg(format!("--as={}", 300 << 20)).arg(env!("CARGO_BIN_EXE_layerwise")).env_clear();
    let ran = run(limited.arg("--archive").arg(&layout).args(["--threads", "2", "--format", "json", "images"]));
    assert_eq!((ran.status, ran.errors.as_str()), (0, ""));
    let document: Value = serde_json::from_str(&ran.output).unwrap();
    assert_eq!(document["items"][0]["docker_size"], LENGTH);
}

#[test]
fn only_commands_about_images_read_archives() {
    let host = host();
    let archive = saved(&host, "archive", Hand::Oci, Pack::Plain);
    for words in [&["check"][..], &["prune", "--dry-run"], &["df"], &["why", "app:1"], &["containers"]] {
        let ran = run(binary().arg("--archive").arg(&archive).args(words));
        assert_eq!(ran.status, 2, "{words:?}");
        assert!(ran.errors.contains("an archive has nothing but images and their layers"), "{words:?}: {}", ran.errors);
    }
    let ran = run(binary().arg("--archive").arg(&archive).args(["--data-root", "/", "images"]));
    assert_eq!(ran.status, 2, "{}", ran.errors);
    let ran = run(binary().arg("--archive").arg(&archive).args(["changes", "nothing:1"]));
    assert!(ran.status == 1 && ran.errors.contains("the name or the ID of an image"), "{}", ran.errors);
}
