//! The kinds of what belongs to nothing, and which things are of which kind.

use super::Thing;
use crate::inventory::Inventory;
use std::fmt;

/// How something came to belong to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "`describe` says what each one is")]
pub enum Garbage {
    InterruptedRemoval,
    UncommittedWriteSet,
    UnownedMount,
    UnownedData,
    BrokenRecord,
    UnreferencedLayer,
    OrphanDirectory,
    DanglingLink,
    DuplicateLink,
    TemporaryFile,
    ProbeDirectory,
    Trash,
    UntaggedImage,
    UnleasedSnapshot,
    DistributionEntry,
    RetiredStore,
    InactiveStore,
}

impl Garbage {
    /// Every kind, those before others whose parts these may be.
    pub const ALL: [Self; 17] = [
        Self::InterruptedRemoval,
        Self::UncommittedWriteSet,
        Self::UnownedMount,
        Self::UnownedData,
        Self::BrokenRecord,
        Self::UnreferencedLayer,
        Self::UnleasedSnapshot,
        Self::OrphanDirectory,
        Self::DanglingLink,
        Self::DuplicateLink,
        Self::TemporaryFile,
        Self::ProbeDirectory,
        Self::Trash,
        Self::UntaggedImage,
        Self::DistributionEntry,
        Self::RetiredStore,
        Self::InactiveStore,
    ];

    /// Whether nothing is ever called so unless somebody asks for it.
    #[must_use]
    pub const fn is_only_asked_for(self) -> bool {
        matches!(
            self,
            Self::UnownedData
                | Self::UntaggedImage
                | Self::UnleasedSnapshot
                | Self::DistributionEntry
                | Self::RetiredStore
                | Self::InactiveStore
        )
    }

    /// What kind of leftover a thing is, if it is one.
    #[must_use]
    pub const fn of_leftover(thing: &Thing) -> Option<Self> {
        match thing {
            Thing::Temporary(_) => Some(Self::TemporaryFile),
            Thing::Probe(_) => Some(Self::ProbeDirectory),
            Thing::Trash(_) => Some(Self::Trash),
            Thing::Reference(_)
            | Thing::Image(_)
            | Thing::Container(_)
            | Thing::Mount(_)
            | Thing::Layer(_)
            | Thing::Snapshot(_)
            | Thing::Lease(_)
            | Thing::Record(_)
            | Thing::Removal(_)
            | Thing::WriteSet(_)
            | Thing::LiveMount(..)
            | Thing::Process(_)
            | Thing::Dir(_)
            | Thing::Link(_) => None,
        }
    }

    /// Its stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InterruptedRemoval => "interrupted-removal",
            Self::UncommittedWriteSet => "uncommitted-write-set",
            Self::UnownedMount => "unowned-mount",
            Self::UnownedData => "unowned-data",
            Self::BrokenRecord => "broken-layer-record",
            Self::UnreferencedLayer => "unreferenced-layer",
            Self::OrphanDirectory => "orphan-directory",
            Self::DanglingLink => "dangling-link",
            Self::DuplicateLink => "duplicate-link",
            Self::TemporaryFile => "stale-temporary-file",
            Self::ProbeDirectory => "stale-probe-directory",
            Self::Trash => "in-trash",
            Self::UntaggedImage => "untagged-image",
            Self::UnleasedSnapshot => "unleased-build-snapshot",
            Self::DistributionEntry => "stale-distribution-entry",
            Self::RetiredStore => "retired-store",
            Self::InactiveStore => "inactive-store",
        }
    }

    /// What it is, in a sentence.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::InterruptedRemoval => "dockerd began to delete this layer and was stopped",
            Self::UncommittedWriteSet => "dockerd began to register this layer and was stopped",
            Self::UnownedMount => "no container, image mount or build uses this read-write layer",
            Self::UnownedData => "no container uses this read-write layer, and something was written in it",
            Self::BrokenRecord => "dockerd cannot load this layer and nothing needs it, but it keeps the layer from being pulled again",
            Self::UnreferencedLayer => "a valid layer that no image, container or build needs",
            Self::OrphanDirectory => "no record of a layer, container or build names this directory",
            Self::DanglingLink => "this link leads to a directory that is not there",
            Self::DuplicateLink => "this directory calls itself by another link, and nothing uses this one",
            Self::TemporaryFile => "a file that was being written when something stopped it",
            Self::ProbeDirectory => "dockerd tried out the file system at a start and was stopped",
            Self::Trash => "layerwise put it aside; `layerwise trash` lists, restores and deletes it",
            Self::UntaggedImage => "an image that no name, container or other image refers to",
            Self::UnleasedSnapshot => "a build snapshot that no lease and no record of the build cache knows",
            Self::DistributionEntry => "what is remembered of a registry about a content that is not here",
            Self::RetiredStore => "what a version of Docker kept that is older than the one that was here last",
            Self::InactiveStore => "the store of a storage driver that is no longer used, and that no container needs",
        }
    }
}

impl fmt::Display for Garbage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Whether a thing, if nothing keeps it, is this kind of garbage on its own account, not as a part of something.
#[must_use]
pub fn is_record(garbage: Garbage, thing: &Thing, inventory: &Inventory) -> bool {
    let broken = |chain| inventory.layerdb.layers.get(chain).is_some_and(|layer| !layer.is_whole());
    match (garbage, thing) {
        (Garbage::BrokenRecord, Thing::Layer(chain)) => broken(chain),
        (Garbage::UnownedMount, Thing::Mount(name)) => !inventory.unowned_data.contains(name),
        (Garbage::UnownedData, Thing::Mount(name)) => inventory.unowned_data.contains(name),
        (Garbage::UntaggedImage, Thing::Image(_))
        | (Garbage::UnleasedSnapshot, Thing::Snapshot(_))
        | (Garbage::InterruptedRemoval, Thing::Removal(_))
        | (Garbage::UncommittedWriteSet, Thing::WriteSet(_))
        | (Garbage::UnreferencedLayer, Thing::Layer(_))
        | (Garbage::OrphanDirectory, Thing::Dir(_)) => true,
        _ => false,
    }
}
