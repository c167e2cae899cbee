//! BuildKit's databases: which snapshots there are, what leases hold them, and what the cache knows of them.
//!
//! ```text
//! snapshots.db        <directory>        parent, size | iscommitted          a snapshot being written, or that was
//!                     <name>             committed = <directory>, size       one that is complete
//!                                        chainid, once it is a layer as well
//!                     sha256:<chain>     (empty)                             an image layer builds are based on
//!                     <record>           chainid                             its cache record
//! containerdmeta.db   v1/buildkit/leases/<record>/snapshots/default/<name>
//! metadata_v2.db      _main/<record>/<key> = {"value":…}, _index/<index>::<record>
//! cache.db            _backlinks, _byresult, _links, _result                 what the solver may reuse: nothing
//! ```

use super::bolt_writer::Bucket;
use super::go_json;
use crate::id::ChainId;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::io;

/// What the databases say.
#[derive(Debug, Default)]
pub(super) struct Databases {
    pub(super) snapshots: Bucket,
    leases: Bucket,
    records: Bucket,
}

/// A cache record, as far as snapshots differ in it.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) id: String,
    /// The snapshot that it is about.
    pub(super) snapshot: String,
    pub(super) created: Timestamp,
    /// What else it says, beyond its times and its usage.
    pub(super) facts: Vec<(&'static str, Value)>,
    /// What it is found by, as key and value at once.
    pub(super) index: Option<String>,
}

impl Databases {
    /// The files, their modes and their contents.
    pub(super) fn files(&self) -> [(&'static str, u32, &Bucket); 3] {
        [
            ("buildkit/snapshots.db", 0o600, &self.snapshots),
            ("buildkit/containerdmeta.db", 0o644, &self.leases),
            ("buildkit/metadata_v2.db", 0o600, &self.records),
        ]
    }

    /// Holds a snapshot by a lease that has the name of the record, without an end.
    pub(super) fn lease(&mut self, record: &Record) {
        let lease = self.leases.bucket("v1").bucket("buildkit").bucket("leases").bucket(&record.id);
        lease.put("createdat", go_time(record.created));
        lease.bucket("labels").put("containerd.io/gc.flat", record.created.to_string());
        lease.bucket("snapshots").bucket("default").put(&record.snapshot, "");
    }

    /// Adds a cache record.
    pub(super) fn record(&mut self, record: &Record) -> io::Result<()> {
        let created = i64::try_from(record.created.as_nanosecond()).map_err(io::Error::other)?;
        let common = [
            ("cache.cachePolicy", json!(1)),
            ("cache.createdAt", json!(created)),
            ("cache.lastUsedAt", json!(created)),
            ("cache.usageCount", json!(1)),
        ];
        let entry = self.records.bucket("_main").bucket(&record.id);
        for (key, value) in common.iter().chain(&record.facts) {
            entry.put(key, go_json::text(&json!({ "value": value }))?);
        }
        if let Some(index) = &record.index {
            entry.put(index, go_json::text(&json!({ "value": index, "index": index }))?);
            self.records.bucket("_index").put(format!("{index}::{}", record.id), "");
        }
        Ok(())
    }

    /// Makes the snapshot of an image layer known, with its cache record `id`.
    pub(super) fn image_layer(&mut self, id: &str, chain: ChainId, created: Timestamp) -> io::Result<()> {
        self.snapshots.bucket(chain.to_string());
        self.snapshots.bucket(id).put("chainid", chain.to_string());
        let facts = vec![
            ("cache.description", json!("pulled from an image")),
            ("cache.chainID", json!(chain)),
            ("cache.snapshot", json!(chain)),
            ("cache.blobonly", json!(true)),
            ("snapshot.committed", json!(true)),
            ("snapshot.size", json!(0)),
        ];
        let record = Record { id: id.to_owned(), snapshot: chain.to_string(), created, facts, index: None };
        self.lease(&record);
        self.record(&record)
    }
}

/// The solver's cache of a BuildKit that has not built anything.
pub(super) fn solver_cache() -> Bucket {
    let mut root = Bucket::default();
    for name in ["_backlinks", "_byresult", "_links", "_result"] {
        root.bucket(name);
    }
    root
}

/// A time as Go's `time.Time.MarshalBinary` has it: version 1, seconds since the year 1, nanoseconds, and -1 for UTC.
fn go_time(time: Timestamp) -> Vec<u8> {
    const SECONDS_FROM_YEAR_1: i64 = 62_135_596_800;
    let seconds = time.as_second().saturating_add(SECONDS_FROM_YEAR_1);
    [&[1][..], &seconds.to_be_bytes(), &time.subsec_nanosecond().to_be_bytes(), &[0xff, 0xff]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_layer_is_known_recorded_and_held() {
        let (mut databases, mut leases) = (Databases::default(), Bucket::default());
        let chain = ChainId::of(b"layer");
        databases.image_layer("record", chain, Timestamp::UNIX_EPOCH).unwrap();
        let lease = leases.bucket("v1").bucket("buildkit").bucket("leases").bucket("record");
        lease.put("createdat", go_time(Timestamp::UNIX_EPOCH));
        lease.bucket("labels").put("containerd.io/gc.flat", "1970-01-01T00:00:00Z");
        lease.bucket("snapshots").bucket("default").put(chain.to_string(), "");
        assert_eq!(databases.leases, leases);
        let mut snapshots = Bucket::default();
        snapshots.bucket(chain.to_string());
        snapshots.bucket("record").put("chainid", chain.to_string());
        assert_eq!(databases.snapshots, snapshots);
        let mut expected = Bucket::default();
        let created = [("cache.createdAt", "0"), ("cache.lastUsedAt", "0"), ("cache.cachePolicy", "1"), ("cache.usageCount", "1")];
        let facts = [("cache.blobonly", "true"), ("snapshot.committed", "true"), ("snapshot.size", "0")];
        let quoted = format!("\"{chain}\"");
        let names = [("cache.chainID", quoted.as_str()), ("cache.snapshot", &quoted), ("cache.description", "\"pulled from an image\"")];
        for (key, value) in created.into_iter().chain(facts).chain(names) {
            expected.bucket("_main").bucket("record").put(key, format!("{{\"value\":{value}}}"));
        }
        assert_eq!(databases.records, expected);
    }

    #[test]
    fn a_time_has_the_bytes_that_go_gives_it() {
        let time: Timestamp = "2026-11-23T15:00:14.860187981Z".parse().unwrap();
        assert_eq!(go_time(time), b"\x01\x00\x00\x00\x0e\xe2\x96K\xfe3EmM\xff\xff".as_slice());
    }
}
