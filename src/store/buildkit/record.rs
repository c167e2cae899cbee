//! `metadata_v2.db`: the cache records, as `docker system df -v` lists them.
//!
//! A field that was cleared stays behind with an empty value. Of the top-level buckets only `_main` matters: `_index` repeats it, and
//! `_external` holds checksums of contents.

use super::{Problems, SnapshotKey};
use crate::id::{ChainId, DiffId};
use crate::store::bolt::{Bucket, Entry, Error};
use crate::unreadable::Pins;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::str::FromStr;

/// One entry of the build cache.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// Its snapshot, where that is not the one of the record's own id.
    pub snapshot: Option<SnapshotKey>,
    /// The layer that it was made from.
    pub chain: Option<ChainId>,
    /// That layer's content.
    pub diff: Option<DiffId>,
    /// The records that it is built on: one, or those that were merged or compared.
    pub parents: Vec<String>,
    /// The mutable record that has the same snapshot and is listed in its place.
    pub equal_mutable: Option<String>,
    /// Whether it can no longer change.
    pub committed: bool,
    /// Whether it is being deleted, which dockerd finishes when it starts.
    pub deleted: bool,
    /// What it is if not `regular`: `source.local`, `exec.cachemount`, `internal`, `frontend`, `source.git.checkout`.
    pub kind: Option<String>,
    /// What made it.
    pub description: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When a build last used it.
    pub last_used: Option<Timestamp>,
    /// How many builds used it.
    pub usage_count: u64,
    /// How many bytes dockerd counted, once it was asked.
    pub size: Option<u64>,
}

/// A field as it is stored.
#[derive(Deserialize)]
struct Field<T> {
    value: Option<T>,
}

/// Makes sense of every record.
pub(super) fn parse(root: &Bucket<'_>, problems: &mut Problems) -> Result<BTreeMap<String, Record>, Error> {
    let mut records = BTreeMap::new();
    for entry in root.entries() {
        match entry? {
            Entry::Bucket { key, bucket } if *key == *b"_main" => parse_main(&bucket, problems, &mut records)?,
            Entry::Bucket { key, .. } if matches!(&*key, b"_index" | b"_external") => {}
            Entry::Bucket { key, .. } | Entry::Value { key, .. } => problems.note(&[&key], Pins::Everything, "an unknown schema")?,
        }
    }
    Ok(records)
}

fn parse_main(main: &Bucket<'_>, problems: &mut Problems, records: &mut BTreeMap<String, Record>) -> Result<(), Error> {
    for entry in main.entries() {
        match entry? {
            Entry::Bucket { key, bucket } => {
                if SnapshotKey::parse(&key).is_broken() {
                    problems.note(&[&key], Pins::Everything, "not a ChainID")?;
                }
                let record = parse_record(&key, &bucket, problems)?;
                records.insert(key.escape_ascii().to_string(), record);
            }
            Entry::Value { key, .. } => problems.note(&[&key], Pins::Everything, "a value where a record should be")?,
        }
    }
    Ok(())
}

fn parse_record(name: &[u8], bucket: &Bucket<'_>, problems: &mut Problems) -> Result<Record, Error> {
    let mut record = Record::default();
    for entry in bucket.entries() {
        let (key, problem) = match entry? {
            Entry::Value { value, key } if value.is_empty() => (key, Ok(())),
            Entry::Value { key, value } => {
                let set = record.set(&key, &value);
                (key, set)
            }
            Entry::Bucket { key, .. } => (key, Err("a bucket where a value should be".to_owned())),
        };
        if let Err(problem) = problem {
            problems.note(&[name, &key], may_keep(&key), problem)?;
        }
    }
    Ok(record)
}

/// What a field may keep alive.
fn may_keep(field: &[u8]) -> Pins {
    match field {
        b"cache.description" | b"cache.recordType" | b"cache.createdAt" | b"cache.lastUsedAt" | b"cache.usageCount" | b"snapshot.size" => {
            Pins::Nothing
        }
        _ => Pins::Everything,
    }
}

impl Record {
    /// What it is.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or("regular")
    }

    fn set(&mut self, field: &[u8], stored: &[u8]) -> Result<(), String> {
        match field {
            b"cache.snapshot" => self.snapshot = text(stored)?.map(|key| sound(&key)).transpose()?,
            b"cache.chainID" => self.chain = id(stored)?,
            b"cache.diffID" => self.diff = id(stored)?,
            b"cache.parent" | b"cache.lowerDiffParent" | b"cache.upperDiffParent" => self.parents.extend(text(stored)?),
            b"cache.mergeParents" => self.parents.extend(value::<Vec<String>>(stored)?.unwrap_or_default()),
            b"cache.equalMutable" => self.equal_mutable = text(stored)?,
            b"cache.deleted" => self.deleted = value(stored)?.unwrap_or_default(),
            b"snapshot.committed" => self.committed = value(stored)?.unwrap_or_default(),
            b"cache.recordType" => self.kind = text(stored)?,
            b"cache.description" => self.description = text(stored)?,
            b"cache.createdAt" => self.created = time(stored)?,
            b"cache.lastUsedAt" => self.last_used = time(stored)?,
            b"cache.usageCount" => self.usage_count = value(stored)?.unwrap_or_default(),
            // -1 stands for a size that was never asked for.
            b"snapshot.size" => self.size = value::<i64>(stored)?.and_then(|size| u64::try_from(size).ok()),
            // Checksums, image names and the keys by which builds find the record again.
            _ => {}
        }
        Ok(())
    }
}

/// The value of a field.
fn value<T: DeserializeOwned>(stored: &[u8]) -> Result<Option<T>, String> {
    serde_json::from_slice(stored).map(|field: Field<T>| field.value).map_err(|error| error.to_string())
}

/// The value of a field that is a text, if there is any.
fn text(stored: &[u8]) -> Result<Option<String>, String> {
    value(stored).map(|text: Option<String>| text.filter(|text| !text.is_empty()))
}

/// The value of a field that is a digest.
fn id<T: FromStr<Err = crate::id::IdError>>(stored: &[u8]) -> Result<Option<T>, String> {
    text(stored)?.map(|text| text.parse().map_err(|error: T::Err| error.to_string())).transpose()
}

/// The value of a field that is a time in nanoseconds since 1970.
fn time(stored: &[u8]) -> Result<Option<Timestamp>, String> {
    let nanoseconds = value::<i64>(stored)?.filter(|&nanoseconds| nanoseconds != 0);
    nanoseconds.map(|nanoseconds| Timestamp::from_nanosecond(nanoseconds.into()).map_err(|error| error.to_string())).transpose()
}

/// The snapshot that is written as `key`.
fn sound(key: &str) -> Result<SnapshotKey, String> {
    let parsed = SnapshotKey::parse(key.as_bytes());
    if parsed.is_broken() { Err(format!("{parsed} is not a ChainID")) } else { Ok(parsed) }
}
