//! Whom an inode is charged to.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What kind of thing a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the picture in `place` says what each one is")]
pub enum Area {
    DataRoot,
    Overlay2,
    Links,
    Link,
    LayerDir,
    LayerDiff,
    DriverFile,
    Image,
    LayerRecord,
    MountRecord,
    WriteSet,
    ImageConfig,
    ImageMetadata,
    Distribution,
    InactiveDriver,
    SubRoot,
    Containers,
    Container,
    ContainerLog,
    Volumes,
    Volume,
    Plugins,
    Plugin,
    BuildKit,
    Containerd,
    Metadata,
    Retired,
    Temporary,
    Trash,
    Unknown,
}

/// The owner of an inode: its area and, for things that have one, their name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// What kind of thing it is.
    pub area: Area,
    /// The thing's name as it stands on the disk; for temporary files the path below the data-root; empty for areas that are one thing.
    pub name: Arc<[u8]>,
}

impl Owner {
    /// The owner called `name` in `area`.
    #[must_use]
    pub fn new(area: Area, name: &[u8]) -> Self {
        Self { area, name: Arc::from(name) }
    }
}

impl Owner {
    /// Where the thing lies below its data-root, or where things of its area do.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        let directory = match self.area {
            Area::DataRoot
            | Area::Metadata
            | Area::Retired
            | Area::InactiveDriver
            | Area::SubRoot
            | Area::Unknown
            | Area::Temporary
            | Area::Trash => "",
            Area::Overlay2 | Area::LayerDir | Area::LayerDiff | Area::DriverFile => "overlay2",
            Area::Links | Area::Link => "overlay2/l",
            Area::Image => "image/overlay2",
            Area::LayerRecord => "image/overlay2/layerdb/sha256",
            Area::MountRecord => "image/overlay2/layerdb/mounts",
            Area::WriteSet => "image/overlay2/layerdb/tmp",
            Area::ImageConfig => "image/overlay2/imagedb/content/sha256",
            Area::ImageMetadata => "image/overlay2/imagedb/metadata/sha256",
            Area::Distribution => "image/overlay2/distribution",
            Area::Containers | Area::Container | Area::ContainerLog => "containers",
            Area::Volumes | Area::Volume => "volumes",
            Area::Plugins | Area::Plugin => "plugins",
            Area::BuildKit => "buildkit",
            Area::Containerd => "containerd",
        };
        let path = Path::new(directory);
        if self.name.is_empty() { path.to_owned() } else { path.join(OsStr::from_bytes(&self.name)) }
    }
}
