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
}

impl LayerUsers {
    /// Whether something besides images stands on it.
    #[must_use]
    pub fn beyond_images(&self) -> bool {
        !self.containers.is_empty() || self.other_mounts || !self.snapshots.is_empty()
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
        for (key, snapshot) in inventory.buildkit.iter().flat_map(|buildkit| &buildkit.snapshots) {
            let own = if let SnapshotKey::Chain(chain) = key { Some(*chain) } else { snapshot.chain };
            for chain in ancestry(audit, own) {
                users.by_layer.entry(chain).or_default().snapshots.insert(key.clone());
            }
        }
        users
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
