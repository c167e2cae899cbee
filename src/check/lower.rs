//! What layer directories say lies below them, against what the records of their layers say.
//!
//! ```text
//! layer      its parent's directory, that one's parent's, …
//! init       the directory of the mount's parent, …
//! RW         the init directory, if there is one, then the same
//! ```
//! BuildKit may put a snapshot on a copy of a layer of its own, which the record of the layer does not name: a directory of BuildKit's in place
//! of the one that is expected is right, as long as it is not known to be another layer.

mod proof;

use super::{Checker, Code, Finding, Mend, Severity, hint};
use crate::graph::{Missing, Thing, Via};
use crate::id::{ChainId, DirId, LinkId};
use crate::render::words;
use crate::store::Told;
use crate::store::buildkit::SnapshotKey;
use crate::store::layerdb::Layer;
use crate::store::overlay2::LayerDir;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

/// The most layers that are followed below one: dockerd makes at most 125 of them.
const DEEPEST: usize = 1024;

pub(super) fn check(checker: &mut Checker<'_>) {
    let mut stacks = Stacks::find(checker);
    stacks.disputed = proof::disputed(checker, &stacks);
    let cyclic = cyclic(checker);
    for dir in checker.inventory.overlay2.dirs.values().filter(|dir| checker.cares_for(dir.id)).collect::<Vec<_>>() {
        let Some(problem) = stacks.compare(checker, dir) else {
            continue;
        };
        checker.wrong_lower.insert(dir.id);
        report(checker, &stacks, dir, problem, cyclic.contains(&dir.id));
    }
    // A cycle that no record explains.
    let unexplained = |id: &&DirId| !checker.wrong_lower.contains(id) && !stacks.below.contains_key(*id);
    for &id in cyclic.iter().filter(unexplained).collect::<Vec<_>>() {
        let thing = Thing::Dir(id);
        let finding = Finding::new(Code::CyclicLower, thing.clone(), "its lower leads back to itself").at("lower");
        let affects = checker.affected.by_mount_of(id);
        checker.push_about(&thing, finding.affecting(affects));
    }
    unclaimed(checker, &stacks);
}

/// What directories should lie on.
struct Stacks {
    /// What each directory should lie on, nearest first, where its records tell.
    below: HashMap<DirId, Vec<DirId>>,
    /// The snapshots' directories that must lie on something.
    on_something: BTreeSet<DirId>,
    /// What a directory is known to be: layers and read-write layers.
    known: HashMap<DirId, Known>,
    /// The directories that links must lead to that nobody claims, by where they are named.
    meant: BTreeMap<LinkId, Meant>,
    /// The directories that records name where others, which make sense, name another one.
    disputed: BTreeSet<DirId>,
}

/// The directory that a link should lead to as the records have it.
#[derive(Debug, Clone, Copy)]
struct Meant {
    dir: DirId,
    /// Whether what lies below it fits: then it is that directory whose name was lost, and not a record that names another one.
    is_proven: bool,
}

/// What a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Layer(ChainId),
    ReadWrite,
}

/// What is wrong with a `lower`.
enum Problem {
    Missing,
    Wrong(String),
}

impl Stacks {
    fn find(checker: &Checker<'_>) -> Self {
        let inventory = checker.inventory;
        let layers: HashMap<ChainId, &Layer> = inventory.layerdb.layers.iter().map(|(&chain, layer)| (chain, layer)).collect();
        let mut below = HashMap::new();
        let mut known = HashMap::new();
        for layer in inventory.layerdb.layers.values() {
            let Some(dir) = layer.dir() else { continue };
            known.insert(dir, Known::Layer(layer.chain));
            let dirs = match layer.parent {
                Told::Is(parent) if is_true(layer) => dirs_of(&layers, parent),
                Told::Absent if is_true(layer) => Some(Vec::new()),
                _ => None,
            };
            below.extend(dirs.map(|dirs| (dir, dirs)));
        }
        for mount in inventory.mounts.values().filter(|mount| mount.belongs_together()) {
            known.extend(mount.dirs().map(|dir| (dir, Known::ReadWrite)));
            // Without a parent there may be nothing below, or the parent was lost.
            let Some(mut dirs) = mount.parent.value().and_then(|parent| dirs_of(&layers, *parent)) else { continue };
            if let Some(&init) = mount.init_id.value() {
                below.insert(init, dirs.clone());
                dirs.insert(0, init);
            }
            // Where `init-id` is lost, the directory may still lie on an init layer.
            if !mount.init_id.is_lost() && !is_init_lost(checker, mount) {
                below.extend(mount.mount_id.value().map(|&dir| (dir, dirs)));
            }
        }
        // Which of the records is wrong that name one directory nobody knows, and so nor where it belongs.
        let is_shared = |dir: &DirId| checker.shared.contains(dir);
        below.retain(|dir, dirs: &mut Vec<DirId>| !is_shared(dir) && !dirs.iter().any(is_shared));
        Self { below, on_something: on_something(checker), known, meant: BTreeMap::new(), disputed: BTreeSet::new() }
    }

