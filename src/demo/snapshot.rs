//! Build snapshots: layer directories that BuildKit made, which no layer record need know.

use super::builder::{Builder, Store};
use super::buildkit::Record;
use super::layer::Layer;
use super::names;
use super::overlay::Directory;
use super::tree::Tree;
use super::write::{Result, failed};
use jiff::Timestamp;
use serde_json::{Value, json};

/// A build snapshot to be made: the result of a step, unless it says otherwise.
#[derive(Debug, Clone)]
pub struct SnapshotSpec {
    name: String,
    tree: Tree,
    below: Option<Below>,
    state: State,
    kind: &'static str,
    description: String,
    index: Option<String>,
    leased: bool,
    recorded: bool,
}

/// How far a snapshot has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Active,
    Committed,
    Exported,
}

/// What a snapshot is on top of.
#[derive(Debug, Clone)]
enum Below {
    Layer(Layer),
    Snapshot(Snapshot),
}

/// A build snapshot that was written.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Its name in `snapshots.db`, which is also that of its cache record and of its lease.
    pub name: String,
    /// Its directory.
    pub dir: Directory,
    /// The layer that it is as well, once it was exported into an image.
    pub layer: Option<Layer>,
}

impl SnapshotSpec {
    /// The result of a build step, called `name`.
    #[must_use]
    pub fn new(name: &str, tree: Tree) -> Self {
        let description = format!("mount / from exec /bin/sh -c {name}");
        let (name, state, kind) = (name.to_owned(), State::Committed, "regular");
        Self { name, tree, below: None, state, kind, description, index: None, leased: true, recorded: true }
    }

    /// The files that were sent for a build as `purpose` (`context`, `dockerfile`).
    #[must_use]
    pub fn local_source(purpose: &str, tree: Tree) -> Self {
        let index = Some(format!("local.sharedKey:{purpose}:{purpose}:{}", names::hex("shared key", purpose)));
        let description = format!("local source for {purpose}");
        Self { state: State::Active, kind: "source.local", description, index, ..Self::new(purpose, tree) }
    }

    /// What `RUN --mount=type=cache,target=…` keeps.
    #[must_use]
    pub fn cache_mount(target: &str, tree: Tree) -> Self {
        let description = format!("cached mount {target} from exec /bin/sh -c make");
        Self {
            state: State::Active,
            kind: "exec.cachemount",
            description,
            index: Some(format!("cache-dir:/{target}")),
            ..Self::new(target, tree)
        }
    }

    /// Puts it on top of an image layer, of which BuildKit then has a record too.
    #[must_use]
    pub fn on_layer(mut self, layer: &Layer) -> Self {
        self.below = Some(Below::Layer(layer.clone()));
        self
    }

    /// Puts it on top of another snapshot.
    #[must_use]
    pub fn on(mut self, snapshot: &Snapshot) -> Self {
        self.below = Some(Below::Snapshot(snapshot.clone()));
        self
    }

    /// Says that it is still being written to.
    #[must_use]
    pub fn active(mut self) -> Self {
        self.state = State::Active;
        self
    }

    /// Says that it was exported into an image, and so is a layer as well, in the same directory.
    #[must_use]
    pub fn exported(mut self) -> Self {
        self.state = State::Exported;
        self
    }

    /// Says what made it.
    #[must_use]
    pub fn description(mut self, description: &str) -> Self {
        description.clone_into(&mut self.description);
        self
    }

    /// Leaves out the lease.
    #[must_use]
    pub fn unleased(mut self) -> Self {
        self.leased = false;
        self
    }

    /// Leaves out the cache record.
    #[must_use]
    pub fn unrecorded(mut self) -> Self {
        self.recorded = false;
        self
    }

    /// What its cache record says.
    fn facts(&self, parent: Option<String>) -> Vec<(&'static str, Value)> {
        let mut facts = vec![("cache.description", json!(self.description))];
        facts.extend(parent.map(|parent| ("cache.parent", json!(parent))));
        if self.state == State::Active {
            facts.push(("cache.recordType", json!(self.kind)));
        } else {
            facts.extend([("snapshot.committed", json!(true)), ("snapshot.size", json!(self.tree.size()))]);
        }
        facts
    }

    fn below_dir(&self) -> Option<&Directory> {
        self.below.as_ref().map(|below| match below {
            Below::Layer(layer) => &layer.dir,
            Below::Snapshot(snapshot) => &snapshot.dir,
        })
    }

    fn below_layer(&self) -> Option<&Layer> {
        self.below.as_ref().and_then(|below| match below {
            Below::Layer(layer) => Some(layer),
            Below::Snapshot(snapshot) => snapshot.layer.as_ref(),
        })
    }
}

impl Builder {
    /// Writes a build snapshot.
    ///
    /// # Errors
    /// When it cannot be written, or is to be exported while the one below it was not.
    pub fn snapshot(&mut self, spec: &SnapshotSpec) -> Result<Snapshot> {
        let created = self.tick();
        let name = names::build(&format!("snapshot {}", spec.name));
        let working = if spec.state == State::Active { name.clone() } else { names::build(&format!("working {}", spec.name)) };
        let dir = self.overlay(names::build_dir(&working)?, spec.below_dir(), &spec.tree)?;
        if spec.below.is_some() {
            self.mounted_once(&dir)?;
        }
        let layer = if spec.state == State::Exported { Some(self.export(spec, &dir)?) } else { None };
        let (parent, parent_record) = self.parent_of(spec, created)?;
        self.note(spec, &Keys { name: &name, working: &working, parent: &parent }, layer.as_ref());
        let record =
            Record { id: name.clone(), snapshot: name.clone(), created, facts: spec.facts(parent_record), index: spec.index.clone() };
        if spec.leased {
            self.buildkit.lease(&record);
        }
        if spec.recorded {
            self.buildkit.record(&record).map_err(failed("record", self.path()))?;
        }
        self.changed(Store::BuildKit)?;
        Ok(Snapshot { name, dir, layer })
    }

