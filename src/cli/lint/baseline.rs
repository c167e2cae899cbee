//! Baselines in files.

use crate::cli::exit::Failure;
use crate::cli::file::{self, Readers, cannot_write};
use crate::lint::Baseline;
use crate::render::escape;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// The largest baseline that is read.
const LIMIT: u64 = 256 << 20;

/// Writes a baseline as a whole or not at all; never through a link, and in the place of nothing but a file.
pub(super) fn save(path: &Path, baseline: &Baseline) -> Result<(), Failure> {
    if path.symlink_metadata().is_ok_and(|there| !there.is_file()) {
        let shown = escape::path(path);
        return Err(Failure::usage(format!("cannot write {shown}: there is something that is no file"))
            .hint("name a file that is none, or a baseline"));
    }
    let text = baseline.to_text().map_err(|error| cannot_write(path, &error))?;
    // Others are to read it too: what lint is run for as root is kept by a job that is not.
    file::replace(path, text.as_bytes(), Readers::Everybody)
}

/// Reads a baseline.
pub(super) fn load(path: &Path) -> Result<Baseline, Failure> {
    let failed = |why: &dyn std::fmt::Display| {
        let shown = escape::path(path);
        Failure::usage(format!("cannot read the baseline {shown}: {why}")).hint("`layerwise lint --save-baseline FILE` writes one")
    };
    let mut text = Vec::new();
    File::open(path).and_then(|file| file.take(LIMIT).read_to_end(&mut text)).map_err(|error| failed(&error))?;
    Baseline::parse(&text).map_err(|why| failed(&why))
}
