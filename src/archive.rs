//! Images in archives: what `docker save` writes, and what others write as an OCI layout, read without unpacking anything.
//!
//! ```text
//! docker save until 24              docker save since 25, OCI archives and layouts
//! ├── manifest.json                 ├── manifest.json, index.json        which images there are
//! ├── <image ID>.json               └── blobs/sha256/<digest>            configs, manifests, layers
//! └── <id>/layer.tar                                                     (plain, gzip or zstd)
//! ```
//! An archive is a tar of that, or a directory with it . Several are read as one store: a layer is told by its DiffID, wherever it lies,
//! and read once; what `docker load` would make of all of them together is handed on as an [`Inventory`](crate::inventory::Inventory).
//!
//! ```text
//! archive ─► manifest ─► config ─► DiffIDs ─┬─► Inventory ─► graph ─► reports
//!    └─────► layer ─► inflate ─► tar ─► unpack ─► Index ─┴─► union
//! ```
//! **Nothing is believed.** Every config and every layer is hashed while it is read; one that is not what its name or the image says is told, and left out.
//! Names only ever lead to members, or to what lies in the directory, never through links of it. Nothing is held of a file but its name, what a
//! header says of it, and the SHA-256 of its content.

mod compression;
mod layer;
#[cfg(test)]
mod made;
mod manifest;
mod source;
mod stock;
mod tar;
mod unpack;

pub use stock::{Archives, Stock};

use crate::id::DiffId;
use crate::union::index::Index;
use std::io::Read;

/// Reads one layer, compressed or not, whatever its DiffID.
///
/// # Errors
/// When it is no tar that can be unpacked.
pub fn read_layer(input: impl Read) -> Result<(DiffId, Index), String> {
    let (tree, stored, diff) = layer::read_any(input).map_err(|error| error.to_string())?;
    let index = tree.map_err(|error| error.to_string())?;
    Ok((diff.unwrap_or(DiffId::from_bytes(*stored.hex().bytes())), index))
}
