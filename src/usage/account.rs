//! Who owns which inode: pure, from what the scan charged to each owner and what the graph knows of it.

use super::class::{Belongs, Class, Classifier};
use super::scan::{Measured, Usage};
use crate::graph::verdict::Verdicts;
use crate::graph::{Graph, Thing};
use crate::id::{ChainId, ContainerId, DirId, ImageId, LinkId, MountName};
use crate::inventory::Inventory;
use crate::store::containers::Status;
use crate::store::mounts::Mount;
use crate::store::place::{Area, Owner};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The sum of a class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many things are in it.
    pub count: u64,
    /// What they weigh together.
    pub usage: Usage,
    /// How many of the bytes would be freed if all of the class that no container needs were removed.
    pub reclaimable: u64,
}

/// What everything weighs.
#[derive(Debug)]
pub struct Account {
    /// What the scan found.
    pub measured: Measured,
    /// Each class with its sum; classes without anything too.
    pub classes: BTreeMap<Class, Sum>,
    /// Every owner with its class.
    pub belongs: BTreeMap<Owner, Belongs>,
    /// What lies under each directory's links.
    links: HashMap<DirId, Usage>,
}

impl Account {
    /// Accounts for everything that was measured.
    #[must_use]
    pub fn new(measured: Measured, inventory: &Inventory, graph: &Graph, verdicts: &Verdicts) -> Self {
        let classifier = Classifier::new(inventory, graph, verdicts);
        let belongs: BTreeMap<_, _> = measured.owners.keys().map(|owner| (owner.clone(), classifier.classify(owner))).collect();
        let mut links: HashMap<DirId, Usage> = HashMap::new();
        for (&link, &target) in &inventory.overlay2.links {
            let usage = measured.owners.get(&Owner::new(Area::Link, link.to_string().as_bytes()));
            if let (Some(dir), Some(&usage)) = (target, usage) {
                *links.entry(dir).or_default() += usage;
            }
        }
        let mut account = Self { measured, classes: BTreeMap::new(), belongs, links };
        account.classes = account.sum(&Spare::find(inventory, graph));
        account
    }

    /// The sums of all classes.
    fn sum(&self, spare: &Spare) -> BTreeMap<Class, Sum> {
        let mut sums: BTreeMap<Class, Sum> = Class::ALL.into_iter().map(|class| (class, Sum::default())).collect();
        let mut counted = BTreeSet::new();
        for (owner, usage) in &self.measured.owners {
            let class = self.belongs.get(owner).map_or(Class::Other, |belongs| belongs.class);
            let sum = sums.entry(class).or_default();
            sum.usage += *usage;
            if spare.is_reclaimable(owner, class) {
                sum.reclaimable += usage.bytes;
            }
            if counts(owner, class) && counted.insert((class, thing_area(owner.area), &owner.name)) {
                sum.count += 1;
            }
        }
        sums
    }

    /// What is charged to the thing called `name` in `area`.
    #[must_use]
    pub fn owner(&self, area: Area, name: &str) -> Usage {
        self.measured.owners.get(&Owner::new(area, name.as_bytes())).copied().unwrap_or_default()
    }

    /// What a layer directory weighs, with the links that lead to it.
    #[must_use]
    pub fn directory(&self, id: DirId) -> Usage {
        let name = id.to_string();
        let mut usage = self.owner(Area::LayerDir, &name);
        usage += self.owner(Area::LayerDiff, &name);
        usage += self.links.get(&id).copied().unwrap_or_default();
        usage
    }

    /// What Docker counts as the size of the tree that a layer directory holds: the apparent bytes of all that is no directory.
    #[must_use]
    pub fn docker_size(&self, id: DirId) -> u64 {
        self.owner(Area::LayerDiff, &id.to_string()).content_bytes
    }

    /// What a container's own files weigh: all, and the logs among them.
    #[must_use]
    pub fn container_files(&self, id: ContainerId) -> (Usage, Usage) {
        let name = id.to_string();
        let logs = self.owner(Area::ContainerLog, &name);
        let mut all = self.owner(Area::Container, &name);
        all += logs;
        (all, logs)
    }

    /// What goes away on the disk when `thing` goes, itself and its record, but nothing that it keeps.
    #[must_use]
    pub fn of_thing(&self, thing: &Thing) -> Usage {
        match thing {
            Thing::Dir(id) => {
                let name = id.to_string();
                let mut usage = self.owner(Area::LayerDir, &name);
                usage += self.owner(Area::LayerDiff, &name);
                usage
            }
            Thing::Link(id) => self.link(*id),
            Thing::Layer(chain) => self.layer_record(*chain),
            Thing::Mount(name) => self.mount_record(name),
            Thing::Image(id) => self.image_files(*id),
            Thing::Container(id) => self.container_files(*id).0,
            Thing::Removal(name) => self.owner(Area::LayerRecord, name),
            Thing::WriteSet(name) => self.owner(Area::WriteSet, name),
            Thing::Temporary(path) => self.owner(Area::Temporary, path),
            Thing::Trash(path) => self.owner(Area::Trash, path),
            Thing::Probe(name) => {
                let mut usage = self.owner(Area::LayerDir, name);
                usage += self.owner(Area::LayerDiff, name);
                usage
            }
            Thing::Reference(_) | Thing::Snapshot(_) | Thing::Lease(_) | Thing::Record(_) | Thing::LiveMount(..) | Thing::Process(_) => {
                Usage::default()
            }
        }
    }

