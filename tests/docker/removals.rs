//! Removes everything from a data-root, one container and one image after another, and notes what that gave back.
//!
//! `freed` speaks of what goes. Beside that dockerd rewrites `repositories.json`, whose length follows from the names in it, and the
//! databases of networks, containerd and BuildKit; and BuildKit collects contents that nothing refers to any more in its own time. Nothing
//! of that is ever part of what is freed, so it is measured by itself, and what it grew or shrank is set apart.

use std::collections::BTreeSet;
use std::path::Path;

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
    /// What dockerd forgot to remove, and nobody needs any more: 28.x loses image mounts whose names have a slash in them.
    pub(crate) leaked: Du,
    pub(crate) has_image_mount: bool,
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

/// Removes a running container, and then the image that it was made from.
pub(crate) fn remove_with_image(engine: &Engine, container: &str, image: &str) -> Removal {
    remove_all(engine, "running container", &[container, image], &[format!("rm -f {container}"), format!("rmi {image}")])
}

fn remove(engine: &Engine, kind: &str, id: &str, lines: &[String]) -> Removal {
    let has_image_mount = kind == "container" && mounts_an_image(engine, id);
    Removal { has_image_mount, ..remove_all(engine, kind, &[id], lines) }
}

/// Removes by `lines` what `freed` is asked about as `targets`.
fn remove_all(engine: &Engine, kind: &str, targets: &[&str], lines: &[String]) -> Removal {
    let root = engine.data_root();
    let ((before, before_apart), said) = at_rest(&root, || Layerwise::on(&root).ask("freed", targets));
    let (images_before, garbage_before) = (images(engine), garbage(&root));
    let refused = lines.iter().filter(|line| !engine.docker_command(line).output().unwrap().status.success()).count() == lines.len();
    let ((after, after_apart), garbage) = at_rest(&root, || garbage(&root));
    let images_after = images(engine);
    let images_said = texts(&said, "images").into_iter().map(str::to_owned).collect();
    Removal {
        has_image_mount: false,
        what: format!("{kind} {}", lines.join(", ")),
        refused,
        freed: Du::said_by(&said),
        given_back: Du {
            bytes: before.bytes - before_apart.bytes - (after.bytes - after_apart.bytes),
            inodes: before.inodes - before_apart.inodes - (after.inodes - after_apart.inodes),
        },
        leaked: Du { bytes: garbage.bytes - garbage_before.bytes, inodes: garbage.inodes - garbage_before.inodes },
        images_said,
        images_gone: images_before.difference(&images_after).cloned().collect(),
        layers_said: said["layers"].as_array().map_or(0, Vec::len),
    }
}

/// Counts everything, and of that what is set apart, when neither changes any more.
fn at_rest<T>(root: &Path, mut look: impl FnMut() -> T) -> ((Du, Du), T) {
    let mut before = apart(root);
    loop {
        let (all, seen) = du::around(root, &mut look);
        let after = apart(root);
        if before == after {
            return ((all, after), seen);
        }
        before = after;
    }
}

/// What layerwise calls garbage: dockerd was started after all of this was made, so that it need not be in doubt.
fn garbage(root: &Path) -> Du {
    let df = Layerwise::on(root).ask("df", &[]);
    let class = df["classes"].as_array().and_then(|classes| classes.iter().find(|class| class["class"] == "garbage"));
    Du::said_by(class.expect("the class of garbage"))
}

/// What is set apart: see above.
fn apart(root: &Path) -> Du {
    let stores = ["buildkit", "containerd", "network"].map(|name| Du::of(&root.join(name)));
    let names = du::allocated(&[root.join("image/overlay2/repositories.json")]);
    stores
        .iter()
        .fold(Du { bytes: names, inodes: 1 }, |sum, store| Du { bytes: sum.bytes + store.bytes, inodes: sum.inodes + store.inodes })
}

fn mounts_an_image(engine: &Engine, container: &str) -> bool {
    let container: Value = engine.api().get(&format!("/containers/{container}/json"));
    container["Mounts"].as_array().into_iter().flatten().any(|mount| mount["Type"] == "image")
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
