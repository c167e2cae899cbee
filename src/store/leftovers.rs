//! Files that were being written, and directories in which a file system was tried out, when dockerd was stopped.
//!
//! ```text
//! overlay2/<id>/.tmp-link<n>, .tmp-lower<n>, .tmp-committed<n>
//! image/overlay2/.tmp-repositories.json<n>
//! image/overlay2/imagedb/content/sha256/.tmp-<64 hex><n>
//! image/overlay2/imagedb/metadata/sha256/<64 hex>/.tmp-parent<n>, .tmp-lastUpdated<n>, .tmp-builtLocally<n>
//! containers/<id>/.tmp-config.v2.json<n>, .tmp-hostconfig.json<n>
//! overlay2/check-overlayfs-support<n>/, opaque-bug-check<n>/, metacopy-check<n>/, …
//! .layerwise/, image/.layerwise/, overlay2/.layerwise/      what layerwise put aside
//! ```
//!
//! dockerd writes a file beside the one that it is to replace and renames it; nothing ever looks for one that was not renamed. It tries out
//! the file system at its start in directories of these names, and takes them away at once. So with no dockerd at work they are dead, and
//! while one is nobody can tell. What is called otherwise is not Docker's and is not listed.

pub mod inactive;
pub mod named;
mod original;

use super::place::TRASH;
use super::{JSON, containers, imagedb, overlay2, read_each};
use crate::dir::{Dir, Entry, Kind, Stamp};
use crate::graph::Thing;
use crate::id::{ContainerId, DiffId, ImageId};
use crate::store::overlay2::Overlay2;
use crate::unreadable::{Pins, Unreadable, keep};
use original::{Names, Original, is_whole};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
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

impl Leftover {
    /// The thing that it is; nothing for what only goes when its kind is named.
    #[must_use]
    pub fn thing(&self) -> Option<Thing> {
        match self.what {
            What::TemporaryFile | What::LastCopy => Some(Thing::Temporary(self.path.clone())),
            What::ProbeDirectory => self.path.rsplit('/').next().map(|name| Thing::Probe(name.to_owned())),
            What::Trash => Some(Thing::Trash(self.path.clone())),
            What::DistributionEntry | What::RetiredStore | What::InactiveStore => None,
        }
    }
}

/// What only goes when its kind is named, and what is known of images that are to go.
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
    /// Such a file where the one that it was to replace is missing, although there ought to be one, or makes no sense: it may be all that is
    /// left of it.
    LastCopy,
    /// A directory in which dockerd tried out the file system.
    ProbeDirectory,
    /// The directory in which layerwise keeps what it took away.
    Trash,
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

/// The directory of `repositories.json`.
const STORE: &str = "image/overlay2";

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
}

/// What the temporary file `name` in the directory `place` is.
fn what(root: &Dir, (place, replaces): (&str, Replaces), name: &str, names: Names) -> What {
    let Some(original) = replaces.original(name) else { return What::TemporaryFile };
    let path = format!("{place}/{name}");
    // An empty one holds nothing that could be lost.
    if root.file(&path).ok().flatten().and_then(|file| file.metadata().ok()).is_some_and(|metadata| metadata.len() == 0) {
        return What::TemporaryFile;
    }
    let is_copy = match (Original::look(root, place, original, names), replaces) {
        (Original::Whole, _) => false,
        (Original::Spoilt, _) => true,
        (Original::Missing, Replaces::These(_)) => ALWAYS_THERE.contains(&original),
        // An image that was never registered has no config yet, and one that was half-written is of no use.
        (Original::Missing, Replaces::Digests) => {
            root.read(&path, JSON).ok().flatten().is_some_and(|content| is_whole(place, original, &content, names))
        }
    };
    if is_copy { What::LastCopy } else { What::TemporaryFile }
}

/// What of the inventory says where leftovers can lie.
#[derive(Debug)]
pub struct Places<'a> {
    /// The layer directories, in each of which its temporary files are noted.
    pub overlay2: &'a Overlay2,
    /// The images.
    pub images: Vec<ImageId>,
    /// The containers.
    pub containers: Vec<ContainerId>,
}

/// Lists everything of the kind, in the order of paths.
///
/// A directory that cannot be listed keeps nothing alive; what is in it stays where it is.
pub fn read(root: &Dir, places: &Places<'_>, unreadable: &mut Vec<Unreadable>) -> Vec<Leftover> {
    let mut all = in_layers(root, places.overlay2, unreadable);
    let names = if places.images.is_empty() { Names::MayBeNone } else { Names::Some };
    let images = places.images.iter().map(|id| (format!("{}/{}", imagedb::METADATA, id.hex()), IN_METADATA));
    let containers = places.containers.iter().map(|id| (format!("{}/{id}", containers::PATH), IN_CONTAINERS));
    let stores = [(STORE, IN_STORE), (imagedb::CONTENT, Replaces::Digests)].map(|(path, files)| (path.to_owned(), files));
    let listed: Vec<_> = images.chain(containers).chain(stores).collect();
    let temporary = read_each(&listed, unreadable, |(path, replaces), unreadable| {
        let entries = keep(root.entries_of(path), Pins::Nothing, unreadable)?;
        let temporary = entries.iter().filter(|entry| entry.kind == Kind::File && replaces.is_temporary(entry.name.as_bytes()));
        let leftover = |entry: &Entry| {
            let what = what(root, (path, *replaces), entry.name.to_str()?, names);
            leftover(root, path, entry, what, unreadable)
        };
        Some(temporary.filter_map(leftover).collect::<Vec<_>>())
    });
    all.extend(temporary.into_iter().flatten());
    let is_probe = |entry: &&Entry| entry.kind == Kind::Directory && is_probe(entry.name.as_bytes());
    let probes = places.overlay2.others.iter().filter(is_probe);
    all.extend(probes.filter_map(|entry| leftover(root, overlay2::PATH, entry, What::ProbeDirectory, unreadable)));
    all.extend(["", "image", overlay2::PATH].into_iter().filter_map(|place| trash(root, place)));
    all.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    all
}

