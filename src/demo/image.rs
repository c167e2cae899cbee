//! Images: their config and metadata in `imagedb/`, their names in `repositories.json`.

use super::builder::{Builder, Store};
use super::go_json;
use super::layer::Layer;
use super::write::{self, Result, failed};
use crate::id::{DiffId, ImageId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// Where the configs of images are.
const CONTENT: &str = "image/overlay2/imagedb/content/sha256";

/// The content of `repositories.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Repositories {
    #[serde(rename = "Repositories")]
    names: BTreeMap<String, BTreeMap<String, String>>,
}

impl Repositories {
    /// Gives `image` the name `reference`, `repository:tag` or `repository@digest`.
    pub(super) fn insert(&mut self, reference: &str, image: ImageId) {
        let repository = reference.split_once('@').or_else(|| reference.rsplit_once(':')).map_or(reference, |(repository, _)| repository);
        self.names.entry(repository.to_owned()).or_default().insert(reference.to_owned(), image.to_string());
    }
}

/// An image to be made.
#[derive(Debug, Clone)]
pub struct ImageSpec {
    top: Option<Layer>,
    diff_ids: Vec<DiffId>,
    references: Vec<String>,
    steps: Vec<Step>,
    parent: Option<ImageId>,
    command: Vec<String>,
    os: String,
}

/// A step of an image's history.
#[derive(Debug, Clone, Serialize)]
struct Step {
    created: String,
    created_by: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    empty_layer: bool,
}

impl Step {
    /// A step of a time that is not known before the image is made.
    fn new(created_by: &str, empty_layer: bool) -> Self {
        Self { created: String::new(), created_by: created_by.to_owned(), empty_layer }
    }
}

/// An image that was written.
#[derive(Debug, Clone)]
pub struct Image {
    /// The digest of its config.
    pub id: ImageId,
    /// Its topmost layer; none for an image `FROM scratch` that adds nothing.
    pub top: Option<Layer>,
    /// Its names.
    pub references: Vec<String>,
    /// What its containers run.
    pub command: Vec<String>,
}

impl Image {
    /// The name by which a person would ask for it.
    pub(super) fn source(&self) -> String {
        self.references.first().cloned().unwrap_or_else(|| self.id.to_string())
    }
}

impl ImageSpec {
    /// An image of `top` and all the layers below it, with a history step for each.
    #[must_use]
    pub fn new(top: &Layer) -> Self {
        Self { top: Some(top.clone()), ..Self::with_diff_ids(top.diff_ids.clone()) }
    }

    /// An image without any layer.
    #[must_use]
    pub fn scratch() -> Self {
        Self::with_diff_ids(Vec::new())
    }

    /// An image of these layers, whether they exist or not.
    #[must_use]
    pub fn with_diff_ids(diff_ids: Vec<DiffId>) -> Self {
        let (references, steps, command) = (Vec::new(), Vec::new(), vec!["sleep".to_owned(), "1000".to_owned()]);
        Self { top: None, diff_ids, references, steps, parent: None, command, os: "linux".to_owned() }
    }

    /// Gives it a name, `repository:tag`.
    #[must_use]
    pub fn tag(mut self, reference: &str) -> Self {
        self.references.push(reference.to_owned());
        self
    }

    /// Gives it the name by which it was pulled, `repository@sha256:…`.
    #[must_use]
    pub fn digest_reference(self, reference: &str) -> Self {
        self.tag(reference)
    }

    /// Says what made its next layer, base first; without any, each layer was copied.
    #[must_use]
    pub fn history(mut self, created_by: &str) -> Self {
        self.steps.push(Step::new(created_by, false));
        self
    }

    /// Adds a step to its history that made no layer.
    #[must_use]
    pub fn empty_history(mut self, created_by: &str) -> Self {
        self.steps.push(Step::new(created_by, true));
        self
    }

    /// Says which image the classic builder or `docker commit` made it from.
    #[must_use]
    pub fn parent(mut self, parent: &Image) -> Self {
        self.parent = Some(parent.id);
        self
    }

