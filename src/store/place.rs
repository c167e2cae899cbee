//! Which thing a path below a data-root belongs to: every inode has exactly one place, and so exactly one owner.
//!
//! ```text
//! <data-root>/                        DataRoot
//! ├── overlay2/                       Overlay2
//! │   ├── l/                          Links
//! │   │   └── <link>                  Link
//! │   ├── <id>/                       LayerDir     (link, lower, work/, merged/, committed)
//! │   │   ├── diff/                   LayerDiff
//! │   │   └── .tmp-*                  Temporary
//! │   └── <file>                      DriverFile   (backingFsBlockDev)
//! ├── image/overlay2/                 Image        (and whatever in it is not listed here)
//! │   ├── layerdb/sha256/<chain>/     LayerRecord
//! │   ├── layerdb/mounts/<name>/      MountRecord
//! │   ├── layerdb/tmp/<write-set>/    WriteSet
//! │   ├── imagedb/content/sha256/<id>     ImageConfig
//! │   ├── imagedb/metadata/sha256/<id>/   ImageMetadata
//! │   │   └── .tmp-*                  Temporary
//! │   ├── distribution/               Distribution
//! │   └── .tmp-*                      Temporary
//! ├── image/<driver>/                 InactiveDriver
//! ├── <driver>/                       InactiveDriver
//! ├── <uid>.<gid>/                    SubRoot      (userns-remap: a store of its own)
//! ├── containers/<id>/                Container
//! │   ├── <id>-json.log*, local-logs/ ContainerLog
//! │   └── .tmp-*                      Temporary
//! ├── volumes/<name>/                 Volume
//! ├── plugins/<id>/                   Plugin
//! ├── buildkit/                       BuildKit
//! ├── network/, swarm/, tmp/, …       Metadata
//! ├── containerd/                     Containerd   (the root of a containerd that dockerd runs)
//! ├── builder/, trust/, tmp-old/      Retired
//! ├── .layerwise/                     Trash        (in overlay2/ and image/ too, where those are file systems of their own)
//! └── <anything else>                 Unknown
//! ```

mod owner;

pub use owner::{Area, Owner};

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

/// Where a walk stands: whom the directory is charged to, and how its entries are placed.
#[derive(Debug, Clone)]
pub struct Place {
    owner: Owner,
    inside: Inside,
}

/// How the entries of a directory are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// Like the directory itself, all the way down.
    Same,
    DataRoot,
    Overlay2,
    Links,
    LayerDir,
    Image,
    ImageStore,
    LayerDb,
    LayerRecords,
    MountRecords,
    WriteSets,
    ImageDb,
    ImageContent,
    ImageConfigs,
    ImageMetadata,
    ImageMetadatas,
    ImageNotes,
    Containers,
    Container,
    Volumes,
    Plugins,
}

/// The directory in which layerwise keeps what it took away: at the top of the file system that this lay on. dockerd knows all that it looks
/// for there by name, and never lists these directories.
pub const TRASH: &str = ".layerwise";

/// The storage drivers that Docker ever had, besides the one read here.
const DRIVERS: [&[u8]; 8] = [b"aufs", b"btrfs", b"devicemapper", b"fuse-overlayfs", b"overlay", b"vfs", b"windowsfilter", b"zfs"];

impl Place {
    /// The place of the path `path` below a data-root; `is_directory` says what its last component is.
    #[must_use]
    pub fn of_path(path: &Path, is_directory: bool) -> Self {
        let mut components = path.components().peekable();
        let mut place = Self::root();
        while let Some(component) = components.next() {
            place = place.child(component.as_os_str().as_bytes(), is_directory || components.peek().is_some());
        }
        place
    }

    /// The data-root itself.
    #[must_use]
    pub fn root() -> Self {
        Self { owner: Owner::new(Area::DataRoot, b""), inside: Inside::DataRoot }
    }