    fn link(&self, id: LinkId) -> Usage {
        self.owner(Area::Link, &id.to_string())
    }

    fn layer_record(&self, chain: ChainId) -> Usage {
        self.owner(Area::LayerRecord, &chain.hex().to_string())
    }

    fn mount_record(&self, name: &MountName) -> Usage {
        let name = name.to_string();
        // An image mount's name may be a path: the inodes are charged to where it begins.
        self.owner(Area::MountRecord, name.split('/').next().unwrap_or_default())
    }

    fn image_files(&self, id: ImageId) -> Usage {
        let name = id.hex().to_string();
        let mut usage = self.owner(Area::ImageConfig, &name);
        usage += self.owner(Area::ImageMetadata, &name);
        usage
    }
}

/// Whether an owner is a thing to count, not just a place where things lie.
fn counts(owner: &Owner, class: Class) -> bool {
    match class {
        // A link is part of its directory, and a directory of its layer.
        Class::ImageLayers | Class::ContainerLayers | Class::BuildCache => owner.area == Area::LayerDir,
        Class::Volumes => owner.area == Area::Volume,
        Class::Plugins => owner.area == Area::Plugin,
        Class::ContainerFiles | Class::Metadata | Class::Garbage | Class::InactiveStores | Class::Other => true,
    }
}

/// The area under which the parts of one thing are counted together.
const fn thing_area(area: Area) -> Area {
    match area {
        Area::LayerDiff => Area::LayerDir,
        Area::ContainerLog => Area::Container,
        area => area,
    }
}

/// What no container needs, and so could be removed through dockerd.
struct Spare {
    needed_by_containers: crate::graph::reach::Set,
    idle_containers: BTreeSet<String>,
    idle_dirs: BTreeSet<DirId>,
    /// Nothing if a container's config is lost: it may have used any.
    used_volumes: Option<BTreeSet<String>>,
    dirs: HashMap<String, crate::graph::NodeId>,
}

impl Spare {
    fn find(inventory: &Inventory, graph: &Graph) -> Self {
        let containers =
            graph.things().filter(|(_, thing)| matches!(thing, Thing::Container(_) | Thing::LiveMount(..) | Thing::Process(_)));
        let needed_by_containers = graph.reachable(containers.map(|(node, _)| node));
        let idle = |status| matches!(status, Status::Created | Status::Exited | Status::Dead);
        let idle: Vec<_> =
            inventory.containers.values().filter(|container| container.config.as_ref().is_some_and(|config| idle(config.status))).collect();
        let configs: Option<Vec<_>> = inventory.containers.values().map(|container| container.config.as_ref()).collect();
        let mounts = idle.iter().filter_map(|container| inventory.mounts.get(&container.id.into()));
        let dirs = graph.things().filter_map(|(node, thing)| match thing {
            Thing::Dir(id) => Some((id.to_string(), node)),
            _ => None,
        });
        Self {
            needed_by_containers,
            idle_dirs: mounts.flat_map(Mount::dirs).collect(),
            idle_containers: idle.iter().map(|container| container.id.to_string()).collect(),
            used_volumes: configs.map(|configs| configs.iter().flat_map(|config| config.volumes.clone()).collect()),
            dirs: dirs.collect(),
        }
    }

    fn is_reclaimable(&self, owner: &Owner, class: Class) -> bool {
        let Ok(name) = std::str::from_utf8(&owner.name) else { return class == Class::Garbage };
        match class {
            Class::Garbage => true,
            Class::ImageLayers | Class::BuildCache => {
                matches!(owner.area, Area::LayerDir | Area::LayerDiff)
                    && self.dirs.get(name).is_some_and(|&node| !self.needed_by_containers.contains(node))
            }
            Class::ContainerLayers => name.parse().is_ok_and(|id| self.idle_dirs.contains(&id)),
            Class::ContainerFiles => self.idle_containers.contains(name),
            Class::Volumes => owner.area == Area::Volume && self.used_volumes.as_ref().is_some_and(|used| !used.contains(name)),
            // Stores that are not read may be those of another daemon, or be needed by a container of theirs.
            Class::InactiveStores | Class::Plugins | Class::Metadata | Class::Other => false,
        }
    }
}
