//! What is wrong with a data-root: damage, what it breaks, and the way out; and garbage. Pure.
//!
//! ```text
//! Audit ──────────┐
//! store::detail ──┼─► references, images, layers, mounts, containers, directories, links, lower, databases, trees, file_system
//! figures, now ───┘                                                                         │
//!                                   Finding { code, subject, mend, affects, hint … } ◄──────┘   garbage, and what nobody else explained
//! ```
//! Findings are causes: what follows from a cause stands in its `affects`, and is not found once more. So a layer record that cannot be read is
//! one finding, whatever images and containers dockerd drops on its account. What is itself proven to belong to nothing is garbage and
//! nothing else: nobody cares whether it is whole.

mod affected;
pub mod code;
mod containers;
mod databases;
pub mod deep;
mod directories;
mod file_system;
pub mod finding;
mod garbage;
mod hint;
mod images;
mod layers;
mod links;
mod lower;
mod missing;
mod mounts;
mod references;
mod trees;
mod unexplained;
mod unknown;
mod way_out;
mod withheld;

pub use code::{Code, Severity};
pub use finding::{Finding, Mend, Subject, Weight};
pub use way_out::{Step, is_in_way_out, way_out, why_not};

use crate::audit::Audit;
use crate::data_root::FileSystem;
use crate::dir::Stamp;
use crate::graph::verdict::Verdict;
use crate::graph::{NodeId, Thing};
use crate::id::{DirId, LinkId};
use crate::inventory::Inventory;
use crate::store::containers::Status;
use crate::store::detail::Details;
pub use crate::union::Marks;
use crate::unreadable::Unreadable;
use affected::Affected;
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// For how long after a change what looks broken may be the middle of something.
const IN_PROGRESS: i64 = 600;

/// What is known besides the audit.
#[derive(Debug)]
pub struct Facts<'a> {
    /// What only this asks of the disk.
    pub details: &'a Details,
    /// The figures of the file system, if it tells them.
    pub file_system: Option<&'a FileSystem>,
    /// Whether the kernel mounts the layers with `userxattr`, as dockerd does in a user namespace of its own.
    pub marks: Marks,
    /// When this is.
    pub now: Timestamp,
}

/// Finds everything that is not as it should be, the worst first.
#[must_use]
pub fn find(audit: &Audit, facts: &Facts<'_>) -> Vec<Finding> {
    let mut checker = Checker::new(audit, facts);
    references::check(&mut checker);
    images::check(&mut checker);
    layers::check(&mut checker);
    mounts::check(&mut checker);
    containers::check(&mut checker);
    missing::check(&mut checker);
    links::check(&mut checker);
    lower::check(&mut checker);
    directories::check(&mut checker);
    databases::check(&mut checker);
    trees::check(&mut checker);
    file_system::check(&mut checker);
    garbage::check(&mut checker);
    unknown::check(&mut checker);
    unexplained::check(&mut checker);
    withheld::check(&mut checker);
    let mut findings = checker.findings;
    findings.sort_by(|one, other| one.rank().cmp(&other.rank()));
    findings
}

/// Everything that the single checks need, and what they found.
struct Checker<'a> {
    audit: &'a Audit,
    inventory: &'a Inventory,
    details: &'a Details,
    facts: &'a Facts<'a>,
    affected: Affected<'a>,
    /// The directories that call themselves by a link.
    claims: HashMap<LinkId, Vec<DirId>>,
    /// The links that lead to a directory.
    leading: HashMap<DirId, Vec<LinkId>>,
    /// The directories of containers whose removal has begun, which may lack anything.
    going: BTreeSet<DirId>,
    /// What could not be read, by its path below the data-root.
    unread: HashMap<&'a Path, &'a Unreadable>,
    /// The directories that several records name.
    shared: BTreeSet<DirId>,
    /// The directories whose `lower` says something wrong.
    wrong_lower: BTreeSet<DirId>,
    findings: Vec<Finding>,
    /// Where something lies that a finding explains, below the data-root.
    covered: BTreeSet<PathBuf>,
}

impl<'a> Checker<'a> {
    fn new(audit: &'a Audit, facts: &'a Facts<'a>) -> Self {
        let inventory = &audit.inventory;
        let mut claims: HashMap<LinkId, Vec<DirId>> = HashMap::new();
        for (link, dir) in inventory.overlay2.dirs.values().filter_map(|dir| Some((dir.link?, dir.id))) {
            claims.entry(link).or_default().push(dir);
        }
        let mut leading: HashMap<DirId, Vec<LinkId>> = HashMap::new();
        for (&link, target) in &inventory.overlay2.links {
            if let Some(target) = *target {
                leading.entry(target).or_default().push(link);
            }
        }
        let below = |unreadable: &'a Unreadable| Some((unreadable.path.strip_prefix(&inventory.root).ok()?, unreadable));
        let mut checker = Self {
            unread: inventory.unreadable.iter().filter_map(below).collect(),
            audit,
            inventory,
            details: facts.details,
            facts,
            affected: Affected::new(&audit.graph),
            claims,
            leading,
            going: BTreeSet::new(),
            shared: BTreeSet::new(),
            wrong_lower: BTreeSet::new(),
            findings: Vec::new(),
            covered: BTreeSet::new(),
        };
        checker.going = checker.going();
        checker
    }

