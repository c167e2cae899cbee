//! The records of layers: what dockerd can load, and whether they are what they are named.

use super::{Checker, Code, Finding, Mend, Severity, hint};
use crate::graph::Thing;
use crate::id::{ChainId, DiffId, DirId};
use crate::store::Told;
use crate::store::detail::TarSplitFile;
use crate::store::layerdb::{self, Layer};
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub(super) fn check(checker: &mut Checker<'_>) {
    let cyclic = cyclic(&checker.inventory.layerdb.layers);
    for layer in checker.inventory.layerdb.layers.values() {
        let bad_descriptor = checker.details.layers.get(&layer.chain).and_then(|files| files.bad_descriptor.as_deref());
        if !layer.is_whole() || bad_descriptor.is_some() {
            unloadable(checker, layer, bad_descriptor);
        } else if layer.computed_chain().is_some_and(|computed| computed != layer.chain) {
            // A circle goes through at least one of these, because hashes do not go in circles.
            if cyclic.contains(&layer.chain) { cyclic_layer(checker, layer) } else { mismatched(checker, layer) }
        }
        tar_split(checker, layer);
    }
    shared_directories(checker);
}

/// Where a file of a layer's record lies.
fn file(layer: &Layer, name: &str) -> std::path::PathBuf {
    Thing::Layer(layer.chain).owner().map(|owner| owner.path()).unwrap_or_default().join(name)
}

fn unloadable(checker: &mut Checker<'_>, layer: &Layer, bad_descriptor: Option<&str>) {
    let thing = Thing::Layer(layer.chain);
    let state = |name: &'static str, absent: bool, lost: bool| match (absent, lost) {
        (true, _) => Some(format!("{name} is missing")),
        (_, true) => Some(format!("{name}: {}", checker.why(&file(layer, name)))),
        _ => None,
    };
    let told = [
        state("cache-id", matches!(layer.cache_id, Told::Absent), layer.cache_id.is_lost()),
        state("diff", matches!(layer.diff, Told::Absent), layer.diff.is_lost()),
        state("size", matches!(layer.size, Told::Absent), layer.size.is_lost()),
        state("parent", false, layer.parent.is_lost()),
        bad_descriptor.map(|why| format!("descriptor.json: {why}")),
    ];
    for name in ["cache-id", "diff", "size", "parent", "descriptor.json"] {
        checker.cover(file(layer, name));
    }
    let affects = checker.affected.by_thing(&thing);
    let path = checker.inventory.root.join(file(layer, ""));
    let again = hint::pull_again(&affects, checker.inventory, hint::Listed::No).map(|again| format!("; then {again}")).unwrap_or_default();
    let hint = format!("with dockerd stopped, move {} away, because it keeps the layer from being pulled{again}", path.display());
    let message = told.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let finding = Finding::new(Code::UnloadableLayer, thing.clone(), message).affecting(affects).hint(hint);
    let mend = proven(checker, layer);
    checker.push_about(&thing, finding.mend(mend));
}

fn cyclic_layer(checker: &mut Checker<'_>, layer: &Layer) {
    let thing = Thing::Layer(layer.chain);
    let message = "its parents lead back to it, and it is not what it is named";
    let affects = checker.affected.by_thing(&thing);
    let finding = Finding::new(Code::CyclicLayers, thing.clone(), message).affecting(affects).mend(proven(checker, layer));
    checker.push_about(&thing, finding);
}

fn mismatched(checker: &mut Checker<'_>, layer: &Layer) {
    let Some(computed) = layer.computed_chain() else { return };
    let thing = Thing::Layer(layer.chain);
    let message = match layer.parent.value() {
        Some(_) => format!("its parent and its diff make {computed}"),
        None => format!("without a parent its diff makes {computed}: has it lost its parent?"),
    };
    let affects = checker.affected.by_thing(&thing);
    let again = hint::pull_again(&affects, checker.inventory, hint::Listed::Yes);
    let finding = Finding::new(Code::MismatchedChain, thing.clone(), message).affecting(affects).mend(proven(checker, layer));
    let hint = if finding.mend.is_none() { again } else { None };
    checker.push_about(&thing, Finding { hint, ..finding });
}

