//! A data-root at one moment: what Docker said of it, what layerwise said, and what is on the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::docker::Docker;
use crate::du::{self, Du};
use crate::engine::Engine;
use crate::layerwise::{Answers, Condition, Layerwise, document_of, text};

/// A data-root at one moment.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) moment: &'static str,
    pub(crate) docker: Docker,
    pub(crate) layerwise: Answers,
    /// `why` of everything that the comparisons ask about.
    pub(crate) why: Vec<Value>,
    /// What a person may ask about, with the kind and the ID that it means.
    pub(crate) in_hand: BTreeMap<String, (&'static str, String)>,
    pub(crate) du: Du,
    /// What `du` and layerwise count in the mount namespace of the engine; there the layers of running containers are mounted.
    pub(crate) inside: Option<(Du, Value)>,
    /// The allocated bytes of each container's logs.
    pub(crate) logs: BTreeMap<String, u64>,
    /// The RW layer's directory of each record below `layerdb/mounts`, however deep.
    pub(crate) mounts: BTreeMap<PathBuf, String>,
}

impl Seen {
    /// Asks layerwise about the data-root of which Docker said `docker`.
    pub(crate) fn look(moment: &'static str, engine: &Engine, docker: Docker) -> Self {
        let root = engine.data_root();
        let program = Layerwise::on(&root);
        let (du, layerwise) = du::around(&root, || program.answers());
        let in_hand = in_hand(&root, &docker);
        let mounts = mounts(&root.join("image/overlay2/layerdb/mounts"));
        let names: BTreeSet<String> =
            docker.directories().into_keys().chain(in_hand.keys().cloned()).chain(mounts.values().cloned()).collect();
        let why = program.items("why", &names.iter().map(String::as_str).collect::<Vec<_>>());
        let inside = Some(inside(engine));
        let logs = docker.containers.keys().map(|id| (id.clone(), logs(&root.join("containers").join(id), id))).collect();
        Self { moment, docker, layerwise, why, in_hand, du, inside, logs, mounts }
    }

    /// Returns the ids of everything that layerwise calls garbage.
    pub(crate) fn garbage(&self) -> BTreeSet<&str> {
        garbage(&self.layerwise.findings)
    }
}

/// Returns the ids of what `findings` call garbage.
pub(crate) fn garbage(findings: &[Value]) -> BTreeSet<&str> {
    findings.iter().filter(|finding| text(finding, "severity") == "garbage").map(|finding| text(finding, "id")).collect()
}

/// What a person may have in hand of some images and containers.
fn in_hand(root: &Path, docker: &Docker) -> BTreeMap<String, (&'static str, String)> {
    let mut asked = BTreeMap::new();
    for image in docker.images.values() {
        for name in image.repo_tags.iter().chain(&image.repo_digests).flatten() {
            asked.insert(name.clone(), ("image", image.id.clone()));
        }
        asked.insert(image.id.clone(), ("image", image.id.clone()));
        let short = image.id.chars().skip("sha256:".len()).take(12).collect();
        asked.insert(short, ("image", image.id.clone()));
    }
    asked.insert("base".to_owned(), ("image", asked["base:latest"].1.clone()));
    for container in docker.containers.values() {
        let id = &container.id;
        for name in [container.name.trim_start_matches('/'), id, &id[..12]] {
            asked.insert(name.to_owned(), ("container", id.clone()));
        }
        let upper = container.graph_driver.upper().unwrap();
        let directory = root.join("overlay2").join(&upper);
        let link = fs::read_to_string(directory.join("link")).unwrap();
        asked.insert(root.join("overlay2/l").join(&link).display().to_string(), ("link", link.clone()));
        asked.insert(link.clone(), ("link", link));
        for below in ["", "diff", "diff/not/there", "link"] {
            asked.insert(directory.join(below).display().to_string(), ("directory", upper.clone()));
        }
        asked.insert(root.join("containers").join(id).join("config.v2.json").display().to_string(), ("container", id.clone()));
    }
    asked
}

fn inside(engine: &Engine) -> (Du, Value) {
    let root = engine.data_root();
    let count = |option: &str| -> u64 {
        let counted = engine.succeed(engine.inside("du").args(["-sx", option]).arg(&root));
        counted.split_whitespace().next().unwrap().parse().unwrap()
    };
    for _ in 0..100 {
        let before = (count("--block-size=1"), count("--inodes"));
        let mut program = engine.inside(env!("CARGO_BIN_EXE_layerwise"));
        let df = document_of(Condition::Partial, program.arg("--data-root").arg(&root).args(["--format", "json", "df"]));
        if before == (count("--block-size=1"), count("--inodes")) {
            return (Du { bytes: before.0, inodes: before.1 }, df);
        }
    }
    panic!("{} does not come to rest", root.display());
}

/// The logs in a container's directory: the log, those that it was rotated to, and what the driver `local` writes.
fn logs(directory: &Path, id: &str) -> u64 {
    let own = directory.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let own = own.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&format!("{id}-json.log")));
    let local = directory.join("local-logs").read_dir().into_iter().flatten().map(|entry| entry.unwrap().path());
    du::allocated(&own.chain(local).collect::<Vec<_>>())
}

fn mounts(below: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in below.read_dir().unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        found.extend(mounts(&entry));
        if let Ok(directory) = fs::read_to_string(entry.join("mount-id")) {
            found.insert(entry, directory);
        }
    }
    found
}
