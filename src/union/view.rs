//! Layers on top of each other.

use super::entry::Entry;
use super::layer::{Layer, Level, Listing};
use super::resolve::{Found, Look, Part, resolve};
use super::split;
use crate::unreadable::Unreadable;
use std::collections::BTreeSet;

/// Layers as they are mounted, top first.
#[derive(Debug)]
pub struct Union {
    layers: Vec<Layer>,
}

impl Union {
    /// Puts layers on top of each other; the first is the top.
    #[must_use]
    pub const fn new(layers: Vec<Layer>) -> Self {
        Self { layers }
    }

    /// The layer that has this number, counted from the top.
    #[must_use]
    pub fn layer(&self, number: usize) -> Option<&Layer> {
        self.layers.get(number)
    }

    /// The root directory of the layers from `top` on down.
    #[must_use]
    pub fn root(&self, top: usize) -> Vec<Part> {
        (top..self.layers.len()).map(|layer| Part { layer, path: Vec::new() }).collect()
    }

    /// Everything that shows in a directory that is merged of `parts`, by name.
    #[must_use]
    pub fn list(&self, parts: &[Part]) -> Vec<(Box<[u8]>, Found)> {
        let listed = Listed { union: self, parts, listings: parts.iter().map(|part| self.listing(part)).collect() };
        let names: BTreeSet<&[u8]> = listed.listings.iter().flat_map(|listing| listing.iter().map(|(name, _)| name)).collect();
        names.into_iter().filter_map(|name| resolve(&listed, parts, name).map(|found| (name.into(), found))).collect()
    }

    /// Opens a directory that is merged of `parts`, to ask for single names.
    #[must_use]
    pub fn open<'u>(&'u self, parts: &'u [Part]) -> Open<'u> {
        let levels = parts.iter().map(|part| self.layer(part.layer).and_then(|layer| layer.level(&part.path)));
        Open { union: self, parts, levels: levels.collect() }
    }

    /// What one layer has in one of its directories.
    #[must_use]
    pub fn listing(&self, part: &Part) -> Listing {
        self.layer(part.layer).map(|layer| layer.list(&part.path)).unwrap_or_default()
    }

    /// What could not be read.
    #[must_use]
    pub fn into_lost(self) -> Vec<Unreadable> {
        let mut lost: Vec<_> = self.layers.into_iter().flat_map(Layer::into_lost).collect();
        lost.sort_unstable();
        lost.dedup();
        lost
    }
}

impl Look for Union {
    fn look(&self, layer: usize, path: &[u8]) -> Option<Entry> {
        self.layer(layer)?.look(path)
    }

    fn layers(&self) -> usize {
        self.layers.len()
    }
}

/// A directory of a union, of which every part is open.
#[derive(Debug)]
pub struct Open<'u> {
    union: &'u Union,
    parts: &'u [Part],
    levels: Vec<Option<Level>>,
}

impl Open<'_> {
    /// What shows under `name`.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<Found> {
        resolve(self, self.parts, name)
    }
}

impl Look for Open<'_> {
    fn look(&self, layer: usize, path: &[u8]) -> Option<Entry> {
        let (above, name) = split(path);
        let own = self.parts.iter().position(|part| part.layer == layer && part.path == above);
        match own.and_then(|at| self.levels.get(at)) {
            Some(level) => self.union.layer(layer)?.entry(level.as_ref()?, above, name),
            None => self.union.look(layer, path),
        }
    }

    fn layers(&self) -> usize {
        self.union.layers()
    }
}

/// The same, of which every part is listed.
struct Listed<'u> {
    union: &'u Union,
    parts: &'u [Part],
    listings: Vec<Listing>,
}

impl Look for Listed<'_> {
    fn look(&self, layer: usize, path: &[u8]) -> Option<Entry> {
        let (above, name) = split(path);
        let own = self.parts.iter().position(|part| part.layer == layer && part.path == above);
        match own.and_then(|at| self.listings.get(at)) {
            Some(listing) => listing.get(name).cloned(),
            None => self.union.look(layer, path),
        }
    }

    fn layers(&self) -> usize {
        self.union.layers()
    }
}
