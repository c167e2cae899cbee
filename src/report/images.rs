//! `images`: what each image weighs, alone and together with others.

use super::chains::{LayerUsers, Users};
use crate::audit::Audit;
use crate::dir::Dir;
use crate::id::{ChainId, ImageId};
use crate::store::imagedb::Image;
use crate::store::shown::{self, Labels};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// An image.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    /// Its ID.
    pub id: ImageId,
    /// Its names, tags first.
    pub references: Vec<String>,
    /// The first of its names without its tag.
    pub repository: Option<String>,
    /// The tag of the first of its names, if that has one.
    pub tag: Option<String>,
    /// The digest by which a registry knows it, of the first name that has one.
    pub digest: Option<String>,
    /// Its layers, base first.
    pub layers: Vec<ChainId>,
    /// The allocated bytes of its layers.
    pub bytes: Option<u64>,
    /// The inodes of its layers.
    pub inodes: Option<u64>,
    /// The bytes in layers that other images have too.
    pub shared_bytes: Option<u64>,
    /// The bytes in layers that no other image has.
    pub exclusive_bytes: Option<u64>,
    /// The bytes that would be freed if this image alone were removed.
    pub reclaimable_bytes: Option<u64>,
    /// SIZE of `docker images`; `null` when dockerd cannot load a layer, and so does not list the image.
    pub docker_size: Option<u64>,
    /// SHARED SIZE of `docker system df -v`.
    pub docker_shared_size: Option<u64>,
    /// UNIQUE SIZE of `docker system df -v`.
    pub docker_unique_size: Option<u64>,
    /// How many containers were made from it.
    pub containers: u64,
    /// When it was made, as its maker wrote it.
    pub created: Option<String>,
    /// The image that it was built upon.
    pub parent: Option<ImageId>,
    /// Whether it has no name and another image was built upon it, as the classic builder leaves one for each step.
    pub intermediate: bool,
    /// The layers that are not there, base first.
    pub missing_layers: Vec<ChainId>,
    /// Its labels, where a filter asked for them.
    #[serde(skip)]
    pub labels: Labels,
}

impl Item {
    /// Leaves of its names those that are wanted.
    pub fn keep_names(&mut self, is_wanted: impl Fn(&str) -> bool) {
        self.references.retain(|name| is_wanted(name));
        let first = self.references.first().map(|name| split(name));
        let (repository, tag) = (first.map(|name| name.repository.to_owned()), first.and_then(|name| name.tag).map(str::to_owned));
        self.digest = self.references.iter().find_map(|name| split(name).digest).map(str::to_owned);
        (self.repository, self.tag) = (repository, tag);
    }
}

/// Reads the labels of images.
pub fn add_labels(items: &mut [Item], root: &Dir) {
    for item in items {
        item.labels = shown::image_labels(root, item.id).unwrap_or_default();
    }
}

/// Lists all images, in the order of their IDs.
#[must_use]
pub fn list(audit: &Audit) -> Vec<Item> {
    let users = Users::find(audit);
    let references = references(audit);
    let shared = docker_shared(audit, &references);
    let mut items: Vec<_> = audit.inventory.images.values().map(|image| item(audit, image, &users, &references, &shared)).collect();
    let parents: BTreeSet<ImageId> = audit.inventory.images.values().filter_map(|image| image.parent).collect();
    for item in &mut items {
        item.intermediate = item.references.is_empty() && parents.contains(&item.id);
    }
    items
}

/// The names of each image, tags before digests.
fn references(audit: &Audit) -> BTreeMap<ImageId, Vec<String>> {
    let mut references: BTreeMap<ImageId, Vec<String>> = BTreeMap::new();
    for (name, &id) in &audit.inventory.references {
        references.entry(id).or_default().push(name.clone());
    }
    for names in references.values_mut() {
        names.sort_by_key(|name| name.contains('@'));
    }
    references
}

