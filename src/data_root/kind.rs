//! What a directory is, from what lies in it: which of Docker's stores, or what else somebody may have named by mistake.
//!
//! ```text
//! <data-root>/
//! ├── image/<driver>/, <driver>/      a store of that storage driver; several if it was ever changed
//! ├── rootfs/<snapshotter>/, buildkit/containerd-<snapshotter>/, buildkit/history_c8d.db
//! │                                   the containerd image store; images and layers lie in containerd's root
//! ├── containerd/daemon/              that root, where dockerd runs a containerd of its own
//! ├── <uid>.<gid>/                    a data-root of its own, of a dockerd that remaps users
//! └── containers/, volumes/, …        any of them
//! ```
//!
//! A look around, two levels deep, that follows nothing and runs nothing. It says what to expect; it never says that something is dead.

mod describe;

use crate::dir::{Cause, Dir, Kind as Entry, Operation, ReadError};
use crate::id::DirId;
use crate::store::place::is_userns_root;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use walkdir::WalkDir;

/// Docker's storage drivers on Linux, the ones that it prefers first.
pub const DRIVERS: [&str; 8] = ["overlay2", "fuse-overlayfs", "btrfs", "zfs", "aufs", "overlay", "devicemapper", "vfs"];

/// What a directory is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// What it looks like as a whole.
    pub shape: Shape,
    /// The stores of storage drivers in it, the ones that Docker prefers first.
    pub stores: Vec<Store>,
    /// The signs of the containerd image store in it, as paths below it.
    pub containerd: Vec<String>,
    /// The root of a containerd that dockerd runs by itself, as a path below it.
    pub containerd_root: Option<&'static str>,
    /// The data-roots below it of a dockerd that remaps users, sorted.
    pub sub_roots: Vec<OsString>,
}

/// What a directory looks like as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A data-root of Docker's.
    DataRoot,
    /// Nothing is in it.
    Empty,
    /// The root of containers/storage (Podman, Buildah, CRI-O).
    ContainersStorage,
    /// A root of containerd's.
    Containerd,
    /// The directory `overlay2` of a data-root.
    Overlay2,
    /// A directory in `overlay2`.
    LayerDirectory,
    /// The directory `image` of a data-root, or one in it.
    Image,
    /// Something else.
    Other,
}

/// The store of one storage driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The driver.
    pub driver: &'static str,
    /// Whether `image/<driver>/` is there.
    pub has_metadata: bool,
    /// Whether `<driver>/` is there and holds anything.
    pub has_layers: bool,
    /// Whether dockerd uses it.
    pub activity: Activity,
}

/// Whether dockerd uses a store, as far as the disk tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// It is the only one, or the one that dockerd would choose.
    Active,
    /// It is left over from another driver.
    LeftOver,
    /// Several could be in use; dockerd's configuration decides.
    Undecided,
}

/// The names in a directory, and those in some of its directories.
struct Names {
    top: BTreeMap<OsString, bool>,
    below: BTreeMap<OsString, BTreeSet<OsString>>,
}

impl Names {
    /// Looks around `dir`; what vanishes meanwhile was never there.
    fn read(dir: &Dir) -> Result<Self, ReadError> {
        let mut names = Self { top: BTreeMap::new(), below: BTreeMap::new() };
        // Through the descriptor, not the path: what is looked at is what was opened.
        let opened = format!("/proc/self/fd/{}/.", dir.as_fd().as_raw_fd());
        let mut walk = WalkDir::new(opened).min_depth(1).max_depth(2).follow_links(false).into_iter();
        while let Some(entry) = walk.next() {
            match entry {
                Ok(entry) if entry.depth() == 1 => {
                    let (name, is_directory) = (entry.file_name(), entry.file_type().is_dir());
                    names.top.insert(name.to_owned(), is_directory);
                    let looks_into = matches!(name.as_bytes(), b"image" | b"buildkit" | b"rootfs" | b"containerd");
                    if is_directory && !looks_into {
                        walk.skip_current_dir();
                    }
                }
                Ok(entry) => {
                    let parent = entry.path().parent().and_then(Path::file_name).unwrap_or_default();
                    names.below.entry(parent.to_owned()).or_default().insert(entry.file_name().to_owned());
                }
                Err(error) if error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound) => {}
                Err(error) => {
                    let below = error.path().filter(|_| error.depth() > 0).and_then(Path::file_name);
                    let path = below.map_or_else(|| dir.path().to_owned(), |name| dir.path().join(name));
                    return Err(ReadError { path, operation: Operation::List, cause: Cause::Io(error.into()) });
                }
            }
        }
        Ok(names)
    }

    /// Whether there is a directory `name`.
    fn has(&self, name: &str) -> bool {
        self.top.get(OsStr::new(name)) == Some(&true)
    }

    /// The names in the directory `name`, as far as they are text.
    fn in_dir(&self, name: &str) -> impl Iterator<Item = &str> {
        self.below.get(OsStr::new(name)).into_iter().flatten().filter_map(|name| name.to_str())
    }

    /// The signs of the containerd image store.
    fn containerd(&self) -> Vec<String> {
        let workers = self.in_dir("buildkit").filter(|name| name.starts_with("containerd-") || *name == "history_c8d.db");
        let snapshotters = self.in_dir("rootfs").map(|name| format!("rootfs/{name}"));
        workers.map(|name| format!("buildkit/{name}")).chain(snapshotters).collect()
    }
}

