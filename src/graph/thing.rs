//! The things of a data-root, and the reasons for which one keeps another.

use crate::id::{ChainId, ContainerId, DirId, ImageId, LinkId, MountName};
use crate::store::buildkit::SnapshotKey;
use crate::store::live::holders;
use crate::store::place::{Area, Owner};
use std::fmt;

/// A thing that exists on the disk or in the kernel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thing {
    /// A name of an image.
    Reference(String),
    /// An image.
    Image(ImageId),
    /// A container.
    Container(ContainerId),
    /// The record of a read-write layer.
    Mount(MountName),
    /// The record of a read-only layer.
    Layer(ChainId),
    /// A snapshot of BuildKit's.
    Snapshot(SnapshotKey),
    /// A lease of BuildKit's, by its ID.
    Lease(String),
    /// A record of BuildKit's cache, by its ID.
    Record(String),
    /// A deletion that has begun, by the name of its directory.
    Removal(String),
    /// A registration that was not committed, by the name of its directory.
    WriteSet(String),
    /// A mount in some namespace: the process that sees it and where it sees it.
    LiveMount(u32, String),
    /// A process, by its number.
    Process(u32),
    /// A layer directory.
    Dir(DirId),
    /// A link.
    Link(LinkId),
    /// A file that was being written when something stopped it, by its path below the data-root.
    Temporary(String),
    /// A directory in which dockerd tried out the file system, by its name in `overlay2/`.
    Probe(String),
    /// The directory in which layerwise keeps what it took away, by its path below the data-root.
    Trash(String),
}

impl Thing {
    /// The word for this kind of thing.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Reference(_) => "reference",
            Self::Image(_) => "image",
            Self::Container(_) => "container",
            Self::Mount(_) => "mount",
            Self::Layer(_) => "layer",
            Self::Snapshot(_) => "build-snapshot",
            Self::Lease(_) => "lease",
            Self::Record(_) => "cache-record",
            Self::Removal(_) => "removal",
            Self::WriteSet(_) => "write-set",
            Self::LiveMount(..) => "live-mount",
            Self::Process(_) => "process",
            Self::Dir(_) => "directory",
            Self::Link(_) => "link",
            Self::Temporary(_) => "temporary-file",
            Self::Probe(_) => "probe-directory",
            Self::Trash(_) => "trash",
        }
    }

    /// Whether this is in use because it is there: dockerd or the kernel can ask for it at any time.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        matches!(
            self,
            Self::Reference(_)
                | Self::Image(_)
                | Self::Container(_)
                | Self::Snapshot(_)
                | Self::Lease(_)
                | Self::Record(_)
                | Self::LiveMount(..)
                | Self::Process(_)
        )
    }

    /// Whether it is what something left behind: no record knows it, and it keeps nothing.
    #[must_use]
    pub const fn is_leftover(&self) -> bool {
        matches!(self, Self::Temporary(_) | Self::Probe(_) | Self::Trash(_))
    }

    /// Whom its inodes are charged to, which also tells where it lies; nothing for what has no place of its own.
    #[must_use]
    pub fn owner(&self) -> Option<Owner> {
        let (area, name) = match self {
            Self::Image(id) => (Area::ImageConfig, id.hex().to_string()),
            Self::Container(id) => (Area::Container, id.to_string()),
            Self::Mount(name) => (Area::MountRecord, name.to_string()),
            Self::Layer(chain) => (Area::LayerRecord, chain.hex().to_string()),
            Self::Removal(name) => (Area::LayerRecord, name.clone()),
            Self::WriteSet(name) => (Area::WriteSet, name.clone()),
            Self::Dir(id) => (Area::LayerDir, id.to_string()),
            Self::Link(id) => (Area::Link, id.to_string()),
            Self::Temporary(path) => (Area::Temporary, path.clone()),
            Self::Probe(name) => (Area::LayerDir, name.clone()),
            Self::Trash(path) => (Area::Trash, path.clone()),
            Self::Reference(_) | Self::Snapshot(_) | Self::Lease(_) | Self::Record(_) | Self::LiveMount(..) | Self::Process(_) => {
                return None;
            }
        };
        Some(Owner::new(area, name.as_bytes()))
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference(text)
            | Self::Lease(text)
            | Self::Record(text)
            | Self::Removal(text)
            | Self::WriteSet(text)
            | Self::Temporary(text)
            | Self::Probe(text)
            | Self::Trash(text) => f.write_str(text),
            Self::Image(id) => write!(f, "{id}"),
            Self::Container(id) => write!(f, "{id}"),
            Self::Mount(name) => write!(f, "{name}"),
            Self::Layer(chain) => write!(f, "{chain}"),
            Self::Snapshot(key) => write!(f, "{key}"),
            Self::LiveMount(pid, point) => write!(f, "{point} in pid {pid}"),
            Self::Process(pid) => write!(f, "{pid}"),
            Self::Dir(id) => write!(f, "{id}"),
            Self::Link(id) => write!(f, "{id}"),
        }
    }
}

