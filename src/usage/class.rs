//! The classes of `df`: every owner of inodes falls into exactly one.

use crate::graph::reach::Set;
use crate::graph::verdict::{Garbage, Verdict, Verdicts};
use crate::graph::{Graph, NodeId, Thing, Via};
use crate::id::{ChainId, DirId, FileName, LinkId, MountName};
use crate::inventory::Inventory;
use crate::store::place::{Area, Owner};
use serde::Serialize;

/// A class of owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Layers that images or containers need: their directories and links.
    ImageLayers,
    /// RW and init directories of containers, with their links.
    ContainerLayers,
    /// What containers have besides: configs and logs.
    ContainerFiles,
    /// BuildKit's databases and contents, and the layers that only it needs.
    BuildCache,
    /// Volumes.
    Volumes,
    /// Plugins.
    Plugins,
    /// What Docker keeps to find the rest.
    Metadata,
    /// What is proven to belong to nothing.
    Garbage,
    /// Stores of drivers, user namespaces and builders that are no longer used.
    InactiveStores,
    /// What is not Docker's, not known, or not proven.
    Other,
}

impl Class {
    /// Every class, in the order of `df`.
    pub const ALL: [Self; 10] = [
        Self::ImageLayers,
        Self::ContainerLayers,
        Self::ContainerFiles,
        Self::BuildCache,
        Self::Volumes,
        Self::Plugins,
        Self::Metadata,
        Self::Garbage,
        Self::InactiveStores,
        Self::Other,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ImageLayers => "image-layers",
            Self::ContainerLayers => "container-layers",
            Self::ContainerFiles => "container-files",
            Self::BuildCache => "build-cache",
            Self::Volumes => "volumes",
            Self::Plugins => "plugins",
            Self::Metadata => "metadata",
            Self::Garbage => "garbage",
            Self::InactiveStores => "inactive-stores",
            Self::Other => "other",
        }
    }
}

/// Tells the class of owners.
#[derive(Debug)]
pub struct Classifier<'a> {
    inventory: &'a Inventory,
    graph: &'a Graph,
    verdicts: &'a Verdicts,
    /// What images and containers need, whatever BuildKit knows of it.
    needed: Set,
    /// What BuildKit needs.
    built: Set,
}

/// The class of an owner, and how it came there if it is garbage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Belongs {
    /// The class.
    pub class: Class,
    /// The kind of garbage.
    pub garbage: Option<Garbage>,
    /// The doubt for which it is not garbage, by its index.
    pub doubt: Option<usize>,
}

impl From<Class> for Belongs {
    fn from(class: Class) -> Self {
        Self { class, garbage: None, doubt: None }
    }
}

impl From<Garbage> for Belongs {
    fn from(garbage: Garbage) -> Self {
        Self { class: Class::Garbage, garbage: Some(garbage), doubt: None }
    }
}

impl<'a> Classifier<'a> {
    /// Prepares to classify the owners of what the graph was built from.
    #[must_use]
    pub fn new(inventory: &'a Inventory, graph: &'a Graph, verdicts: &'a Verdicts) -> Self {
        let reached = |from: fn(&Thing) -> bool| graph.reachable(graph.things().filter(|(_, thing)| from(thing)).map(|(node, _)| node));
        let needed = reached(|thing| matches!(thing, Thing::Image(_) | Thing::Container(_)));
        let built = reached(|thing| matches!(thing, Thing::Snapshot(_) | Thing::Lease(_) | Thing::Record(_)));
        Self { inventory, graph, verdicts, needed, built }
    }

