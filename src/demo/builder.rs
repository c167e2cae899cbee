//! The builder itself: the empty data-root that a fresh dockerd leaves, and what it keeps of everything added to it since.

use super::bolt_writer::Bucket;
use super::buildkit::{self, Databases};
use super::image::Repositories;
use super::write::{self, Result, failed};
use super::{go_json, network};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the names of images are.
const REPOSITORIES: &str = "image/overlay2/repositories.json";

/// The directories of a data-root on which dockerd has just started for the first time, and their modes.
const SKELETON: [(&str, u32); 26] = [
    ("buildkit", 0o711),
    ("buildkit/content", 0o755),
    ("buildkit/content/ingest", 0o755),
    ("buildkit/executor", 0o711),
    ("containers", 0o710),
    ("image", 0o700),
    ("image/overlay2", 0o700),
    ("image/overlay2/distribution", 0o700),
    ("image/overlay2/imagedb", 0o700),
    ("image/overlay2/imagedb/content", 0o700),
    ("image/overlay2/imagedb/content/sha256", 0o700),
    ("image/overlay2/imagedb/metadata", 0o700),
    ("image/overlay2/imagedb/metadata/sha256", 0o700),
    ("image/overlay2/layerdb", 0o700),
    ("network", 0o750),
    ("network/files", 0o750),
    ("overlay2", 0o710),
    ("overlay2/l", 0o700),
    ("plugins", 0o700),
    ("plugins/storage", 0o755),
    ("plugins/storage/ingest", 0o755),
    ("plugins/tmp", 0o700),
    ("runtimes", 0o700),
    ("swarm", 0o700),
    ("tmp", 0o700),
    ("volumes", 0o701),
];

/// What Docker rewrites as a whole when anything in it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Store {
    Repositories,
    Volumes,
    BuildKit,
}

/// Writes a data-root.
///
/// After each call the disk is as Docker would have left it; only [`Builder::batch`] puts off what is rewritten as a whole.
#[derive(Debug)]
pub struct Builder {
    path: PathBuf,
    now: Timestamp,
    /// What is put off, within a batch.
    pending: Option<BTreeSet<Store>>,
    /// Whether another hand wrote the databases, so that writing ours would lose what stands in them.
    foreign: bool,
    pub(super) repositories: Repositories,
    pub(super) volumes: Bucket,
    pub(super) buildkit: Databases,
}

