//! Files that were being written, and directories in which a file system was tried out, when dockerd was stopped.
//!
//! ```text
//! overlay2/<id>/.tmp-link<n>, .tmp-lower<n>, .tmp-committed<n>
//! image/overlay2/.tmp-repositories.json<n>
//! image/overlay2/imagedb/content/sha256/.tmp-<64 hex><n>
//! image/overlay2/imagedb/metadata/sha256/<64 hex>/.tmp-parent<n>, .tmp-lastUpdated<n>, .tmp-builtLocally<n>
//! containers/<id>/.tmp-config.v2.json<n>, .tmp-hostconfig.json<n>
//! overlay2/check-overlayfs-support<n>/, opaque-bug-check<n>/, metacopy-check<n>/, …
//! ```
//!
//! dockerd writes a file beside the one that it is to replace and renames it; nothing ever looks for one that was not renamed. It tries out
//! the file system at its start in directories of these names, and takes them away at once. So with no dockerd at work they are dead, and
//! while one is nobody can tell. What is called otherwise is not Docker's and is not listed.

pub mod inactive;
pub mod named;

use super::{imagedb, read_each};
use crate::dir::{Dir, Entry, Kind, Stamp};
use crate::id::{DiffId, ImageId};
use crate::inventory::Inventory;
use crate::unreadable::{Pins, Unreadable, keep};
use crate::usage::class::is_probe;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;

/// Something that dockerd left and that no record knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Its path below the data-root.
    pub path: String,
    /// What it is.
    pub what: What,
    /// Whether it is a directory or a file.
    pub kind: Kind,
    /// Which inode it is.
    pub stamp: Stamp,
}

/// Everything that no record knows, and what is known of images that are to go.
#[derive(Debug, Clone, Default)]
pub struct Leftovers {
    /// In the order of paths.
    pub others: Vec<Leftover>,
    /// The files of images.
    pub images: BTreeMap<ImageId, ImageFiles>,
}

/// Which inodes the files of an image are.
#[derive(Debug, Clone, Copy)]
pub struct ImageFiles {
    /// Its config.
    pub config: Stamp,
    /// What Docker notes about it, if there is anything.
    pub metadata: Option<Stamp>,
}

impl ImageFiles {
    /// Looks at the files of image `id`; nothing if its config is not there or cannot be looked at.
    #[must_use]
    pub fn of(root: &Dir, id: ImageId) -> Option<Self> {
        let stamp = |directory: &str| root.stamp(format!("{directory}/{}", id.hex())).ok();
        Some(Self { config: stamp(imagedb::CONTENT)??, metadata: stamp(imagedb::METADATA)? })
    }
}

/// What a leftover is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A file that was being written.
    TemporaryFile,
    /// Such a file where the one that it was to replace is missing, although there ought to be one: it may be all that is left of it.
    LastCopy,
    /// A directory in which dockerd tried out the file system.
    ProbeDirectory,
    /// What is remembered of a registry about a content that is not here.
    DistributionEntry,
    /// What a version of Docker kept that is older than the one that was here last.
    RetiredStore,
    /// The store of a storage driver that is not used any more.
    InactiveStore,
}

/// What dockerd replaces in some directory by way of a temporary file.
#[derive(Debug, Clone, Copy)]
enum Replaces {
    /// Files of these names.
    These(&'static [&'static str]),
    /// Files called by 64 hexadecimal digits.
    Digests,
}

const IN_LAYERS: Replaces = Replaces::These(&["link", "lower", "committed"]);
const IN_STORE: Replaces = Replaces::These(&["repositories.json"]);
const IN_METADATA: Replaces = Replaces::These(&["parent", "lastUpdated", "builtLocally"]);
const IN_CONTAINERS: Replaces = Replaces::These(&["config.v2.json", "hostconfig.json"]);

/// What dockerd writes when it makes what it belongs to, and not only at times.
const ALWAYS_THERE: [&str; 5] = ["link", "lower", "repositories.json", "config.v2.json", "hostconfig.json"];

impl Replaces {
    /// Whether `name` is a temporary file for one of them: `.tmp-<name><digits>`.
    fn is_temporary(self, name: &[u8]) -> bool {
        let Some(rest) = name.strip_prefix(b".tmp-") else { return false };
        let numbered = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        match self {
            Self::These(names) => names.iter().any(|name| rest.strip_prefix(name.as_bytes()).is_some_and(numbered)),
            Self::Digests => rest.split_at_checked(64).is_some_and(|(digest, rest)| DiffId::from_hex(digest).is_ok() && numbered(rest)),
        }
    }

