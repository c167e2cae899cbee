//! What a person means by something they have in hand: a directory name, a path, a link, an id or the beginning of one, a name.

use crate::audit::Audit;
use crate::graph::Thing;
use crate::id::lookup::Match;
use crate::id::{ChainId, ContainerId, DirId, FileName, ImageId, LinkId, MountName};
use crate::render::escape;
use crate::store::place::{Area, Owner, Place};
use crate::store::repositories;
use crate::suggest::nearest;
use std::collections::BTreeSet;
use std::path::Path;

/// Something that can be asked about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A thing of the graph.
    Thing(Thing),
    /// Something that has an owner but keeps and is kept by no layer: a volume, a plugin, a database.
    Owner(Owner),
}

impl Target {
    /// The word for this kind of thing.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Thing(thing) => thing.kind(),
            Self::Owner(owner) => match owner.area {
                Area::Volume => "volume",
                Area::Plugin => "plugin",
                Area::ContainerLog => "container-log",
                Area::InactiveDriver | Area::SubRoot | Area::Retired => "inactive-store",
                Area::BuildKit => "build-cache-store",
                Area::Containerd => "containerd-store",
                Area::Unknown | Area::Temporary | Area::Trash | Area::DriverFile | Area::LayerDir | Area::LayerDiff => "unknown",
                _ => "metadata",
            },
        }
    }

    /// Its name or ID.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Thing(thing) => thing.to_string(),
            Self::Owner(owner) if owner.area == Area::DataRoot => ".".to_owned(),
            Self::Owner(owner) if owner.name.is_empty() => escape::path(&owner.path()),
            Self::Owner(owner) => escape::name(&owner.name),
        }
    }

    /// Whom its inodes are charged to, if it has any.
    #[must_use]
    pub fn owner(&self) -> Option<Owner> {
        match self {
            Self::Thing(thing) => thing.owner(),
            Self::Owner(owner) => Some(owner.clone()),
        }
    }
}

/// The target that a path below the data-root lies in.
#[must_use]
pub fn of_path(audit: &Audit, below_root: &Path, is_directory: bool) -> Target {
    of_owner(audit, Place::of_path(below_root, is_directory).owner())
}

/// The target that an owner of inodes is.
#[must_use]
pub fn of_owner(audit: &Audit, owner: &Owner) -> Target {
    let thing = thing_of(owner).filter(|thing| audit.graph.node(thing).is_some());
    thing.map_or_else(|| Target::Owner(owner.clone()), Target::Thing)
}

/// The thing that an owner is.
fn thing_of(owner: &Owner) -> Option<Thing> {
    let name = &*owner.name;
    let text = || std::str::from_utf8(name).ok().map(str::to_owned);
    match owner.area {
        Area::LayerDir | Area::LayerDiff => DirId::try_from(name).ok().map(Thing::Dir).or_else(|| text().map(Thing::Probe)),
        Area::Temporary => text().map(Thing::Temporary),
        Area::Trash => text().map(Thing::Trash),
        Area::Link => LinkId::try_from(name).ok().map(Thing::Link),
        Area::LayerRecord => match FileName::<ChainId>::try_from(name) {
            Ok(FileName(chain)) => Some(Thing::Layer(chain)),
            Err(_) => text().map(Thing::Removal),
        },
        Area::MountRecord => MountName::try_from(name).ok().map(Thing::Mount),
        Area::WriteSet => text().map(Thing::WriteSet),
        Area::ImageConfig | Area::ImageMetadata => FileName::<ImageId>::try_from(name).ok().map(|FileName(id)| Thing::Image(id)),
        Area::Container => ContainerId::try_from(name).ok().map(Thing::Container),
        _ => None,
    }
}

/// Everything that `text` may mean: exact names first, then the beginnings of ids.
#[must_use]
pub fn find(audit: &Audit, text: &str) -> Match<Target> {
    let exact: BTreeSet<Target> = named(audit, text);
    let found = if exact.is_empty() { begun(audit, text) } else { exact };
    found.into_iter().collect()
}

/// The names that were probably meant by one that nothing has: those of the same repository, else the one that is most like it.
#[must_use]
pub fn similar(audit: &Audit, text: &str) -> Vec<String> {
    const SHOWN: usize = 5;
    let inventory = &audit.inventory;
    let repository = format!("{}:", repositories::familiar(text));
    let tags: Vec<String> = inventory
        .references
        .keys()
        .filter(|name| name.starts_with(&repository))
        .take(SHOWN)
        .map(|name| escape::line(name).into_owned())
        .collect();
    if !tags.is_empty() {
        return tags;
    }
    let containers = inventory.containers.values().filter_map(|container| Some(container.config.as_ref()?.name.as_str()));
    let names = inventory.references.keys().map(String::as_str).chain(containers).chain(inventory.volumes.keys().map(String::as_str));
    nearest(text, names).map(|name| escape::line(name).into_owned()).into_iter().collect()
}