    /// Whom the inode at this place is charged to.
    #[must_use]
    pub const fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Whether everything below this directory has this very place.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.inside == Inside::Same
    }

    /// The place of the entry `name` of the directory at this place.
    #[must_use]
    pub fn child(&self, name: &[u8], is_directory: bool) -> Self {
        let temporary = name.starts_with(b".tmp-");
        match self.inside {
            Inside::Same => self.clone(),
            Inside::DataRoot | Inside::Overlay2 | Inside::Image if name == TRASH.as_bytes() && is_directory => {
                self.at(Area::Trash, &self.trash_path(), Inside::Same)
            }
            Inside::DataRoot => self.child_of_root(name),
            Inside::Overlay2 if name == b"l" => self.at(Area::Links, b"", Inside::Links),
            Inside::Overlay2 if is_directory => self.at(Area::LayerDir, name, Inside::LayerDir),
            Inside::Overlay2 => self.at(Area::DriverFile, name, Inside::Same),
            Inside::Links => self.at(Area::Link, name, Inside::Same),
            Inside::LayerDir if name == b"diff" => self.at(Area::LayerDiff, &self.owner.name, Inside::Same),
            Inside::LayerDir if temporary => self.temporary(&[b"overlay2", &self.owner.name, name]),
            Inside::LayerDir => self.at(Area::LayerDir, &self.owner.name, Inside::Same),
            Inside::Image if name == b"overlay2" => self.at(Area::Image, b"", Inside::ImageStore),
            Inside::Image if is_directory => self.at(Area::InactiveDriver, name, Inside::Same),
            Inside::ImageStore if temporary => self.temporary(&[b"image/overlay2", name]),
            Inside::ImageStore => match name {
                b"layerdb" => self.at(Area::Image, b"", Inside::LayerDb),
                b"imagedb" => self.at(Area::Image, b"", Inside::ImageDb),
                b"distribution" => self.at(Area::Distribution, b"", Inside::Same),
                _ => self.at(Area::Image, b"", Inside::Same),
            },
            Inside::LayerDb => self.at(
                Area::Image,
                b"",
                match name {
                    b"sha256" => Inside::LayerRecords,
                    b"mounts" => Inside::MountRecords,
                    b"tmp" => Inside::WriteSets,
                    _ => Inside::Same,
                },
            ),
            Inside::LayerRecords => self.at(Area::LayerRecord, name, Inside::Same),
            Inside::MountRecords => self.at(Area::MountRecord, name, Inside::Same),
            Inside::WriteSets => self.at(Area::WriteSet, name, Inside::Same),
            Inside::ImageDb => self.at(
                Area::Image,
                b"",
                match name {
                    b"content" => Inside::ImageContent,
                    b"metadata" => Inside::ImageMetadata,
                    _ => Inside::Same,
                },
            ),
            Inside::ImageContent if name == b"sha256" => self.at(Area::Image, b"", Inside::ImageConfigs),
            Inside::ImageMetadata if name == b"sha256" => self.at(Area::Image, b"", Inside::ImageMetadatas),
            Inside::Image | Inside::ImageContent | Inside::ImageMetadata => self.at(Area::Image, b"", Inside::Same),
            Inside::ImageConfigs if temporary => self.temporary(&[b"image/overlay2/imagedb/content/sha256", name]),
            Inside::ImageConfigs => self.at(Area::ImageConfig, name, Inside::Same),
            Inside::ImageMetadatas => self.at(Area::ImageMetadata, name, Inside::ImageNotes),
            Inside::ImageNotes if temporary => self.temporary(&[b"image/overlay2/imagedb/metadata/sha256", &self.owner.name, name]),
            Inside::ImageNotes => self.at(Area::ImageMetadata, &self.owner.name, Inside::Same),
            Inside::Containers => self.at(Area::Container, name, Inside::Container),
            Inside::Container if temporary => self.temporary(&[b"containers", &self.owner.name, name]),
            Inside::Container if is_log(&self.owner.name, name) => self.at(Area::ContainerLog, &self.owner.name, Inside::Same),
            Inside::Container => self.at(Area::Container, &self.owner.name, Inside::Same),
            Inside::Volumes if is_directory => self.at(Area::Volume, name, Inside::Same),
            Inside::Volumes => self.at(Area::Volumes, b"", Inside::Same),
            Inside::Plugins if is_directory => self.at(Area::Plugin, name, Inside::Same),
            Inside::Plugins => self.at(Area::Plugins, b"", Inside::Same),
        }
    }

    /// Where the trash in this directory lies below the data-root.
    fn trash_path(&self) -> Vec<u8> {
        match self.inside {
            Inside::Overlay2 => [b"overlay2/", TRASH.as_bytes()].concat(),
            Inside::Image => [b"image/", TRASH.as_bytes()].concat(),
            _ => TRASH.as_bytes().to_vec(),
        }
    }

    fn child_of_root(&self, name: &[u8]) -> Self {
        match name {
            b"overlay2" => self.at(Area::Overlay2, b"", Inside::Overlay2),
            b"image" => self.at(Area::Image, b"", Inside::Image),
            b"containers" => self.at(Area::Containers, b"", Inside::Containers),
            b"volumes" => self.at(Area::Volumes, b"", Inside::Volumes),
            b"plugins" => self.at(Area::Plugins, b"", Inside::Plugins),
            b"buildkit" => self.at(Area::BuildKit, b"", Inside::Same),
            b"network" | b"swarm" | b"runtimes" | b"runtimes-old" | b"engine-id" | b"tmp" | b"rootfs" => {
                self.at(Area::Metadata, name, Inside::Same)
            }
            b"containerd" => self.at(Area::Containerd, b"", Inside::Same),
            b"builder" | b"trust" | b"tmp-old" => self.at(Area::Retired, name, Inside::Same),
            _ if is_inactive_driver(name) => self.at(Area::InactiveDriver, name, Inside::Same),
            _ if is_userns_root(name) => self.at(Area::SubRoot, name, Inside::Same),
            _ => self.at(Area::Unknown, name, Inside::Same),
        }
    }

    fn at(&self, area: Area, name: &[u8], inside: Inside) -> Self {
        let name = if *name == *self.owner.name { Arc::clone(&self.owner.name) } else { Arc::from(name) };
        Self { owner: Owner { area, name }, inside }
    }

    fn temporary(&self, path: &[&[u8]]) -> Self {
        self.at(Area::Temporary, &path.join(&b'/'), Inside::Same)
    }
}

/// Whether `name` in the directory of container `id` is a log: `<id>-json.log`, its rotations, or the directory of the local driver.
fn is_log(id: &[u8], name: &[u8]) -> bool {
    name == b"local-logs" || name.strip_prefix(id).is_some_and(|rest| rest.starts_with(b"-json.log"))
}

/// Whether a name is that of another storage driver's store.
#[must_use]
pub fn is_inactive_driver(name: &[u8]) -> bool {
    DRIVERS.contains(&name)
}

/// Whether a name has the form `<uid>.<gid>` of a userns-remap root.
#[must_use]
pub fn is_userns_root(name: &[u8]) -> bool {
    let number = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let mut parts = name.split(|&byte| byte == b'.');
    matches!((parts.next(), parts.next(), parts.next()), (Some(uid), Some(gid), None) if number(uid) && number(gid))
}

#[cfg(test)]
mod tests;
