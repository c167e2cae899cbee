//! What others say of a tree: GNU `du`, and a walk that takes the simplest way to everything.

use layerwise::store::place::{Owner, Place};
use layerwise::usage::scan::Usage;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;
use walkdir::WalkDir;

/// The total that `du -sx` prints with these options.
pub(crate) fn du(root: &Path, options: &[&str]) -> u64 {
    let output = Command::new("du").arg("-sx").args(options).arg(root).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

/// Whether this `du` is one from before coreutils 9.2.
pub(crate) fn du_counts_sizes_of_directories() -> bool {
    let empty = tempfile::tempdir_in("/var/tmp").unwrap();
    du(empty.path(), &["--block-size=1", "--apparent-size"]) > 0
}

/// What each owner of a data-root is charged, attributes aside.
pub(crate) fn owners(root: &Path) -> BTreeMap<Owner, Usage> {
    let mut inodes: BTreeMap<u64, (Owner, Usage)> = BTreeMap::new();
    for entry in WalkDir::new(root).same_file_system(true) {
        let entry = entry.unwrap();
        let metadata = entry.path().symlink_metadata().unwrap();
        let owner = place(entry.path().strip_prefix(root).unwrap(), metadata.is_dir()).owner().clone();
        let kind = metadata.file_type();
        let one = |is: bool| u64::from(is);
        let usage = Usage {
            bytes: metadata.blocks() * 512,
            apparent_bytes: metadata.len(),
            content_bytes: if kind.is_dir() { 0 } else { metadata.len() },
            inodes: 1,
            directories: one(kind.is_dir()),
            files: one(kind.is_file()),
            symlinks: one(kind.is_symlink()),
            symlink_bytes: if kind.is_symlink() { metadata.len() } else { 0 },
            devices: one(kind.is_block_device() || kind.is_char_device()),
            fifos: one(kind.is_fifo()),
            sockets: one(kind.is_socket()),
            set_ids: one(kind.is_file() && metadata.permissions().mode() & 0o6000 != 0),
            ..Usage::default()
        };
        let known = inodes.entry(metadata.ino()).or_insert_with(|| (owner.clone(), usage));
        known.0 = known.0.clone().min(owner);
    }
    let mut owners = BTreeMap::new();
    for (owner, usage) in inodes.into_values() {
        *owners.entry(owner).or_insert_with(Usage::default) += usage;
    }
    owners
}

/// The place of a path below a data-root.
fn place(path: &Path, is_directory: bool) -> Place {
    let mut components = path.components().peekable();
    let mut place = Place::root();
    while let Some(name) = components.next() {
        place = place.child(name.as_os_str().as_bytes(), is_directory || components.peek().is_some());
    }
    place
}
