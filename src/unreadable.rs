//! What could not be read or understood: never dropped, because it pins whatever it might have referred to.

use crate::dir::{Cause, Operation, ReadError};
use std::path::PathBuf;

/// Something on the disk that could not be read or understood.
///
/// It is data, not an error: reading goes on, every command mentions it, and nothing that it might refer to is called garbage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unreadable {
    /// Where it is.
    pub path: PathBuf,
    /// What was tried.
    pub operation: Operation,
    /// Why it failed.
    pub error: String,
    /// What may be in use on its account.
    pub pins: Pins,
}

/// What an unreadable thing may have referred to, and so what cannot be proven dead while it is unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pins {
    /// It cannot keep an image or a layer alive (a log, a volume's options).
    Nothing,
    /// It may name what the thing that it is a part of lies on: that matters while that thing is kept, which the graph knows.
    Own,
    /// It may name images, which are in use without it too, but perhaps not by whom.
    Images,
    /// It may name layers, and so their directories.
    Layers,
    /// It may name layer directories.
    Directories,
    /// It may name one layer directory that no record explains, and that lies on so many others if that is known.
    OneDirectory(Option<usize>),
    /// It may name image mounts: read-write layers that have no init layer and no container of their name.
    ImageMounts,
    /// It is a container's config: it may name image mounts, and layer directories that are bound into the container.
    ContainerConfig,
    /// It may be a container's directory: it may name any read-write layers, and layer directories that are bound into the container.
    Container,
    /// It may name any read-write layers.
    Mounts,
    /// It may name anything.
    Everything,
}

impl Unreadable {
    /// Records that `error` happened to something that may keep `pins` alive.
    #[must_use]
    pub fn new(error: ReadError, pins: Pins) -> Self {
        Self { error: error.cause.to_string(), operation: error.operation, path: error.path, pins }
    }

    /// Records that what `path` says cannot be right.
    #[must_use]
    pub fn malformed(path: PathBuf, why: impl Into<String>, pins: Pins) -> Self {
        Self::new(ReadError { path, operation: Operation::Parse, cause: Cause::Malformed(why.into()) }, pins)
    }
}

/// Keeps the value of `result`, or what made it unreadable.
pub fn keep<T>(result: Result<T, ReadError>, pins: Pins, unreadable: &mut Vec<Unreadable>) -> Option<T> {
    result.map_err(|error| unreadable.push(Unreadable::new(error, pins))).ok()
}
