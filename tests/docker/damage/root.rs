//! Where things lie in the data-root that is to be damaged.

use std::fs;
use std::path::{Path, PathBuf};

use ::layerwise::dir::Dir;
use ::layerwise::inventory::Inventory;
use sha2::{Digest as _, Sha256};

/// A data-root, and what is in it.
pub(super) struct Root {
    path: PathBuf,
    pub(super) inventory: Inventory,
}

impl Root {
    pub(super) fn read(path: &Path) -> Self {
        Self { path: path.to_owned(), inventory: Inventory::read(&Dir::root(path).unwrap(), None) }
    }

    /// A path below the data-root.
    pub(super) fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.path.join(path)
    }

    /// The config of the image with this name.
    pub(super) fn config(&self, name: &str) -> PathBuf {
        self.at(format!("image/overlay2/imagedb/content/{}", self.inventory.references[name].to_string().replace(':', "/")))
    }

    /// The `ChainIDs` of the image with this name, base first.
    fn chains(&self, name: &str) -> Vec<String> {
        let diffs = &self.inventory.images[&self.inventory.references[name]].config.diff_ids;
        let mut chains: Vec<String> = Vec::new();
        for diff in diffs {
            let next = match chains.last() {
                Some(parent) => format!("sha256:{}", hex(format!("{parent} {diff}").as_bytes())),
                None => diff.to_string(),
            };
            chains.push(next);
        }
        chains
    }

    /// The record of a layer of the image with this name, of which the base is 0.
    pub(super) fn record(&self, name: &str, depth: usize) -> PathBuf {
        self.at(format!("image/overlay2/layerdb/{}", self.chains(name)[depth].replace(':', "/")))
    }

    /// The directory of that layer.
    pub(super) fn directory(&self, name: &str, depth: usize) -> PathBuf {
        self.at("overlay2").join(read(&self.record(name, depth).join("cache-id")))
    }

    /// The link in `l/` that leads to a layer directory.
    pub(super) fn link(&self, directory: &Path) -> PathBuf {
        self.at("overlay2/l").join(read(&directory.join("link")))
    }

    /// The directory of the only container.
    pub(super) fn container(&self) -> PathBuf {
        self.at(format!("containers/{}", self.inventory.containers.keys().next().unwrap()))
    }

    /// The record of its read-write layer.
    pub(super) fn mount(&self) -> PathBuf {
        self.at(format!("image/overlay2/layerdb/mounts/{}", self.inventory.containers.keys().next().unwrap()))
    }

    /// Its layer directory.
    pub(super) fn writable(&self) -> PathBuf {
        self.at("overlay2").join(read(&self.mount().join("mount-id")))
    }

    /// That of its init layer.
    pub(super) fn init(&self) -> PathBuf {
        self.at("overlay2").join(read(&self.mount().join("init-id")))
    }
}

/// The SHA-256 of some bytes, as text.
pub(super) fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

pub(super) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(super) fn write(path: PathBuf, bytes: impl AsRef<[u8]>) {
    assert!(path.exists(), "{}", path.display());
    fs::write(path, bytes).unwrap();
}

pub(super) fn remove(path: PathBuf) {
    let is_dir = fs::symlink_metadata(&path).unwrap().is_dir();
    if is_dir { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
}

/// Writes something else in place of `from`, which is in the file.
pub(super) fn replace(path: PathBuf, from: &str, to: &str) {
    let text = read(&path);
    assert!(text.contains(from), "{text}");
    write(path, text.replacen(from, to, 1));
}

/// Changes a byte in the middle of a file.
pub(super) fn flip(path: PathBuf) {
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let times = fs::metadata(&path).unwrap().modified().unwrap();
    write(path.clone(), bytes);
    fs::File::options().write(true).open(path).unwrap().set_modified(times).unwrap();
}

/// Cuts a file off in its middle.
pub(super) fn cut(path: PathBuf) {
    let bytes = fs::read(&path).unwrap();
    write(path, &bytes[..bytes.len() / 2]);
}
