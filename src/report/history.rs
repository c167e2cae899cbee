//! `history`: every step of an image, with the layer that it made.

use super::chains::Users;
use crate::audit::Audit;
use crate::id::{ChainId, DirId, ImageId};
use crate::store::imagedb::Image;
use crate::store::layerdb::Layer;
use serde::Serialize;
use std::collections::HashSet;

/// A step of an image.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    /// The image that was there after this step, if it is known here.
    pub image: Option<ImageId>,
    /// The layer that it made; `null` if it made none.
    pub layer: Option<ChainId>,
    /// The directory of the layer.
    pub dir: Option<DirId>,
    /// When it ran.
    pub created: Option<String>,
    /// The instruction, as its builder wrote it.
    pub created_by: String,
    /// The builder's remark.
    pub comment: String,
    /// Whether it made no layer.
    pub empty: bool,
    /// The allocated bytes of the layer; 0 if it made none.
    pub bytes: Option<u64>,
    /// The inodes of the same.
    pub inodes: Option<u64>,
    /// SIZE of `docker history`.
    pub docker_size: Option<u64>,
    /// How many images have the layer, this one included.
    pub images: u64,
}

/// The steps of an image, the newest first; layers without a step, as imports leave them, come where they lie.
#[must_use]
pub fn list(audit: &Audit, image: &Image) -> Vec<Item> {
    let users = Users::find(audit);
    let mut layers = ChainId::chain(&image.config.diff_ids);
    let mut items: Vec<Item> = Vec::new();
    for step in &image.config.history {
        let empty = step.empty_layer == Some(true);
        let layer = if empty { None } else { layers.next() };
        items.push(Item {
            created: step.created.clone(),
            created_by: step.created_by.clone().unwrap_or_default(),
            comment: step.comment.clone().unwrap_or_default(),
            empty,
            ..of_layer(audit, &users, layer)
        });
    }
    items.extend(layers.map(|layer| of_layer(audit, &users, Some(layer))));
    items.reverse();
    for (item, id) in items.iter_mut().zip(ancestors(audit, image)) {
        item.image = Some(id);
    }
    items
}

fn of_layer(audit: &Audit, users: &Users, chain: Option<ChainId>) -> Item {
    let layer = chain.and_then(|chain| audit.inventory.layerdb.layers.get(&chain));
    let dir = layer.and_then(Layer::dir);
    let usage = audit.account.as_ref().filter(|_| chain.is_none() || layer.is_some());
    let usage = usage.map(|account| dir.map(|dir| account.directory(dir)).unwrap_or_default());
    let docker_size = if chain.is_none() { Some(0) } else { layer.and_then(|layer| layer.size.value().copied()) };
    Item {
        image: None,
        layer: chain,
        dir: dir.and_then(|dir| audit.inventory.shown(dir)),
        created: None,
        created_by: String::new(),
        comment: String::new(),
        empty: chain.is_none(),
        bytes: usage.map(|usage| usage.bytes),
        inodes: usage.map(|usage| usage.inodes),
        docker_size,
        images: chain.and_then(|chain| users.of(chain)).map_or(0, |users| crate::render::words::to_u64(users.images.len())),
    }
}

/// An image and those that it was built upon, as far as they are here.
fn ancestors(audit: &Audit, image: &Image) -> impl Iterator<Item = ImageId> {
    let mut seen = HashSet::new();
    std::iter::successors(Some(image.id), |id| audit.inventory.images.get(id)?.parent).take_while(move |&id| seen.insert(id))
}
