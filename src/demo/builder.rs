//! The builder itself: the empty data-root that a fresh dockerd leaves, and what it keeps of everything added to it since.

use super::write::{self, Result, failed};
use super::{go_json, image::Repositories};
use jiff::{SignedDuration, Timestamp};
use std::fs;
use std::path::{Path, PathBuf};

/// The directories of a data-root on which dockerd has just started for the first time, and their modes.
const SKELETON: [(&str, u32); 24] = [
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

/// Writes a data-root.
///
/// After each call the disk is as Docker would have left it; only [`Builder::batch`] puts off what is rewritten as a whole.
#[derive(Debug)]
pub struct Builder {
    path: PathBuf,
    now: Timestamp,
    batch: bool,
    pub(super) repositories: Repositories,
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
        for (name, mode) in SKELETON {
            write::directory(&path.join(name), mode)?;
        }
        let mut root = Self { path, now: Timestamp::UNIX_EPOCH, batch: false, repositories: Repositories::default() };
        root.now = Timestamp::from_second(super::MODIFIED).unwrap_or(root.now);
        root.flush()?;
        Ok(root)
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
        let nested = std::mem::replace(&mut self.batch, true);
        let done = work(self);
        self.batch = nested;
        self.flush()?;
        done
    }

    /// Writes what Docker rewrites as a whole, unless that is put off.
    pub(super) fn flush(&self) -> Result<()> {
        if self.batch {
            return Ok(());
        }
        let path = self.at("image/overlay2/repositories.json");
        let text = go_json::text(&self.repositories).map_err(failed("write", &path))?;
        write::file(&path, 0o600, text)
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

    /// The time at which the next thing is made: a minute after the one before it.
    pub(super) fn tick(&mut self) -> Timestamp {
        let now = self.now;
        self.now = now.checked_add(SignedDuration::from_mins(1)).unwrap_or(now);
        now
    }
}