    /// The class of `owner`.
    #[must_use]
    pub fn classify(&self, owner: &Owner) -> Belongs {
        match owner.area {
            Area::LayerDir | Area::LayerDiff => self.directory(&owner.name),
            Area::Link => LinkId::try_from(&*owner.name).map_or(Class::Other.into(), |link| self.link(link)),
            Area::LayerRecord => self.layer_record(&owner.name),
            Area::MountRecord => self.record(self.mount_in(&owner.name).map(Thing::Mount)),
            Area::WriteSet => self.record(text(&owner.name).map(Thing::WriteSet)),
            Area::Temporary => self.leftover(text(&owner.name).map(Thing::Temporary)),
            Area::Trash => self.record(text(&owner.name).map(Thing::Trash)),
            Area::DataRoot
            | Area::Overlay2
            | Area::Links
            | Area::DriverFile
            | Area::Containers
            | Area::Metadata
            | Area::Image
            | Area::ImageConfig
            | Area::ImageMetadata
            | Area::Distribution => Class::Metadata.into(),
            Area::Container | Area::ContainerLog => Class::ContainerFiles.into(),
            Area::Volumes | Area::Volume => Class::Volumes.into(),
            Area::Plugins | Area::Plugin => Class::Plugins.into(),
            Area::BuildKit => Class::BuildCache.into(),
            Area::InactiveDriver | Area::SubRoot | Area::Retired => Class::InactiveStores.into(),
            // Where Docker has its images with containerd, they are not read.
            Area::Containerd | Area::Unknown => Class::Other.into(),
        }
    }

    /// Where the directory `name` of `overlay2/` belongs.
    fn directory(&self, name: &[u8]) -> Belongs {
        let node = DirId::try_from(name).ok().and_then(|id| self.graph.node(&Thing::Dir(id)));
        match node {
            Some(node) => self.judged(node, || self.role(node)),
            None => self.leftover(text(name).map(Thing::Probe)),
        }
    }

    /// The verdict on `node`, with its class if it is in use.
    fn judged(&self, node: NodeId, in_use: impl FnOnce() -> Class) -> Belongs {
        match self.verdicts.of(node) {
            Verdict::InUse => in_use().into(),
            Verdict::Garbage(garbage) => garbage.into(),
            Verdict::Unknown(doubt) => Belongs { class: Class::Other, garbage: None, doubt: Some(doubt) },
        }
    }

    /// What a directory in use is used for.
    fn role(&self, node: NodeId) -> Class {
        if !self.needed.contains(node) {
            // What only a mount or a process holds, nobody can explain.
            return if self.built.contains(node) { Class::BuildCache } else { Class::Other };
        }
        let keepers = self.graph.keepers_of(node);
        if keepers.iter().any(|edge| edge.via == Via::CacheId && self.needed.contains(edge.from)) {
            Class::ImageLayers
        } else if keepers.iter().any(|edge| matches!(edge.via, Via::MountId | Via::InitId | Via::InitOf)) {
            Class::ContainerLayers
        } else {
            Class::BuildCache
        }
    }

    /// A link belongs where its directory does, or to garbage by itself.
    fn link(&self, link: LinkId) -> Belongs {
        let Some(node) = self.graph.node(&Thing::Link(link)) else { return Class::Other.into() };
        let target = self.inventory.overlay2.links.get(&link).copied().flatten();
        let target = target.and_then(|id| self.graph.node(&Thing::Dir(id)));
        self.judged(node, || target.map_or(Class::Metadata, |target| self.role(target)))
    }

    fn layer_record(&self, name: &[u8]) -> Belongs {
        if let Ok(FileName(chain)) = FileName::<ChainId>::try_from(name) {
            return self.record(Some(Thing::Layer(chain)));
        }
        self.record(text(name).map(Thing::Removal))
    }

    /// The mount whose record is `name`, or lies in the directory of that name.
    fn mount_in(&self, name: &[u8]) -> Option<MountName> {
        let mounts = &self.inventory.mounts;
        if let Some(exact) = MountName::try_from(name).ok().filter(|name| mounts.contains_key(name)) {
            return Some(exact);
        }
        let above = format!("{}/", std::str::from_utf8(name).ok()?);
        let (below, _) = mounts.range(MountName::ImageMount(above.as_str().into())..).next()?;
        below.to_string().starts_with(&above).then(|| below.clone())
    }

    /// A record is metadata as long as it is used.
    fn record(&self, thing: Option<Thing>) -> Belongs {
        let node = thing.and_then(|thing| self.graph.node(&thing));
        node.map_or(Class::Other.into(), |node| self.judged(node, || Class::Metadata))
    }

    /// What was left behind and is used all the same nobody can explain.
    fn leftover(&self, thing: Option<Thing>) -> Belongs {
        let node = thing.and_then(|thing| self.graph.node(&thing));
        node.map_or(Class::Other.into(), |node| self.judged(node, || Class::Other))
    }
}

/// A name, if it is text.
fn text(name: &[u8]) -> Option<String> {
    std::str::from_utf8(name).ok().map(str::to_owned)
}
