//! What is proven to belong to nothing.

use super::{Checker, Code, Finding, Subject};
use crate::graph::verdict::{Garbage, Verdict};
use crate::store::place::{Area, Owner};
use crate::usage::class::Classifier;
use std::os::unix::ffi::OsStrExt as _;

pub(super) fn check(checker: &mut Checker<'_>) {
    let audit = checker.audit;
    for (node, thing) in audit.graph.things() {
        if let Verdict::Garbage(kind) = audit.verdicts.of(node) {
            checker.keep(Finding::new(Code::Garbage(kind), thing.clone(), kind.describe()));
        }
    }
    for (owner, kind) in outside_the_graph(checker) {
        checker.keep(Finding::new(Code::Garbage(kind), Subject::Owner(owner), kind.describe()));
    }
}

/// What is garbage and no thing of the graph: probes of starts, and half-written files, which only measuring meets.
fn outside_the_graph(checker: &Checker<'_>) -> Vec<(Owner, Garbage)> {
    let audit = checker.audit;
    let is_it = |kind: &Garbage| matches!(kind, Garbage::TemporaryFile | Garbage::ProbeDirectory);
    if let Some(account) = &audit.account {
        let owners = account.belongs.iter().filter_map(|(owner, belongs)| Some((owner.clone(), belongs.garbage.filter(is_it)?)));
        return owners.filter(|(owner, _)| owner.area != Area::LayerDiff).collect();
    }
    let classifier = Classifier::new(&audit.inventory, &audit.graph, &audit.verdicts);
    let others = audit.inventory.overlay2.others.iter().map(|other| Owner::new(Area::LayerDir, other.name.as_bytes()));
    others.filter_map(|owner| Some((owner.clone(), classifier.classify(&owner).garbage.filter(is_it)?))).collect()
}
