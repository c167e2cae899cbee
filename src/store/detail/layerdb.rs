//! What lies in the records of layers besides what names anything.

use crate::dir::{Cause, Dir, Operation};
use crate::id::ChainId;
use crate::inventory::Inventory;
use crate::store::{JSON, layerdb, parse_json};
use crate::unreadable::{Pins, Unreadable, keep};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::io::Read as _;

/// What a record has besides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordFiles {
    /// What the tar of the layer can be put together from.
    pub tar_split: TarSplitFile,
    /// Why dockerd cannot read `descriptor.json`, which it only ever writes on Windows.
    pub bad_descriptor: Option<String>,
}

/// `tar-split.json.gz` at a glance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TarSplitFile {
    /// There is none, or what stands there is no file.
    #[default]
    Missing,
    /// It is empty.
    Empty,
    /// It does not begin as gzip does.
    Foreign,
    /// It begins as it should.
    Gzip,
}

/// Looks into the record of every layer.
pub(super) fn read(root: &Dir, inventory: &Inventory, unreadable: &mut Vec<Unreadable>) -> BTreeMap<ChainId, RecordFiles> {
    let Some(dir) = keep(root.dir(layerdb::LAYERS), Pins::Nothing, unreadable).flatten() else { return BTreeMap::new() };
    let chains: Vec<ChainId> = inventory.layerdb.layers.keys().copied().collect();
    let read = chains.into_par_iter().with_min_len(16).map(|chain| {
        let mut failed = Vec::new();
        let tar_split = keep(look_at_tar_split(&dir, chain), Pins::Nothing, &mut failed).unwrap_or_default();
        (chain, RecordFiles { tar_split, bad_descriptor: look_at_descriptor(&dir, chain) }, failed)
    });
    let mut files = BTreeMap::new();
    for (chain, record, failed) in read.collect::<Vec<_>>() {
        files.insert(chain, record);
        unreadable.extend(failed);
    }
    files
}

fn look_at_tar_split(dir: &Dir, chain: ChainId) -> Result<TarSplitFile, crate::dir::ReadError> {
    let name = format!("{}/{}", chain.hex(), layerdb::TAR_SPLIT);
    let file = match dir.file(&name) {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(TarSplitFile::Missing),
        Err(error) if matches!(error.cause, Cause::NotAFile) => return Ok(TarSplitFile::Missing),
        Err(error) => return Err(error),
    };
    let mut magic = Vec::with_capacity(2);
    file.take(2).read_to_end(&mut magic).map_err(|error| dir.error(&name, Operation::Read, error))?;
    Ok(match magic.as_slice() {
        [] => TarSplitFile::Empty,
        [0x1f, 0x8b] => TarSplitFile::Gzip,
        _ => TarSplitFile::Foreign,
    })
}

fn look_at_descriptor(dir: &Dir, chain: ChainId) -> Option<String> {
    match dir.read(format!("{}/descriptor.json", chain.hex()), JSON) {
        Ok(content) => parse_json::<serde::de::IgnoredAny>(&content?).err().map(|cause| cause.to_string()),
        Err(error) => Some(error.cause.to_string()),
    }
}
