//! `snapshots.db`: which snapshot is which directory or layer.

use super::{Problems, SnapshotKey};
use crate::id::{ChainId, DirId};
use crate::store::bolt::{Bucket, Entry, Error};
use crate::unreadable::Pins;
use std::collections::BTreeMap;

/// What is known of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// The snapshot or layer below it; a committed snapshot's stands with its directory's own key.
    pub parent: Option<SnapshotKey>,
    /// Whether it says on what it lies, if on nothing: then its key is the name of a directory.
    pub has_parent: bool,
    /// The directory that was committed under this key.
    pub committed: Option<DirId>,
    /// Whether this is a directory that was committed under another key (20.10 and later).
    pub is_committed: bool,
    /// The layer that it is or was exported as.
    pub chain: Option<ChainId>,
    /// How many bytes dockerd counted, once it was asked.
    pub size: Option<u64>,
}

/// Makes sense of every snapshot.
pub(super) fn parse(root: &Bucket<'_>, problems: &mut Problems) -> Result<BTreeMap<SnapshotKey, Snapshot>, Error> {
    let mut snapshots = BTreeMap::new();
    for entry in root.entries() {
        match entry? {
            Entry::Bucket { key: name, bucket } => {
                let key = SnapshotKey::parse(&name);
                if key.is_broken() {
                    problems.note(&[&name], Pins::Everything, "not a ChainID")?;
                }
                snapshots.insert(key, parse_snapshot(&name, &bucket, problems)?);
            }
            Entry::Value { key, .. } => problems.note(&[&key], Pins::Everything, "a value where a snapshot should be")?,
        }
    }
    Ok(snapshots)
}

fn parse_snapshot(name: &[u8], bucket: &Bucket<'_>, problems: &mut Problems) -> Result<Snapshot, Error> {
    let mut snapshot = Snapshot::default();
    for entry in bucket.entries() {
        let (key, problem) = match entry? {
            Entry::Value { key, value } => {
                let set = snapshot.set(&key, &value);
                (key, set)
            }
            Entry::Bucket { key, .. } => (key, Err("a bucket where a value should be".to_owned())),
        };
        if let Err(problem) = problem {
            let pins = if *key == *b"size" { Pins::Nothing } else { Pins::Everything };
            problems.note(&[name, &key], pins, problem)?;
        }
    }
    Ok(snapshot)
}

impl Snapshot {
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), String> {
        match key {
            b"parent" if value.is_empty() => self.has_parent = true,
            b"parent" => {
                self.has_parent = true;
                let parent = SnapshotKey::parse(value);
                if parent.is_broken() {
                    return Err(format!("{parent} is not a ChainID"));
                }
                self.parent = Some(parent);
            }
            b"committed" => self.committed = Some(value.try_into().map_err(|error: crate::id::IdError| error.to_string())?),
            b"chainid" => self.chain = Some(value.try_into().map_err(|error: crate::id::IdError| error.to_string())?),
            b"iscommitted" => self.is_committed = true,
            b"size" => {
                let size: Option<i64> = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
                // -1 stands for a size that was never asked for.
                self.size = u64::try_from(size.ok_or("not a size")?).ok();
            }
            _ => return Err("not a key of a snapshot".to_owned()),
        }
        Ok(())
    }
}
