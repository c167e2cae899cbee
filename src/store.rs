//! Read-only readers of what Docker keeps on the disk, one file for each store, named like it.
//!
//! A reader has two halves: a `parse` that makes sense of bytes handed to it, and a thin `read` beside it that fetches them through
//! [`crate::dir`]. What a reader cannot make sense of it hands over as [`Unreadable`], with what that may keep alive, and reads on.
//! Nothing above this module knows where in a data-root a thing lies.

pub mod bolt;
pub mod buildkit;
pub mod containers;
pub mod detail;
pub mod distribution;
pub mod imagedb;
pub mod layerdb;
pub mod leftovers;
pub mod live;
pub mod mounts;
pub mod networks;
pub mod overlay2;
pub mod place;
pub mod plugins;
pub mod repositories;
pub mod shown;
pub mod swarm;
pub mod tar_split;
pub mod volumes;

use crate::dir::{Cause, Dir, Entry, Operation, ReadError};
use crate::unreadable::{Pins, Unreadable, keep};
use rayon::prelude::*;
use serde::de::DeserializeOwned;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The most bytes that a text of one identifier or number can have, generously.
const SMALL: u64 = 4096;

/// The most bytes that a JSON document of Docker's is read with; image configs are limited to 4 MiB by registries.
pub(crate) const JSON: u64 = 32 << 20;

/// What a file of a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told<T> {
    /// This.
    Is(T),
    /// There is no such file.
    Absent,
    /// There is one, but what it says is lost.
    Lost,
}

impl<T> Told<T> {
    /// What it says, if it says something.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Lost => None,
        }
    }

    /// Whether there is a file that says nothing any more.
    pub const fn is_lost(&self) -> bool {
        matches!(self, Self::Lost)
    }
}

/// What a file of a record says; that it is lost matters while the record is kept, which the graph knows.
fn told<T>(read: Result<Option<T>, ReadError>, unreadable: &mut Vec<Unreadable>) -> Told<T> {
    match keep(read, Pins::Own, unreadable) {
        Some(Some(value)) => Told::Is(value),
        Some(None) => Told::Absent,
        None => Told::Lost,
    }
}

/// As [`told`], of a file that every whole record has.
fn told_by_required<T>(path: PathBuf, read: Result<Option<T>, ReadError>, unreadable: &mut Vec<Unreadable>) -> Told<T> {
    let told = told(read, unreadable);
    if matches!(told, Told::Absent) {
        unreadable.push(Unreadable::malformed(path, "the file is missing", Pins::Own));
    }
    told
}

/// Reads something of every entry, in parallel, and keeps the order.
fn read_each<E: Sync, T: Send>(
    entries: &[E],
    unreadable: &mut Vec<Unreadable>,
    read: impl Fn(&E, &mut Vec<Unreadable>) -> Option<T> + Sync,
) -> Vec<T> {
    let read: Vec<_> = entries
        .par_iter()
        .with_min_len(16)
        .map(|entry| {
            let mut failed = Vec::new();
            (read(entry, &mut failed), failed)
        })
        .collect();
    let mut values = Vec::with_capacity(read.len());
    for (value, failed) in read {
        values.extend(value);
        unreadable.extend(failed);
    }
    values
}

/// The identifier that the file `name` holds, white space around it ignored as Docker does; nothing when there is no such file.
fn read_id<T>(dir: &Dir, name: impl AsRef<Path>) -> Result<Option<T>, ReadError>
where
    T: for<'text> TryFrom<&'text [u8], Error: ToString>,
{
    let name = name.as_ref();
    let Some(content) = dir.read(name, SMALL)? else { return Ok(None) };
    parse_id(content.trim_ascii()).map(Some).map_err(|cause| dir.error(name, Operation::Parse, cause))
}

/// Parses the text of an identifier; an empty one, as a power cut leaves it, is called so.
fn parse_id<T>(text: &[u8]) -> Result<T, Cause>
where
    T: for<'text> TryFrom<&'text [u8], Error: ToString>,
{
    if text.is_empty() {
        return Err(Cause::Malformed("the file is empty".to_owned()));
    }
    T::try_from(text).map_err(|error| Cause::Malformed(error.to_string()))
}

/// The identifier that an entry's name is, or an [`Unreadable`] that keeps `pins` alive.
fn id_of_name<T>(dir: &Dir, entry: &Entry, pins: Pins, unreadable: &mut Vec<Unreadable>) -> Option<T>
where
    T: for<'text> TryFrom<&'text [u8], Error: ToString>,
{
    let parsed = T::try_from(entry.name.as_bytes());
    keep(parsed.map_err(|error| dir.error(&entry.name, Operation::Parse, Cause::Malformed(error.to_string()))), pins, unreadable)
}

/// Parses the first JSON value of `content`; what follows it is ignored, as Docker's decoder does.
pub(crate) fn parse_json<T: DeserializeOwned>(content: &[u8]) -> Result<T, Cause> {
    serde_json::Deserializer::from_slice(content)
        .into_iter()
        .next()
        .unwrap_or_else(|| Err(serde::de::Error::custom("the file is empty")))
        .map_err(|error| Cause::Malformed(error.to_string()))
}
