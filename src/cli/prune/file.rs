//! Plans in files.

use crate::cli::exit::Failure;
use crate::cli::file::{self, Readers};
use crate::plan::Plan;
use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The largest plan that is read.
const LIMIT: u64 = 256 << 20;

/// Writes a plan, readable for its owner only.
pub(in crate::cli) fn save(path: &Path, plan: &Plan) -> Result<(), Failure> {
    let mut text = serde_json::to_vec_pretty(plan).map_err(|error| file::cannot_write(path, &error))?;
    text.push(b'\n');
    file::save(path, &text, Readers::Owner)
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
