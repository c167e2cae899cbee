//! What a data-root keeps of former times: other storage drivers, userns-remap, builders and databases no longer used.

use super::builder::Builder;
use super::names;
use super::tree::Tree;
use super::unpack::unpack;
use super::write::{self, Result};
use crate::id::{ChainId, DiffId};
use std::path::{Path, PathBuf};

impl Builder {
    /// Writes what `driver` left when the daemon was moved to overlay2: one layer, and the records of it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn inactive_driver(&mut self, driver: &str, tree: &Tree) -> Result<()> {
        let cache_id = names::hex(driver, tree.seed());
        let content = match driver {
            "vfs" => Path::new("vfs/dir").join(cache_id.to_string()),
            "overlay" => Path::new("overlay").join(cache_id.to_string()).join("root"),
            _ => Path::new(driver).join(cache_id.to_string()).join("diff"),
        };
        let content = self.directories(&content, 0o700)?;
        unpack(tree, &content)?;
        let image = Path::new("image").join(driver);
        let diff_id = DiffId::of(tree.seed().as_bytes());
        let record = self.directories(&image.join("layerdb/sha256").join(ChainId::base(diff_id).hex().to_string()), 0o700)?;
        write::file(&record.join("diff"), 0o644, diff_id.to_string())?;
        write::file(&record.join("size"), 0o644, tree.size().to_string())?;
        write::file(&record.join("cache-id"), 0o644, cache_id.to_string())?;
        write::file(&self.at(image.join("repositories.json")), 0o600, r#"{"Repositories":{}}"#)?;
        self.leave_behind(&[Path::new(driver), &image])
    }

    /// Makes it so that everything in `places` was changed for the last time long ago.
    fn leave_behind(&self, places: &[&Path]) -> Result<()> {
        const LONG_AGO: i64 = 1_500_000_000;
        let entries = places.iter().flat_map(|place| walkdir::WalkDir::new(self.at(place)).contents_first(true)).flatten();
        entries.into_iter().try_for_each(|entry| write::modified(entry.path(), LONG_AGO))
    }

    /// Writes the store that a daemon remapped to `name` (`<uid>.<gid>`) has inside this data-root.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn userns_root(&mut self, name: &str) -> Result<Self> {
        Self::create(self.at(name))
    }

    /// Writes what dockerd 17.07 to 19.03 kept for its builder, and the trust data of 20.10: nothing reads them any more.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn retired_builder(&mut self, tree: &Tree) -> Result<()> {
        let cache = self.directories(&Path::new("builder/fscache").join(names::build("fscache")), 0o700)?;
        unpack(tree, &cache)?;
        write::file(&self.at("builder/fscache.db"), 0o600, [0; 512])?;
        self.directories(Path::new("trust"), 0o700).map(drop)
    }

    /// Leaves a database that BuildKit found broken and set aside.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_aside_database(&mut self) -> Result<PathBuf> {
        let name = Path::new("buildkit").join(format!("cache.db.{}.bak", names::build("set aside")));
        write::file(&self.at(&name), 0o600, [0; 512])?;
        Ok(name)
    }
}