/// The things whose whole name is `text`.
fn named(audit: &Audit, text: &str) -> BTreeSet<Target> {
    let inventory = &audit.inventory;
    let familiar = repositories::familiar(text);
    let tagged = format!("{familiar}:latest");
    let images = [&*familiar, &tagged].into_iter().filter_map(|name| inventory.references.get(name)).take(1).map(|&id| Thing::Image(id));
    let name = text.strip_prefix('/').unwrap_or(text);
    let containers = inventory.containers.values().filter(|container| container.config.as_ref().is_some_and(|config| config.name == name));
    let containers = containers.map(|container| Thing::Container(container.id));
    let things = images.chain(containers).filter(|thing| audit.graph.node(thing).is_some()).map(Target::Thing);
    let whole =
        audit.graph.things().filter(|(_, thing)| asked_by_id(audit, thing) && (id_text(thing) == text || thing.to_string() == text));
    let whole = whole.map(|(_, thing)| Target::Thing(thing.clone()));
    let volumes =
        inventory.volumes.keys().filter(|volume| *volume == text).map(|volume| Target::Owner(Owner::new(Area::Volume, volume.as_bytes())));
    prefer_owners(&things.chain(whole).chain(volumes).collect())
}

/// The things whose ID begins with `text`, with or without `sha256:`.
fn begun(audit: &Audit, text: &str) -> BTreeSet<Target> {
    let prefix = text.strip_prefix("sha256:").unwrap_or(text);
    if prefix.is_empty() {
        return BTreeSet::new();
    }
    let by_id = audit.graph.things().filter(|(_, thing)| asked_by_id(audit, thing) && id_text(thing).starts_with(prefix));
    let by_id = by_id.map(|(_, thing)| thing.clone());
    let by_diff = audit
        .inventory
        .layerdb
        .layers
        .values()
        .filter(|layer| layer.diff.value().is_some_and(|diff| diff.hex().to_string().starts_with(prefix)));
    let by_diff = by_diff.map(|layer| Thing::Layer(layer.chain));
    prefer_owners(&by_id.chain(by_diff).map(Target::Thing).collect())
}

/// Whether a person asks for this thing by its ID.
const fn asked_by_id(audit: &Audit, thing: &Thing) -> bool {
    match thing {
        // The first have no ID, what was left behind has only a path.
        Thing::Reference(_) | Thing::LiveMount(..) | Thing::Process(_) | Thing::Temporary(_) | Thing::Probe(_) | Thing::Trash(_) => false,
        // In archives there are none.
        Thing::Dir(_) | Thing::Link(_) => audit.inventory.archives.is_empty(),
        _ => true,
    }
}

/// The ID without `sha256:`.
fn id_text(thing: &Thing) -> String {
    let text = thing.to_string();
    text.strip_prefix("sha256:").map(str::to_owned).unwrap_or(text)
}

/// Leaves out what only repeats another's name: the records of a container's mounts, an init directory beside its RW directory, the
/// snapshot, lease and directory beside the cache record or directory that a person means by a build's ID.
fn prefer_owners(found: &BTreeSet<Target>) -> BTreeSet<Target> {
    let repeats = |target: &Target| match target {
        Target::Thing(Thing::Mount(MountName::Hex(hex))) => {
            found.iter().any(|other| matches!(other, Target::Thing(Thing::Container(id)) if id.hex() == *hex))
        }
        // Its name begins with its container's ID, and so with every beginning of that.
        Target::Thing(Thing::Mount(MountName::ImageMount(name))) => {
            found.iter().any(|other| matches!(other, Target::Thing(Thing::Container(id)) if name.starts_with(&id.to_string())))
        }
        Target::Thing(Thing::Dir(DirId::Init(hex))) => found.contains(&Target::Thing(Thing::Dir(DirId::Hex(*hex)))),
        Target::Thing(thing @ (Thing::Snapshot(_) | Thing::Lease(_) | Thing::Record(_))) => {
            let rank = build_rank(thing);
            let same = |other: &&Target| matches!(other, Target::Thing(other) if build_rank(other) < rank && other.to_string() == thing.to_string());
            found.iter().any(|other| same(&other))
        }
        Target::Thing(_) | Target::Owner(_) => false,
    };
    found.iter().filter(|target| !repeats(target)).cloned().collect()
}

/// Which of the things that bear the same ID says most.
const fn build_rank(thing: &Thing) -> u8 {
    match thing {
        Thing::Dir(_) | Thing::Layer(_) => 0,
        Thing::Record(_) => 1,
        Thing::Snapshot(_) => 2,
        _ => 3,
    }
}