    /// What is wrong with the `lower` of a directory, if anything is known to be.
    fn compare(&mut self, checker: &Checker<'_>, dir: &LayerDir) -> Option<Problem> {
        let expected = self.below.get(&dir.id);
        let must_lie_on_something = expected.is_some_and(|dirs| !dirs.is_empty()) || self.on_something.contains(&dir.id);
        let Told::Is(lower) = &dir.lower else {
            return (dir.lower.is_lost() || must_lie_on_something).then_some(Problem::Missing);
        };
        let expected = expected?;
        if expected.len() != lower.len() {
            let (names, should) = (count(lower.len()), count(expected.len()));
            return Some(Problem::Wrong(format!("it names {names}, and its record has {should} below it")));
        }
        let mut meant = Vec::new();
        for (position, (&link, &wanted)) in lower.iter().zip(expected).enumerate() {
            if checker.inventory.overlay2.links.get(&link) == Some(&Some(wanted)) {
                continue;
            }
            match resolve(checker, link) {
                Some(found) if found == wanted => {}
                Some(found) if self.may_be_a_copy(checker, found, lower.len() - position - 1) => {}
                Some(found) => return Some(Problem::Wrong(format!("entry {} is directory {found}, not {wanted}", position + 1))),
                None if is_intact(checker, wanted) => {
                    return Some(Problem::Wrong(format!("entry {} is {link}, which is nothing, not {wanted}", position + 1)));
                }
                None => {
                    let is_proven = !self.disputed.contains(&wanted)
                        && proof::agrees(checker, wanted, expected.get(position + 1..).unwrap_or_default());
                    meant.push((link, Meant { dir: wanted, is_proven }));
                }
            }
        }
        self.meant.extend(meant);
        None
    }

    /// Whether a directory may hold the layer that is expected in another one, with `depth` layers below it.
    fn may_be_a_copy(&self, checker: &Checker<'_>, id: DirId, depth: usize) -> bool {
        let lies_on = checker.inventory.overlay2.dirs.get(&id).map(|dir| dir.lower.value().map_or(0, Vec::len));
        matches!(id, DirId::Build(_)) && !self.known.contains_key(&id) && lies_on.is_none_or(|lies_on| lies_on == depth)
    }
}

fn count(layers: usize) -> String {
    words::count(u64::try_from(layers).unwrap_or(u64::MAX), "layer")
}

/// Whether the record of a layer is what it is named, so that its parent can be believed.
fn is_true(layer: &Layer) -> bool {
    layer.computed_chain().is_none_or(|computed| computed == layer.chain)
}

/// Whether a container's record has lost its `init-id`, which its directories tell.
fn is_init_lost(checker: &Checker<'_>, mount: &crate::store::mounts::Mount) -> bool {
    let Some(DirId::Hex(digits)) = mount.mount_id.value() else { return false };
    mount.init_id.value().is_none() && checker.inventory.overlay2.dirs.contains_key(&DirId::Init(*digits))
}

/// The directories of a layer and all below it, if all their records tell.
fn dirs_of(layers: &HashMap<ChainId, &Layer>, top: ChainId) -> Option<Vec<DirId>> {
    let mut dirs = Vec::new();
    let mut next = Some(top);
    while let Some(chain) = next {
        let layer = layers.get(&chain).filter(|layer| is_true(layer) && dirs.len() < DEEPEST)?;
        dirs.push(layer.dir()?);
        next = match layer.parent {
            Told::Is(parent) => Some(parent),
            Told::Absent if layer.diff.value().is_some() => None,
            Told::Absent | Told::Lost => return None,
        };
    }
    Some(dirs)
}

/// The directories of build snapshots that lie on another.
fn on_something(checker: &Checker<'_>) -> BTreeSet<DirId> {
    let snapshots = checker.inventory.buildkit.iter().flat_map(|buildkit| &buildkit.snapshots);
    let above = snapshots.filter(|(_, snapshot)| snapshot.parent.is_some());
    above.filter_map(|(key, _)| if let SnapshotKey::Build(chars) = key { Some(DirId::Build(*chars)) } else { None }).collect()
}

/// The directory that a link stands for: the one that calls itself so, else the one that it leads to.
fn resolve(checker: &Checker<'_>, link: LinkId) -> Option<DirId> {
    let leads_to = checker.inventory.overlay2.links.get(&link).copied().flatten();
    match checker.claims.get(&link).map(Vec::as_slice) {
        Some([only]) => Some(*only),
        Some(claims) if leads_to.is_none() => claims.first().copied(),
        _ => leads_to,
    }
}

/// Whether a directory says its own short name and that leads back to it.
fn is_intact(checker: &Checker<'_>, id: DirId) -> bool {
    own_link(checker, id).is_some()
}

