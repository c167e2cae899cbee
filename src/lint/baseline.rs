//! What was there before, saved to be compared with what is there later.
//!
//! ```text
//! {"schema": "layerwise/baseline/1", "images": [{"id", "names": […], "layers": [ChainID …]}], "layers": [{"chain_id", "diff_id", "bytes", "inodes", "created_by"}]}
//! ```
//! It is a scene: the images that have names and could be read whole, and their layers. So what a rule says of it is computed just as it is of
//! what is there now.

use super::policy::repository;
use super::scene::{Image, Layer, Scene};
use crate::id::{ChainId, ImageId};
use crate::render::escape::brief;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The form of the file that is written and read.
const SCHEMA: &str = "layerwise/baseline/1";

/// What was there before.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    pub(super) scene: Scene,
    /// What each image that is there now was.
    matched: BTreeMap<ImageId, ImageId>,
    new: Vec<String>,
    gone: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct File {
    schema: String,
    images: Vec<FileImage>,
    layers: Vec<FileLayer>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FileImage {
    id: String,
    names: Vec<String>,
    layers: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FileLayer {
    chain_id: String,
    diff_id: Option<String>,
    bytes: u64,
    inodes: u64,
    created_by: Option<String>,
}

impl Baseline {
    /// What is there now, and the names of the images that are left out because not all of them could be read.
    #[must_use]
    pub fn of(scene: &Scene) -> (Self, Vec<String>) {
        let named = scene.images.iter().filter(|image| !image.names.is_empty());
        let (whole, damaged): (Vec<&Image>, Vec<&Image>) = named.partition(|image| scene.doubt(image).is_none());
        let images: Vec<Image> = whole.into_iter().cloned().collect();
        let chains: BTreeSet<ChainId> = images.iter().flat_map(|image| image.chain.iter().copied()).collect();
        let layers = scene.layers.iter().filter(|(chain, _)| chains.contains(*chain)).map(|(chain, layer)| (*chain, layer.clone()));
        let scene = Scene { layers: layers.collect(), images, ..Scene::default() };
        (Self { scene, ..Self::default() }, damaged.into_iter().map(Image::name).collect())
    }

    /// The text of the file.
    ///
    /// # Errors
    /// Never for what [`Baseline::of`] made.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        let image = |image: &Image| FileImage {
            id: image.id.to_string(),
            names: image.names.clone(),
            layers: image.chain.iter().map(ToString::to_string).collect(),
        };
        let layer = |(chain, layer): (&ChainId, &Layer)| FileLayer {
            chain_id: chain.to_string(),
            diff_id: layer.diff.map(|diff| diff.to_string()),
            bytes: layer.bytes,
            inodes: layer.inodes,
            created_by: layer.step.clone(),
        };
        let file = File {
            schema: SCHEMA.to_owned(),
            images: self.scene.images.iter().map(image).collect(),
            layers: self.scene.layers.iter().map(layer).collect(),
        };
        serde_json::to_string_pretty(&file).map(|text| text + "\n")
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// When it is no baseline, one of another version, or does not agree with itself.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Head {
            schema: Option<String>,
        }
        let head: Head = serde_json::from_slice(text).map_err(|error| format!("it is no JSON that layerwise writes: {error}"))?;
        match head.schema.as_deref() {
            Some(SCHEMA) => {}
            Some(other) => return Err(format!("it is a {}, and this version compares with {SCHEMA}", brief(other))),
            None => return Err(format!("it does not say that it is a {SCHEMA}")),
        }
        let file: File = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let layers = file.layers.iter().map(|layer| Ok((id(&layer.chain_id)?, layer.read()?))).collect::<Result<_, String>>()?;
        let images = file.images.iter().map(FileImage::read).collect::<Result<_, String>>()?;
        let scene = Scene { images, layers, ..Scene::default() };
        match scene.images.iter().find(|image| image.chain.iter().any(|chain| !scene.layers.contains_key(chain))) {
            Some(image) => Err(format!("it does not tell of all layers of {}", image.name())),
            None => Ok(Self { scene, ..Self::default() }),
        }
    }

    /// The same with what each image of `now` was before: what had one of its names or, where one image now and one before are the only others of a
    /// repository, that one.
    #[must_use]
    pub(super) fn matched(mut self, now: &Scene) -> Self {
        let by_name: BTreeMap<&str, &Image> =
            self.scene.images.iter().flat_map(|image| image.names.iter().map(move |name| (name.as_str(), image))).collect();
        let named: Vec<(&Image, Option<&Image>)> = now
            .images
            .iter()
            .filter(|image| !image.names.is_empty())
            .map(|image| (image, image.names.iter().find_map(|name| by_name.get(name.as_str()).copied())))
            .collect();
        let names_now: BTreeSet<&str> = named.iter().flat_map(|(image, _)| &image.names).map(String::as_str).collect();
        let left_now = by_repository(named.iter().filter(|(_, before)| before.is_none()).map(|(image, _)| *image));
        let left_before = by_repository(self.scene.images.iter().filter(|image| !image.is_called_any_of(&names_now)));
        let mut matched: BTreeMap<ImageId, ImageId> = named.iter().filter_map(|(image, before)| Some((image.id, (*before)?.id))).collect();
        for (repository, images) in left_now {
            if let ([image], Some([before])) = (images.as_slice(), left_before.get(repository).map(Vec::as_slice)) {
                matched.entry(image.id).or_insert(before.id);
            }
        }
        self.new = named.iter().filter(|(image, _)| !matched.contains_key(&image.id)).map(|(image, _)| image.name()).collect();
        let known: BTreeSet<ImageId> = matched.values().copied().collect();
        let is_gone = |before: &&Image| !known.contains(&before.id) && !before.is_called_any_of(&names_now);
        self.gone = self.scene.images.iter().filter(is_gone).map(Image::name).collect();
        self.matched = matched;
        self
    }

    /// What an image was before.
    #[must_use]
    pub fn counterpart(&self, image: &Image) -> Option<&Image> {
        let before = self.matched.get(&image.id)?;
        self.scene.images.iter().find(|image| image.id == *before)
    }

    /// The names of images that are new, and of those that are gone.
    #[must_use]
    pub fn new_and_gone(&self) -> (&[String], &[String]) {
        (&self.new, &self.gone)
    }
}

/// Images by their names without tags.
fn by_repository<'i>(images: impl Iterator<Item = &'i Image>) -> BTreeMap<&'i str, Vec<&'i Image>> {
    let mut by_repository: BTreeMap<&str, Vec<&Image>> = BTreeMap::new();
    for image in images {
        let repositories: BTreeSet<&str> = image.names.iter().map(|name| repository(name)).collect();
        for repository in repositories {
            by_repository.entry(repository).or_default().push(image);
        }
    }
    by_repository
}

impl Image {
    fn is_called_any_of(&self, names: &BTreeSet<&str>) -> bool {
        self.names.iter().any(|name| names.contains(name.as_str()))
    }
}

impl FileImage {
    fn read(&self) -> Result<Image, String> {
        let chain = self.layers.iter().map(|layer| id(layer)).collect::<Result<_, String>>()?;
        Ok(Image { id: id(&self.id)?, names: self.names.clone(), chain })
    }
}

impl FileLayer {
    fn read(&self) -> Result<Layer, String> {
        let diff = self.diff_id.as_deref().map(id).transpose()?;
        Ok(Layer { diff, bytes: self.bytes, inodes: self.inodes, step: self.created_by.clone() })
    }
}

fn id<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}
