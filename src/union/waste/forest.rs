//! Which layers stand on which, and which images have them.

use super::bits::Bits;
use crate::id::{ChainId, DirId, ImageId};
use crate::inventory::Inventory;
use crate::store::layerdb::Layer;
use std::collections::{BTreeMap, BTreeSet};

/// The layers of some images, every one once, a layer after the one that it stands on.
#[derive(Debug, Clone, Default)]
pub struct Forest {
    /// The layers.
    pub layers: Vec<Node>,
    /// The images.
    pub images: Vec<ImageId>,
}

/// A layer of the forest.
#[derive(Debug, Clone)]
pub struct Node {
    /// The layer.
    pub chain: ChainId,
    /// Its directory.
    pub dir: DirId,
    /// The images that have it.
    pub images: Bits,
    /// How many layers it stands on.
    pub depth: usize,
    /// The layers that it stands on, with itself.
    below: Bits,
}

/// An image that has a layer whose directory is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incomplete {
    /// The image.
    pub image: ImageId,
    /// The layer.
    pub layer: ChainId,
}

impl Forest {
    /// Plants the layers of `images`; those that are not whole are left out, and told.
    #[must_use]
    pub fn plant(inventory: &Inventory, images: &BTreeSet<ImageId>) -> (Self, Vec<Incomplete>) {
        let mut incomplete = Vec::new();
        let mut whole = Vec::new();
        for &image in images {
            let diffs = inventory.images.get(&image).map(|image| image.config.diff_ids.as_slice()).unwrap_or_default();
            let chain: Vec<ChainId> = ChainId::chain(diffs).collect();
            let dir = |chain: &ChainId| {
                let dir = inventory.layerdb.layers.get(chain).and_then(Layer::dir)?;
                inventory.overlay2.dirs.get(&dir).filter(|dir| dir.diff).map(|_| dir)
            };
            match chain.iter().find(|chain| dir(chain).is_none()) {
                Some(&layer) => incomplete.push(Incomplete { image, layer }),
                None => whole.push((image, chain.iter().filter_map(|chain| Some((*chain, dir(chain)?))).collect::<Vec<_>>())),
            }
        }
        (Self::of(&whole), incomplete)
    }

    /// Plants chains of layers, base first.
    #[must_use]
    pub fn of(images: &[(ImageId, Vec<(ChainId, DirId)>)]) -> Self {
        let mut found: BTreeMap<(usize, ChainId), (DirId, Bits, Option<ChainId>)> = BTreeMap::new();
        for (number, (_, chain)) in images.iter().enumerate() {
            let mut parent = None;
            for (depth, (layer, dir)) in chain.iter().enumerate() {
                let node = found.entry((depth, *layer)).or_insert_with(|| (*dir, Bits::none(images.len()), parent));
                node.1.insert(number);
                parent = Some(*layer);
            }
        }
        let size = found.len();
        let mut layers: Vec<Node> = Vec::with_capacity(size);
        let mut numbers: BTreeMap<ChainId, usize> = BTreeMap::new();
        for ((depth, chain), (dir, images, parent)) in found {
            let above = parent.and_then(|parent| layers.get(*numbers.get(&parent)?));
            let mut below = above.map_or_else(|| Bits::none(size), |node| node.below.clone());
            below.insert(layers.len());
            numbers.insert(chain, layers.len());
            layers.push(Node { chain, dir, images, depth, below });
        }
        Self { layers, images: images.iter().map(|(id, _)| *id).collect() }
    }

    /// Whether the layer `upper` stands on the layer `lower`.
    #[must_use]
    pub fn stands_on(&self, upper: usize, lower: usize) -> bool {
        upper != lower && self.layers.get(upper).is_some_and(|node| node.below.contains(lower))
    }

    /// The images that have a layer.
    #[must_use]
    pub fn images_of(&self, layer: usize) -> Bits {
        self.layers.get(layer).map(|node| node.images.clone()).unwrap_or_default()
    }
}
