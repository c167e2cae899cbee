//! Why a bolt database could not be read.

use std::io;

/// Why a bolt database could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel refused.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// There is not even a meta page: dockerd creates a database with four pages at once, so a content got lost.
    #[error("an empty file is no bolt database")]
    Empty,
    /// Neither meta page begins as it must.
    #[error("not a bolt database")]
    NotBolt,
    /// It is written in another version of the format.
    #[error("version {0} of the bolt format is unknown")]
    Version(u32),
    /// No meta page has the right checksum or a possible page size.
    #[error("both meta pages are damaged")]
    Meta,
    /// A page is not what it should be.
    #[error("page {page} {fault}")]
    Page {
        /// The page's number.
        page: u64,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// Every reading found that dockerd had committed a transaction meanwhile.
    #[error("busy: written to during each of {0} readings")]
    Busy(u32),
    /// The database is sound, but what the visitor looked for is not there or not as it should be.
    #[error("{0}")]
    Content(String),
}
