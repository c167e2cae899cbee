//! Whether layers hold what their `DiffIDs` say: `check --deep`.
//!
//! ```text
//! tar-split.json.gz ─► segments ─────────────────────────────► SHA-256 ─► the DiffID?     first pass
//!        │               └─► headers ─► what should be there ─► compare with diff/
//!        └─► members ─► the content from diff/ ──────────────► SHA-256
//!                        └──────────── only if that differs: ─► CRC-64 of each file       second pass
//! diff/ ─► every name ─► was it mentioned?                                                 last
//! ```
//! A DiffID that comes out right proves every content at once, so that the checksum of each file, which costs as much again, is only computed
//! where one of them must be wrong. Nothing is kept of a file but sixteen bytes for its name.
//!
//! Names are hostile: they are cleaned like dockerd does it, links in them are followed in what the *headers* say and never on the disk, and the
//! disk is asked through [`Tree`](crate::dir::tree::Tree), which follows nothing. A name that leads out is damage and is not looked up.

mod compare;
mod expected;
mod extra;
mod jobs;
mod layer;
mod lowers;
pub mod owners;
mod run;
pub mod state;

pub use compare::{Difference, Field, What};
pub use jobs::jobs;
pub use owners::Owners;
pub use run::{Control, verify};

use crate::id::{ChainId, DiffId, DirId};

/// A layer that is to be verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The layer.
    pub chain: ChainId,
    /// What its tar should hash to.
    pub diff: DiffId,
    /// Its directory.
    pub dir: DirId,
    /// The directories of the layers below it, nearest first.
    pub lower: Vec<DirId>,
    /// How many bytes it has, as far as is known.
    pub bytes: u64,
}

/// What came out of verifying a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The layer.
    pub chain: ChainId,
    /// Its directory.
    pub dir: DirId,
    /// How it is.
    pub status: Status,
    /// How many members its tar has.
    pub files: u64,
    /// How many bytes of content were read.
    pub bytes: u64,
    /// What differs, at most [`MOST_DIFFERENCES`].
    pub differences: Vec<Difference>,
    /// How many more there are.
    pub omitted: u64,
}

/// How many differences of one layer are told one by one.
pub const MOST_DIFFERENCES: usize = 1000;

/// How a layer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Its tar hashes to its DiffID.
    Verified,
    /// It does not, or something in it differs.
    Different,
    /// Every file is as recorded, and yet the tar hashes to something else.
    Mismatched(DiffId),
    /// Its tar cannot be put together again by anybody, for this reason; its files were compared one by one.
    NotReproducible(&'static str),
    /// What the tar is put together from cannot be read.
    Unreadable(String),
    /// There is nothing that it could be put together from.
    WithoutTarSplit,
    /// It went away while it was looked at.
    Gone,
    /// Time was up.
    Unfinished,
}

impl Status {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Different | Self::Mismatched(_) => "different",
            Self::NotReproducible(_) => "not-reproducible",
            Self::Unreadable(_) | Self::WithoutTarSplit => "unverifiable",
            Self::Gone => "gone",
            Self::Unfinished => "unfinished",
        }
    }

    /// Whether the layer was looked at to its end.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        !matches!(self, Self::Gone | Self::Unfinished)
    }
}