    /// Writes a read-write layer by which a running build, called `name`, looks at `layer`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn build_view(&mut self, name: &str, layer: &Layer) -> Result<Directory> {
        self.rw_layer(&names::build(&format!("view {name}")), Some(layer), &Tree::new("view"))
    }

    /// Says something in the bucket `bucket` of `snapshots.db`, which may make no sense.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn snapshot_value(&mut self, bucket: &str, key: &str, value: &str) -> Result<()> {
        self.buildkit.snapshots.bucket(bucket).put(key, value);
        self.changed(Store::BuildKit)
    }

    /// Registers a snapshot's directory as a layer.
    fn export(&self, spec: &SnapshotSpec, dir: &Directory) -> Result<Layer> {
        if let Some(Below::Snapshot(Snapshot { layer: None, name, .. })) = &spec.below {
            return Err(failed("export", &self.at(dir.path()))(format!("{name} below it is no layer")));
        }
        self.register_snapshot(spec.below_layer(), dir, &spec.tree)
    }

    /// The snapshot that `spec` is on top of, and the record of it; an image layer gets both.
    fn parent_of(&mut self, spec: &SnapshotSpec, created: Timestamp) -> Result<(String, Option<String>)> {
        Ok(match &spec.below {
            None => (String::new(), None),
            Some(Below::Snapshot(snapshot)) => (snapshot.name.clone(), Some(snapshot.name.clone())),
            Some(Below::Layer(layer)) => {
                let record = names::build(&format!("record {}", layer.chain_id));
                self.buildkit.image_layer(&record, layer.chain_id, created).map_err(failed("record", self.path()))?;
                (layer.chain_id.to_string(), Some(record))
            }
        })
    }

    /// Writes a snapshot into `snapshots.db`.
    fn note(&mut self, spec: &SnapshotSpec, keys: &Keys<'_>, layer: Option<&Layer>) {
        let size = spec.tree.size().to_string();
        let snapshots = &mut self.buildkit.snapshots;
        snapshots.bucket(keys.working).put("parent", keys.parent);
        if spec.state == State::Active {
            return snapshots.bucket(keys.working).put("size", size);
        }
        snapshots.bucket(keys.working).put("iscommitted", "");
        let committed = snapshots.bucket(keys.name);
        committed.put("committed", keys.working);
        match layer {
            Some(layer) => committed.put("chainid", layer.chain_id.to_string()),
            None => committed.put("size", size),
        }
    }
}

/// What `snapshots.db` calls a snapshot, its directory and what is below it.
struct Keys<'a> {
    name: &'a str,
    working: &'a str,
    parent: &'a str,
}

#[cfg(test)]
mod tests {
    use super::super::Bucket;
    use super::*;

    #[test]
    fn snapshots_are_known_by_the_keys_that_buildkit_uses() {
        let temp = tempfile::tempdir().unwrap();
        let mut root = Builder::create(temp.path().join("root")).unwrap();
        let base = root.layer(None, Tree::new("base").file("a", 1)).unwrap();
        let chain = base.chain_id.to_string();
        let context = root.snapshot(&SnapshotSpec::local_source("context", Tree::new("c").file("f", 7))).unwrap();
        let step = root.snapshot(&SnapshotSpec::new("step", Tree::new("s").file("f", 8)).on_layer(&base)).unwrap();
        let export = root.snapshot(&SnapshotSpec::new("export", Tree::new("e").file("f", 9)).on_layer(&base).exported()).unwrap();
        let mut known = Bucket::default();
        let mut put = |bucket: &str, keys: &[(&str, &str)]| keys.iter().for_each(|(key, value)| known.bucket(bucket).put(key, value));
        let dir = |snapshot: &Snapshot| snapshot.dir.id.to_string();
        assert_eq!(dir(&context), context.name);
        put(&context.name, &[("parent", ""), ("size", "7")]);
        put(&step.name, &[("committed", &dir(&step)), ("size", "8")]);
        put(&dir(&step), &[("iscommitted", ""), ("parent", &chain)]);
        let exported = export.layer.as_ref().unwrap();
        put(&export.name, &[("committed", &dir(&export)), ("chainid", &exported.chain_id.to_string())]);
        put(&dir(&export), &[("iscommitted", ""), ("parent", &chain)]);
        put(&names::build(&format!("record {chain}")), &[("chainid", &chain)]);
        known.bucket(&chain);
        assert_eq!(root.buildkit.snapshots, known);
        assert_eq!((exported.parent, exported.dir.id, exported.size), (Some(base.chain_id), export.dir.id, 9));
        assert_eq!(export.dir.lower, [base.dir.link]);
    }

    #[test]
    fn nothing_is_exported_on_top_of_what_was_not() {
        let temp = tempfile::tempdir().unwrap();
        let mut root = Builder::create(temp.path().join("root")).unwrap();
        let step = root.snapshot(&SnapshotSpec::new("step", Tree::new("s"))).unwrap();
        assert!(root.snapshot(&SnapshotSpec::new("export", Tree::new("e")).on(&step).exported()).is_err());
    }
}
