//! From verdicts to actions: each dead record with its parts, then what no record explains.

use super::order;
use super::{Action, Class, Evidence, Mode, Object, Plan, RelPath, Role, SCHEMA, Withheld};
use crate::audit::Audit;
use crate::graph::reach::Set;
use crate::graph::verdict::{Garbage, Verdict, is_record};
use crate::graph::{NodeId, Thing, Via};
use crate::id::{DirId, LinkId};
use crate::render::escape;
use crate::store::leftovers::{Leftover, What};
use crate::store::place::Area;
use crate::usage::scan::Usage;
use std::collections::HashMap;
use std::path::Path;

/// A plan that is being drawn up: what is proven dead, and what of it is withheld.
#[derive(Debug)]
pub struct Draft<'a> {
    pub(super) audit: &'a Audit,
    pub(super) mode: Mode,
    pub(super) drafted: Vec<Drafted>,
    withheld: Vec<Withheld>,
}

/// An action of a draft.
#[derive(Debug)]
pub(super) struct Drafted {
    pub(super) action: Action,
    /// The things that it takes.
    pub(super) nodes: Vec<NodeId>,
    /// Why it is not to be done after all.
    pub(super) withheld: Option<String>,
}

impl<'a> Draft<'a> {
    /// Drafts an action for everything that is proven dead; what is not, though nothing is known to use it, is withheld.
    #[must_use]
    pub fn new(audit: &'a Audit, leftovers: &[Leftover], mode: Mode) -> Self {
        let mut gatherer = Gatherer { audit, taken: Set::empty(&audit.graph) };
        let mut drafted = Vec::new();
        for garbage in Garbage::ALL {
            for (node, thing) in audit.graph.things() {
                let is_garbage = audit.verdicts.of(node) == Verdict::Garbage(garbage);
                if is_garbage && is_record(garbage, thing, &audit.inventory) {
                    drafted.extend(gatherer.action(node, thing, garbage));
                }
            }
        }
        // Links alone, and whatever else is dead and is no part of a record.
        for (node, thing) in audit.graph.things() {
            if let Verdict::Garbage(garbage) = audit.verdicts.of(node) {
                drafted.extend(gatherer.action(node, thing, garbage));
            }
        }
        let mut draft = Self { audit, mode, drafted, withheld: Vec::new() };
        draft.add_leftovers(leftovers);
        draft.withhold_the_unproven();
        if mode == Mode::Online {
            draft.withhold_what_dockerd_may_know();
        }
        draft
    }

    /// Adds what no record knows: with a dockerd at work it may be in the middle of it, so then it is withheld.
    fn add_leftovers(&mut self, leftovers: &[Leftover]) {
        let objects =
            self.drafted.iter().enumerate().flat_map(|(index, drafted)| drafted.action.objects.iter().map(move |object| (object, index)));
        let taken: HashMap<String, usize> = objects.map(|(object, index)| (object.path.to_string(), index)).collect();
        for leftover in leftovers {
            let usage = self.usage_of(leftover);
            let around = Path::new(&leftover.path).parent().and_then(Path::to_str).and_then(|around| taken.get(around));
            if let Some(drafted) = around.and_then(|&index| self.drafted.get_mut(index)) {
                drafted.action.weigh(usage);
                continue;
            }
            let (garbage, kind, evidence) = match leftover.what {
                What::TemporaryFile => (Garbage::TemporaryFile, "temporary-file", Evidence::file(leftover.stamp)),
                What::ProbeDirectory => (Garbage::ProbeDirectory, "probe-directory", Evidence::directory(leftover.stamp)),
            };
            let Ok(path) = RelPath::new(leftover.path.clone()) else { continue };
            let id = path.split().1.to_owned();
            let mut action = new_action(Class(garbage), kind, id, path.clone());
            action.weigh(usage);
            action.objects.push(Object { path, evidence, role: Role::Part });
            let withheld = self.is_mounted(leftover).then(|| "something is mounted there".to_owned());
            self.drafted.push(Drafted { action, nodes: Vec::new(), withheld });
        }
    }

    fn usage_of(&self, leftover: &Leftover) -> Option<Usage> {
        let account = self.audit.account.as_ref()?;
        Some(match leftover.what {
            What::TemporaryFile => account.owner(Area::Temporary, &leftover.path),
            What::ProbeDirectory => {
                let name = leftover.path.rsplit('/').next().unwrap_or_default();
                let mut usage = account.owner(Area::LayerDir, name);
                usage += account.owner(Area::LayerDiff, name);
                usage
            }
        })
    }

    /// Whether a mount in any namespace names it.
    fn is_mounted(&self, leftover: &Leftover) -> bool {
        let name = leftover.path.rsplit('/').next().unwrap_or_default();
        self.audit.inventory.live_mounts.iter().flat_map(|mount| &mount.others).any(|other| other == name)
    }

