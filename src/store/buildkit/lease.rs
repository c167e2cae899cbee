//! `containerdmeta.db`: the leases by which records and running builds hold snapshots, as containerd's metadata store keeps them.

use super::{Problems, SnapshotKey};
use crate::store::bolt::{Bucket, Entry, Error, Slice};
use crate::unreadable::Pins;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The seconds from the beginning of the year 1, from which Go counts, to 1970.
const UNIX_EPOCH: i64 = 62_135_596_800;

/// What one record or build holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lease {
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Its labels, such as `containerd.io/gc.flat`, `containerd.io/gc.expire` or `buildkit/lease.temporary`.
    pub labels: BTreeMap<String, String>,
    /// The snapshots that it holds.
    pub snapshots: Vec<SnapshotKey>,
}

impl Lease {
    /// When it ends by itself, if it does.
    #[must_use]
    pub fn expires(&self) -> Option<Timestamp> {
        self.labels.get("containerd.io/gc.expire")?.parse().ok()
    }

    /// Whether it belongs to a running build; dockerd removes such leases when it starts.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.labels.contains_key("buildkit/lease.temporary")
    }
}

/// Makes sense of every lease.
pub(super) fn parse(root: &Bucket<'_>, problems: &mut Problems) -> Result<BTreeMap<String, Lease>, Error> {
    let mut leases = BTreeMap::new();
    for entry in root.entries() {
        match entry? {
            Entry::Bucket { key, bucket } if *key == *b"v1" => parse_schema(&bucket, problems, &mut leases)?,
            Entry::Bucket { key, .. } | Entry::Value { key, .. } => problems.note(&[&key], Pins::Everything, "an unknown schema")?,
        }
    }
    Ok(leases)
}

fn parse_schema(v1: &Bucket<'_>, problems: &mut Problems, leases: &mut BTreeMap<String, Lease>) -> Result<(), Error> {
    for entry in v1.entries() {
        match entry? {
            Entry::Bucket { key, bucket } => parse_namespace(&key, &bucket, problems, leases)?,
            // Counts additions to the schema; what changes it gets a bucket beside `v1`.
            Entry::Value { key, .. } if *key == *b"version" => {}
            Entry::Value { key, .. } => problems.note(&[&key], Pins::Everything, "a value where a namespace should be")?,
        }
    }
    Ok(())
}

fn parse_namespace(
    name: &[u8],
    namespace: &Bucket<'_>,
    problems: &mut Problems,
    leases: &mut BTreeMap<String, Lease>,
) -> Result<(), Error> {
    let prefix = if name == b"buildkit" { String::new() } else { format!("{}/", name.escape_ascii()) };
    for (kind, bucket) in buckets(&[name], namespace, problems)? {
        if *kind == *b"leases" {
            for (id, bucket) in buckets(&[name, &kind], &bucket, problems)? {
                let lease = parse_lease(&[name, &kind, &id], &bucket, problems)?;
                leases.insert(format!("{prefix}{}", id.escape_ascii()), lease);
            }
        }
    }
    Ok(())
}

fn parse_lease(path: &[&[u8]], bucket: &Bucket<'_>, problems: &mut Problems) -> Result<Lease, Error> {
    let mut lease = Lease::default();
    for entry in bucket.entries() {
        let entry = entry?;
        let (Entry::Value { key, .. } | Entry::Bucket { key, .. }) = &entry;
        let path = [path, &[key]].concat();
        match (&**key, &entry) {
            (b"createdat", Entry::Value { value, .. }) => match go_time(value) {
                Some(created) => lease.created = Some(created),
                None => problems.note(&path, Pins::Nothing, "not a time")?,
            },
            (b"labels", Entry::Bucket { bucket, .. }) => lease.labels = labels(bucket)?,
            (b"snapshots", Entry::Bucket { bucket, .. }) => {
                for (_, held) in buckets(&path, bucket, problems)? {
                    lease.hold(&path, &held, problems)?;
                }
            }
            (b"createdat" | b"labels" | b"snapshots", _) => problems.note(&path, Pins::Everything, "of the wrong kind")?,
            // Contents, ingests and images, none of which is a layer.
            _ => {}
        }
    }
    Ok(lease)
}

impl Lease {
    /// Notes the snapshots that are the keys of `held`.
    fn hold(&mut self, path: &[&[u8]], held: &Bucket<'_>, problems: &mut Problems) -> Result<(), Error> {
        for entry in held.entries() {
            let (Entry::Value { key: name, .. } | Entry::Bucket { key: name, .. }) = entry?;
            let key = SnapshotKey::parse(&name);
            if key.is_broken() {
                problems.note(&[path, &[&name]].concat(), Pins::Everything, "not a ChainID")?;
            }
            self.snapshots.push(key);
        }
        Ok(())
    }
}

/// The buckets in `bucket`, in which there should be nothing else.
fn buckets<'a>(path: &[&[u8]], bucket: &Bucket<'a>, problems: &mut Problems) -> Result<Vec<(Slice, Bucket<'a>)>, Error> {
    let mut buckets = Vec::new();
    for entry in bucket.entries() {
        match entry? {
            Entry::Bucket { key, bucket } => buckets.push((key, bucket)),
            Entry::Value { key, .. } => problems.note(&[path, &[&key]].concat(), Pins::Everything, "a value where a bucket should be")?,
        }
    }
    Ok(buckets)
}

/// The values in `bucket`; labels are only told, and the few with a meaning are plain ASCII.
fn labels(bucket: &Bucket<'_>) -> Result<BTreeMap<String, String>, Error> {
    let mut labels = BTreeMap::new();
    for entry in bucket.entries() {
        if let Entry::Value { key, value } = entry? {
            labels.insert(key.escape_ascii().to_string(), value.escape_ascii().to_string());
        }
    }
    Ok(labels)
}

/// A time in Go's binary form: version, seconds since the year 1, nanoseconds, and the zone that it was noted in.
fn go_time(bytes: &[u8]) -> Option<Timestamp> {
    let (&(1 | 2), rest) = bytes.split_first()? else { return None };
    let (seconds, rest) = rest.split_first_chunk()?;
    let (nanoseconds, _zone) = rest.split_first_chunk()?;
    Timestamp::new(i64::from_be_bytes(*seconds).checked_sub(UNIX_EPOCH)?, i32::from_be_bytes(*nanoseconds)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_the_one_that_go_wrote() {
        let written = b"\x01\x00\x00\x00\x0e\xe2\x96\x4b\xfc\x0e\xc0\x6c\x24\xff\xff";
        assert_eq!(go_time(written).unwrap().to_string(), "2026-11-23T15:00:12.24749162Z");
        for wrong in [&b""[..], b"\x03", &written[..12], &[0xff; 15], &[1; 15]] {
            assert!(go_time(wrong).is_none());
        }
    }
}
