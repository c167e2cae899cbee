//! Read-only layers: a directory in `overlay2/` and its record in `layerdb/sha256/`.

use super::builder::Builder;
use super::names;
use super::overlay::Directory;
use super::tar_split::archive;
use super::tree::Tree;
use super::write::{self, Result, failed};
use crate::id::{ChainId, DiffId, DirId};
use std::path::{Path, PathBuf};

/// A read-only layer to be made; a [`Tree`] is one.
#[derive(Debug, Clone)]
pub struct LayerSpec {
    tree: Tree,
    made_by: MadeBy,
}

/// How a layer's content came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MadeBy {
    /// Unpacked from a tar.
    Unpacking,
    /// Exported by BuildKit from one of its snapshots.
    BuildKit,
    /// Out of nothing, without a tar.
    Decree,
}

impl From<Tree> for LayerSpec {
    fn from(tree: Tree) -> Self {
        Self { tree, made_by: MadeBy::Unpacking }
    }
}

impl LayerSpec {
    /// A layer whose DiffID follows from the seed alone, without `tar-split.json.gz`: cheap, where a test needs tens of thousands.
    #[must_use]
    pub fn without_tar(tree: Tree) -> Self {
        Self { tree, made_by: MadeBy::Decree }
    }
}

/// A read-only layer that was written.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Its name in `layerdb/sha256/`.
    pub chain_id: ChainId,
    /// The digest of its tar.
    pub diff_id: DiffId,
    /// The layer below it.
    pub parent: Option<ChainId>,
    /// Its directory.
    pub dir: Directory,
    /// The size that its record states.
    pub size: u64,
    /// The digests of the tars of the whole chain, base first.
    pub diff_ids: Vec<DiffId>,
    /// The seeds of the trees of the whole chain, base first.
    pub seeds: Vec<String>,
}

impl Layer {
    /// Where its record is below a data-root.
    #[must_use]
    pub fn record(&self) -> PathBuf {
        record_path(self.chain_id)
    }
}

/// Where the record of a chain is below a data-root.
pub(super) fn record_path(chain: ChainId) -> PathBuf {
    Path::new("image/overlay2/layerdb/sha256").join(chain.hex().to_string())
}

impl Builder {
    /// Writes a read-only layer on top of `parent`, as a pull, a load or an import does; a [`Tree`] will do for `spec`.
    ///
    /// # Errors
    /// When it cannot be written; in particular when the same content is on top of the same parent already.
    pub fn layer(&mut self, parent: Option<&Layer>, spec: impl Into<LayerSpec>) -> Result<Layer> {
        let spec = spec.into();
        let diff_id = |path: &Path| archive(&spec.tree).map_err(failed("make a tar for", path));
        let (diff_id, tar_split) = match spec.made_by {
            MadeBy::Decree => (DiffId::of(spec.tree.seed().as_bytes()), None),
            MadeBy::Unpacking | MadeBy::BuildKit => {
                let archived = diff_id(self.path())?;
                (archived.diff_id, Some(archived.tar_split))
            }
        };
        let chain_id = parent.map_or_else(|| ChainId::base(diff_id), |parent| parent.chain_id.child(diff_id));
        let dir = self.overlay(DirId::Hex(names::hex("layer", &chain_id.to_string())), parent.map(|parent| &parent.dir), &spec.tree)?;
        let layer = Layer {
            chain_id,
            diff_id,
            parent: parent.map(|parent| parent.chain_id),
            dir,
            size: if spec.made_by == MadeBy::BuildKit { spec.tree.archived_size() } else { spec.tree.size() },
            diff_ids: parent.map_or(&[][..], |parent| &parent.diff_ids).iter().copied().chain([diff_id]).collect(),
            seeds: parent.map_or(&[][..], |parent| &parent.seeds).iter().cloned().chain([spec.tree.seed().to_owned()]).collect(),
        };
        self.record(&layer, tar_split.as_deref())?;
        Ok(layer)
    }

    /// Creates the directories of `layerdb/`, which dockerd does not before its first layer.
    pub(super) fn layerdb(&self) -> Result<()> {
        ["sha256", "tmp", "mounts"]
            .into_iter()
            .try_for_each(|name| self.directory(Path::new("image/overlay2/layerdb").join(name), 0o755).map(drop))
    }

    /// Writes the record of a layer, complete before it has its name.
    fn record(&self, layer: &Layer, tar_split: Option<&[u8]>) -> Result<()> {
        self.layerdb()?;
        let digits = names::digits(&layer.chain_id.to_string());
        let set = self.directory(Path::new("image/overlay2/layerdb/tmp").join(format!("write-set-{digits}")), 0o700)?;
        if let Some(tar_split) = tar_split {
            write::file(&set.join("tar-split.json.gz"), 0o644, tar_split)?;
        }
        write::file(&set.join("diff"), 0o644, layer.diff_id.to_string())?;
        write::file(&set.join("size"), 0o644, layer.size.to_string())?;
        write::file(&set.join("cache-id"), 0o644, layer.dir.id.to_string())?;
        if let Some(parent) = layer.parent {
            write::file(&set.join("parent"), 0o644, parent.to_string())?;
        }
        write::rename(&set, &self.at(layer.record()))
    }
}
