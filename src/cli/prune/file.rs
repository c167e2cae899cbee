//! Plans in files.

use super::super::exit::Failure;
use crate::plan::Plan;
use std::fs::{File, Metadata};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The largest plan that is read.
const LIMIT: u64 = 256 << 20;

/// Writes a plan, readable for its owner only: a file as a whole or not at all; into a pipe or a device what is to be written.
pub(in crate::cli) fn save(path: &Path, plan: &Plan) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::usage(format!("cannot write {}: {error}", path.display()));
    let mut text = serde_json::to_vec_pretty(plan).map_err(|error| failed(&error))?;
    text.push(b'\n');
    // What is no file must not be replaced by one: not /dev/null, and not /dev/stdout, which is a link. Through links the kernel leads, which
    // follows none that somebody else has laid into a directory of everybody's.
    if path.symlink_metadata().is_ok_and(|there| !there.is_file()) {
        // What a shell has opened as a file for us keeps what is in it.
        let is_opened = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc"].iter().any(|place| path.starts_with(place));
        let file = File::options().append(true).open(path);
        let emptied =
            file.and_then(|file| if is_opened || !file.metadata()?.is_file() { Ok(file) } else { file.set_len(0).map(|()| file) });
        return emptied.and_then(|mut file| file.write_all(&text)).map_err(|error| failed(&error));
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(|error| failed(&error))?;
    file.write_all(&text).map_err(|error| failed(&error))?;
    file.persist(path).map_err(|error| failed(&error.error))?;
    Ok(())
}

/// Reads a plan. What it says is only ever compared with what is so: it can change nothing that would not be changed without it. But it says what
/// of that is meant, and so nobody else may have had a hand in it.
pub(in crate::cli) fn load(path: &Path, command: &str) -> Result<Plan, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        let hint = format!("`layerwise {command} --save-plan FILE` writes one");
        Failure::usage(format!("cannot read the plan {}: {error}", path.display())).hint(hint)
    };
    let file = File::open(path).map_err(|error| failed(&error))?;
    let metadata = file.metadata().map_err(|error| failed(&error))?;
    if let Some(who) = other_author(&metadata) {
        return Err(Failure::usage(format!("the plan {} {who}", path.display())).hint("look through it, and copy it to a file of your own"));
    }
    let mut text = Vec::new();
    file.take(LIMIT).read_to_end(&mut text).map_err(|error| failed(&error))?;
    Plan::parse(&text).map_err(|why| failed(&why))
}

/// Who but us and root may have written a file.
fn other_author(file: &Metadata) -> Option<String> {
    let is_ours = [0, rustix::process::geteuid().as_raw()].contains(&file.uid());
    // The others can only have written what is there as a file; a pipe between two programs has nobody else's.
    match file.mode() & 0o022 {
        _ if !is_ours => Some(format!("belongs to the user {}", file.uid())),
        0 => None,
        _ if !file.is_file() => None,
        mode => Some(format!("may be written by {}", if mode & 0o002 == 0 { "its group" } else { "everybody" })),
    }
}
