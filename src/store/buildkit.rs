//! BuildKit's state: the layer directories that builds made, and what keeps them.
//!
//! ```text
//! <data-root>/buildkit/
//! ├── snapshots.db         bolt: which snapshot is which directory or layer (dockerd's snapshotter)
//! │     <25 characters>/        parent, iscommitted, size    a directory overlay2/<that name>
//! │     <25 characters>/        committed, chainid, size     a committed snapshot: its directory, and its layer once it has become one
//! │     sha256:<chain>/         size                         a layer of the layer store, by its ChainID
//! │     <any lease>/            chainid                      a lease on a layer
//! ├── containerdmeta.db    bolt: v1/<namespace>/leases/<id>/{createdat, labels/, snapshots/<snapshotter>/<key>}
//! ├── metadata_v2.db       bolt: _main/<record>/<field> = {"value":…}, the records that `docker system df -v` lists
//! ├── metadata.db          the same in 18.09 and 19.03, without leases; migrated and left behind by 20.10
//! ├── cache.db, history.db, content/, executor/      refer to no layer
//! ├── history_c8d.db                                 the same, of the containerd image store; as far as 26.1 that is history.db too
//! └── containerd-<snapshotter>/                      its records, which refer to containerd's snapshots; only named here
//! ```
//!
//! dockerd writes all of it while it builds, exports and prunes, and keeps the databases locked for its life; it creates all three at
//! its first start, whether or not anything is ever built. So where one is missing or makes no sense while others are there,
//! what it knew is lost, and everything that it might have known is pinned.
//!
//! Every bucket of `snapshots.db` is a root, even one that no lease and no record knows: only BuildKit itself may decide to let it go.
//!
//! What the disk does not tell, because only dockerd's memory knows it: whether a running step uses a record (`InUse`), and the size of
//! a record that is being written (it says 0). `Shared` is not stored either: a record is shared if its layer (see [`BuildKit::chain_of`]) is
//! one of an image's, and then so are all its parents.

mod key;
mod lease;
mod problem;
mod record;
mod snapshot;
#[cfg(test)]
mod tests;

pub use key::SnapshotKey;
pub use lease::Lease;
pub use record::Record;
pub use snapshot::Snapshot;

use crate::dir::{Cause, Dir, Entry, Kind, Operation, ReadError};
use crate::id::{ChainId, DirId};
use crate::store::bolt::{self, Bucket};
use crate::unreadable::{Pins, Unreadable};
use problem::Problems;
use std::collections::BTreeMap;

/// Where all of it lies below a data-root.
pub const HOME: &str = "buildkit";

/// Where the snapshots stand below a data-root.
pub const PATH: &str = "buildkit/snapshots.db";

const SNAPSHOTS: &str = "snapshots.db";
const LEASES: &str = "containerdmeta.db";
const RECORDS: &str = "metadata_v2.db";
const OLD_RECORDS: &str = "metadata.db";

/// Everything that BuildKit knows of layers and directories.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildKit {
    /// The snapshots by their keys.
    pub snapshots: BTreeMap<SnapshotKey, Snapshot>,
    /// The leases by their ids; outside the namespace `buildkit`, by `<namespace>/<id>`.
    pub leases: BTreeMap<String, Lease>,
    /// The cache records by their ids.
    pub records: BTreeMap<String, Record>,
    /// The snapshotters of the containerd image store for which BuildKit keeps records elsewhere.
    pub containerd_snapshotters: Vec<String>,
}

impl BuildKit {
    /// The directory that holds the snapshot `key`, if it is not a layer of the layer store.
    ///
    /// A snapshot that was never committed is its own directory, also one of which nothing else is known.
    #[must_use]
    pub fn dir_of(&self, key: &SnapshotKey) -> Option<DirId> {
        self.snapshots.get(key).and_then(|snapshot| snapshot.committed).or_else(|| key.dir())
    }

    /// The layer that `record` is, or was exported as.
    #[must_use]
    pub fn chain_of(&self, record: &str) -> Option<ChainId> {
        match SnapshotKey::parse(record.as_bytes()) {
            SnapshotKey::Chain(chain) => Some(chain),
            key @ (SnapshotKey::Build(_) | SnapshotKey::Other(_)) => self.snapshots.get(&key)?.chain,
        }
    }

    /// How many bytes dockerd counted for `record`, once it was asked: for one that can still change they stand with its snapshot.
    #[must_use]
    pub fn size_of(&self, record: &str) -> Option<u64> {
        let known = self.records.get(record)?;
        let key = || known.snapshot.clone().unwrap_or_else(|| SnapshotKey::parse(record.as_bytes()));
        known.size.or_else(|| self.snapshots.get(&key())?.size)
    }

