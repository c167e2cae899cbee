//! What is proven to belong to nothing.

use super::{Checker, Code, Finding, Subject};
use crate::dir::Kind;
use crate::graph::verdict::{Garbage, Verdict};
use crate::store::place::{Area, Owner, Place};
use crate::usage::class::Classifier;
use std::path::Path;

pub(super) fn check(checker: &mut Checker<'_>) {
    let audit = checker.audit;
    for (node, thing) in audit.graph.things() {
        if let Verdict::Garbage(kind) = audit.verdicts.of(node) {
            checker.keep(Finding::new(Code::Garbage(kind), thing.clone(), kind.describe()).hint(TAKE_BACK));
        }
    }
    for (owner, kind) in outside_the_graph(checker) {
        let hint = if kind == Garbage::Trash { "layerwise trash" } else { TAKE_BACK };
        checker.keep(Finding::new(Code::Garbage(kind), Subject::Owner(owner), kind.describe()).hint(hint));
    }
}

/// What takes garbage back.
const TAKE_BACK: &str = "layerwise prune";

/// What is garbage and no thing of the graph: probes of starts, half-written files, and the trash.
fn outside_the_graph(checker: &Checker<'_>) -> Vec<(Owner, Garbage)> {
    let audit = checker.audit;
    let is_it = |kind: &Garbage| matches!(kind, Garbage::TemporaryFile | Garbage::ProbeDirectory | Garbage::Trash);
    if let Some(account) = &audit.account {
        let owners = account.belongs.iter().filter_map(|(owner, belongs)| Some((owner.clone(), belongs.garbage.filter(is_it)?)));
        return owners.filter(|(owner, _)| owner.area != Area::LayerDiff).collect();
    }
    let classifier = Classifier::new(&audit.inventory, &audit.graph, &audit.verdicts);
    let leftovers = checker.details.leftovers.iter();
    let owners = leftovers.map(|leftover| Place::of_path(Path::new(&leftover.path), leftover.kind == Kind::Directory).owner().clone());
    owners.filter_map(|owner| Some((owner.clone(), classifier.classify(&owner).garbage.filter(is_it)?))).collect()
}
