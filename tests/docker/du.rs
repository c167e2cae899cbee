//! What `du` counts, which is what layerwise's totals must be.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::layerwise::number;

/// Bytes and inodes below a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Du {
    pub(crate) bytes: u64,
    pub(crate) inodes: u64,
}

impl Du {
    /// Returns what a part of a document of layerwise says.
    pub(crate) fn said_by(part: &Value) -> Self {
        Self { bytes: number(part, "bytes"), inodes: number(part, "inodes") }
    }

    /// Counts what is below `directory`, without other file systems.
    pub(crate) fn of(directory: &Path) -> Self {
        Self { bytes: du("--block-size=1", directory), inodes: du("--inodes", directory) }
    }
}

/// Counts what is below `directory` before and after `look`, until both agree.
pub(crate) fn around<T>(directory: &Path, mut look: impl FnMut() -> T) -> (Du, T) {
    let mut before = Du::of(directory);
    for _ in 0..100 {
        let seen = look();
        let after = Du::of(directory);
        if before == after {
            return (after, seen);
        }
        before = after;
    }
    panic!("{} does not come to rest", directory.display());
}

/// Returns the allocated bytes of files, of which those that are not there have none.
pub(crate) fn allocated(files: &[PathBuf]) -> u64 {
    files.iter().filter_map(|file| file.symlink_metadata().ok()).map(|metadata| metadata.blocks() * 512).sum()
}

fn du(option: &str, directory: &Path) -> u64 {
    let output = Command::new("du").args(["-sx", option]).arg(directory).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    // While dockerd works, what du was about to look at goes away; then it complains, and the counts around it disagree.
    text.split_whitespace().next().and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("du printed {text}"))
}
