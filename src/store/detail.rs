//! What only `check` asks of the disk, because it costs system calls that no other command needs, and why what could not be read could not.
//!
//! ```text
//! image/overlay2/repositories.json                   whether it is there, and what in it is no image      imagedb
//! image/overlay2/imagedb/content/sha256/<image>      what is the matter with one that could not be read   imagedb
//! image/overlay2/layerdb/sha256/<chain>/             tar-split.json.gz, descriptor.json                   layerdb
//! overlay2/<id>/{work,merged,committed}, overlay2/l  whether they are there; where a link leads           overlay2
//! containers/<id>/hostconfig.json                    whether it is JSON                                   containers
//! volumes/<name>/opts.json                           the same                                             containers
//! tmp/                                               how much is left in it
//! <driver>/, image/<driver>/layerdb/sha256           what other drivers have, by name                    elsewhere
//! volumes/metadata.db, network/files/*.db, buildkit/*.db     whether they are sound from end to end       databases
//! ```
//!
//! Nothing here keeps anything alive: what cannot be read is told, and pins nothing more than [`crate::inventory`] has noted already.

mod containers;
mod databases;
mod elsewhere;
mod imagedb;
mod layerdb;
mod overlay2;

pub use containers::{ContainerFiles, Text};
pub use databases::{Database, Soundness};
pub use elsewhere::Elsewhere;
pub use imagedb::{ConfigTrouble, ReferencesFile};
pub use layerdb::{RecordFiles, TarSplitFile};
pub use overlay2::DirectoryFiles;

use crate::dir::Dir;
use crate::id::{ChainId, ContainerId, DirId, ImageId, LinkId};
use crate::inventory::Inventory;
use crate::render::words::to_u64;
use crate::unreadable::{Pins, Unreadable, keep};
use std::collections::{BTreeMap, BTreeSet};

/// What `check` knows beyond the inventory.
#[derive(Debug, Clone, Default)]
pub struct Details {
    /// The file of all references.
    pub references: ReferencesFile,
    /// The images of which a config should be there and none can be used, and why.
    pub images: BTreeMap<ImageId, ConfigTrouble>,
    /// What lies in the record of each layer besides.
    pub layers: BTreeMap<ChainId, RecordFiles>,
    /// What lies in each layer directory besides.
    pub directories: BTreeMap<DirId, DirectoryFiles>,
    /// Where the links lead that lead to no layer directory, as they say it.
    pub stray_links: BTreeMap<LinkId, String>,
    /// The files of each container.
    pub containers: BTreeMap<ContainerId, ContainerFiles>,
    /// The volumes whose options are no JSON, and why.
    pub volume_options: BTreeMap<String, String>,
    /// Every database that dockerd opens when it starts.
    pub databases: Vec<Database>,
    /// The names of databases in `buildkit/` that nothing reads any more.
    pub set_aside: Vec<String>,
    /// How many entries there are in `tmp/`.
    pub temporary: u64,
    /// Whether the file system of the layers tells the kinds of what it lists.
    pub lists_kinds: Option<bool>,
    /// What the stores of other storage drivers have.
    pub elsewhere: Elsewhere,
    /// What could not be read on the way.
    pub unreadable: Vec<Unreadable>,
}

impl Details {
    /// Reads what `inventory`, which was read of `root`, does not tell.
    #[must_use]
    pub fn read(root: &Dir, inventory: &Inventory) -> Self {
        let mut unreadable = Vec::new();
        let overlay2 = keep(root.dir("overlay2"), Pins::Nothing, &mut Vec::new()).flatten();
        let lists_kinds = overlay2.as_ref().and_then(|dir| keep(dir.lists_kinds(), Pins::Nothing, &mut Vec::new()).flatten());
        let mut details = Self {
            references: imagedb::read_references(root),
            images: imagedb::read_troubles(root, inventory),
            layers: layerdb::read(root, inventory, &mut unreadable),
            directories: overlay2::read(overlay2.as_ref(), inventory, &mut unreadable),
            stray_links: overlay2::read_stray_links(overlay2.as_ref(), inventory),
            containers: containers::read(root, inventory, &mut unreadable),
            volume_options: containers::read_volume_options(root, inventory),
            databases: databases::read(root),
            set_aside: databases::read_set_aside(root),
            temporary: keep(root.entries_of("tmp"), Pins::Nothing, &mut unreadable).map_or(0, |entries| to_u64(entries.len())),
            lists_kinds,
            elsewhere: elsewhere::read(root, &mut unreadable),
            unreadable: Vec::new(),
        };
        details.unreadable = unreadable;
        // What the inventory could not read either is told there.
        let known: BTreeSet<_> = inventory.unreadable.iter().map(|unreadable| &unreadable.path).collect();
        details.unreadable.retain(|unreadable| !known.contains(&unreadable.path));
        details.unreadable.sort_unstable();
        details
    }
}
