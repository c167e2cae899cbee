//! What is proven to belong to nothing.

use super::{Checker, Code, Finding};
use crate::graph::verdict::{Garbage, Verdict};

pub(super) fn check(checker: &mut Checker<'_>) {
    let audit = checker.audit;
    for (node, thing) in audit.graph.things() {
        if let Verdict::Garbage(kind) = audit.verdicts.of(node) {
            let hint = if kind == Garbage::Trash { "layerwise trash" } else { TAKE_BACK };
            checker.keep(Finding::new(Code::Garbage(kind), thing.clone(), kind.describe()).hint(hint));
        }
    }
}

/// What takes garbage back.
const TAKE_BACK: &str = "layerwise prune";
