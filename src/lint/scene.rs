//! What a policy is held against.

use super::baseline::Baseline;
use super::inside::Insides;
use super::unread;
use crate::audit::Audit;
use crate::data_root::FileSystem;
use crate::id::{ChainId, DiffId, ImageId};
use crate::render::column::{Ids, short_id};
use crate::report::{images, layers};
use crate::usage::class::Class;
use std::collections::{BTreeMap, BTreeSet};

/// Images, their layers, and the host that they are on if they are on one.
#[derive(Debug, Clone, Default)]
pub struct Scene {
    /// The images, by ID.
    pub images: Vec<Image>,
    /// The layers that they have.
    pub layers: BTreeMap<ChainId, Layer>,
    /// The host.
    pub host: Option<Host>,
    /// What is inside of the images that somebody looked into.
    pub insides: Insides,
    /// What was there before, if that is to be compared.
    pub baseline: Option<Box<Baseline>>,
    /// What could not be read of all this.
    pub unread: Unread,
}

/// What could not be read, and why: of what is not here, everything could.
#[derive(Debug, Clone, Default)]
pub struct Unread {
    /// Images of which something could not be read.
    pub images: BTreeMap<ImageId, String>,
    /// Why there may be more names than are known.
    pub names: Option<String>,
}

/// An image.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its ID.
    pub id: ImageId,
    /// Its names, tags first.
    pub names: Vec<String>,
    /// Its layers, base first.
    pub chain: Vec<ChainId>,
}

/// A layer.
#[derive(Debug, Clone, Default)]
pub struct Layer {
    /// Its content.
    pub diff: Option<DiffId>,
    /// The allocated bytes of its directory.
    pub bytes: u64,
    /// The inodes of its directory.
    pub inodes: u64,
    /// The step of the history that made it.
    pub step: Option<String>,
}

/// The host that the images are on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// How many things belong to nothing, and their bytes.
    pub garbage: (u64, u64),
    /// Why there may be more of them.
    pub unread: Option<String>,
    /// What is free of the file system and how large it is: bytes; nothing if it does not say.
    pub space: Option<(u64, u64)>,
    /// The same in inodes; of none if it has no fixed number.
    pub inodes: Option<(u64, u64)>,
}

impl Scene {
    /// What was measured of a data-root, or of archives.
    #[must_use]
    pub fn of(audit: &Audit, file_system: Option<&FileSystem>) -> Self {
        let unread = unread::find(audit);
        let contents = contents(audit);
        let layers = layers::list(audit).into_iter().map(|item| {
            let (bytes, inodes) = (item.bytes.unwrap_or_default(), item.inodes.unwrap_or_default());
            let diff = contents.get(&item.chain_id).copied().or(item.diff_id);
            (item.chain_id, Layer { diff, bytes, inodes, step: item.created_by })
        });
        let images = images::list(audit).into_iter().map(|item| Image { id: item.id, names: item.references, chain: item.layers });
        let images = images.chain(unread::nameless(audit));
        let garbage = audit.account.as_ref().and_then(|account| account.classes.get(&Class::Garbage));
        let host = Host {
            garbage: garbage.map(|sum| (sum.count, sum.usage.bytes)).unwrap_or_default(),
            unread: unread::of_garbage(audit),
            space: file_system.map(|file_system| (file_system.bytes_free, file_system.bytes_total)),
            inodes: file_system.map(|file_system| (file_system.inodes_free, file_system.inodes_total)),
        };
        // Archives are on none.
        let host = audit.inventory.archives.is_empty().then_some(host);
        Self { images: images.collect(), layers: layers.collect(), host, insides: Insides::new(), baseline: None, unread }
    }

    /// What of an image could not be read.
    #[must_use]
    pub fn doubt(&self, image: &Image) -> Option<&str> {
        self.unread.images.get(&image.id).map(String::as_str)
    }

    /// What some layers weigh, each counted once: bytes and inodes.
    #[must_use]
    pub fn weigh(&self, chains: impl IntoIterator<Item = ChainId>) -> (u64, u64) {
        let distinct: BTreeSet<ChainId> = chains.into_iter().collect();
        let weights = distinct.into_iter().filter_map(|chain| self.layers.get(&chain)).map(|layer| (layer.bytes, layer.inodes));
        weights.fold((0, 0), |(bytes, inodes), layer| (bytes.saturating_add(layer.0), inodes.saturating_add(layer.1)))
    }
}

/// What the layers of images contain: a layer's own record of that may be lost, and a chain of contents cannot be another one.
fn contents(audit: &Audit) -> BTreeMap<ChainId, DiffId> {
    let images = audit.inventory.images.values().map(|image| &image.config.diff_ids);
    images.flat_map(|diffs| ChainId::chain(diffs).zip(diffs.iter().copied())).collect()
}

impl Image {
    /// What a person calls it.
    #[must_use]
    pub fn name(&self) -> String {
        self.names.first().cloned().unwrap_or_else(|| self.id.to_string())
    }
}

/// A layer's name as people are shown it.
pub(super) fn short(chain: &ChainId) -> String {
    short_id(&chain.to_string(), Ids::Short)
}
