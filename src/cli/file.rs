//! Files that are written for somebody else to read.

use super::exit::Failure;
use crate::render::escape;
use std::fmt::Display;
use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// For whom a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// Its owner alone.
    Owner,
    /// Everybody whom the process's mask does not shut out.
    Everybody,
}

/// Writes a file as a whole or not at all; into a pipe or a device what is to be written.
pub(super) fn save(path: &Path, text: &[u8], readers: Readers) -> Result<(), Failure> {
    // What is no file must not be replaced by one: not /dev/null, and not /dev/stdout, which is a link. Through links the kernel leads, which
    // follows none that somebody else has laid into a directory of everybody's.
    if path.symlink_metadata().is_ok_and(|there| !there.is_file()) {
        // What a shell has opened as a file for us keeps what is in it.
        let is_opened = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc"].iter().any(|place| path.starts_with(place));
        let file = File::options().append(true).open(path);
        let emptied =
            file.and_then(|file| if is_opened || !file.metadata()?.is_file() { Ok(file) } else { file.set_len(0).map(|()| file) });
        return emptied.and_then(|mut file| file.write_all(text)).map_err(|error| cannot_write(path, &error));
    }
    replace(path, text, readers)
}

/// Writes a file as a whole or not at all, in the place of whatever has its name.
pub(super) fn replace(path: &Path, text: &[u8], readers: Readers) -> Result<(), Failure> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::Everybody => 0o666,
    };
    let new = tempfile::Builder::new().permissions(Permissions::from_mode(mode)).tempfile_in(directory);
    let mut file = new.map_err(|error| cannot_write(path, &error))?;
    file.write_all(text).and_then(|()| file.as_file().sync_all()).map_err(|error| cannot_write(path, &error))?;
    file.persist(path).map_err(|error| cannot_write(path, &error.error))?;
    Ok(())
}

/// That a file could not be written.
pub(super) fn cannot_write(path: &Path, error: &dyn Display) -> Failure {
    Failure::usage(format!("cannot write {}: {error}", escape::path(path)))
}
