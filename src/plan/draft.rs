//! From verdicts to actions: each dead record with its parts, then what no record explains.

use super::gather::Gatherer;
use super::{Action, Basis, Class, Evidence, Mode, Object, Plan, RelPath, Role, SCHEMA, Withheld};
use super::{mend, order};
use crate::audit::Audit;
use crate::check::Finding;
use crate::dir::Kind;
use crate::graph::verdict::{Garbage, Verdict, is_record};
use crate::graph::{NodeId, Thing};
use crate::render::escape;
use crate::store::leftovers::{Leftover, Leftovers, What};
use crate::store::place::Area;
use crate::usage::scan::Usage;

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
    pub fn new(audit: &'a Audit, mode: Mode, leftovers: &Leftovers) -> Self {
        let mut gatherer = Gatherer::new(audit, &leftovers.images);
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
            // The trash has a command of its own.
            if let Verdict::Garbage(garbage) = audit.verdicts.of(node)
                && garbage != Garbage::Trash
            {
                drafted.extend(gatherer.action(node, thing, garbage));
            }
        }
        let mut draft = Self { audit, mode, drafted, withheld: Vec::new() };
        draft.add_named(&leftovers.others);
        draft.withhold_the_unproven();
        if mode == Mode::Online {
            draft.withhold_what_dockerd_may_know();
        }
        draft
    }

    /// Drafts what mends `findings`, and the taking of broken records that are in the way of pulls, with all dead things that lie on those.
    #[must_use]
    pub fn repair(audit: &'a Audit, findings: &[Finding], basis: &Basis) -> Self {
        let mut draft = Self::new(audit, Mode::Offline, &Leftovers::default());
        draft.withheld.clear();
        let broken = draft.drafted.iter().filter(|drafted| drafted.action.class == Class::Garbage(Garbage::BrokenRecord));
        let broken: Vec<NodeId> = broken.flat_map(|drafted| drafted.nodes.iter().copied()).collect();
        let lies_on_broken = |drafted: &Drafted| {
            let below = audit.graph.reachable(drafted.nodes.iter().copied());
            broken.iter().any(|&node| below.contains(node))
        };
        draft.drafted.retain(|drafted| !broken.is_empty() && lies_on_broken(drafted));
        draft.drafted.extend(mend::draft(findings, basis));
        draft
    }

    /// Adds what only goes when its kind is named.
    fn add_named(&mut self, leftovers: &[Leftover]) {
        for leftover in leftovers {
            let Some((garbage, kind)) = describe(leftover.what) else { continue };
            let (Ok(path), Some(evidence)) = (RelPath::new(leftover.path.clone()), Evidence::of(leftover.stamp)) else { continue };
            let id = path.split().1.to_owned();
            let mut action = Action::new(Class::Garbage(garbage), kind, id, path.clone());
            action.weigh(self.usage_of(leftover));
            action.objects.push(Object { path, evidence, role: Role::Part, put: None });
            let withheld = self.is_mounted(leftover).then(|| "something is mounted there".to_owned());
            self.drafted.push(Drafted { action, nodes: Vec::new(), withheld });
        }
    }

    fn usage_of(&self, leftover: &Leftover) -> Option<Usage> {
        let account = self.audit.account.as_ref()?;
        let name = leftover.path.rsplit('/').next().unwrap_or_default();
        match leftover.what {
            What::RetiredStore if leftover.kind == Kind::Directory => Some(account.owner(Area::Retired, name)),
            // What lies in image/ has the same owner, which is told once.
            What::InactiveStore if !leftover.path.contains('/') => Some(account.owner(Area::InactiveDriver, name)),
            What::InactiveStore => Some(Usage::default()),
            // The account does not know these one by one.
            _ => None,
        }
    }

    /// Whether a mount in any namespace names it.
    fn is_mounted(&self, leftover: &Leftover) -> bool {
        let name = leftover.path.rsplit('/').next().unwrap_or_default();
        let mut mounts = self.audit.inventory.live_mounts.iter();
        match leftover.what {
            What::InactiveStore => mounts.any(|mount| mount.drivers.iter().any(|driver| driver == name)),
            _ => mounts.any(|mount| mount.others.iter().any(|other| other == name)),
        }
    }

    /// Tells that it cannot be told which things of a `kind` nobody asks for.
    pub fn note_untold(&mut self, kind: &str, reason: &str) {
        let withheld =
            Withheld { reason: reason.to_owned(), class: None, kind: kind.to_owned(), id: String::new(), path: String::new(), bytes: None };
        self.withheld.push(withheld);
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
        let others = self.indices(|action| action.class != Class::Garbage(Garbage::OrphanDirectory));
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

/// What kind of garbage something is that only goes when its kind is named, and the word for it.
const fn describe(what: What) -> Option<(Garbage, &'static str)> {
    match what {
        What::DistributionEntry => Some((Garbage::DistributionEntry, "distribution-entry")),
        What::RetiredStore => Some((Garbage::RetiredStore, "retired-store")),
        What::InactiveStore => Some((Garbage::InactiveStore, "inactive-store")),
        What::TemporaryFile | What::LastCopy | What::ProbeDirectory | What::Trash => None,
    }
}

fn withheld(audit: &Audit, thing: &Thing, reason: String) -> Withheld {
    let path = thing.owner().map(|owner| escape::path(&owner.path())).unwrap_or_default();
    let bytes = audit.account.as_ref().map(|account| account.of_thing(thing).bytes);
    Withheld { reason, class: None, kind: thing.kind().to_owned(), id: thing.to_string(), path, bytes }
}
