//! The databases that dockerd opens when it starts: whether each is there, and sound from end to end.

use crate::dir::Dir;
use crate::store::bolt::{self, Bucket, Entry, Error};

/// The databases by their paths below a data-root.
const PATHS: [&str; 8] = [
    "volumes/metadata.db",
    "network/files/local-kv.db",
    "buildkit/snapshots.db",
    "buildkit/containerdmeta.db",
    "buildkit/metadata_v2.db",
    "buildkit/metadata.db",
    "buildkit/cache.db",
    "buildkit/history.db",
];

/// How deep buckets may lie in each other: those of BuildKit are five deep.
const DEEPEST: usize = 32;

/// A database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Where it lies below the data-root.
    pub path: &'static str,
    /// How it is.
    pub soundness: Soundness,
}

/// How a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Soundness {
    /// There is none.
    Missing,
    /// There is a file without content, which dockerd takes for a new database.
    Empty,
    /// Everything in it can be reached.
    Sound,
    /// It is written to all the time.
    Busy,
    /// It is damaged, or cannot be read.
    Damaged(String),
}

/// Reads every database to its end.
pub(super) fn read(root: &Dir) -> Vec<Database> {
    PATHS.iter().map(|&path| Database { path, soundness: soundness(root, path) }).collect()
}

fn soundness(root: &Dir, path: &str) -> Soundness {
    match root.file(path) {
        Ok(None) => Soundness::Missing,
        Ok(Some(file)) if file.metadata().is_ok_and(|metadata| metadata.len() == 0) => Soundness::Empty,
        Ok(Some(file)) => match bolt::view(&file, |bucket| walk(bucket, 0)) {
            Ok(()) => Soundness::Sound,
            Err(Error::Busy(_)) => Soundness::Busy,
            Err(error) => Soundness::Damaged(error.to_string()),
        },
        Err(error) => Soundness::Damaged(error.cause.to_string()),
    }
}

/// Goes through everything; each page has one parent, so this ends.
fn walk(bucket: &Bucket<'_>, depth: usize) -> Result<(), Error> {
    if depth > DEEPEST {
        return Err(Error::Content(format!("buckets lie in each other more than {DEEPEST} deep")));
    }
    for entry in bucket.entries() {
        if let Entry::Bucket { bucket, .. } = entry? {
            walk(&bucket, depth + 1)?;
        }
    }
    Ok(())
}

/// The databases that a newer or a repaired BuildKit left behind: `<name>.db.<25 characters>.bak`, and the one that 20.10 moved elsewhere.
pub(super) fn read_set_aside(root: &Dir) -> Vec<String> {
    let entries = root.entries_of("buildkit").unwrap_or_default();
    let names: Vec<_> = entries.iter().filter_map(|entry| entry.name.to_str()).collect();
    let is_old = |name: &str| name == "metadata.db" && names.contains(&"metadata_v2.db");
    let is_set_aside = |name: &str| name.strip_suffix(".bak").is_some_and(|name| name.contains(".db."));
    names.iter().filter(|name| is_set_aside(name) || is_old(name)).map(|&name| name.to_owned()).collect()
}