impl Kind {
    /// Looks at what lies in `dir`.
    ///
    /// # Errors
    /// When it, or one of the directories that are looked into, may not be listed.
    pub fn read(dir: &Dir) -> Result<Self, ReadError> {
        let names = Names::read(dir)?;
        let containerd = names.containerd();
        let shape = shape(dir, &names)?;
        let stores = if shape == Shape::DataRoot { stores(dir, &names, !containerd.is_empty())? } else { Vec::new() };
        let is_sub_root =
            |(name, is_directory): (&OsString, &bool)| (*is_directory && is_userns_root(name.as_bytes())).then(|| name.clone());
        let sub_roots = names.top.iter().filter_map(is_sub_root).collect();
        let containerd_root = names.in_dir("containerd").any(|name| name == "daemon").then_some("containerd/daemon");
        Ok(Self { shape, stores, containerd, containerd_root, sub_roots })
    }

    /// The overlay2 store in it.
    #[must_use]
    pub fn overlay2(&self) -> Option<&Store> {
        self.stores.iter().find(|store| store.driver == "overlay2")
    }

    /// Whether it holds images or layers of its own, in whichever store.
    #[must_use]
    pub fn has_store(&self) -> bool {
        !self.stores.is_empty() || !self.containerd.is_empty()
    }
}

/// What a directory with these names in it is as a whole; what only looks like a data-root comes first.
fn shape(dir: &Dir, names: &Names) -> Result<Shape, ReadError> {
    let texts = || names.top.keys().filter_map(|name| name.to_str());
    let drivers = || names.in_dir("image").any(|name| DRIVERS.contains(&name));
    Ok(if names.top.is_empty() {
        Shape::Empty
    } else if texts().any(is_containers_storage) && !drivers() {
        Shape::ContainersStorage
    } else if texts().any(|name| name.starts_with("io.containerd.")) {
        Shape::Containerd
    } else if names.has("imagedb") || names.has("layerdb") || names.has("overlay2") && holds_metadata(dir)? {
        Shape::Image
    } else if names.has("diff") && names.top.contains_key(OsStr::new("link")) {
        Shape::LayerDirectory
    } else if names.has("l") && names.top.keys().any(|name| DirId::try_from(name.as_bytes()).is_ok()) {
        Shape::Overlay2
    } else if drivers() || names.has("overlay2") || (names.has("containers") && names.has("volumes")) || has_sub_root(names) {
        Shape::DataRoot
    } else {
        Shape::Other
    })
}

/// Whether the directory `overlay2` in `dir` is that of `image`, not that of a data-root.
fn holds_metadata(dir: &Dir) -> Result<bool, ReadError> {
    Ok(dir.kind("overlay2/imagedb")?.is_some() || dir.kind("overlay2/layerdb")?.is_some())
}

/// Whether a name is that of a store of containers/storage, such as `overlay-layers`.
fn is_containers_storage(name: &str) -> bool {
    let driver = name.strip_suffix("-layers").or_else(|| name.strip_suffix("-images"));
    driver.is_some_and(|driver| DRIVERS.contains(&driver))
}

fn has_sub_root(names: &Names) -> bool {
    names.top.iter().any(|(name, is_directory)| *is_directory && is_userns_root(name.as_bytes()))
}

/// The stores of storage drivers, and which of them dockerd would use: it prefers any other to vfs, and without being told it takes none
/// of several others; beside signs of the containerd image store only its configuration tells.
fn stores(dir: &Dir, names: &Names, has_containerd: bool) -> Result<Vec<Store>, ReadError> {
    let mut stores = Vec::new();
    for driver in DRIVERS {
        let has_metadata = names.in_dir("image").any(|name| name == driver);
        let has_layers = dir.kind(driver)? == Some(Entry::Directory) && !dir.entries_of(driver)?.is_empty();
        if has_metadata || has_layers {
            stores.push(Store { driver, has_metadata, has_layers, activity: Activity::Undecided });
        }
    }
    // A store without layers is not one that dockerd would find, unless it is the only one.
    let counts = |store: &Store| store.has_layers && store.driver != "vfs";
    let chosen = match stores.iter().filter(|store| counts(store)).count() {
        0 => stores.first().map(|store| store.driver),
        1 => stores.iter().find(|store| counts(store)).map(|store| store.driver),
        _ => None,
    };
    for store in &mut stores {
        let rivals = counts(store) || Some(store.driver) == chosen;
        store.activity = match chosen {
            _ if !rivals => Activity::LeftOver,
            Some(_) if !has_containerd => Activity::Active,
            _ => Activity::Undecided,
        };
    }
    Ok(stores)
}
