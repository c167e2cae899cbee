//! Read-only layers: a directory in `overlay2/` and its record in `layerdb/sha256/`.

use super::builder::Builder;
use super::names;
use super::overlay::Directory;
use super::tar_split::{Archived, archive};
use super::tree::Tree;
use super::write::{self, Result, failed};
use crate::id::{ChainId, DiffId, DirId};
use std::io;
use std::path::{Path, PathBuf};

/// Where the records of layers are.
pub(super) const LAYERDB: &str = "image/overlay2/layerdb";

/// A read-only layer to be made; a [`Tree`] is one.
#[derive(Debug, Clone)]
pub struct LayerSpec {
    tree: Tree,
    with_tar: bool,
}

impl From<Tree> for LayerSpec {
    fn from(tree: Tree) -> Self {
        Self { tree, with_tar: true }
    }
}

impl LayerSpec {
    /// A layer whose DiffID follows from the seed alone, without `tar-split.json.gz`: cheap, where a test needs tens of thousands.
    #[must_use]
    pub fn without_tar(tree: Tree) -> Self {
        Self { tree, with_tar: false }
    }

    fn archive(&self) -> io::Result<Archived> {
        if self.with_tar {
            archive(&self.tree)
        } else {
            Ok(Archived { diff_id: DiffId::of(self.tree.seed().as_bytes()), tar_split: Vec::new() })
        }
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
        Path::new(LAYERDB).join("sha256").join(self.chain_id.hex().to_string())
    }
}

/// The chain that a layer makes on top of another.
fn chain(parent: Option<&Layer>, diff_id: DiffId) -> ChainId {
    parent.map_or_else(|| ChainId::base(diff_id), |parent| parent.chain_id.child(diff_id))
}

/// The values of a whole chain: those of the layers below, and the topmost.
fn extended<T: Clone>(below: Option<&Vec<T>>, top: T) -> Vec<T> {
    below.into_iter().flatten().cloned().chain([top]).collect()
}

impl Builder {
    /// Writes a read-only layer on top of `parent`, as a pull, a load or an import does; a [`Tree`] will do for `spec`.
    ///
    /// # Errors
    /// When it cannot be written; in particular when the same content is on top of the same parent already.
    pub fn layer(&mut self, parent: Option<&Layer>, spec: impl Into<LayerSpec>) -> Result<Layer> {
        let spec = spec.into();
        let archived = spec.archive().map_err(failed("make a tar for", self.path()))?;
        let name = names::hex("layer", &chain(parent, archived.diff_id).to_string());
        let dir = self.overlay(DirId::Hex(name), parent.map(|parent| &parent.dir), &spec.tree)?;
        self.register(parent, Written { dir, archived, size: spec.tree.size(), seed: spec.tree.seed() })
    }

    /// Registers the directory of a build snapshot as a layer too.
    pub(super) fn register_snapshot(&self, parent: Option<&Layer>, dir: &Directory, tree: &Tree) -> Result<Layer> {
        let archived = archive(tree).map_err(failed("make a tar for", self.path()))?;
        self.register(parent, Written { dir: dir.clone(), archived, size: tree.archived_size(), seed: tree.seed() })
    }

    /// Writes the record of a layer, complete before it has its name.
    fn register(&self, parent: Option<&Layer>, written: Written<'_>) -> Result<Layer> {
        let diff_id = written.archived.diff_id;
        let layer = Layer {
            chain_id: chain(parent, diff_id),
            diff_id,
            parent: parent.map(|parent| parent.chain_id),
            dir: written.dir,
            size: written.size,
            diff_ids: extended(parent.map(|parent| &parent.diff_ids), diff_id),
            seeds: extended(parent.map(|parent| &parent.seeds), written.seed.to_owned()),
        };
        self.layerdb()?;
        let digits = names::digits(&layer.chain_id.to_string());
        let set = self.directory(Path::new(LAYERDB).join(format!("tmp/write-set-{digits}")), 0o700)?;
        if !written.archived.tar_split.is_empty() {
            write::file(&set.join("tar-split.json.gz"), 0o644, &written.archived.tar_split)?;
        }
        write::file(&set.join("diff"), 0o644, layer.diff_id.to_string())?;
        write::file(&set.join("size"), 0o644, layer.size.to_string())?;
        write::file(&set.join("cache-id"), 0o644, layer.dir.id.to_string())?;
        if let Some(parent) = layer.parent {
            write::file(&set.join("parent"), 0o644, parent.to_string())?;
        }
        write::rename(&set, &self.at(layer.record()))?;
        Ok(layer)
    }