    /// What the temporary file `name` is, among the `entries` of its directory.
    fn what(self, name: &[u8], entries: &[Entry]) -> What {
        let Self::These(names) = self else { return What::TemporaryFile };
        let is_meant = |original: &&&str| name.strip_prefix(b".tmp-").is_some_and(|rest| rest.starts_with(original.as_bytes()));
        let is_there = |original: &str| entries.iter().any(|entry| entry.kind == Kind::File && entry.name == original);
        let missing = names.iter().find(is_meant).filter(|original| ALWAYS_THERE.contains(original) && !is_there(original));
        if missing.is_some() { What::LastCopy } else { What::TemporaryFile }
    }
}

/// Lists everything of the kind, in the order of paths.
///
/// A directory that cannot be listed keeps nothing alive; what is in it stays where it is.
pub fn read(root: &Dir, inventory: &Inventory, unreadable: &mut Vec<Unreadable>) -> Leftovers {
    let layers = inventory.overlay2.dirs.keys().map(|id| (format!("overlay2/{id}"), IN_LAYERS));
    let images = inventory.images.keys().map(|id| (format!("image/overlay2/imagedb/metadata/sha256/{}", id.hex()), IN_METADATA));
    let containers = inventory.containers.keys().map(|id| (format!("containers/{id}"), IN_CONTAINERS));
    let stores = [("image/overlay2", IN_STORE), (imagedb::CONTENT, Replaces::Digests)].map(|(path, files)| (path.to_owned(), files));
    let places: Vec<_> = layers.chain(images).chain(containers).chain(stores).collect();
    let temporary = read_each(&places, unreadable, |(path, replaces), unreadable| {
        let entries = keep(root.entries_of(path), Pins::Nothing, unreadable)?;
        let temporary = entries.iter().filter(|entry| entry.kind == Kind::File && replaces.is_temporary(entry.name.as_bytes()));
        let leftover = |entry: &Entry| leftover(root, path, entry, replaces.what(entry.name.as_bytes(), &entries), unreadable);
        Some(temporary.filter_map(leftover).collect::<Vec<_>>())
    });
    let is_probe = |entry: &&Entry| entry.kind == Kind::Directory && is_probe(entry.name.as_bytes());
    let probes = inventory.overlay2.others.iter().filter(is_probe);
    let mut all: Vec<Leftover> = temporary.into_iter().flatten().collect();
    all.extend(probes.filter_map(|entry| leftover(root, "overlay2", entry, What::ProbeDirectory, unreadable)));
    all.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Leftovers { others: all, images: BTreeMap::new() }
}

pub(super) fn leftover(root: &Dir, place: &str, entry: &Entry, what: What, unreadable: &mut Vec<Unreadable>) -> Option<Leftover> {
    let name = entry.name.to_str()?;
    let path = if place.is_empty() { name.to_owned() } else { format!("{place}/{name}") };
    let stamp = keep(root.stamp(&path), Pins::Nothing, unreadable)??;
    Some(Leftover { path, what, kind: entry.kind, stamp })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_file_may_be_all_that_is_left() {
        let entries = |names: &[&str]| names.iter().map(|name| Entry { name: name.into(), kind: Kind::File }).collect::<Vec<_>>();
        let what = |replaces: Replaces, name: &str, there: &[&str]| replaces.what(name.as_bytes(), &entries(there));
        assert_eq!(what(IN_LAYERS, ".tmp-link1", &["link", ".tmp-link1"]), What::TemporaryFile);
        assert_eq!(what(IN_LAYERS, ".tmp-link1", &["lower", ".tmp-link1"]), What::LastCopy);
        assert_eq!(what(IN_LAYERS, ".tmp-committed1", &[]), What::TemporaryFile);
        assert_eq!(what(IN_CONTAINERS, ".tmp-config.v2.json1", &[]), What::LastCopy);
        assert_eq!(what(IN_METADATA, ".tmp-parent1", &[]), What::TemporaryFile);
    }

    #[test]
    fn a_temporary_file_is_called_by_what_it_replaces_and_a_number() {
        for name in [".tmp-link123", ".tmp-committed0"] {
            assert!(IN_LAYERS.is_temporary(name.as_bytes()), "{name}");
        }
        for name in ["link", ".tmp-link", ".tmp-link1x", ".tmp-config.v2.json1", ".tmp-", "x.tmp-link1"] {
            assert!(!IN_LAYERS.is_temporary(name.as_bytes()), "{name}");
        }
        let digest = "0123456789abcdef".repeat(4);
        assert!(Replaces::Digests.is_temporary(format!(".tmp-{digest}77").as_bytes()));
        assert!(!Replaces::Digests.is_temporary(format!(".tmp-{digest}").as_bytes()));
    }
}
