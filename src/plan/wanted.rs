//! What somebody wants taken besides what is garbage anyway.

use super::{Class, Plan};
use crate::graph::untagged;
use crate::graph::verdict::{Assumptions, Emptiness, Garbage};
use crate::inventory::Inventory;
use crate::store::leftovers::What;
use clap::ValueEnum;
use std::collections::BTreeSet;

/// A class of things that only goes when it is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Include {
    /// What Docker remembers of registries about contents that are gone; a later push or pull of the same content transfers more
    Distribution,
    /// Caches of former builders, databases that `BuildKit` set aside, keys in trust/; lost if an older Docker is installed again
    Retired,
    /// Images without a name, container or child, with their layers, as `docker image prune` does; they have to be built or pulled again
    UntaggedImages,
    /// Stores of storage drivers that are not used and that no container needs; their images are lost if dockerd is switched back
    InactiveStores,
}

/// What is wanted, and what is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// What it means if nothing is in use.
    pub emptiness: Emptiness,
    /// What goes besides what is garbage anyway.
    pub include: BTreeSet<Include>,
}

impl Wanted {
    /// As `self`, and what a plan that was made with other wishes has in it.
    #[must_use]
    pub fn and_what_is_in(&self, plan: &Plan) -> Self {
        let classes = plan.actions.iter().filter_map(|action| Include::of(action.class));
        Self { emptiness: self.emptiness, include: self.include.iter().copied().chain(classes).collect() }
    }

    /// What to assume of the store that `inventory` tells of.
    #[must_use]
    pub fn assumptions(&self, inventory: &Inventory) -> Assumptions {
        let wants_images = self.include.contains(&Include::UntaggedImages);
        let given_up = if wants_images { untagged::find(inventory).unwrap_or_default() } else { BTreeSet::new() };
        Assumptions { emptiness: self.emptiness, given_up }
    }

    /// The kinds of leftovers to look for.
    #[must_use]
    pub fn leftovers(&self) -> BTreeSet<What> {
        let what = |include: &Include| match include {
            Include::Distribution => Some(What::DistributionEntry),
            Include::Retired => Some(What::RetiredStore),
            Include::InactiveStores => Some(What::InactiveStore),
            Include::UntaggedImages => None,
        };
        self.include.iter().filter_map(what).collect()
    }
}

impl Include {
    /// The one that makes things of `class` go, if they do not go anyway.
    fn of(class: Class) -> Option<Self> {
        match class.0 {
            Garbage::UntaggedImage => Some(Self::UntaggedImages),
            Garbage::DistributionEntry => Some(Self::Distribution),
            Garbage::RetiredStore => Some(Self::Retired),
            Garbage::InactiveStore => Some(Self::InactiveStores),
            _ => None,
        }
    }
}