/// The temporary files in layer directories, which were listed when those were read.
fn in_layers(root: &Dir, overlay2: &Overlay2, unreadable: &mut Vec<Unreadable>) -> Vec<Leftover> {
    let dirs: Vec<_> = overlay2.dirs.values().filter(|dir| !dir.temporary.is_empty()).collect();
    let found = read_each(&dirs, unreadable, |dir, unreadable| {
        let path = format!("{}/{}", overlay2::PATH, dir.id);
        let leftover = |name: &OsString| {
            // That of a layer is no name of an image.
            let what = what(root, (&path, IN_LAYERS), name.to_str()?, Names::Some);
            leftover(root, &path, &Entry { name: name.clone(), kind: Kind::File }, what, unreadable)
        };
        Some(dir.temporary.iter().filter_map(leftover).collect::<Vec<_>>())
    });
    found.into_iter().flatten().collect()
}

/// The trash in the directory `place`, if there is one.
fn trash(root: &Dir, place: &str) -> Option<Leftover> {
    let entry = Entry { name: TRASH.into(), kind: Kind::Directory };
    let path = std::path::Path::new(place).join(TRASH);
    let is_there = root.kind(path).is_ok_and(|kind| kind == Some(Kind::Directory));
    // What cannot be looked at is told by `layerwise trash`.
    if is_there { leftover(root, place, &entry, What::Trash, &mut Vec::new()) } else { None }
}

/// Whether a file in a layer directory is one that was being written.
pub(super) fn is_temporary_of_layer(name: &OsStr) -> bool {
    IN_LAYERS.is_temporary(name.as_bytes())
}

/// Whether a directory in `overlay2/` is one in which dockerd tries out the file system at its start.
#[must_use]
pub fn is_probe(name: &[u8]) -> bool {
    const PROBES: [&[u8]; 5] =
        [b"check-overlayfs-support", b"opaque-bug-check", b"metacopy-check", b"multiple-lowerdir-check", b"fsutils-dummy"];
    let numbered = |prefix: &[u8]| name.strip_prefix(prefix).is_some_and(|digits| digits.iter().all(u8::is_ascii_digit));
    name == b"userxattr-check" || PROBES.iter().any(|prefix| numbered(prefix))
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

    type Row<'a> = (Replaces, &'a str, &'a str, Option<(&'a str, &'a str)>, What);

    #[test]
    fn a_temporary_file_may_be_all_that_is_left() {
        let link = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let lower = format!("l/{link}");
        let hex = DiffId::of(b"{}").hex().to_string();
        let config = format!(".tmp-{hex}1");
        let table: [Row<'_>; 14] = [
            (IN_LAYERS, ".tmp-link1", link, Some(("link", link)), What::TemporaryFile),
            (IN_LAYERS, ".tmp-link1", link, Some(("link", "")), What::LastCopy),
            (IN_LAYERS, ".tmp-link1", link, None, What::LastCopy),
            (IN_LAYERS, ".tmp-link1", "", None, What::TemporaryFile),
            (IN_LAYERS, ".tmp-lower1", &lower, Some(("lower", &lower)), What::TemporaryFile),
            (IN_LAYERS, ".tmp-lower1", &lower, Some(("lower", "l/half")), What::LastCopy),
            (IN_LAYERS, ".tmp-committed1", "x", None, What::TemporaryFile),
            (IN_CONTAINERS, ".tmp-config.v2.json1", "{", None, What::LastCopy),
            (IN_CONTAINERS, ".tmp-hostconfig.json1", "{", Some(("hostconfig.json", "{}")), What::LastCopy),
            (IN_METADATA, ".tmp-parent1", "x", None, What::TemporaryFile),
            (IN_METADATA, ".tmp-parent1", "x", Some(("parent", "\0")), What::LastCopy),
            (Replaces::Digests, &config, "{}", Some((&hex, "{}")), What::TemporaryFile),
            (Replaces::Digests, &config, "{}", None, What::LastCopy),
            (Replaces::Digests, &config, "{", None, What::TemporaryFile),
        ];
        for (replaces, name, content, original, expected) in table {
            let temp = tempfile::tempdir().unwrap();
            std::fs::create_dir(temp.path().join("x")).unwrap();
            std::fs::write(temp.path().join("x").join(name), content).unwrap();
            if let Some((original, content)) = original {
                std::fs::write(temp.path().join("x").join(original), content).unwrap();
            }
            let found = what(&Dir::root(temp.path()).unwrap(), ("x", replaces), name, Names::Some);
            assert_eq!(found, expected, "{name} beside {original:?}");
        }
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
