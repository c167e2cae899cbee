//! What a container sees: its layers put together as overlayfs does it, read from their directories and without a mount.
//!
//! ```text
//! overlay2/<id>/diff/, top first ─► Layer: what each has under a name ─► resolve (pure): which of them shows, and what it is merged of
//!                                                                            ├─► changes: one layer against those below it
//!                                                                            └─► locate: every version of a path, and what hides it
//! ```
//! How layers hide each other:
//!
//! | in the layer above | hides |
//! |---|---|
//! | a character device 0/0 | the name |
//! | an empty file with the mark `whiteout` | the name |
//! | anything that is no directory | the name |
//! | a directory marked `opaque=y` | all that lower layers have under the name |
//! | a directory over something that is none | that |
//!
//! (Where its directory is not marked `opaque=x`, the kernel still lists such an empty file, and finds nothing when it is asked for.)
//!
//! Everything else is merged. A directory with the mark `redirect` is merged with one of another name; a file with the mark `metacopy` has its
//! content in a lower layer. Marks are extended attributes `trusted.overlay.…`, or `user.overlay.…` where dockerd mounts without being root: a mount
//! heeds the ones or the others, never both, and so does [`Marks`].

pub mod changes;
mod entry;
pub mod index;
mod layer;
pub mod locate;
mod resolve;
pub mod stack;
mod view;
pub mod waste;
mod weigh;

pub use entry::{Entry, Marks, Nature};
pub use layer::{Directories, Layer, Layers, Level, Listing};
pub use resolve::{Found, Look, Part, resolve};
pub use view::{Open, Union};
pub use weigh::{Extent, Names, Weight};

/// The path of `name` in the directory `path`, which is empty for the root.
#[must_use]
pub fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() }
}

/// The directory that `path` is in, and its name there.
#[must_use]
pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (path.get(..slash).unwrap_or_default(), path.get(slash + 1..).unwrap_or_default()),
        None => (b"", path),
    }
}