    /// Creates the directories of `layerdb/`, which dockerd does not before its first layer.
    pub(super) fn layerdb(&self) -> Result<()> {
        let there = self.at(LAYERDB).join("mounts").is_dir();
        ["sha256", "tmp", "mounts"]
            .into_iter()
            .filter(|_| !there)
            .try_for_each(|name| self.directory(Path::new(LAYERDB).join(name), 0o755).map(drop))
    }
}

/// A layer whose directory is there and whose record is not.
struct Written<'a> {
    dir: Directory,
    archived: Archived,
    size: u64,
    seed: &'a str,
}

#[cfg(test)]
mod tests {
    use super::super::overlay::Directory;
    use super::*;
    use std::fs;

    fn text(root: &Builder, path: PathBuf) -> String {
        fs::read_to_string(root.at(path)).unwrap()
    }

    #[test]
    fn a_layer_is_recorded_and_linked_like_dockers() {
        let temp = tempfile::tempdir().unwrap();
        let mut root = Builder::create(temp.path().join("root")).unwrap();
        let base = root.layer(None, Tree::new("base").file("a", 100).hard_link("b", "a").symlink("l", "four")).unwrap();
        let middle = root.layer(Some(&base), Tree::new("middle").file("c", 1)).unwrap();
        let top = root.layer(Some(&middle), Tree::new("top").file("d", 1)).unwrap();
        assert_eq!(top.chain_id, ChainId::chain(&[base.diff_id, middle.diff_id, top.diff_id]).last().unwrap());
        let record = |layer: &Layer, file: &str| text(&root, layer.record().join(file));
        assert_eq!(record(&top, "parent"), middle.chain_id.to_string());
        assert_eq!(record(&top, "diff"), top.diff_id.to_string());
        assert_eq!(record(&top, "cache-id"), top.dir.id.to_string());
        assert_eq!(record(&base, "size"), "104");
        assert!(!root.at(base.record()).join("parent").exists());
        let entry = |dir: &Directory, file: &str| text(&root, dir.path().join(file));
        assert_eq!(entry(&top.dir, "link"), top.dir.link.to_string());
        assert_eq!(entry(&top.dir, "lower"), format!("l/{}:l/{}", middle.dir.link, base.dir.link));
        assert!(!root.at(base.dir.path()).join("lower").exists() && !root.at(base.dir.path()).join("work").exists());
        assert!(root.at(middle.dir.path()).join("committed").exists() && !root.at(top.dir.path()).join("committed").exists());
        assert_eq!(fs::read_link(root.at(top.dir.link_path())).unwrap(), Path::new("..").join(top.dir.id.to_string()).join("diff"));
        assert_eq!(fs::read_dir(root.at(LAYERDB).join("tmp")).unwrap().count(), 0);
    }

    #[test]
    fn the_same_content_on_another_layer_is_another_layer_and_twice_on_one_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let mut root = Builder::create(temp.path().join("root")).unwrap();
        let shop = || Tree::new("shop").file("app", 10);
        let one = root.layer(None, Tree::new("one").file("x", 1)).unwrap();
        let first = root.layer(Some(&one), shop()).unwrap();
        let second = root.layer(None, shop()).unwrap();
        assert_eq!(first.diff_id, second.diff_id);
        assert_ne!((first.chain_id, first.dir.id), (second.chain_id, second.dir.id));
        assert!(root.layer(Some(&one), shop()).is_err());
    }
}