/// Why one thing keeps another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Via {
    /// The reference stands for the image.
    ReferenceTo,
    /// The image was built upon the other.
    ParentImage,
    /// The image has the layer at this position, counted from 1 at the base.
    RootFs(u32),
    /// The container was made from the image.
    CreatedFrom,
    /// The container writes to the read-write layer.
    RwLayer,
    /// The container has the image mounted.
    ImageMount,
    /// The container has something in the directory mounted, whenever it runs.
    BoundInto,
    /// `mount-id`.
    MountId,
    /// `init-id`.
    InitId,
    /// The `parent` of a read-write layer.
    MountParent,
    /// The init directory that bears the name of this RW directory.
    InitOf,
    /// `cache-id`.
    CacheId,
    /// The `parent` of a layer.
    ParentLayer,
    /// The record lies in the directory of another.
    LiesIn,
    /// The directory is the layer's: without its record nothing would know it.
    DirectoryOf,
    /// An entry of `lower`, counted from 1 at the nearest.
    LowerEntry(u32),
    /// `link`, or the only link that leads to a directory whose `link` is lost.
    OwnLink,
    /// The link leads to the directory.
    LinkTarget,
    /// The snapshot's own directory.
    SnapshotDir,
    /// The directory in which the snapshot was committed.
    SnapshotCommitted,
    /// The layer that the snapshot became, or is.
    SnapshotChain,
    /// The snapshot below.
    SnapshotParent,
    /// The lease holds it.
    Leased,
    /// The cache record names it.
    CacheRecord,
    /// The mount uses it.
    MountedIn(u32),
    /// The process has it open, runs from it or stands in it.
    HeldBy(holders::Via, u32),
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReferenceTo => f.write_str("reference"),
            Self::ParentImage => f.write_str("parent image"),
            Self::RootFs(position) => write!(f, "layer {position} of image"),
            Self::CreatedFrom => f.write_str("created from"),
            Self::RwLayer => f.write_str("read-write layer of"),
            Self::ImageMount => f.write_str("image mount of"),
            Self::BoundInto => f.write_str("bind mount of"),
            Self::MountId => f.write_str("layerdb mount-id"),
            Self::InitId => f.write_str("layerdb init-id"),
            Self::MountParent => f.write_str("layerdb mount parent"),
            Self::InitOf => f.write_str("init layer of"),
            Self::CacheId => f.write_str("layerdb cache-id"),
            Self::ParentLayer => f.write_str("parent of"),
            Self::LiesIn => f.write_str("lies in the record of"),
            Self::DirectoryOf => f.write_str("record of directory"),
            Self::LowerEntry(position) => write!(f, "lower entry {position}"),
            Self::OwnLink => f.write_str("link of"),
            Self::LinkTarget => f.write_str("target of link"),
            Self::SnapshotDir => f.write_str("directory of build snapshot"),
            Self::SnapshotCommitted => f.write_str("committed build snapshot"),
            Self::SnapshotChain => f.write_str("layer of build snapshot"),
            Self::SnapshotParent => f.write_str("parent of build snapshot"),
            Self::Leased => f.write_str("lease"),
            Self::CacheRecord => f.write_str("cache record"),
            Self::MountedIn(pid) => write!(f, "mounted in pid {pid}"),
            Self::HeldBy(via, pid) => write!(f, "{via} of pid {pid}"),
        }
    }
}
