//! What the stores of other storage drivers have: the databases of builds are common to all drivers, and do not say whose a snapshot is.
//!
//! ```text
//! image/<driver>/layerdb/sha256/<chain>/         the records of layers
//! overlay/<id>/, fuse-overlayfs/<id>/, vfs/dir/<id>/, btrfs/subvolumes/<id>/, aufs/diff/<id>/, zfs/graph/<id>/, devicemapper/metadata/<id>
//! ```

use crate::data_root::kind::DRIVERS;
use crate::dir::Dir;
use crate::id::{ChainId, DirId, FileName};
use crate::inventory::DRIVER;
use crate::unreadable::{Pins, Unreadable, keep};
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;

/// Where the drivers keep what bears the names of layers, below their directories.
const PLACES: [&str; 6] = ["", "dir", "subvolumes", "diff", "graph", "metadata"];

/// The layers and layer directories of other storage drivers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// The layers of which they have records.
    pub layers: BTreeSet<ChainId>,
    /// The names of what they keep of layers.
    pub directories: BTreeSet<DirId>,
}

/// Reads the names of everything that other storage drivers keep.
pub(super) fn read(root: &Dir, unreadable: &mut Vec<Unreadable>) -> Elsewhere {
    let mut found = Elsewhere::default();
    for driver in DRIVERS.into_iter().filter(|&driver| driver != DRIVER) {
        let records = keep(root.entries_of(format!("image/{driver}/layerdb/sha256")), Pins::Nothing, unreadable).unwrap_or_default();
        let layers = records.iter().filter_map(|entry| FileName::<ChainId>::try_from(entry.name.as_bytes()).ok());
        found.layers.extend(layers.map(|name| name.0));
        let places = PLACES.map(|place| if place.is_empty() { driver.to_owned() } else { format!("{driver}/{place}") });
        for place in places.into_iter().filter(|place| root.kind(place).is_ok_and(|kind| kind == Some(crate::dir::Kind::Directory))) {
            let entries = keep(root.entries_of(place), Pins::Nothing, unreadable).unwrap_or_default();
            found.directories.extend(entries.iter().filter_map(|entry| DirId::try_from(entry.name.as_bytes()).ok()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn every_driver_keeps_its_layers_in_a_place_of_its_own() {
        let (temp, id, hex) = (tempfile::tempdir().unwrap(), "0al2u8na1bkp9fzqga1jyrhph", "ab".repeat(32));
        for place in ["overlay", "fuse-overlayfs", "vfs/dir", "btrfs/subvolumes", "aufs/diff", "zfs/graph", "devicemapper/metadata"] {
            let path = temp.path().join(place).join(id);
            fs::create_dir_all(&path).unwrap();
            let found = read(&Dir::root(temp.path()).unwrap(), &mut Vec::new());
            assert_eq!(found.directories, BTreeSet::from([DirId::try_from(id.as_bytes()).unwrap()]), "{place}");
            fs::remove_dir(&path).unwrap();
        }
        for (driver, known) in [("vfs", 1), ("overlay2", 0)] {
            let record = temp.path().join("image").join(driver).join("layerdb/sha256").join(&hex);
            fs::create_dir_all(&record).unwrap();
            let found = read(&Dir::root(temp.path()).unwrap(), &mut Vec::new());
            assert_eq!((found.layers.len(), found.directories.len()), (known, 0), "{driver}");
            fs::remove_dir(&record).unwrap();
        }
    }
}
