//! What could not be read, and was not explained by a finding of its own.

use super::{Checker, Code, Finding, Severity, Subject};
use crate::graph::Thing;
use crate::graph::verdict::Verdict;
use crate::report::target::{self, Target};
use crate::unreadable::{Pins, Unreadable};

pub(super) fn check(checker: &mut Checker<'_>) {
    let measured = checker.audit.account.iter().flat_map(|account| &account.measured.unreadable);
    let all = checker.inventory.unreadable.iter().chain(&checker.details.unreadable).chain(measured);
    for unreadable in all.collect::<Vec<_>>() {
        let below = unreadable.path.strip_prefix(&checker.inventory.root).ok();
        let subject = below.map_or(Subject::Machine, |path| match target::of_path(checker.audit, path, false) {
            Target::Thing(thing) => Subject::Thing(thing),
            Target::Owner(owner) => Subject::Owner(owner),
        });
        let path = below.unwrap_or(&unreadable.path);
        if checker.covered.contains(path) || is_of_garbage(checker, &subject, unreadable) {
            continue;
        }
        let severity = if matches!(unreadable.pins, Pins::Nothing | Pins::Own) { Severity::Notice } else { Severity::Warning };
        let message = format!("cannot {}: {}", unreadable.operation, unreadable.error);
        let finding = Finding::new(Code::Unreadable, subject, message).severity(severity);
        // Not `keep`: the same place may be unreadable in several ways.
        checker.findings.push(Finding { path: path.to_owned(), pins: Some(unreadable.pins), ..finding });
    }
}

/// Whether it is a part of something that is garbage, which need not be whole.
fn is_of_garbage(checker: &Checker<'_>, subject: &Subject, unreadable: &Unreadable) -> bool {
    let Subject::Thing(thing @ (Thing::Layer(_) | Thing::Mount(_) | Thing::Dir(_) | Thing::Link(_))) = subject else { return false };
    matches!(unreadable.pins, Pins::Nothing | Pins::Own) && matches!(checker.verdict(thing), Some(Verdict::Garbage(_)))
}
