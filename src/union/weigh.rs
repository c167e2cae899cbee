//! What something in a union occupies.

use super::resolve::{Found, Look as _, Part};
use super::view::Union;
use crate::dir::tree::Inode;
use std::collections::HashMap;
use std::ops::AddAssign;

/// Allocated bytes and inodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    /// The bytes that the file system has set aside.
    pub bytes: u64,
    /// How many inodes.
    pub inodes: u64,
}

impl Weight {
    /// One inode with so many bytes.
    #[must_use]
    pub const fn of(bytes: u64) -> Self {
        Self { bytes, inodes: 1 }
    }
}

impl AddAssign for Weight {
    fn add_assign(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.inodes = self.inodes.saturating_add(other.inodes);
    }
}

/// How many names were met of each inode that has several, by layer.
#[derive(Debug, Default)]
pub struct Names(HashMap<(usize, u64), u32>);

impl Names {
    /// Whether this is the last name of the inode: then all of it is gone.
    fn is_last(&mut self, layer: usize, inode: &Inode) -> bool {
        if inode.links < 2 {
            return true;
        }
        let met = self.0.entry((layer, inode.number)).or_default();
        *met = met.saturating_add(1);
        *met == inode.links
    }
}

/// How much of something is weighed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// It alone.
    Itself,
    /// A directory with everything that shows in it.
    Whole,
}

impl Union {
    /// What something occupies in all layers that it is made of; a file with several names as soon as the last of them is weighed.
    #[must_use]
    pub fn weigh(&self, found: &Found, extent: Extent, names: &mut Names) -> Weight {
        let mut weight = self.weigh_itself(found, names);
        let mut open: Vec<Vec<Part>> = Vec::new();
        if extent == Extent::Whole && found.entry.is_directory() {
            open.push(found.parts.clone());
        }
        while let Some(parts) = open.pop() {
            for (_, found) in self.list(&parts) {
                weight += self.weigh_itself(&found, names);
                if found.entry.is_directory() {
                    open.push(found.parts);
                }
            }
        }
        weight
    }

    fn weigh_itself(&self, found: &Found, names: &mut Names) -> Weight {
        let is_directory = found.entry.is_directory();
        let mut weight = Weight::default();
        let mut add = |layer: usize, inode: &Inode| {
            if is_directory || names.is_last(layer, inode) {
                weight += Weight::of(inode.allocated);
            }
        };
        add(found.top.layer, &found.entry.inode);
        for part in found.parts.iter().filter(|part| **part != found.top) {
            if let Some(entry) = self.look(part.layer, &part.path) {
                add(part.layer, &entry.inode);
            }
        }
        weight
    }
}
