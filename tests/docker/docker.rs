//! What dockerd says of itself, in whole, at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::engine::Engine;

/// Everything that dockerd says of images, containers and build cache.
#[derive(Debug)]
pub(crate) struct Docker {
    /// By image id; with the images between the steps of a classic build.
    pub(crate) images: BTreeMap<String, Image>,
    /// By container id.
    pub(crate) containers: BTreeMap<String, Container>,
    /// What `docker system df -v` shows.
    pub(crate) usage: Usage,
}

/// `docker image inspect`, with `docker history`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Image {
    pub(crate) id: String,
    pub(crate) repo_tags: Option<Vec<String>>,
    pub(crate) repo_digests: Option<Vec<String>>,
    pub(crate) size: u64,
    #[serde(rename = "RootFS")]
    pub(crate) root_fs: RootFs,
    pub(crate) graph_driver: GraphDriver,
    /// Newest step first.
    #[serde(skip)]
    pub(crate) history: Vec<Step>,
    /// Whether each step made a layer, oldest first: what `docker history` leaves out of the image's config.
    #[serde(skip)]
    pub(crate) makes_layer: Vec<bool>,
}

impl Image {
    /// Returns the steps that made a layer, oldest first.
    pub(crate) fn steps_of_layers(&self) -> impl Iterator<Item = &Step> {
        assert_eq!(self.history.len(), self.makes_layer.len(), "{}: history and config", self.id);
        self.history.iter().rev().zip(&self.makes_layer).filter(|(_, makes_layer)| **makes_layer).map(|(step, _)| step)
    }
}

/// The layers of an image.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RootFs {
    /// `DiffID`s, base first; absent from an image without layers.
    pub(crate) layers: Option<Vec<String>>,
}

/// A step of `docker history`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Step {
    pub(crate) created_by: String,
    pub(crate) comment: String,
    pub(crate) size: u64,
}

/// Where image or container lie.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GraphDriver {
    /// Absent from an image without layers.
    data: Option<BTreeMap<String, String>>,
}

impl GraphDriver {
    /// Returns the name of the uppermost layer directory.
    pub(crate) fn upper(&self) -> Option<String> {
        self.directories("UpperDir").pop()
    }

    /// Returns the names of all layer directories, lowest first.
    pub(crate) fn all(&self) -> Vec<String> {
        let mut directories = self.directories("LowerDir");
        directories.reverse();
        directories.extend(self.upper());
        directories
    }

    /// Checks that the four directories that Docker names agree with each other.
    pub(crate) fn is_consistent(&self) -> bool {
        ["MergedDir", "WorkDir"].iter().all(|key| self.directories(key).pop() == self.upper())
    }

    fn directories(&self, key: &str) -> Vec<String> {
        let paths = self.data.as_ref().and_then(|data| data.get(key)).map_or("", String::as_str);
        paths.split(':').filter_map(|path| Some(Path::new(path).parent()?.file_name()?.to_str()?.to_owned())).collect()
    }
}

/// `docker inspect` of a container, with its sizes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) config: ContainerConfig,
    pub(crate) state: State,
    pub(crate) graph_driver: GraphDriver,
    /// Left out where it is zero; -1 for a container whose removal was interrupted.
    #[serde(default)]
    pub(crate) size_rw: i64,
    pub(crate) size_root_fs: i64,
}

/// What a container was made from.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ContainerConfig {
    /// The image as its maker named it.
    pub(crate) image: String,
}

/// The state of a container.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct State {
    pub(crate) status: String,
}

/// `docker system df -v`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Usage {
    #[serde(deserialize_with = "list_or_null")]
    pub(crate) images: Vec<ImageUsage>,
    #[serde(deserialize_with = "list_or_null")]
    pub(crate) build_cache: Vec<CacheRecord>,
}

/// An image in `docker system df -v`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ImageUsage {
    pub(crate) id: String,
    pub(crate) size: u64,
    pub(crate) shared_size: u64,
    pub(crate) containers: u64,
}

/// A record of BuildKit's cache.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CacheRecord {
    #[serde(rename = "ID")]
    pub(crate) id: String,
    /// Until API 1.41.
    pub(crate) parent: Option<String>,
    /// From API 1.42, with the blank that dockerd writes before it.
    #[serde(rename = " Parents", alias = "Parents")]
    pub(crate) parents: Option<Vec<String>>,
    #[serde(rename = "Type")]
    pub(crate) kind: String,
    pub(crate) description: String,
    pub(crate) in_use: bool,
    pub(crate) shared: bool,
    pub(crate) size: u64,
    pub(crate) created_at: String,
    pub(crate) last_used_at: Option<String>,
    pub(crate) usage_count: u64,
}

impl CacheRecord {
    /// Returns the ids of the records below this one.
    pub(crate) fn parents(&self) -> Vec<String> {
        let one = self.parent.iter().filter(|parent| !parent.is_empty());
        one.chain(self.parents.iter().flatten()).cloned().collect()
    }
}

impl Docker {
    /// Asks dockerd for everything.
    pub(crate) fn ask(engine: &Engine) -> Self {
        let api = &engine.api();
        let images: Vec<Value> = api.get("/images/json?all=1");
        let images = images.iter().map(|image| inspect_image(engine, id(image))).map(|image| (image.id.clone(), image)).collect();
        let containers: Vec<Value> = api.get("/containers/json?all=1");
        let containers = containers.iter().map(|container| api.get(&format!("/containers/{}/json?size=1", id(container))));
        let containers = containers.map(|container: Container| (container.id.clone(), container)).collect();
        Self { images, containers, usage: usage_at_rest(engine) }
    }

    /// Returns the names of all layer directories that dockerd speaks of, each with what it belongs to.
    pub(crate) fn directories(&self) -> BTreeMap<String, String> {
        let of_images = self.images.values().map(|image| (&image.graph_driver, format!("image {}", image.id)));
        let of_containers = self.containers.values().map(|container| (&container.graph_driver, format!("container {}", container.name)));
        of_images.chain(of_containers).flat_map(|(driver, owner)| driver.all().into_iter().map(move |name| (name, owner.clone()))).collect()
    }
}

/// `docker system df -v`, when it says the same twice: what a build used is put away a moment after the build.
fn usage_at_rest(engine: &Engine) -> Usage {
    // In any order, and in another one each time.
    let records =
        |answer: &Value| -> BTreeSet<String> { answer["BuildCache"].as_array().into_iter().flatten().map(ToString::to_string).collect() };
    let mut before = BTreeSet::new();
    for _ in 0..100 {
        let answer: Value = engine.api().get("/system/df");
        let now = records(&answer);
        if now == before {
            return serde_json::from_value(answer).unwrap();
        }
        before = now;
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("dockerd does not come to rest: {before:?}");
}

fn inspect_image(engine: &Engine, id: &str) -> Image {
    let mut image: Image = engine.api().get(&format!("/images/{id}/json"));
    image.history = engine.api().get(&format!("/images/{id}/history"));
    let config = engine.data_root().join("image/overlay2/imagedb/content").join(id.replace(':', "/"));
    let config: Value = serde_json::from_slice(&fs::read(config).unwrap()).unwrap();
    let steps = config["history"].as_array().into_iter().flatten();
    image.makes_layer = steps.map(|step| step["empty_layer"] != true).collect();
    image
}

/// Go writes an empty list as `null` where nobody made it an empty list.
fn list_or_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn id(listed: &Value) -> &str {
    listed["Id"].as_str().expect("an id")
}
