//! Everything that was read of a data-root, verbatim, with what could not be read.

use crate::dir::{Dir, Stamp};
use crate::graph::Thing;
use crate::id::{ContainerId, DiffId, DirId, ImageId, MountName};
use crate::store::buildkit::{self, BuildKit};
use crate::store::containers::{self, Container};
use crate::store::imagedb::{self, Image};
use crate::store::layerdb::{self, LayerDb};
use crate::store::leftovers::{self, Leftover, Places};
use crate::store::live::{Holder, Live, LiveMount, LockState, Sight, locks};
use crate::store::mounts::{self, Mount};
use crate::store::networks::{self, Network};
use crate::store::overlay2::{self, Overlay2};
use crate::store::plugins::{self, Plugin};
use crate::store::swarm::{self, Swarm};
use crate::store::volumes::{self, Volume};
use crate::store::{distribution, repositories};
use crate::unreadable::{Pins, Unreadable, keep};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The storage driver whose store is read.
pub const DRIVER: &str = "overlay2";

/// What is on the disk.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// The data-root; empty where archives were read.
    pub root: PathBuf,
    /// The archives that were read instead of a data-root.
    pub archives: Vec<PathBuf>,
    /// Every name of an image.
    pub references: BTreeMap<String, ImageId>,
    /// Every image.
    pub images: BTreeMap<ImageId, Image>,
    /// Layers, removals and write sets.
    pub layerdb: LayerDb,
    /// Read-write layers.
    pub mounts: BTreeMap<MountName, Mount>,
    /// Layer directories and links.
    pub overlay2: Overlay2,
    /// Every container.
    pub containers: BTreeMap<ContainerId, Container>,
    /// BuildKit's databases; `None` where there are none.
    pub buildkit: Option<BuildKit>,
    /// The contents of which registries are remembered.
    pub distribution: BTreeSet<DiffId>,
    /// Volumes, by their names.
    pub volumes: BTreeMap<String, Volume>,
    /// Plugins, by the names of their directories.
    pub plugins: BTreeMap<String, Plugin>,
    /// Networks, by their IDs.
    pub networks: BTreeMap<String, Network>,
    /// The cluster that this is a node of, if it is one.
    pub swarm: Option<Swarm>,
    /// What no record knows and something left behind, in the order of paths.
    pub leftovers: Vec<Leftover>,
    /// Mounts, in any namespace, that use layer directories.
    pub live_mounts: Vec<LiveMount>,
    /// Processes that have something open in layer directories, run from them or stand in them.
    pub holders: Vec<Holder>,
    /// The dockerd that runs on this data-root.
    pub running: Option<Running>,
    /// Whether a dockerd of 23.0 or later was ever here: it writes `engine-id`.
    pub has_engine_id: bool,
    /// The read-write layers of containers that are not there any more, as far as something was written in them.
    pub unowned_data: BTreeSet<MountName>,
    /// What could not be read or understood.
    pub unreadable: Vec<Unreadable>,
}