    /// Lists what nothing is known to use and what is not proven dead either, with the doubt.
    fn withhold_the_unproven(&mut self) {
        let audit = self.audit;
        let unproven = audit.graph.things().filter_map(|(node, thing)| match audit.verdicts.of(node) {
            // A link goes with its directory, which is listed.
            Verdict::Unknown(doubt) if !matches!(thing, Thing::Link(_)) => Some((thing, audit.verdicts.doubt(doubt).to_owned())),
            Verdict::Unknown(_) | Verdict::InUse | Verdict::Garbage(_) => None,
        });
        let unproven = unproven.map(|(thing, reason)| withheld(audit, thing, reason));
        self.withheld.extend(unproven);
        let without_config = audit.inventory.containers.values().filter(|container| container.config.is_none());
        let reason = "its config cannot be read, so nobody can say what it was: look at it and remove it by hand";
        let without_config = without_config.map(|container| withheld(audit, &Thing::Container(container.id), reason.to_owned()));
        self.withheld.extend(without_config);
    }

    /// Withholds everything but directories that nothing has ever named: all else a running dockerd may have in memory.
    fn withhold_what_dockerd_may_know(&mut self) {
        let others = self.indices(|action| action.class != Class(Garbage::OrphanDirectory));
        self.withhold(&others, "a running dockerd may know it: stop dockerd and run without --online");
    }

    /// The actions of which `is` is true.
    pub(super) fn indices(&self, is: impl Fn(&Action) -> bool) -> Vec<usize> {
        self.drafted.iter().enumerate().filter(|(_, drafted)| is(&drafted.action)).map(|(index, _)| index).collect()
    }

    /// The plan: what is left of the draft, in an order in which nothing is taken before what lies on it.
    #[must_use]
    pub fn finish(self, identity: Evidence, created: jiff::Timestamp) -> Plan {
        let Self { audit, mode, drafted, mut withheld } = self;
        let (kept, rest): (Vec<_>, Vec<_>) = drafted.into_iter().partition(|drafted| drafted.withheld.is_none());
        withheld.extend(rest.into_iter().map(|drafted| {
            let Action { class, kind, id, path, bytes, .. } = drafted.action;
            let reason = drafted.withheld.unwrap_or_default();
            Withheld { reason, class: Some(class), kind, id, path: path.into(), bytes }
        }));
        withheld.sort_unstable();
        Plan {
            schema: SCHEMA.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            created: created.to_string(),
            data_root: escape::path(&audit.inventory.root),
            identity,
            mode,
            actions: order::sort(&audit.graph, kept),
            withheld,
        }
    }
}

fn new_action(class: Class, kind: &str, id: String, path: RelPath) -> Action {
    Action {
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

fn withheld(audit: &Audit, thing: &Thing, reason: String) -> Withheld {
    let path = thing.owner().map(|owner| escape::path(&owner.path())).unwrap_or_default();
    let bytes = audit.account.as_ref().map(|account| account.of_thing(thing).bytes);
    Withheld { reason, class: None, kind: thing.kind().to_owned(), id: thing.to_string(), path, bytes }
}

/// Gathers the parts of dead things, each part once.
struct Gatherer<'a> {
    audit: &'a Audit,
    /// What some action takes.
    taken: Set,
}

impl Gatherer<'_> {
    /// The action that takes the dead thing at `node`; nothing if another takes it already.
    fn action(&mut self, node: NodeId, thing: &Thing, garbage: Garbage) -> Option<Drafted> {
        if !self.taken.insert(node) {
            return None;
        }
        let mut taking = Taking { nodes: vec![node], objects: Vec::new(), is_known: true };
        match thing {
            Thing::Dir(id) => self.directory(node, *id, &mut taking),
            Thing::Link(id) => taking.add(self.link(*id)),
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
        let mut action = new_action(Class(garbage), thing.kind(), thing.to_string(), path_of(thing)?);
        action.weigh(self.weight(&taking.nodes));
        action.objects = taking.objects;
        let withheld = (!taking.is_known).then(|| "it cannot be told which inode a part of it is".to_owned());
        Some(Drafted { action, nodes: taking.nodes, withheld })
    }

    /// Takes the dead directories that the record at `node` names and no other action takes.
    fn named_directories(&mut self, node: NodeId, taking: &mut Taking) {
        let audit = self.audit;
        let named = audit.graph.kept_by(node).iter().filter(|edge| matches!(edge.via, Via::CacheId | Via::MountId | Via::InitId));
        for part in named.map(|edge| edge.to) {
            if let (Verdict::Garbage(_), Some(Thing::Dir(id))) = (audit.verdicts.of(part), audit.graph.thing(part))
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
    }

    fn link(&self, link: LinkId) -> Option<Object> {
        let target = self.audit.inventory.overlay2.links.get(&link).copied().flatten()?;
        let evidence = Evidence::link(format!("../{target}/diff"));
        Some(Object { path: path_of(&Thing::Link(link))?, evidence, role: Role::Part })
    }

    fn tree(&self, thing: &Thing, role: Role) -> Option<Object> {
        let evidence = Evidence::directory(*self.audit.inventory.stamp(thing)?);
        Some(Object { path: path_of(thing)?, evidence, role })
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

impl Action {
    /// Adds what a part of it weighs, if that was measured.
    fn weigh(&mut self, usage: Option<Usage>) {
        let add = |sum: &mut Option<u64>, more: u64| *sum = Some(sum.unwrap_or_default().saturating_add(more));
        if let Some(usage) = usage {
            add(&mut self.bytes, usage.bytes);
            add(&mut self.inodes, usage.inodes);
        }
    }
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

fn path_of(thing: &Thing) -> Option<RelPath> {
    RelPath::new(thing.owner()?.path().into_os_string().into_string().ok()?).ok()
}
