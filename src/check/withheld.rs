//! What nothing is known to use and is not proven dead either: it waits until a doubt is gone, and somebody should know for which.

use super::{Checker, Code, Finding, Subject, Weight};
use crate::graph::Thing;
use crate::graph::verdict::Verdict;
use crate::render::words::count;
use crate::store::place::{Area, Owner};
use std::collections::BTreeMap;

/// What waits for one doubt.
#[derive(Default)]
struct Waiting {
    kinds: BTreeMap<&'static str, u64>,
    weight: Weight,
}

pub(super) fn check(checker: &mut Checker<'_>) {
    let mut waiting: BTreeMap<&str, Waiting> = BTreeMap::new();
    for (node, thing) in checker.audit.graph.things() {
        if let Verdict::Unknown(doubt) = checker.audit.verdicts.of(node)
            && !is_young(checker, thing)
        {
            waiting.entry(checker.audit.verdicts.doubt(doubt)).or_default().add(checker, thing);
        }
    }
    for (why, waiting) in waiting {
        let finding = finding(checker, why, &waiting);
        // Not `keep`: it explains nothing that could not be read.
        checker.findings.push(finding);
    }
}

/// Whether a running dockerd may have made it, and be about to use it: that is how things are, and nothing waits.
fn is_young(checker: &Checker<'_>, thing: &Thing) -> bool {
    let running = checker.inventory.running.as_ref();
    running.is_some_and(|running| running.may_have_made(checker.inventory.stamp(thing)))
}

impl Waiting {
    fn add(&mut self, checker: &Checker<'_>, thing: &Thing) {
        // A link goes with its directory.
        if !matches!(thing, Thing::Link(_)) {
            *self.kinds.entry(thing.kind()).or_default() += 1;
        }
        if let Some(usage) = checker.audit.account.as_ref().map(|account| account.of_thing(thing)) {
            self.weight.bytes = self.weight.bytes.saturating_add(usage.bytes);
            self.weight.inodes = self.weight.inodes.saturating_add(usage.inodes);
        }
    }

    fn words(&self) -> String {
        let kinds: Vec<_> = self.kinds.iter().map(|(kind, number)| count(*number, kind)).collect();
        if kinds.is_empty() { "links".to_owned() } else { kinds.join(", ") }
    }
}

/// The finding about what waits for the doubt `why`, at the place of the finding that explains the doubt, if there is one.
fn finding(checker: &Checker<'_>, why: &str, waiting: &Waiting) -> Finding {
    let cause = checker.findings.iter().find(|finding| finding.code != Code::Withheld && is_about(finding, why));
    let subject = cause.map_or_else(|| Subject::Owner(Owner::new(Area::DataRoot, b"")), |cause| cause.subject.clone());
    let size = checker.audit.account.as_ref().map(|_| format!(", {} bytes", waiting.weight.bytes)).unwrap_or_default();
    let message = format!("{}{size} wait: {why}", waiting.words());
    let hint = match cause {
        Some(cause) => format!("mend {} ({}) first, then: layerwise prune", cause.code, cause.path.display()),
        None if checker.inventory.running.is_some() => "stop dockerd, then: layerwise prune".to_owned(),
        None => "layerwise prune --dry-run lists them with the reason".to_owned(),
    };
    let path = cause.map(|cause| cause.path.clone()).unwrap_or_default();
    let weight = checker.audit.account.as_ref().map(|_| waiting.weight);
    Finding { path, weight, ..Finding::new(Code::Withheld, subject, message).hint(hint) }
}

/// Whether the doubt `why` is about what a finding found.
fn is_about(finding: &Finding, why: &str) -> bool {
    let path = finding.path.to_string_lossy();
    let is_named = |thing: &Thing| why.contains(&thing.to_string());
    !path.is_empty() && why.contains(&*path) || matches!(&finding.subject, Subject::Thing(thing) if is_named(thing))
}