    /// The directories of containers whose removal has begun.
    fn going(&self) -> BTreeSet<DirId> {
        let containers = self.inventory.containers.values();
        let going = containers.filter(|container| container.config.as_ref().is_some_and(|config| is_going(config.status)));
        going.filter_map(|container| self.inventory.mounts.get(&container.id.into())).flat_map(crate::store::mounts::Mount::dirs).collect()
    }

    /// The verdict on a thing that is there.
    fn verdict(&self, thing: &Thing) -> Option<Verdict> {
        self.audit.graph.node(thing).map(|node| self.audit.verdicts.of(node))
    }

    fn is_in_use(&self, thing: &Thing) -> bool {
        self.verdict(thing) == Some(Verdict::InUse)
    }

    /// Whether a thing is there and not proven to belong to nothing.
    fn matters(&self, thing: &Thing) -> bool {
        matches!(self.verdict(thing), Some(Verdict::InUse | Verdict::Unknown(_)))
    }

    /// The layer directories of which anybody cares whether they are whole: those that something keeps, and those of layers that may yet be
    /// needed.
    fn cares_for(&self, id: DirId) -> bool {
        let is_of_a_layer = || {
            let node = self.audit.graph.node(&Thing::Dir(id));
            let keepers = node.map(|node| self.audit.graph.keepers_of(node)).unwrap_or_default();
            keepers
                .iter()
                .filter_map(|edge| self.audit.graph.thing(edge.from))
                .any(|thing| matches!(thing, Thing::Layer(_)) && self.matters(thing))
        };
        !self.going.contains(&id) && (self.is_in_use(&Thing::Dir(id)) || self.matters(&Thing::Dir(id)) && is_of_a_layer())
    }

    /// Keeps a finding that is about `thing`: as bad as its code if that is in use, no error if that is not known, nothing at all if it is
    /// garbage.
    fn push_about(&mut self, thing: &Thing, finding: Finding) {
        match self.verdict(thing) {
            Some(Verdict::InUse) | None => self.push(thing, finding),
            Some(Verdict::Unknown(_)) => {
                let severity = finding.severity.max(Severity::Warning);
                self.push(thing, finding.severity(severity));
            }
            Some(Verdict::Garbage(_)) => {
                self.covered.insert(finding.path);
            }
        }
    }

    /// Keeps a finding; `changed` is what would have been changed last by an operation that looks like this.
    fn push(&mut self, changed: &Thing, finding: Finding) {
        let in_progress = finding.severity <= Severity::Warning && self.may_be_in_progress(changed);
        self.keep(Finding { in_progress, ..finding });
    }

    /// Keeps a finding that no operation explains.
    fn keep(&mut self, mut finding: Finding) {
        self.covered.insert(finding.path.clone());
        if finding.hint.is_none() {
            finding.hint = finding.mend.as_ref().map(|mend| hint::of_mend(mend, &self.inventory.root));
        }
        if finding.pins.is_none() {
            finding.pins = self.unread.get(finding.path.as_path()).map(|unreadable| unreadable.pins);
        }
        if finding.weight.is_none() {
            finding.weight = self.weight(&finding.subject);
        }
        self.findings.push(finding);
    }

    /// Why a file of a record could not be read; that it makes no sense if nobody said more.
    fn why(&self, path: &Path) -> &'a str {
        self.unread.get(path).map_or("it makes no sense", |unreadable| &unreadable.error)
    }

    /// Says that what could not be read at this path below the data-root is explained.
    fn cover(&mut self, path: impl AsRef<Path>) {
        self.covered.insert(path.as_ref().to_owned());
    }

    /// What lies at the subject of a finding.
    fn weight(&self, subject: &Subject) -> Option<Weight> {
        let account = self.audit.account.as_ref()?;
        let usage = match subject {
            Subject::Thing(thing) => account.of_thing(thing),
            Subject::Owner(owner) => account.measured.owners.get(owner).copied().unwrap_or_default(),
            Subject::LayerFile(..) | Subject::FileSystem | Subject::Machine => return None,
        };
        Some(Weight { bytes: usage.bytes, inodes: usage.inodes })
    }

    /// Whether a running dockerd has changed `thing` so lately that it may not be done.
    fn may_be_in_progress(&self, thing: &Thing) -> bool {
        let Some(running) = &self.inventory.running else { return false };
        let Some(stamp) = self.stamp(thing) else { return false };
        let (seconds, _) = stamp.changed;
        running.may_have_made(Some(&stamp)) && seconds > self.facts.now.as_second().saturating_sub(IN_PROGRESS)
    }

    fn stamp(&self, thing: &Thing) -> Option<Stamp> {
        let inventory = self.inventory;
        match thing {
            Thing::Layer(chain) => inventory.layerdb.layers.get(chain)?.stamp,
            Thing::Mount(name) => inventory.mounts.get(name)?.stamp,
            Thing::Dir(id) => inventory.overlay2.dirs.get(id)?.stamp,
            Thing::Container(id) => self.details.containers.get(id)?.stamp,
            _ => None,
        }
    }

    /// What does not work without `node`.
    fn affected_by(&self, nodes: impl IntoIterator<Item = NodeId>) -> Vec<Thing> {
        self.affected.by(nodes)
    }
}

/// Whether dockerd is removing a container, or has tried to.
const fn is_going(status: Status) -> bool {
    matches!(status, Status::Dead | Status::Removing)
}