fn item(
    audit: &Audit,
    image: &Image,
    users: &Users,
    references: &BTreeMap<ImageId, Vec<String>>,
    docker_images: &BTreeMap<ChainId, u64>,
) -> Item {
    let layers: Vec<ChainId> = ChainId::chain(&image.config.diff_ids).collect();
    let alone = |users: &LayerUsers| users.images.len() == 1;
    let weigh = |wanted: &dyn Fn(&LayerUsers) -> bool| {
        let account = audit.account.as_ref()?;
        let layers = layers.iter().filter(|&&layer| users.of(layer).is_some_and(wanted));
        let dirs = layers.filter_map(|layer| audit.inventory.layerdb.layers.get(layer)?.dir());
        Some(dirs.map(|dir| account.directory(dir)).fold((0, 0), |(bytes, inodes), usage| (bytes + usage.bytes, inodes + usage.inodes)))
    };
    let size = docker_size(audit, layers.iter().copied());
    let shared_size = docker_size(audit, layers.iter().copied().filter(|layer| docker_images.get(layer).is_some_and(|&images| images > 1)));
    let made_from = audit.inventory.containers.values().filter_map(|container| container.config.as_ref()?.image);
    let names = references.get(&image.id).cloned().unwrap_or_default();
    let first = names.first().map(|name| split(name));
    Item {
        id: image.id,
        repository: first.map(|name| name.repository.to_owned()),
        tag: first.and_then(|name| name.tag).map(str::to_owned),
        digest: names.iter().find_map(|name| split(name).digest).map(str::to_owned),
        references: names,
        bytes: weigh(&|_| true).map(|sum| sum.0),
        inodes: weigh(&|_| true).map(|sum| sum.1),
        shared_bytes: weigh(&|users| !alone(users)).map(|sum| sum.0),
        exclusive_bytes: weigh(&alone).map(|sum| sum.0),
        reclaimable_bytes: weigh(&|users| alone(users) && !users.beyond_images()).map(|sum| sum.0),
        docker_size: size,
        docker_shared_size: shared_size.filter(|_| size.is_some()),
        docker_unique_size: size.zip(shared_size).map(|(size, shared)| size.saturating_sub(shared)),
        containers: made_from.filter(|&id| id == image.id).map(|_| 1).sum(),
        created: image.config.created.clone(),
        parent: image.parent,
        intermediate: false,
        missing_layers: layers.iter().copied().filter(|layer| !audit.inventory.layerdb.layers.contains_key(layer)).collect(),
        layers,
        labels: Labels::new(),
    }
}

/// A name of an image in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a> {
    /// With the registry, if it names one.
    pub repository: &'a str,
    /// Behind the last colon.
    pub tag: Option<&'a str>,
    /// `sha256:…`.
    pub digest: Option<&'a str>,
}

/// Splits a name of an image as `docker images` does.
#[must_use]
pub fn split(name: &str) -> Name<'_> {
    if let Some((repository, digest)) = name.split_once('@') {
        return Name { repository, tag: None, digest: Some(digest) };
    }
    // A colon before a slash belongs to the registry's port.
    match name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
        Some((repository, tag)) => Name { repository, tag: Some(tag), digest: None },
        None => Name { repository: name, tag: None, digest: None },
    }
}

/// The sum of Docker's sizes of `layers`; nothing when one of them is not there or has no size.
#[must_use]
pub fn docker_size(audit: &Audit, mut layers: impl Iterator<Item = ChainId>) -> Option<u64> {
    layers.try_fold(0, |sum: u64, layer| sum.checked_add(audit.inventory.layerdb.layers.get(&layer)?.size.value()?.to_owned()))
}

/// How many images have each layer, of those that dockerd counts for SHARED SIZE: from Docker 23.0 on all images; before that (and so only
/// where there is no `engine-id`, which 23.0 made a file) not the untagged ones that others were built upon, which `docker system df` does
/// not list. An image that lacks a layer is none to dockerd.
fn docker_shared(audit: &Audit, references: &BTreeMap<ImageId, Vec<String>>) -> BTreeMap<ChainId, u64> {
    let mut images = BTreeMap::new();
    let loaded = |image: &&Image| docker_size(audit, ChainId::chain(&image.config.diff_ids)).is_some();
    let parents: BTreeSet<_> = audit.inventory.images.values().filter(loaded).filter_map(|image| image.parent).collect();
    for image in audit.inventory.images.values().filter(loaded) {
        if audit.inventory.has_engine_id || references.contains_key(&image.id) || !parents.contains(&image.id) {
            ChainId::chain(&image.config.diff_ids).for_each(|layer| *images.entry(layer).or_default() += 1);
        }
    }
    images
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_names_as_docker_does() {
        for (name, repository, tag, digest) in [
            ("app:1", "app", Some("1"), None),
            ("registry.example:5000/team/app:1", "registry.example:5000/team/app", Some("1"), None),
            ("registry.example:5000/app", "registry.example:5000/app", None, None),
            ("app@sha256:12", "app", None, Some("sha256:12")),
            ("", "", None, None),
        ] {
            assert_eq!(split(name), Name { repository, tag, digest }, "{name}");
        }
    }
}
