//! Baselines in files.

use super::cannot_write;
use crate::cli::exit::Failure;
use crate::lint::Baseline;
use crate::render::escape;
use std::fs::{File, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
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
    let text = baseline.to_text().map_err(|error| cannot_write(path, &error.into()))?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Others are to read it too: what lint is run for as root is kept by a job that is not.
    let file = tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(directory);
    let mut file = file.map_err(|error| cannot_write(path, &error))?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(|error| cannot_write(path, &error))?;
    file.persist(path).map_err(|error| cannot_write(path, &error.error))?;
    Ok(())
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