    /// Says what its containers run.
    #[must_use]
    pub fn command(mut self, command: &[&str]) -> Self {
        self.command = command.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Says which operating system it is for.
    #[must_use]
    pub fn os(mut self, os: &str) -> Self {
        os.clone_into(&mut self.os);
        self
    }

    /// The config, of which every byte counts for the image's id.
    fn config(&self, created: Timestamp) -> serde_json::Value {
        let created = created.to_string();
        let copied =
            || self.top.iter().flat_map(|top| &top.seeds).map(|seed| Step::new(&format!("COPY {seed} / # buildkit"), false)).collect();
        let mut steps: Vec<Step> = if self.steps.is_empty() { copied() } else { self.steps.clone() };
        for step in &mut steps {
            step.created.clone_from(&created);
        }
        json!({
            "architecture": "amd64",
            "config": {
                "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                "Cmd": self.command,
                "OnBuild": null,
            },
            "created": created,
            "history": steps,
            "os": self.os,
            "rootfs": { "type": "layers", "diff_ids": self.diff_ids },
        })
    }
}

impl Builder {
    /// Writes the config of an image as it stands here, whatever it says, and returns the image's id.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn image_config(&mut self, config: impl AsRef<[u8]>) -> Result<ImageId> {
        let id = ImageId::of(config.as_ref());
        write::file(&self.at(CONTENT).join(id.hex().to_string()), 0o600, config)?;
        Ok(id)
    }

    /// Gives `image`, which need not exist, the name `reference`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn tag(&mut self, reference: &str, image: ImageId) -> Result<()> {
        self.repositories.insert(reference, image);
        self.changed(Store::Repositories)
    }

    /// Writes an image, and names it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn image(&mut self, spec: &ImageSpec) -> Result<Image> {
        let created = self.tick();
        let config = go_json::text(&spec.config(created)).map_err(failed("write", &self.at(CONTENT)))?;
        let id = self.image_config(config)?;
        let metadata = Path::new("image/overlay2/imagedb/metadata/sha256").join(id.hex().to_string());
        if let Some(parent) = spec.parent {
            let metadata = self.directory(&metadata, 0o700)?;
            write::file(&metadata.join("parent"), 0o600, parent.to_string())?;
        }
        if !spec.references.is_empty() {
            let metadata = self.directory(&metadata, 0o700)?;
            write::file(&metadata.join("lastUpdated"), 0o600, created.to_string())?;
        }
        for reference in &spec.references {
            self.repositories.insert(reference, id);
        }
        self.changed(Store::Repositories)?;
        Ok(Image { id, top: spec.top.clone(), references: spec.references.clone(), command: spec.command.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Tree;
    use super::*;
    use std::fs;

    #[test]
    fn an_image_is_named_by_its_config_and_by_its_references() {
        let temp = tempfile::tempdir().unwrap();
        let mut root = Builder::create(temp.path().join("root")).unwrap();
        let layer = root.layer(None, Tree::new("base").file("a", 1)).unwrap();
        let digest = "sha256:".to_owned() + &"a".repeat(64);
        let below = root.image(&ImageSpec::new(&layer).digest_reference(&format!("host:5000/a/b@{digest}"))).unwrap();
        let spec = ImageSpec::new(&layer).history("RUN a > b").empty_history("ENV x").tag("host:5000/a/b:1").tag("c:2").parent(&below);
        let image = root.image(&spec).unwrap();
        let config = fs::read(root.at(CONTENT).join(image.id.hex().to_string())).unwrap();
        assert_eq!(ImageId::of(&config), image.id);
        assert!(String::from_utf8(config.clone()).unwrap().contains(r#""created_by":"RUN a \u003e b"}"#));
        let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"], json!([layer.diff_id]));
        assert_eq!(config["history"][1]["empty_layer"], true);
        let parent = root.at("image/overlay2/imagedb/metadata/sha256").join(image.id.hex().to_string()).join("parent");
        assert_eq!(fs::read_to_string(parent).unwrap(), below.id.to_string());
        let names: serde_json::Value = serde_json::from_slice(&fs::read(root.at("image/overlay2/repositories.json")).unwrap()).unwrap();
        let (id, below) = (image.id, below.id);
        let shared = json!({ format!("host:5000/a/b@{digest}"): below, "host:5000/a/b:1": id });
        assert_eq!(names, json!({ "Repositories": { "host:5000/a/b": shared, "c": { "c:2": id } } }));
    }
}