fn own_link(checker: &Checker<'_>, id: DirId) -> Option<LinkId> {
    let link = checker.inventory.overlay2.dirs.get(&id)?.link?;
    (checker.inventory.overlay2.links.get(&link) == Some(&Some(id))).then_some(link)
}

fn lower_path(id: DirId) -> std::path::PathBuf {
    Thing::Dir(id).owner().map(|owner| owner.path()).unwrap_or_default().join("lower")
}

fn report(checker: &mut Checker<'_>, stacks: &Stacks, dir: &LayerDir, problem: Problem, is_cyclic: bool) {
    let thing = Thing::Dir(dir.id);
    let (code, message) = match problem {
        Problem::Missing if dir.lower.is_lost() => (Code::MissingLower, checker.why(&lower_path(dir.id)).to_owned()),
        Problem::Missing => (Code::MissingLower, "it is missing, although there are layers below".to_owned()),
        Problem::Wrong(why) if is_cyclic => (Code::CyclicLower, format!("its lower leads back to itself: {why}")),
        Problem::Wrong(why) => (Code::MismatchedLower, why),
    };
    let links = stacks.below.get(&dir.id).and_then(|dirs| proof::of(checker, stacks, dir, dirs));
    let affects = checker.affected.by_mount_of(dir.id);
    let finding = Finding::new(code, thing.clone(), message).at("lower").affecting(affects);
    checker.push_about(&thing, finding.mend(links.map(|links| Mend::Lower(dir.id, links))));
}

/// Finds links that are named, that are not there, and that no directory claims.
fn unclaimed(checker: &mut Checker<'_>, stacks: &Stacks) {
    let mut missing: BTreeMap<LinkId, Vec<&Missing>> = BTreeMap::new();
    for named in checker.audit.graph.missing() {
        // What a wrong `lower` names is that one's finding.
        let by_a_wrong_one = matches!(checker.audit.graph.thing(named.from), Some(Thing::Dir(id)) if checker.wrong_lower.contains(id));
        if let (Thing::Link(link), Via::LowerEntry(_), false) = (&named.to, named.via, by_a_wrong_one) {
            missing.entry(*link).or_default().push(named);
        }
    }
    for (link, named) in missing {
        let meant = stacks.meant.get(&link).copied();
        let is_gone = meant.is_some_and(|meant| !checker.inventory.overlay2.dirs.contains_key(&meant.dir));
        let things = || named.iter().filter_map(|missing| checker.audit.graph.thing(missing.from));
        let changed = things().find(|thing| checker.is_in_use(thing)).or_else(|| things().find(|thing| checker.matters(thing)));
        let (Some(changed), false, false) = (changed.cloned(), is_gone, checker.claims.contains_key(&link)) else { continue };
        let affects = checker.affected_by(named.iter().map(|missing| missing.from));
        let message = match meant {
            Some(Meant { dir, .. }) => format!("it is named as what lies below, where directory {dir} should be"),
            None => "it is named as what lies below, and no directory calls itself so".to_owned(),
        };
        let proven = meant.filter(|meant| meant.is_proven).map(|meant| meant.dir);
        let again = if proven.is_none() { hint::pull_again(&affects, checker.inventory, hint::Listed::Yes) } else { None };
        let finding = Finding::new(Code::MissingLink, Thing::Link(link), message).affecting(affects);
        let finding = finding.mend(proven.map(|dir| Mend::Link(link, dir))).severity(Severity::Error);
        checker.push_about(&changed, Finding { hint: again, ..finding });
    }
}

/// The directories that lie on themselves, if each lies on the nearest that its `lower` names.
fn cyclic(checker: &Checker<'_>) -> BTreeSet<DirId> {
    let overlay2 = &checker.inventory.overlay2;
    let below = |id: &DirId| overlay2.links.get(overlay2.dirs.get(id)?.lower.value()?.first()?).copied().flatten();
    cycles(overlay2.dirs.keys().copied(), below)
}

/// The nodes from which `below` leads back to themselves.
pub(super) fn cycles<T: Copy + Ord + Hash>(nodes: impl Iterator<Item = T>, below: impl Fn(&T) -> Option<T>) -> BTreeSet<T> {
    let mut done = BTreeSet::new();
    let mut cyclic = BTreeSet::new();
    for start in nodes {
        let mut path = Vec::new();
        let mut places = HashMap::new();
        let mut at = Some(start);
        while let Some(node) = at.filter(|&node| done.insert(node)) {
            places.insert(node, path.len());
            path.push(node);
            at = below(&node);
        }
        // Where this path meets itself, and not one that was gone before, it closes.
        let closes = at.and_then(|node| places.get(&node));
        cyclic.extend(closes.and_then(|&place| path.get(place..)).into_iter().flatten());
    }
    cyclic
}
