//! Gathering the parts of dead things: a record with its directories and their links.

use super::draft::Drafted;
use super::{Action, Class, Evidence, Object, RelPath, Role};
use crate::audit::Audit;
use crate::graph::reach::Set;
use crate::graph::verdict::{Garbage, Verdict, names_part};
use crate::graph::{NodeId, Thing, Via};
use crate::id::{DirId, ImageId, LinkId};
use crate::store::imagedb;
use crate::store::leftovers::{ImageFiles, Leftover};
use crate::usage::scan::Usage;
use std::collections::BTreeMap;

/// Gathers the parts of dead things, each part once.
pub(super) struct Gatherer<'a> {
    audit: &'a Audit,
    images: &'a BTreeMap<ImageId, ImageFiles>,
    /// What some action takes.
    taken: Set,
}

impl<'a> Gatherer<'a> {
    pub(super) fn new(audit: &'a Audit, images: &'a BTreeMap<ImageId, ImageFiles>) -> Self {
        Self { audit, images, taken: Set::empty(&audit.graph) }
    }

    /// The action that takes the dead thing at `node`; nothing if another takes it already.
    pub(super) fn action(&mut self, node: NodeId, thing: &Thing, garbage: Garbage) -> Option<Drafted> {
        if !self.taken.insert(node) {
            return None;
        }
        let mut taking = Taking { nodes: vec![node], objects: Vec::new(), is_known: true };
        match thing {
            Thing::Dir(id) => self.directory(node, *id, &mut taking),
            Thing::Link(id) => taking.add(self.link(*id)),
            Thing::Image(id) => self.image(*id, &mut taking),
            // Its key stays in the database, where nothing looks it up.
            Thing::Snapshot(_) => self.named_directories(node, &mut taking),
            Thing::Temporary(_) | Thing::Probe(_) => taking.add(self.leftover(thing)),
            // What dockerd loads at its start goes out of its sight first, so that it never finds a layer without its directory.
            Thing::Layer(_) => {
                taking.add(self.tree(thing, Role::Record));
                self.named_directories(node, &mut taking);
            }
            // dockerd's own order: nothing finds these any more once the record is gone.
            _ => {
                self.named_directories(node, &mut taking);
                taking.add(self.tree(thing, Role::Record));
            }
        }
        // A snapshot has no place but its directory's.
        let path = path_of(thing).or_else(|| taking.objects.last().map(|object| object.path.clone()))?;
        let id = if let Thing::Temporary(_) = thing { path.split().1.to_owned() } else { thing.to_string() };
        let mut action = Action::new(Class::Garbage(garbage), thing.kind(), id, path);
        action.weigh(self.weight(&taking.nodes));
        action.objects = taking.objects;
        let withheld = (!taking.is_known).then(|| "it cannot be told which inode a part of it is".to_owned());
        Some(Drafted { action, nodes: taking.nodes, withheld })
    }

    /// Takes the dead directories that the record at `node` names alone; one that several name is taken by itself, after all of them.
    fn named_directories(&mut self, node: NodeId, taking: &mut Taking) {
        let audit = self.audit;
        let named = audit.graph.kept_by(node).iter().filter(|edge| names_part(edge.via));
        for part in named.map(|edge| edge.to) {
            let is_shared = audit.graph.keepers_of(part).iter().any(|edge| names_directory(edge.via) && edge.from != node);
            if let (Verdict::Garbage(_), Some(Thing::Dir(id))) = (audit.verdicts.of(part), audit.graph.thing(part))
                && !is_shared
                && self.taken.insert(part)
            {
                taking.nodes.push(part);
                self.directory(part, *id, taking);
            }
        }
    }

    /// Takes a directory after the links by which it calls itself.
    fn directory(&mut self, node: NodeId, id: DirId, taking: &mut Taking) {
        let audit = self.audit;
        for edge in audit.graph.kept_by(node).iter().filter(|edge| edge.via == Via::OwnLink) {
            if let (Verdict::Garbage(_), Some(Thing::Link(link))) = (audit.verdicts.of(edge.to), audit.graph.thing(edge.to))
                && audit.inventory.overlay2.links.get(link) == Some(&Some(id))
                && self.taken.insert(edge.to)
            {
                taking.nodes.push(edge.to);
                taking.add(self.link(*link));
            }
        }
        taking.add(self.tree(&Thing::Dir(id), Role::Part));
        self.leftovers(&Thing::Dir(id), taking);
    }

