//! Layer directories that no record names, but a `lower` or a mount does: they stay.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::containers::Containers;
use crate::docker::Docker;
use crate::engine::Builder::{BuildKit, Classic};
use crate::engine::{Engine, install_busybox};
use crate::images;
use crate::judge::{self, Known};
use crate::layerwise::Layerwise;
use crate::ruins::Ruins;

/// The directories that `directory` lies on, by its `lower` and the links in it.
fn lies_on(root: &Path, directory: &str) -> BTreeSet<String> {
    let overlay2 = root.join("overlay2");
    let lower = fs::read_to_string(overlay2.join(directory).join("lower")).unwrap_or_default();
    let links = lower.split(':').filter(|link| !link.is_empty()).map(|link| fs::read_link(overlay2.join(link)).unwrap());
    links.map(|target| target.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

/// The directories that records of layers name.
fn named_by_records(root: &Path) -> BTreeSet<String> {
    let records = root.join("image/overlay2/layerdb/sha256").read_dir().unwrap();
    records.map(|record| fs::read_to_string(record.unwrap().path().join("cache-id")).unwrap()).collect()
}

#[test]
fn a_copy_of_a_layer_that_only_a_lower_names_stays() {
    let Some(mut engine) = Engine::start("a_copy_of_a_layer_that_only_a_lower_names_stays") else { return };
    images::import(&engine);
    // The same layer by the classic builder, whose directory gets the record, and by BuildKit, which goes on building on its own copy.
    let same = ("same", "the same by both builders\n");
    let classic = engine.context("by-classic", &[("Dockerfile", "FROM base:1\nCOPY same /same\n"), same]);
    let kit = engine.context("by-kit", &[("Dockerfile", "FROM base:1\nCOPY same /same\nRUN echo upper >/upper\n"), same]);
    for context in [&classic, &kit] {
        engine.succeed(Command::new("touch").args(["--date", "@1700000000"]).arg(context.join("same")));
    }
    engine.build(Classic, "-t by-classic:1", &classic);
    engine.build(BuildKit, "-t by-kit:1", &kit);
    engine.docker("builder prune --all --force");
    let docker = Docker::ask(&engine);
    let known = Known::of(&docker);
    let image = docker.images.values().find(|image| image.repo_tags.iter().flatten().any(|name| name == "by-kit:1")).unwrap();
    let top = image.graph_driver.upper().unwrap();
    engine.stop();
    let root = engine.data_root();
    let lowers = lies_on(&root, &top);
    let copies: Vec<_> = lowers.difference(&named_by_records(&root)).cloned().collect();
    assert_eq!(copies.len(), 1, "{top} lies on {lowers:?}: this engine builds on the directory that has the record");

    let plan = Layerwise::on(&root).prune("");
    assert_eq!(lies_on(&root, &top), lowers, "{plan:?}");
    assert!(lowers.iter().all(|lower| root.join("overlay2").join(lower).exists()), "{plan:?}");
    engine.start_daemon();
    let docker = Docker::ask(&engine);
    Known::of(&docker).assert_is(&known, "afterwards");
    judge::assert_images_work(&engine, &docker, "afterwards");
    judge::assert_holds(&engine, ("by-kit:1", "/same /upper"), "the same by both builders\nupper", "afterwards");

    // When the image goes, nothing names the copy any more; dockerd itself leaves it there.
    engine.docker("rmi by-kit:1");
    // Nor does what was built upon it to see that it works.
    engine.docker("image prune --force");
    engine.docker("builder prune --all --force");
    engine.stop();
    let copy = root.join("overlay2").join(&copies[0]);
    assert!(copy.exists(), "this dockerd removes the copy by itself");
    Layerwise::on(&root).prune("");
    let why = Layerwise::on(&root).run(&format!("why {}", copies[0]));
    assert!(!copy.exists(), "{}", why.document);
    engine.start_daemon();
    judge::assert_holds(&engine, ("by-classic:1", "/same"), "the same by both builders", "without the copy");
}

/// So many layers that a mount can no longer name them by absolute paths.
const DEPTH: usize = 90;

#[test]
fn a_container_on_more_layers_than_a_mount_can_name_in_full_keeps_them_all() {
    let test = "a_container_on_more_layers_than_a_mount_can_name_in_full_keeps_them_all";
    let Some(mut engine) = Engine::start(test) else { return };
    engine.docker(&format!("load -i {}", deep_image(&engine).display()));
    // Something else must be in use, or the store would look lost.
    images::import(&engine);
    let mut containers = Containers::create(&mut engine, &["deep:1"]);
    let known = Known::of(&Docker::ask(&engine));
    let id = engine.docker("inspect --format {{.Id}} running-0");
    let image = engine.docker("inspect --format {{.Id}} deep:1");
    let others = ["created-0", "stopped-0"].map(|name| engine.docker(&format!("inspect --format {{{{.Id}}}} {name}")));
    engine.kill_daemon();

    // Only the mount tells of them: all records are gone.
    let root = engine.data_root();
    let copy = judge::copy_of(&root);
    let ruins = Ruins::of(&root);
    let mount_id_of = |id: &str| fs::read_to_string(root.join("image/overlay2/layerdb/mounts").join(id).join("mount-id")).unwrap();
    let mount_id = mount_id_of(&id);
    for other in &others {
        // Docker 26.1 leaves mounted what `docker export` has read, and then that is in use too.
        let script = "sed -n \"s|.* \\([^ ]*/$1/merged\\) .*|\\1|p\" /proc/self/mountinfo | xargs -r -n 1 umount";
        engine.succeed(engine.inside("sh").args(["-c", script, "umount", &mount_id_of(other)]));
    }
    let lowers = lies_on(&root, &mount_id);
    assert_eq!(lowers.len(), DEPTH + 1);
    for container in others.iter().chain([&id]) {
        ruins.disown(container);
        fs::remove_dir_all(root.join("image/overlay2/layerdb/mounts").join(container)).unwrap();
    }
    for layer in ruins.own_layers(&image) {
        fs::remove_dir_all(root.join("image/overlay2/layerdb/sha256").join(layer)).unwrap();
    }
    ruins.forget_image(&image);
    let plan = Layerwise::on(&root).prune("");
    // The other two containers' directories are dead now.
    assert_eq!(plan.classes().get("orphan-directory"), Some(&4), "{:?}, but {:?}", plan.classes(), plan.reasons());
    assert!(root.join("overlay2").join(&mount_id).exists());
    assert_eq!(lies_on(&root, &mount_id), lowers);
    for lower in &lowers {
        assert!(root.join("overlay2").join(lower).join("diff").exists(), "{lower} is gone");
    }

    for path in ["containers", "image", "overlay2"] {
        fs::create_dir_all(root.join(path)).unwrap();
        judge::copy_to(&copy.path().join(path), &root.join(path));
    }
    engine.cut_power();
    engine.boot();
    Known::of(&Docker::ask(&engine)).assert_is(&known, "afterwards");
    containers.assert_they_live(&mut engine, "afterwards");
}

/// An archive for `docker load` of an image of many layers, each with a file.
fn deep_image(engine: &Engine) -> PathBuf {
    let directory = engine.work().join("deep");
    fs::create_dir_all(&directory).unwrap();
    let (mut names, mut diff_ids) = (Vec::new(), Vec::new());
    for number in 0..DEPTH {
        let layer = directory.join("layer");
        if number == 0 {
            install_busybox(&layer);
        }
        fs::create_dir_all(&layer).unwrap();
        fs::write(layer.join(format!("file-{number}")), format!("{number}\n")).unwrap();
        let name = format!("{number}.tar");
        engine.succeed(Command::new("tar").arg("-cf").arg(directory.join(&name)).arg("-C").arg(&layer).arg("."));
        let digest = Sha256::digest(fs::read(directory.join(&name)).unwrap());
        diff_ids.push(digest.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}")));
        names.push(name);
        fs::remove_dir_all(&layer).unwrap();
    }
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let config = json!({"architecture": architecture, "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    fs::write(directory.join("config.json"), config.to_string()).unwrap();
    let manifest = json!([{"Config": "config.json", "RepoTags": ["deep:1"], "Layers": names}]);
    fs::write(directory.join("manifest.json"), manifest.to_string()).unwrap();
    let archive = directory.with_extension("tar");
    engine.succeed(Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&directory).arg("."));
    archive
}