/// What makes the record say what it is named, as an image's config proves: one of its files, if the others agree.
fn proven(checker: &Checker<'_>, layer: &Layer) -> Option<Mend> {
    let (parent, diff) = in_images(checker, layer.chain)?;
    let keeps_diff = layer.diff.value() == Some(&diff);
    let keeps_parent = match layer.parent {
        Told::Is(told) => Some(told) == parent,
        Told::Absent => parent.is_none(),
        Told::Lost => false,
    };
    match (keeps_diff, keeps_parent, parent) {
        (true, false, Some(parent)) => Some(Mend::LayerParent(layer.chain, parent)),
        (true, false, None) => Some(Mend::NoLayerParent(layer.chain)),
        (false, true, _) => Some(Mend::LayerDiff(layer.chain, diff)),
        _ => None,
    }
}

/// The parent and the content of a layer, as the first image says that has it.
fn in_images(checker: &Checker<'_>, wanted: ChainId) -> Option<(Option<ChainId>, DiffId)> {
    let node = checker.audit.graph.node(&Thing::Layer(wanted))?;
    let keepers = checker.audit.graph.keepers_of(node).iter();
    keepers.filter_map(|edge| checker.audit.graph.thing(edge.from)).find_map(|thing| {
        let Thing::Image(id) = thing else { return None };
        let diffs = &checker.inventory.images.get(id)?.config.diff_ids;
        let mut below = None;
        for (chain, diff) in ChainId::chain(diffs).zip(diffs) {
            if chain == wanted {
                return Some((below, *diff));
            }
            below = Some(chain);
        }
        None
    })
}

/// The layers whose parents lead back to them.
fn cyclic(layers: &BTreeMap<ChainId, Layer>) -> BTreeSet<ChainId> {
    let below = |chain: &ChainId| layers.get(chain)?.parent.value().copied().filter(|parent| layers.contains_key(parent));
    super::lower::cycles(layers.keys().copied(), below)
}

fn tar_split(checker: &mut Checker<'_>, layer: &Layer) {
    let thing = Thing::Layer(layer.chain);
    let message = match checker.details.layers.get(&layer.chain).map(|files| files.tar_split) {
        Some(TarSplitFile::Missing) => "it is missing",
        Some(TarSplitFile::Empty) => "it is empty",
        Some(TarSplitFile::Foreign) => "it does not begin as a gzip file does",
        Some(TarSplitFile::Gzip) | None => return,
    };
    // A record that is broken has its own finding.
    if !layer.is_whole() {
        return;
    }
    let affects = checker.affected.by_thing(&thing);
    let again = hint::pull_again(&affects, checker.inventory, hint::Listed::Yes);
    let finding = Finding::new(Code::MissingTarSplit, thing.clone(), message).at(layerdb::TAR_SPLIT).affecting(affects);
    checker.push_about(&thing, Finding { hint: again.map(|again| format!("only if it is to be pushed or saved: {again}")), ..finding });
}

/// Finds directories that several records name.
fn shared_directories(checker: &mut Checker<'_>) {
    let mut owners: HashMap<DirId, Vec<Thing>> = HashMap::new();
    for layer in checker.inventory.layerdb.layers.values() {
        if let Some(dir) = layer.dir() {
            owners.entry(dir).or_default().push(Thing::Layer(layer.chain));
        }
    }
    // A record whose directories do not belong together names one of them by mistake.
    for mount in checker.inventory.mounts.values().filter(|mount| mount.belongs_together()) {
        for dir in mount.dirs() {
            owners.entry(dir).or_default().push(Thing::Mount(mount.name.clone()));
        }
    }
    let mut shared: Vec<_> = owners.into_iter().filter(|(_, owners)| owners.len() > 1).collect();
    shared.sort_unstable();
    for (dir, owners) in shared {
        checker.shared.insert(dir);
        let names = owners.iter().take(4).map(|owner| format!("{} {owner}", owner.kind())).collect::<Vec<_>>().join(", ");
        let nodes = owners.iter().filter_map(|owner| checker.audit.graph.node(owner));
        let affects = checker.affected_by(nodes);
        let thing = Thing::Dir(dir);
        let finding = Finding::new(Code::SharedDirectory, thing.clone(), format!("it is that of {names}")).affecting(affects);
        let hint = "remove none of them through Docker before the others are no longer needed";
        let is_dead = owners.iter().all(|owner| !checker.matters(owner));
        if !is_dead {
            let severity = if owners.iter().any(|owner| checker.is_in_use(owner)) { Severity::Error } else { Severity::Warning };
            checker.push(&thing, finding.severity(severity).hint(hint));
        }
    }
}