impl Inventory {
    /// Reads everything below `root`, after what the machine said of it in `live` (`None` for a disk that no machine can be using).
    #[must_use]
    pub fn read(root: &Dir, live: Option<Live>) -> Self {
        let mut unreadable = Vec::new();
        // The databases of builds first, then what names layers, then the directories: what is made meanwhile is then at worst a directory
        // younger than its dockerd.
        let buildkit = buildkit::read(root, &mut unreadable);
        let containers = containers::read(root, &mut unreadable);
        let mounts = mounts::read(root, &mut unreadable);
        let references = repositories::read(root, &mut unreadable);
        let images = imagedb::read(root, &mut unreadable);
        let layerdb = layerdb::read(root, &mut unreadable);
        let distribution = distribution::read(root, &mut unreadable);
        let overlay2 = overlay2::read(root, &mut unreadable);
        let places =
            Places { overlay2: &overlay2, images: images.keys().copied().collect(), containers: containers.keys().copied().collect() };
        let leftovers = leftovers::read(root, &places, &mut unreadable);
        let unowned_data = mounts::unowned_data(root, &mounts, &containers);
        let volumes = volumes::read(root, &mut unreadable);
        let plugins = plugins::read(root, &mut unreadable);
        let networks = networks::read(root, &mut unreadable);
        let swarm = swarm::read(root, &mut unreadable);
        let has_engine_id = keep(root.kind("engine-id"), Pins::Nothing, &mut unreadable).flatten().is_some();
        // Asked again: a dockerd that came up meanwhile has made things that were read, and may have named them where it was too late.
        let lock = locks::probe(root).unwrap_or(LockState::Unknown);
        let running = live.as_ref().and_then(|live| Running::find(live, &lock));
        let (live_mounts, holders) = live.map_or_else(Default::default, |live| {
            unreadable.extend(live.incomplete);
            (live.mounts, live.holders)
        });
        let references = references.unwrap_or_default();
        let mut inventory = Self {
            root: root.path().to_owned(),
            archives: Vec::new(),
            references,
            images,
            layerdb,
            mounts,
            overlay2,
            containers,
            buildkit,
            distribution,
            volumes,
            plugins,
            networks,
            swarm,
            leftovers,
            live_mounts,
            holders,
            running,
            has_engine_id,
            unowned_data,
            unreadable,
        };
        inventory.note_missing(root);
        inventory.unreadable.sort_unstable();
        inventory.unreadable.dedup();
        inventory
    }

    /// Notes what dockerd makes at its start and is not there, although there is something that it would tell of.
    fn note_missing(&mut self, root: &Dir) {
        let has_no_images = self.images.is_empty() && !self.layerdb.layers.is_empty();
        let has_builds = self.overlay2.dirs.keys().any(|id| matches!(id, DirId::Build(_)));
        for (is_wanted, path, why, pins) in [
            (!self.images.is_empty(), repositories::PATH, "there are images: all their names are lost", Pins::Images),
            (has_no_images, imagedb::CONTENT, "there are layers, which images may have needed", Pins::Layers),
            (has_builds, buildkit::PATH, "there are directories that builds made", Pins::Everything),
        ] {
            if is_wanted && root.kind(path).is_ok_and(|kind| kind.is_none()) {
                self.unreadable.push(Unreadable::malformed(root.path().join(path), format!("missing, although {why}"), pins));
            }
        }
    }

    /// Which inode a thing's record or directory is, and when it was made; nothing for what has none of its own.
    #[must_use]
    pub fn stamp(&self, thing: &Thing) -> Option<&Stamp> {
        match thing {
            Thing::Layer(chain) => self.layerdb.layers.get(chain)?.stamp.as_ref(),
            Thing::Removal(name) => self.layerdb.removals.get(name)?.stamp.as_ref(),
            Thing::WriteSet(name) => self.layerdb.write_sets.get(name)?.stamp.as_ref(),
            Thing::Mount(name) => self.mounts.get(name)?.stamp.as_ref(),
            Thing::Dir(id) => self.overlay2.dirs.get(id)?.stamp.as_ref(),
            Thing::Temporary(_) | Thing::Probe(_) | Thing::Trash(_) => Some(&self.leftover(thing)?.stamp),
            Thing::Reference(_)
            | Thing::Image(_)
            | Thing::Container(_)
            | Thing::Snapshot(_)
            | Thing::Lease(_)
            | Thing::Record(_)
            | Thing::LiveMount(..)
            | Thing::Process(_)
            | Thing::Link(_) => None,
        }
    }

    /// What is known of a leftover.
    #[must_use]
    pub fn leftover(&self, thing: &Thing) -> Option<&Leftover> {
        let path = thing.owner().filter(|_| thing.is_leftover())?.path();
        let path = path.to_str()?;
        let at = self.leftovers.binary_search_by(|leftover| leftover.path.as_str().cmp(path)).ok()?;
        self.leftovers.get(at)
    }

