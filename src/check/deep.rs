//! What verifying the contents of layers found.

use super::affected::Affected;
use super::{Code, Finding, Severity, Subject, hint};
use crate::audit::Audit;
use crate::deep::{Difference, Outcome, Status, What};
use crate::graph::Thing;
use crate::graph::verdict::Verdict;
use crate::render::escape;
use crate::store::layerdb;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

/// Adds what `outcomes` say to what was found without looking at contents.
pub fn add(findings: &mut Vec<Finding>, audit: &Audit, outcomes: &[Outcome]) {
    let affected = Affected::new(&audit.graph);
    let has = |code: Code, findings: &[Finding]| -> BTreeSet<Subject> {
        findings.iter().filter(|finding| finding.code == code).map(|finding| finding.subject.clone()).collect()
    };
    let without_tar_split = has(Code::MissingTarSplit, findings);
    let mut explained = BTreeSet::new();
    for outcome in outcomes {
        let layer = Thing::Layer(outcome.chain);
        let affects = affected.by_thing(&layer);
        let again = hint::pull_again(&affects, &audit.inventory, hint::Listed::Yes);
        if !outcome.differences.is_empty() {
            explained.insert(Subject::from(layer.clone()));
        }
        let own =
            of_layer(outcome).filter(|finding| !(finding.code == Code::TarSplitInvalid && without_tar_split.contains(&finding.subject)));
        let all = own.into_iter().chain(outcome.differences.iter().map(|difference| of_file(outcome, difference)));
        findings.extend(all.map(|finding| {
            let severity = severity(audit, &layer, finding.severity);
            let is_harm = severity <= Severity::Warning;
            let (affects, hint) = if is_harm { (affects.clone(), again.clone()) } else { (Vec::new(), None) };
            Finding { hint, ..finding.affecting(affects).severity(severity) }
        }));
    }
    // That the sum is wrong follows from what is wrong with the files.
    findings.retain(|finding| finding.code != Code::SizeMismatch || !explained.contains(&finding.subject));
    findings.sort_by(|one, other| one.rank().cmp(&other.rank()));
}

/// As bad as the code where the layer is in use.
fn severity(audit: &Audit, layer: &Thing, severity: Severity) -> Severity {
    let is_in_use = audit.graph.node(layer).is_some_and(|node| audit.verdicts.of(node) == Verdict::InUse);
    if is_in_use { severity } else { severity.max(Severity::Warning) }
}

fn of_layer(outcome: &Outcome) -> Option<Finding> {
    let layer = Thing::Layer(outcome.chain);
    match &outcome.status {
        Status::Mismatched(found) => Some(Finding::new(Code::MismatchedDiffId, layer, format!("it hashes to {found}")).at("diff")),
        Status::NotReproducible(why) => Some(Finding::new(Code::NotReproducible, layer, *why)),
        Status::Unreadable(why) => Some(Finding::new(Code::TarSplitInvalid, layer, why.clone()).at(layerdb::TAR_SPLIT)),
        Status::Verified | Status::Different | Status::WithoutTarSplit | Status::Gone | Status::Unfinished => None,
    }
}

fn of_file(outcome: &Outcome, difference: &Difference) -> Finding {
    let (code, message) = match &difference.what {
        What::Missing { expected } => (Code::FileMissing, format!("there is no {expected}")),
        What::Unexpected { found } => (Code::UnexpectedFile, format!("there is a {found}")),
        What::Type { expected, found } => (Code::FileType, format!("there is a {found} instead of a {expected}")),
        What::Unlinked(target) => (Code::FileType, format!("it is not the same file as {}", escape::name(target))),
        What::Size { expected, found } => (Code::FileSize, format!("it has {found} bytes instead of {expected}")),
        What::Content => (Code::FileContent, "its checksum differs".to_owned()),
        What::Unreadable(why) => (Code::FileUnreadable, why.clone()),
        What::Metadata(fields) => (Code::FileMetadata, fields.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        What::Times { expected, found } => (Code::FileTimes, format!("it was changed at {} instead of {}", time(*found), time(*expected))),
    };
    let path = OsStr::from_bytes(&difference.path).into();
    Finding::new(code, Subject::LayerFile(outcome.chain, outcome.dir, path), message)
}

/// A time as people write it, or the number if it is none.
fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}
