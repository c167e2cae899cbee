//! `check`: what is wrong, as every format shows it.

use super::target::Target;
use super::why::name_of;
use crate::audit::Audit;
use crate::check::{self, Severity, Subject};
use crate::deep::{Outcome, Status};
use crate::graph::Thing;
use crate::id::{ChainId, DirId};
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

/// What `--deep` did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Deep {
    /// How many layers were to be verified.
    pub layers_total: u64,
    /// How many are whole.
    pub verified: u64,
    /// How many differ from what they should be.
    pub different: u64,
    /// How many nobody can put together again.
    pub not_reproducible: u64,
    /// How many have nothing to be put together from.
    pub unverifiable: u64,
    /// How many there was no time for.
    pub unfinished: u64,
    /// How many bytes of content were read.
    pub bytes: u64,
    /// What was verified longest ago of all that were to be, if all ever were.
    pub oldest: Option<String>,
    /// Every layer.
    pub layers: Vec<DeepLayer>,
}

/// What `--deep` found of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeepLayer {
    /// The layer.
    pub chain_id: ChainId,
    /// Its directory.
    pub directory: DirId,
    /// `verified`, `different`, `not-reproducible`, `unverifiable`, `gone` or `unfinished`.
    pub status: &'static str,
    /// How many members its tar has.
    pub files: u64,
    /// How many bytes of content were read.
    pub bytes: u64,
    /// How many findings were left out because there are so many.
    pub omitted: u64,
    /// When it was last verified and found whole.
    pub verified_at: Option<String>,
}

/// The own part of `check`.
#[derive(Debug, Serialize)]
pub struct Check {
    /// How much was found.
    pub summary: Summary,
    /// What `--deep` did, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deep: Option<Deep>,
    /// What was found, worst first.
    pub findings: Vec<Finding>,
}

impl Check {
    /// The report of `findings` about what was audited.
    #[must_use]
    pub fn new(audit: &Audit, findings: &[check::Finding]) -> Self {
        Self { summary: sum(audit, findings), deep: None, findings: findings.iter().map(|finding| shape(audit, finding)).collect() }
    }
}

impl Deep {
    /// The report of `outcomes`, and of when each layer was last found whole.
    #[must_use]
    pub fn new(outcomes: &[Outcome], verified: impl Fn(&Outcome) -> Option<jiff::Timestamp>) -> Self {
        let (mut deep, mut times) = (Self::default(), Vec::new());
        for outcome in outcomes {
            let at = verified(outcome);
            deep.layers_total += 1;
            match outcome.status {
                Status::Verified => deep.verified += 1,
                Status::Different | Status::Mismatched(_) => deep.different += 1,
                Status::NotReproducible(_) => deep.not_reproducible += 1,
                Status::Unreadable(_) | Status::WithoutTarSplit => deep.unverifiable += 1,
                Status::Unfinished => deep.unfinished += 1,
                Status::Gone => {}
            }
            deep.bytes = deep.bytes.saturating_add(outcome.bytes);
            times.push(at);
            deep.layers.push(DeepLayer {
                chain_id: outcome.chain,
                directory: outcome.dir,
                status: outcome.status.name(),
                files: outcome.files,
                bytes: outcome.bytes,
                omitted: outcome.omitted,
                verified_at: at.map(|at| at.to_string()),
            });
        }
        deep.layers.sort_by_key(|layer| layer.chain_id);
        deep.oldest = times.iter().copied().collect::<Option<Vec<_>>>().and_then(|times| times.into_iter().min()).map(|at| at.to_string());
        deep
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
            // What is called otherwise and stands where layer directories do is a directory all the same.
            let kind = if target.kind() == "unknown" && owner.area == Area::LayerDir { "directory" } else { target.kind() };
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
        Pins::OneDirectory(_) => Some("layer directories that no record explains"),
        Pins::ImageMounts => Some("image mounts"),
        Pins::Container => Some("read-write layers and layer directories"),
        Pins::ContainerConfig => Some("image mounts and layer directories"),
        Pins::Mounts => Some("read-write layers"),
        Pins::Everything => Some("everything"),
    }
}
