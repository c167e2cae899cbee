//! Removes everything from a data-root, one container and one image after another, and notes what that gave back.
//!
//! `freed` speaks of what goes. Beside that dockerd rewrites a few files of its own, whose lengths follow from what they list: the names
//! of images, the networks' and containerd's databases. They are measured by themselves, and what they grew or shrank is set apart.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use crate::du::{self, Du};
use crate::engine::Engine;
use crate::layerwise::{Layerwise, texts};

/// One removal: what was said of it, and what came of it.
#[derive(Debug)]
pub(crate) struct Removal {
    pub(crate) what: String,
    /// Whether Docker refused it.
    pub(crate) refused: bool,
    pub(crate) freed: Du,
    pub(crate) given_back: Du,
    pub(crate) images_said: BTreeSet<String>,
    pub(crate) images_gone: BTreeSet<String>,
    pub(crate) layers_said: usize,
}

/// Removes all containers and images of `engine`; first the images that it must not remove.
pub(crate) fn remove_everything(engine: &Engine) -> Vec<Removal> {
    let mut removals = Vec::new();
    let containers = words(engine, "ps --all --quiet --no-trunc");
    let used: BTreeSet<String> = containers.iter().map(|id| engine.docker(&format!("inspect --format {{{{.Image}}}} {id}"))).collect();
    // Only where removing by ID is the same as removing the only name; of an image with more, Docker removes names until one is refused.
    for id in &used {
        if images(engine).contains(id) && names(engine, id).len() == 1 && children(engine, id) == 0 {
            removals.push(remove(engine, "image", id, &[format!("rmi {id}")]));
        }
    }
    for id in &containers {
        removals.push(remove(engine, "container", id, &[format!("rm {id}")]));
    }
    // Those that others were built upon lose their names first, and then go with the last of the others.
    for id in words(engine, "images --quiet --no-trunc").iter().filter(|id| children(engine, id) > 0) {
        removals.push(remove_image(engine, id));
    }
    while let Some(id) = words(engine, "images --quiet --no-trunc").first() {
        removals.push(remove_image(engine, id));
    }
    removals
}

fn remove_image(engine: &Engine, id: &str) -> Removal {
    let names = names(engine, id);
    let names = if names.is_empty() { vec![id.to_owned()] } else { names };
    let lines: Vec<String> = names.into_iter().map(|name| format!("rmi {name}")).collect();
    remove(engine, "image", id, &lines)
}

fn remove(engine: &Engine, kind: &str, id: &str, lines: &[String]) -> Removal {
    let (root, rewritten) = (engine.data_root(), rewritten(engine));
    let (before, said) = du::around(&root, || Layerwise::on(&root).ask("freed", &[id]));
    let (images_before, files_before) = (images(engine), du::allocated(&rewritten));
    let refused = lines.iter().filter(|line| !engine.docker_command(line).output().unwrap().status.success()).count() == lines.len();
    let after = Du::at_rest(&root);
    let (images_after, files_after) = (images(engine), du::allocated(&rewritten));
    let images_said = texts(&said, "images").into_iter().map(str::to_owned).collect();
    Removal {
        what: format!("{kind} {}", lines.join(", ")),
        refused,
        freed: Du::said_by(&said),
        given_back: Du { bytes: before.bytes - files_before - (after.bytes - files_after), inodes: before.inodes - after.inodes },
        images_said,
        images_gone: images_before.difference(&images_after).cloned().collect(),
        layers_said: said["layers"].as_array().map_or(0, Vec::len),
    }
}

/// The files that dockerd rewrites or that a database of its grows in place.
fn rewritten(engine: &Engine) -> Vec<PathBuf> {
    let mut files = vec![engine.data_root().join("image/overlay2/repositories.json")];
    let mut open = ["buildkit", "containerd", "network"].map(|name| engine.data_root().join(name)).to_vec();
    while let Some(directory) = open.pop() {
        for entry in directory.read_dir().into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "db") {
                files.push(path);
            }
        }
    }
    files
}

/// Every image, with those between the steps of a classic build.
fn images(engine: &Engine) -> BTreeSet<String> {
    words(engine, "images --all --quiet --no-trunc").into_iter().collect()
}

/// The names that Docker removes one by one: a digest goes with the last tag of its repository.
fn names(engine: &Engine, id: &str) -> Vec<String> {
    let image: Value = engine.api().get(&format!("/images/{id}/json"));
    let (tags, digests) = (texts(&image, "RepoTags"), texts(&image, "RepoDigests"));
    let repository = |name: &str| name.rsplit_once(['@', ':']).map(|(repository, _)| repository.trim_end_matches("@sha256").to_owned());
    let tagged: BTreeSet<Option<String>> = tags.iter().map(|tag| repository(tag)).collect();
    let alone = digests.into_iter().filter(|digest| !tagged.contains(&repository(digest)));
    tags.iter().copied().chain(alone).map(str::to_owned).collect()
}

/// How many images were built upon this one.
fn children(engine: &Engine, id: &str) -> usize {
    let all: Vec<Value> = engine.api().get("/images/json?all=1");
    all.iter().filter(|image| parent(image) == id).count()
}

fn parent(image: &Value) -> &str {
    image["ParentId"].as_str().unwrap_or_default()
}

fn words(engine: &Engine, line: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    engine.docker(line).split_whitespace().filter(|word| seen.insert((*word).to_owned())).map(str::to_owned).collect()
}