    /// The records that `docker system df -v` lists when no build is running: neither deleted nor the other side of one that is listed.
    pub fn listed(&self) -> impl Iterator<Item = (&str, &Record)> {
        let listed = self.records.iter().filter(|(_, record)| !record.deleted && record.equal_mutable.is_none());
        listed.map(|(id, record)| (id.as_str(), record))
    }
}

/// Reads `buildkit/` below the data-root `root`; nothing when there is no such directory, or it cannot even be listed.
pub fn read(root: &Dir, unreadable: &mut Vec<Unreadable>) -> Option<BuildKit> {
    let open = || root.dir(HOME)?.map(|dir| Ok((dir.entries()?, dir))).transpose();
    match open() {
        Ok(opened) => opened.map(|(entries, dir)| Reader { dir, entries, unreadable }.read()),
        Err(error) => {
            unreadable.push(Unreadable::new(error, Pins::Everything));
            None
        }
    }
}

/// How to make sense of a database.
type Parse<T> = fn(&Bucket<'_>, &mut Problems) -> Result<T, bolt::Error>;

/// The opened directory, what is in it, and what of that could not be read.
struct Reader<'a> {
    dir: Dir,
    entries: Vec<Entry>,
    unreadable: &'a mut Vec<Unreadable>,
}

impl Reader<'_> {
    fn read(mut self) -> BuildKit {
        let containerd_snapshotters = self.containerd_snapshotters();
        // The containerd image store has a cache.db too, and as far as 26.1 a history.db, but none of the others.
        let used = [LEASES, RECORDS, OLD_RECORDS].into_iter().any(|name| self.has(name))
            || containerd_snapshotters.is_empty() && ["cache.db", "history.db"].into_iter().any(|name| self.has(name));
        let snapshots = self.database(SNAPSHOTS, snapshot::parse);
        if snapshots.is_none() && used {
            self.missing(SNAPSHOTS, "it is missing beside BuildKit's other databases", Pins::Everything);
        }
        let records = self.records(snapshots.is_some());
        let leases = self.leases(self.has(RECORDS));
        BuildKit { snapshots: snapshots.unwrap_or_default(), leases, records, containerd_snapshotters }
    }

    fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }

    fn containerd_snapshotters(&self) -> Vec<String> {
        let directories = self.entries.iter().filter(|entry| entry.kind == Kind::Directory);
        directories.filter_map(|entry| entry.name.to_str()?.strip_prefix("containerd-").map(str::to_owned)).collect()
    }

    /// The cache records; `used` says that there are snapshots to which they should belong.
    fn records(&mut self, used: bool) -> BTreeMap<String, Record> {
        if let Some(records) = self.database(RECORDS, record::parse) {
            return records;
        }
        let old = self.database(OLD_RECORDS, record::parse);
        // Whoever has leases has migrated the old records, and has made others since.
        match &old {
            None if used => self.missing(RECORDS, "it is missing beside snapshots.db", Pins::Layers),
            Some(_) if self.has(LEASES) => self.missing(RECORDS, "it is missing beside containerdmeta.db", Pins::Layers),
            _ => {}
        }
        old.unwrap_or_default()
    }

    /// The leases; `used` says that there are records to which they should belong.
    fn leases(&mut self, used: bool) -> BTreeMap<String, Lease> {
        let leases = self.database(LEASES, lease::parse);
        if leases.is_none() && used {
            self.missing(LEASES, "it is missing beside metadata_v2.db", Pins::Layers);
        }
        leases.unwrap_or_default()
    }

    /// What `parse` makes of the database `name`: nothing when it is missing, and nothing in it when it is unreadable.
    fn database<T: Default>(&mut self, name: &str, parse: Parse<T>) -> Option<T> {
        let read = bolt::read(&self.dir, name, |root| {
            let mut problems = Problems::default();
            parse(root, &mut problems).map(|parsed| (parsed, problems))
        });
        match read {
            Ok(read) => read.map(|(parsed, problems)| {
                for (problem, pins) in problems {
                    self.unreadable.push(Unreadable::new(self.malformed(name, &problem), pins));
                }
                parsed
            }),
            Err(error) => {
                self.unreadable.push(Unreadable::new(error, Pins::Everything));
                Some(T::default())
            }
        }
    }

    /// Notes that `name`, which may have kept `pins`, is not there.
    fn missing(&mut self, name: &str, why: &str, pins: Pins) {
        let error = ReadError { operation: Operation::Open, ..self.malformed(name, why) };
        self.unreadable.push(Unreadable::new(error, pins));
    }

    fn malformed(&self, name: &str, why: &str) -> ReadError {
        self.dir.error(name, Operation::Parse, Cause::Malformed(why.to_owned()))
    }
}