impl Builder {
    /// Writes the data-root of a dockerd that has just started for the first time at `path`, which is absent or an empty directory.
    ///
    /// # Errors
    /// When something is there already, or cannot be written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        fs::create_dir_all(path).map_err(failed("create", path))?;
        let path = path.canonicalize().map_err(failed("find", path))?;
        if fs::read_dir(&path).map_err(failed("list", &path))?.next().is_some() {
            return Err(failed("create", &path)("the directory is not empty"));
        }
        write::permissions(&path, 0o710)?;
        let mut root = Self::at_path(path, false);
        for (name, mode) in SKELETON {
            root.directory(name, mode)?;
        }
        root.volumes.bucket("volumes");
        for store in [Store::Repositories, Store::Volumes, Store::BuildKit] {
            root.changed(store)?;
        }
        root.database("network/files/local-kv.db", 0o644, &network::database())?;
        root.database("buildkit/cache.db", 0o600, &buildkit::solver_cache())?;
        Ok(root)
    }

    /// Opens a data-root that is there already, to add layers, images, containers, damage and leftovers to it.
    ///
    /// What stands in its databases is not read, and so volumes and build snapshots cannot be added to it.
    ///
    /// # Errors
    /// When its `repositories.json` cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let mut root = Self::at_path(path.canonicalize().map_err(failed("find", path))?, true);
        let repositories = root.at(REPOSITORIES);
        let text = fs::read_to_string(&repositories).map_err(failed("read", &repositories))?;
        root.repositories = serde_json::from_str(&text).map_err(failed("parse", &repositories))?;
        Ok(root)
    }

    fn at_path(path: PathBuf, foreign: bool) -> Self {
        let now = Timestamp::from_second(super::MODIFIED).unwrap_or(Timestamp::UNIX_EPOCH);
        let (repositories, volumes, buildkit) = (Repositories::default(), Bucket::default(), Databases::default());
        Self { path, now, pending: None, foreign, repositories, volumes, buildkit }
    }

    /// The data-root.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Does many things with one writing, at their end, of what Docker rewrites as a whole: `repositories.json` and the databases.
    ///
    /// # Errors
    /// What `work` fails with, or when the writing fails.
    pub fn batch<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let outer = self.pending.replace(BTreeSet::new());
        let done = work(self);
        let pending = std::mem::replace(&mut self.pending, outer).unwrap_or_default();
        pending.into_iter().try_for_each(|store| self.changed(store))?;
        done
    }

    /// Writes a store anew, unless that is put off.
    pub(super) fn changed(&mut self, store: Store) -> Result<()> {
        if let Some(pending) = &mut self.pending {
            pending.insert(store);
            return Ok(());
        }
        match store {
            Store::Repositories => {
                let path = self.at(REPOSITORIES);
                let text = go_json::text(&self.repositories).map_err(failed("write", &path))?;
                write::file(&path, 0o600, text)
            }
            Store::Volumes => self.database("volumes/metadata.db", 0o600, &self.volumes),
            Store::BuildKit => {
                let databases = self.buildkit.files();
                databases.into_iter().try_for_each(|(name, mode, content)| self.database(name, mode, content))
            }
        }
    }

    /// Writes a database.
    fn database(&self, name: &str, mode: u32, content: &Bucket) -> Result<()> {
        let path = self.at(name);
        if self.foreign {
            return Err(failed("write", &path)("another hand wrote it"));
        }
        let bytes = content.encode().map_err(failed("encode", &path))?;
        write::file(&path, mode, bytes)
    }

    /// The path of `name` in the data-root.
    pub(super) fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Creates the directory `name` below the one above it, which exists.
    pub(super) fn directory(&self, name: impl AsRef<Path>, mode: u32) -> Result<PathBuf> {
        let path = self.at(name);
        write::directory(&path, mode)?;
        Ok(path)
    }

    /// Creates the directory `name` and all above it.
    pub(super) fn directories(&self, name: &Path, mode: u32) -> Result<PathBuf> {
        let mut above: Vec<_> = name.ancestors().filter(|above| !above.as_os_str().is_empty()).collect();
        above.reverse();
        above.into_iter().try_for_each(|above| self.directory(above, mode).map(drop))?;
        Ok(self.at(name))
    }

    /// The time at which the next thing is made: a minute after the one before it.
    pub(super) fn tick(&mut self) -> Timestamp {
        let now = self.now;
        self.now = now.checked_add(SignedDuration::from_mins(1)).unwrap_or(now);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ImageSpec, Tree};
    use super::*;

    #[test]
    fn nothing_is_written_where_something_is() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("file"), "").unwrap();
        assert!(Builder::create(temp.path()).is_err());
    }

    #[test]
    fn a_batch_puts_off_what_is_rewritten_as_a_whole() {
        let temp = tempfile::tempdir().unwrap();
        let mut root = Builder::create(temp.path().join("root")).unwrap();
        let read = |root: &Builder| [REPOSITORIES, "volumes/metadata.db"].map(|name| fs::read(root.at(name)).unwrap());
        let before = read(&root);
        root.batch(|root| {
            root.image(&ImageSpec::scratch().tag("a:1"))?;
            root.batch(|root| root.volume("v", &Tree::new("v")))?;
            assert_eq!(read(root)[0], before[0]);
            Ok(())
        })
        .unwrap();
        let [names, volumes] = read(&root);
        assert!(names != before[0] && volumes != before[1]);
    }

    #[test]
    fn an_opened_data_root_keeps_its_names_and_its_databases() {
        let temp = tempfile::tempdir().unwrap();
        let mut root = Builder::create(temp.path().join("root")).unwrap();
        root.image(&ImageSpec::scratch().tag("a:1")).unwrap();
        let mut again = Builder::open(root.path()).unwrap();
        again.image(&ImageSpec::scratch().tag("b:1").empty_history("x")).unwrap();
        let names = fs::read_to_string(root.at(REPOSITORIES)).unwrap();
        assert!(names.contains("a:1") && names.contains("b:1"));
        assert!(again.volume("v", &Tree::new("v")).is_err());
    }
}