    /// The leftovers directly in the directory of `thing`, which go with it.
    pub fn leftovers_in(&self, thing: &Thing) -> impl Iterator<Item = &Leftover> {
        let above = match thing {
            Thing::Image(id) => Some(format!("{}/{}/", imagedb::METADATA, id.hex())),
            thing => thing.owner().and_then(|owner| Some(format!("{}/", owner.path().to_str()?))),
        };
        let above = above.unwrap_or_default();
        let start = self.leftovers.partition_point(|leftover| leftover.path < above);
        let rest = self.leftovers.get(start..).unwrap_or_default();
        rest.iter().take_while(move |leftover| !above.is_empty() && leftover.path.starts_with(&above))
    }

    /// The name of a layer directory, if it is one: where archives were read, there is none, and what stands for it is nobody's concern.
    #[must_use]
    pub fn shown(&self, dir: DirId) -> Option<DirId> {
        self.archives.is_empty().then_some(dir)
    }

    /// The names of an image, sorted.
    pub fn names_of(&self, image: ImageId) -> impl Iterator<Item = &str> {
        self.references.iter().filter(move |(_, id)| **id == image).map(|(name, _)| name.as_str())
    }
}

/// A dockerd that may be in the middle of something that the disk does not show yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Its process, if it can be seen from here.
    pub pid: Option<u32>,
    /// When it was started, in seconds and nanoseconds since 1970.
    pub started: Option<(i64, u32)>,
}

impl Running {
    /// The dockerd that the machine's facts speak of, or that the lock does, which was asked for again after the disk was read.
    fn find(live: &Live, lock: &LockState) -> Option<Self> {
        let earliest = live.daemons_here().min_by_key(|daemon| daemon.started);
        if let Some(daemon) = earliest {
            return Some(Self { pid: Some(daemon.pid), started: daemon.started });
        }
        let is_free = |lock: &LockState| match lock {
            LockState::Free => true,
            // Without a lock to ask for, a dockerd can only be seen.
            LockState::Missing => live.sight == Sight::Whole,
            LockState::Held { .. } | LockState::Unknown => false,
        };
        (!is_free(&live.lock) || !is_free(lock)).then_some(Self { pid: None, started: None })
    }

    /// Whether it could have made the thing with this stamp, and be about to name it.
    #[must_use]
    pub fn may_have_made(&self, stamp: Option<&Stamp>) -> bool {
        let born = stamp.and_then(|stamp| stamp.born);
        match (born, self.started) {
            (Some(born), Some(started)) => born >= started,
            _ => true,
        }
    }

    /// Why a layer that nothing needs is not proven dead.
    #[must_use]
    pub fn why_loaded(&self) -> String {
        let who =
            self.pid.map_or_else(|| "a dockerd that cannot be seen from here".to_owned(), |pid| format!("the running dockerd (pid {pid})"));
        format!("nothing needs it, but {who} knows it and may take it for the next pull or build")
    }

    /// Why a leftover is not proven dead.
    #[must_use]
    pub fn why_at_work(&self) -> String {
        match self.pid {
            Some(pid) => format!("the running dockerd (pid {pid}) may be at work on it"),
            None => "a dockerd that cannot be seen from here may be at work on it".to_owned(),
        }
    }

    /// Why what it may have made is not proven dead.
    #[must_use]
    pub fn why_unproven(&self) -> String {
        match (self.pid, self.started) {
            (Some(pid), Some(_)) => format!("it is younger than the running dockerd (pid {pid}), which may be about to use it"),
            (Some(pid), None) => format!("dockerd (pid {pid}) is running, and when it was started cannot be told"),
            (None, _) => "a dockerd that cannot be seen from here may be running on this data-root".to_owned(),
        }
    }
}
