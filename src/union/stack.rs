//! Which directories are mounted over each other.

use super::layer::Layers;
use super::view::Union;
use crate::graph::Thing;
use crate::id::{ChainId, DirId, LinkId, MountName};
use crate::inventory::Inventory;
use crate::store::Told;
use crate::store::layerdb::Layer;

/// Why it cannot be said what a layer directory lies on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StackError {
    /// It is not there.
    #[error("cannot read {0}: there is no such layer directory")]
    Missing(DirId),
    /// Its `lower` cannot be read.
    #[error("cannot say what {0} lies on: its lower cannot be read")]
    Lower(DirId),
    /// Its `lower` names a link that leads nowhere.
    #[error("cannot say what {0} lies on: its lower names l/{1}, which leads to no layer directory")]
    Link(DirId, LinkId),
    /// A directory cannot be opened.
    #[error("{0}")]
    Open(String),
}

/// The layer directory `top` and all that it is mounted on, top first: what its `lower` says, for that is what dockerd mounts.
///
/// # Errors
/// When the disk does not tell.
pub fn directories(inventory: &Inventory, top: DirId) -> Result<Vec<DirId>, StackError> {
    let dir = inventory.overlay2.dirs.get(&top).ok_or(StackError::Missing(top))?;
    let links = match &dir.lower {
        Told::Is(links) => links.as_slice(),
        Told::Absent => &[],
        Told::Lost => return Err(StackError::Lower(top)),
    };
    let below = links.iter().map(|link| inventory.overlay2.links.get(link).copied().flatten().ok_or(StackError::Link(top, *link)));
    std::iter::once(Ok(top)).chain(below).collect()
}

/// Opens `directories` as a union.
///
/// # Errors
/// When one is not there or cannot be opened.
pub fn open(layers: &dyn Layers, directories: &[DirId]) -> Result<Union, StackError> {
    let layer = |id: &DirId| match layers.layer(*id) {
        Ok(Some(layer)) => Ok(layer),
        Ok(None) => Err(StackError::Missing(*id)),
        Err(error) => Err(StackError::Open(error.to_string())),
    };
    directories.iter().map(layer).collect::<Result<_, _>>().map(Union::new)
}

/// The layer directories that somebody means by a thing: one, or of an image those of all its layers, base first.
#[must_use]
pub fn tops(inventory: &Inventory, thing: &Thing) -> Vec<DirId> {
    let of_layer = |chain: &ChainId| inventory.layerdb.layers.get(chain).and_then(Layer::dir);
    let of_mount = |name: &MountName| inventory.mounts.get(name).and_then(|mount| mount.mount_id.value().copied());
    match thing {
        Thing::Image(id) => {
            let diffs = inventory.images.get(id).map(|image| image.config.diff_ids.as_slice()).unwrap_or_default();
            ChainId::chain(diffs).filter_map(|chain| of_layer(&chain)).collect()
        }
        Thing::Container(id) => of_mount(&MountName::from(*id)).into_iter().collect(),
        Thing::Mount(name) => of_mount(name).into_iter().collect(),
        Thing::Layer(chain) => of_layer(chain).into_iter().collect(),
        Thing::Dir(id) => vec![*id],
        Thing::Link(link) => inventory.overlay2.links.get(link).copied().flatten().into_iter().collect(),
        Thing::Reference(_)
        | Thing::Snapshot(_)
        | Thing::Lease(_)
        | Thing::Record(_)
        | Thing::Removal(_)
        | Thing::WriteSet(_)
        | Thing::LiveMount(..)
        | Thing::Process(_)
        | Thing::Temporary(_)
        | Thing::Probe(_)
        | Thing::Trash(_) => Vec::new(),
    }
}