    /// Takes the leftovers that lie in what is taken as a whole.
    fn leftovers(&mut self, around: &Thing, taking: &mut Taking) {
        let things = self.audit.inventory.leftovers_in(around).filter_map(Leftover::thing);
        let nodes = things.filter_map(|thing| self.audit.graph.node(&thing));
        taking.nodes.extend(nodes.filter(|&node| self.taken.insert(node)));
    }

    fn link(&self, link: LinkId) -> Option<Object> {
        let target = self.audit.inventory.overlay2.links.get(&link).copied().flatten()?;
        let evidence = Evidence::link(format!("../{target}/diff"));
        Some(Object { path: path_of(&Thing::Link(link))?, evidence, role: Role::Part, put: None })
    }

    /// Takes an image's notes, then its config: one without the other is a config that was lost.
    fn image(&mut self, id: ImageId, taking: &mut Taking) {
        self.leftovers(&Thing::Image(id), taking);
        let Some(files) = self.images.get(&id) else { return taking.add(None) };
        if let Some(metadata) = files.metadata {
            let path = RelPath::new(format!("{}/{}", imagedb::METADATA, id.hex())).ok();
            taking.add(path.map(|path| Object { path, evidence: Evidence::directory(metadata), role: Role::Part, put: None }));
        }
        let path = path_of(&Thing::Image(id));
        taking.add(path.map(|path| Object { path, evidence: Evidence::file(files.config), role: Role::Record, put: None }));
    }

    fn leftover(&self, thing: &Thing) -> Option<Object> {
        let leftover = self.audit.inventory.leftover(thing)?;
        let path = RelPath::new(leftover.path.clone()).ok()?;
        Some(Object { path, evidence: Evidence::of(leftover.stamp)?, role: Role::Part, put: None })
    }

    fn tree(&self, thing: &Thing, role: Role) -> Option<Object> {
        let evidence = Evidence::of(*self.audit.inventory.stamp(thing)?)?;
        Some(Object { path: path_of(thing)?, evidence, role, put: None })
    }

    /// What `nodes` weigh together, if anything was measured.
    fn weight(&self, nodes: &[NodeId]) -> Option<Usage> {
        let account = self.audit.account.as_ref()?;
        let mut usage = Usage::default();
        for thing in nodes.iter().filter_map(|&node| self.audit.graph.thing(node)) {
            usage += account.of_thing(thing);
        }
        Some(usage)
    }
}

/// Whether this is how a record names its directories.
const fn names_directory(via: Via) -> bool {
    matches!(via, Via::CacheId | Via::MountId | Via::InitId)
}

/// What an action is going to take.
struct Taking {
    nodes: Vec<NodeId>,
    objects: Vec<Object>,
    /// Whether each part can be told from whatever may take its place.
    is_known: bool,
}

impl Taking {
    fn add(&mut self, object: Option<Object>) {
        self.is_known &= object.is_some();
        self.objects.extend(object);
    }
}

/// Where a thing lies, if it has a place whose name is text.
pub(super) fn path_of(thing: &Thing) -> Option<RelPath> {
    RelPath::new(thing.owner()?.path().into_os_string().into_string().ok()?).ok()
}

impl Action {
    /// An action that takes nothing yet.
    pub(super) fn new(class: Class, kind: &str, id: String, path: RelPath) -> Self {
        Self {
            class,
            kind: kind.to_owned(),
            id,
            path,
            reason: class.describe().to_owned(),
            bytes: None,
            inodes: None,
            objects: Vec::new(),
            after: Vec::new(),
        }
    }

    /// Adds what a part of it weighs, if that was measured.
    pub(super) fn weigh(&mut self, usage: Option<Usage>) {
        let add = |sum: &mut Option<u64>, more: u64| *sum = Some(sum.unwrap_or_default().saturating_add(more));
        if let Some(usage) = usage {
            add(&mut self.bytes, usage.bytes);
            add(&mut self.inodes, usage.inodes);
        }
    }
}
