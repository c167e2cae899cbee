//! Volumes: directories that outlive containers.
//!
//! ```text
//! volumes/
//! ├── <name>/_data/       what containers see
//! ├── <name>/opts.json    the options of the local driver, where there are some
//! ├── metadata.db         bolt: volumes/<name> = {"Name":…,"Driver":…}; held locked for as long as dockerd runs
//! └── backingFsBlockDev   for the quota probe
//! ```
//!
//! A volume of another driver has no directory, one that dockerd has not yet asked after has no record. Volumes keep no layer alive.

use super::bolt::{self, Bucket, Entry};
use super::parse_json;
use crate::dir::{Dir, Kind};
use crate::unreadable::{Pins, Unreadable, keep};
use serde::Deserialize;
use std::collections::BTreeMap;

const PATH: &str = "volumes";

/// A volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Volume {
    /// The driver that keeps it, as dockerd remembers.
    pub driver: Option<String>,
    /// Whether it is a directory here.
    pub has_directory: bool,
    /// Whether the database knows it.
    pub has_record: bool,
}

/// Reads every volume, by its name.
pub fn read(root: &Dir, unreadable: &mut Vec<Unreadable>) -> BTreeMap<String, Volume> {
    let Some(dir) = keep(root.dir(PATH), Pins::Nothing, unreadable).flatten() else { return BTreeMap::new() };
    let remembered = keep(bolt::read(&dir, "metadata.db", parse), Pins::Nothing, unreadable).flatten().unwrap_or_default();
    let mut volumes: BTreeMap<_, _> =
        remembered.into_iter().map(|(name, driver)| (name, Volume { driver, has_directory: false, has_record: true })).collect();
    let entries = keep(dir.entries(), Pins::Nothing, unreadable).unwrap_or_default();
    for entry in entries.into_iter().filter(|entry| entry.kind == Kind::Directory) {
        volumes.entry(entry.name.to_string_lossy().into_owned()).or_default().has_directory = true;
    }
    volumes
}

/// The drivers by the names of the volumes; a record that makes no sense has a name all the same.
fn parse(root: &Bucket<'_>) -> Result<BTreeMap<String, Option<String>>, bolt::Error> {
    #[derive(Deserialize)]
    struct Raw {
        #[serde(rename = "Driver")]
        driver: Option<String>,
    }
    let mut volumes = BTreeMap::new();
    let Some(bucket) = root.bucket(b"volumes")? else { return Ok(volumes) };
    for entry in bucket.entries() {
        if let Entry::Value { key, value } = entry? {
            let driver = parse_json::<Raw>(&value).ok().and_then(|raw| raw.driver).filter(|driver| !driver.is_empty());
            volumes.insert(String::from_utf8_lossy(&key).into_owned(), driver);
        }
    }
    Ok(volumes)
}
