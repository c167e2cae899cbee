//! Which images, containers and builds stand on which layers.

use crate::audit::Audit;
use crate::id::{ChainId, ContainerId, ImageId};
use crate::store::buildkit::SnapshotKey;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// For every layer, what stands on it.
#[derive(Debug, Default)]
pub struct Users {
    by_layer: BTreeMap<ChainId, LayerUsers>,
}

/// What stands on a layer.
#[derive(Debug, Default, Clone)]
pub struct LayerUsers {
    /// The images that contain it.
    pub images: BTreeSet<ImageId>,
    /// The containers whose read-write layer lies on it.
    pub containers: BTreeSet<ContainerId>,
    /// Whether another read-write layer (an image mount, a build step) lies on it.
    pub other_mounts: bool,
    /// The build snapshots that are it or lie on it.
    pub snapshots: BTreeSet<SnapshotKey>,
    /// Whether a lease or a cache record of BuildKit's names it.
    pub other_builds: bool,
    /// Whether a layer lies on it that nothing needs, but that dockerd has loaded.
    pub other_layers: bool,
}

impl LayerUsers {
    /// Whether something besides images stands on it.
    #[must_use]
    pub fn beyond_images(&self) -> bool {
        !self.containers.is_empty() || self.other_mounts || !self.snapshots.is_empty() || self.other_builds || self.other_layers
    }
}

impl Users {
    /// Finds what stands on every layer.
    #[must_use]
    pub fn find(audit: &Audit) -> Self {
        let inventory = &audit.inventory;
        let mut users = Self::default();
        for image in inventory.images.values() {
            for chain in ChainId::chain(&image.config.diff_ids) {
                users.by_layer.entry(chain).or_default().images.insert(image.id);
            }
        }
        for mount in inventory.mounts.values() {
            let container = mount.name.to_string().parse().ok().filter(|id| inventory.containers.contains_key(id));
            for chain in ancestry(audit, mount.parent.value().copied()) {
                let layer = users.by_layer.entry(chain).or_default();
                match container {
                    Some(id) => layer.containers.insert(id),
                    None => !std::mem::replace(&mut layer.other_mounts, true),
                };
            }
        }
        users.add_builds(audit);
        users.add_other_layers(audit);
        users
    }

    fn add_builds(&mut self, audit: &Audit) {
        let Some(buildkit) = &audit.inventory.buildkit else { return };
        let chain_of = |key: &SnapshotKey| if let SnapshotKey::Chain(chain) = key { Some(*chain) } else { None };
        for (key, snapshot) in &buildkit.snapshots {
            for named in [chain_of(key), snapshot.chain, snapshot.parent.as_ref().and_then(chain_of)] {
                for chain in ancestry(audit, named) {
                    self.by_layer.entry(chain).or_default().snapshots.insert(key.clone());
                }
            }
        }
        let leased = buildkit.leases.values().flat_map(|lease| &lease.snapshots).filter_map(chain_of);
        let recorded = buildkit.records.values().flat_map(|record| [record.chain, record.snapshot.as_ref().and_then(chain_of)]);
        for chain in leased.chain(recorded.flatten()).flat_map(|chain| ancestry(audit, Some(chain))) {
            self.by_layer.entry(chain).or_default().other_builds = true;
        }
    }

    fn add_other_layers(&mut self, audit: &Audit) {
        let layers = audit.inventory.layerdb.layers.values();
        let unneeded: Vec<_> = layers.filter(|layer| layer.is_whole() && !self.by_layer.contains_key(&layer.chain)).collect();
        for chain in unneeded.into_iter().flat_map(|layer| ancestry(audit, layer.parent.value().copied())) {
            self.by_layer.entry(chain).or_default().other_layers = true;
        }
    }

    /// What stands on `layer`.
    #[must_use]
    pub fn of(&self, layer: ChainId) -> Option<&LayerUsers> {
        self.by_layer.get(&layer)
    }
}

/// A layer and all below it, the top first; a cycle of `parent` files ends where it closes.
pub fn ancestry(audit: &Audit, top: Option<ChainId>) -> impl Iterator<Item = ChainId> {
    let layers = &audit.inventory.layerdb.layers;
    let mut seen = HashSet::new();
    std::iter::successors(top, |chain| layers.get(chain).and_then(|layer| layer.parent.value().copied()))
        .take_while(move |&chain| seen.insert(chain))
}
