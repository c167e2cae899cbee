//! `check`: what is wrong, as every format shows it.

use super::target::Target;
use super::why::name_of;
use crate::audit::Audit;
use crate::check::{self, Severity, Subject};
use crate::graph::Thing;
use crate::render::escape;
use crate::store::place::Area;
use crate::unreadable::Pins;
use serde::Serialize;

/// Something that is not as it should be.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Its stable name.
    pub code: &'static str,
    /// The word for what it is about.
    pub kind: String,
    /// The ID of what it is about.
    pub id: String,
    /// Where that lies, or should lie, below the data-root.
    pub path: String,
    /// What is the matter, in a sentence.
    pub message: String,
    /// What a person can do.
    pub hint: Option<String>,
    /// What does not work because of it.
    pub affects: Vec<Affected>,
    /// The allocated bytes of what it is about, where that was measured.
    pub bytes: Option<u64>,
    /// Its inodes.
    pub inodes: Option<u64>,
    /// What cannot be proven dead because of it.
    pub pins: Option<&'static str>,
    /// Whether a dockerd that runs may be in the middle of something that looks like this.
    pub in_progress: bool,
}

/// Something that does not work because of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Affected {
    /// The word for what it is.
    pub kind: String,
    /// Its ID.
    pub id: String,
    /// What a person calls it.
    pub name: String,
}

/// How much was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The findings that are errors.
    pub errors: u64,
    /// Those that are warnings.
    pub warnings: u64,
    /// Those that are garbage.
    pub garbage: u64,
    /// Those that are notices.
    pub notices: u64,
    /// Those that a running dockerd may be in the middle of.
    pub in_progress: u64,
    /// The allocated bytes of the garbage, where they were measured.
    pub garbage_bytes: Option<u64>,
    /// Its inodes.
    pub garbage_inodes: Option<u64>,
}

/// The own part of `check`.
#[derive(Debug, Serialize)]
pub struct Check {
    /// How much was found.
    pub summary: Summary,
    /// What was found, worst first.
    pub findings: Vec<Finding>,
}

impl Check {
    /// The report of `findings` about what was audited.
    #[must_use]
    pub fn new(audit: &Audit, findings: &[check::Finding]) -> Self {
        Self { summary: sum(audit, findings), findings: findings.iter().map(|finding| shape(audit, finding)).collect() }
    }
}

fn sum(audit: &Audit, findings: &[check::Finding]) -> Summary {
    let mut summary = Summary::default();
    let mut weight = check::Weight::default();
    for finding in findings {
        match finding.severity {
            Severity::Error => summary.errors += 1,
            Severity::Warning => summary.warnings += 1,
            Severity::Garbage => summary.garbage += 1,
            Severity::Notice => summary.notices += 1,
        }
        summary.in_progress += u64::from(finding.in_progress);
        if let (Severity::Garbage, Some(more)) = (finding.severity, finding.weight) {
            weight.bytes = weight.bytes.saturating_add(more.bytes);
            weight.inodes = weight.inodes.saturating_add(more.inodes);
        }
    }
    if audit.account.is_some() {
        summary.garbage_bytes = Some(weight.bytes);
        summary.garbage_inodes = Some(weight.inodes);
    }
    summary
}

fn shape(audit: &Audit, finding: &check::Finding) -> Finding {
    let (kind, id) = match &finding.subject {
        Subject::Thing(thing) => (thing.kind().to_owned(), thing.to_string()),
        Subject::Owner(owner) => {
            let target = Target::Owner(owner.clone());
            let kind = if owner.area == Area::LayerDir { "directory" } else { target.kind() };
            (kind.to_owned(), target.id())
        }
        Subject::LayerFile(chain, ..) => (Thing::Layer(*chain).kind().to_owned(), chain.to_string()),
        Subject::FileSystem => ("file-system".to_owned(), String::new()),
        Subject::Machine => ("machine".to_owned(), escape::path(&finding.path)),
    };
    let affected = |thing: &Thing| Affected { kind: thing.kind().to_owned(), id: thing.to_string(), name: name_of(audit, thing) };
    Finding {
        severity: finding.severity,
        code: finding.code.name(),
        kind,
        id,
        path: escape::path(&finding.path),
        message: finding.message.clone(),
        hint: finding.hint.clone(),
        affects: finding.affects.iter().map(affected).collect(),
        bytes: finding.weight.map(|weight| weight.bytes),
        inodes: finding.weight.map(|weight| weight.inodes),
        pins: finding.pins.and_then(pinned),
        in_progress: finding.in_progress,
    }
}

/// What cannot be proven dead, in words.
const fn pinned(pins: Pins) -> Option<&'static str> {
    match pins {
        Pins::Nothing => None,
        Pins::Own => Some("what it lies on, while it is in use"),
        Pins::Images => Some("names of images"),
        Pins::Layers => Some("layers"),
        Pins::Directories => Some("layer directories"),
        Pins::ImageMounts => Some("image mounts"),
        Pins::Mounts => Some("read-write layers"),
        Pins::Everything => Some("everything"),
    }
}
