//! What somebody wants taken besides what is garbage anyway.

use super::{Class, Plan};
use crate::graph::verdict::{Assumptions, Emptiness, Garbage};
use crate::graph::{Thing, unleased, untagged};
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
    /// Read-write layers with data in them whose container is gone, as after a failed `docker rm`; look into them first
    UnownedData,
    /// Build snapshots that no lease and no record of the build cache knows, as builds leave them that are cut off
    BuildSnapshots,
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
        Assumptions { emptiness: self.emptiness, given_up: self.given_up(inventory).0 }
    }

    /// The things that nobody asks for, and for each wish of which that cannot be told the word for its things and why.
    #[must_use]
    pub fn given_up(&self, inventory: &Inventory) -> (BTreeSet<Thing>, Vec<(&'static str, String)>) {
        let mut things = BTreeSet::new();
        let mut untold = Vec::new();
        if self.include.contains(&Include::UntaggedImages) {
            match untagged::find(inventory) {
                Ok(images) => things.extend(images.into_iter().map(Thing::Image)),
                Err(why) => untold.push(("image", why)),
            }
        }
        if self.include.contains(&Include::UnownedData) {
            things.extend(inventory.unowned_data.iter().cloned().map(Thing::Mount));
        }
        if self.include.contains(&Include::BuildSnapshots) {
            match unleased::find(inventory, self.emptiness) {
                Ok(keys) => things.extend(keys.into_iter().map(Thing::Snapshot)),
                Err(why) => untold.push(("build-snapshot", why)),
            }
        }
        (things, untold)
    }

    /// The kinds of leftovers to look for.
    #[must_use]
    pub fn leftovers(&self) -> BTreeSet<What> {
        let what = |include: &Include| match include {
            Include::Distribution => Some(What::DistributionEntry),
            Include::Retired => Some(What::RetiredStore),
            Include::InactiveStores => Some(What::InactiveStore),
            Include::UntaggedImages | Include::UnownedData | Include::BuildSnapshots => None,
        };
        self.include.iter().filter_map(what).collect()
    }
}

impl Include {
    /// The one that makes things of `class` go, if they do not go anyway.
    fn of(class: Class) -> Option<Self> {
        match class {
            Class::Garbage(Garbage::UntaggedImage) => Some(Self::UntaggedImages),
            Class::Garbage(Garbage::UnownedData) => Some(Self::UnownedData),
            Class::Garbage(Garbage::UnleasedSnapshot) => Some(Self::BuildSnapshots),
            Class::Garbage(Garbage::DistributionEntry) => Some(Self::Distribution),
            Class::Garbage(Garbage::RetiredStore) => Some(Self::Retired),
            Class::Garbage(Garbage::InactiveStore) => Some(Self::InactiveStores),
            Class::Garbage(_) | Class::Damage(_) => None,
        }
    }
}
