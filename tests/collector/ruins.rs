//! Leftovers of the kinds that a kill leaves at the right moment, made from what a real dockerd wrote while that is stopped.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sha2::{Digest, Sha256};

const LAYERS: &str = "image/overlay2/layerdb/sha256";

/// A data-root without a dockerd.
#[derive(Debug)]
pub(crate) struct Ruins<'a> {
    root: &'a Path,
}

/// What the files of an image and its layers were, to be put back.
#[derive(Debug)]
pub(crate) struct Stash {
    directory: tempfile::TempDir,
    paths: Vec<PathBuf>,
}

impl Stash {
    /// Where they belong, below the data-root.
    pub(crate) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }
}

impl<'a> Ruins<'a> {
    /// Of the data-root at `root`.
    pub(crate) fn of(root: &'a Path) -> Self {
        Self { root }
    }

    /// A directory that nothing names, as a kill in the middle of unpacking leaves it, if it is not there; returns its path below
    /// the data-root.
    pub(crate) fn orphan(&self, name: &str) -> PathBuf {
        let id = self.hex(name);
        let link: String = id.bytes().take(26).map(|byte| char::from(b'A' + byte % 26)).collect();
        let path = Path::new("overlay2").join(&id);
        let directory = self.root.join(&path);
        fs::create_dir_all(directory.join("diff/etc")).unwrap();
        fs::write(directory.join("diff/etc/file"), name.repeat(1000)).unwrap();
        fs::write(directory.join("link"), &link).unwrap();
        let link = self.root.join("overlay2/l").join(link);
        if !link.is_symlink() {
            symlink(format!("../{id}/diff"), link).unwrap();
        }
        path
    }

    /// 64 hexadecimal digits that no other data-root has: whoever has a directory of the same name open that is gone by then, as a test that
    /// removes its own data-root, could not be told from somebody who uses this one's.
    fn hex(&self, name: &str) -> String {
        hex(&format!("{} {name}", self.root.display()))
    }

    /// Forgets an image but not its layers, as a kill in the middle of `rmi` or `pull` does.
    pub(crate) fn forget_image(&self, id: &str) {
        let store = self.root.join("image/overlay2");
        let hex = id.strip_prefix("sha256:").unwrap();
        fs::remove_file(store.join("imagedb/content/sha256").join(hex)).unwrap();
        drop(fs::remove_dir_all(store.join("imagedb/metadata/sha256").join(hex)));
        let path = store.join("repositories.json");
        let mut repositories: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for names in repositories["Repositories"].as_object_mut().unwrap().values_mut() {
            names.as_object_mut().unwrap().retain(|_, named| named != id);
        }
        fs::write(path, repositories.to_string()).unwrap();
    }

    /// Returns the layers of an image that no other image has, base first, by the names of their records.
    pub(crate) fn own_layers(&self, id: &str) -> Vec<String> {
        let content = self.root.join("image/overlay2/imagedb/content/sha256");
        let images = content.read_dir().unwrap().map(|entry| entry.unwrap());
        let others = images.filter(|entry| !id.ends_with(entry.file_name().to_str().unwrap()));
        let others: Vec<String> = others.flat_map(|entry| chain(&entry.path())).collect();
        let own = chain(&content.join(id.strip_prefix("sha256:").unwrap()));
        own.into_iter().filter(|layer| !others.contains(layer)).collect()
    }

    /// Returns what belongs to a layer: its record, its directory and its link, below the data-root.
    pub(crate) fn parts(&self, layer: &str) -> [PathBuf; 3] {
        let record = Path::new(LAYERS).join(layer);
        let directory = Path::new("overlay2").join(fs::read_to_string(self.root.join(&record).join("cache-id")).unwrap());
        let link = Path::new("overlay2/l").join(fs::read_to_string(self.root.join(&directory).join("link")).unwrap());
        [record, directory, link]
    }

    /// Begins to remove a layer, as dockerd does.
    pub(crate) fn begin_removal(&self, layer: &str) {
        let record = self.root.join(LAYERS).join(layer);
        fs::rename(&record, record.with_file_name(format!("{layer}-{}-removing", self.hex(layer)))).unwrap();
    }

    /// Leaves half of a record.
    pub(crate) fn spoil(&self, layer: &str) {
        fs::remove_file(self.root.join(LAYERS).join(layer).join("size")).unwrap();
    }

    /// Loses a container before its config was written, but not its layers' record.
    pub(crate) fn disown(&self, container: &str) {
        fs::remove_dir_all(self.root.join("containers").join(container)).unwrap();
    }

    /// Begins to register a layer in a directory that is unpacked already.
    pub(crate) fn write_set(&self, name: &str) {
        let directory = self.orphan(name);
        let set = self.root.join("image/overlay2/layerdb/tmp/write-set-").with_file_name(format!("write-set-{}", name.len()));
        fs::create_dir_all(&set).unwrap();
        fs::write(set.join("cache-id"), directory.file_name().unwrap().to_str().unwrap()).unwrap();
    }

    /// A link to nothing, a second link to `directory`, a file that was being written, and a probe of the file system.
    pub(crate) fn litter(&self, directory: &Path) {
        let links = self.root.join("overlay2/l");
        symlink(format!("../{}/diff", self.hex("nothing")), links.join("DANGLINGDANGLINGDANGLINGDA")).unwrap();
        let id = directory.file_name().unwrap().to_str().unwrap();
        symlink(format!("../{id}/diff"), links.join("DUPLICATEDUPLICATEDUPLICAT")).unwrap();
        fs::write(self.root.join("image/overlay2/.tmp-repositories.json123456"), "{").unwrap();
        fs::create_dir_all(self.root.join("overlay2/check-overlayfs-support123456/lower1")).unwrap();
    }

    /// Copies `paths` away.
    pub(crate) fn stash(&self, paths: Vec<PathBuf>) -> Stash {
        let directory = tempfile::tempdir().unwrap();
        for path in &paths {
            copy(&self.root.join(path), &directory.path().join(path));
        }
        Stash { directory, paths }
    }

    /// Puts back whatever of `stash` is not there.
    pub(crate) fn put_back(&self, stash: &Stash) {
        for path in stash.paths.iter().filter(|path| self.root.join(path).symlink_metadata().is_err()) {
            copy(&stash.directory.path().join(path), &self.root.join(path));
        }
    }
}

/// Waits until whatever starts now is younger than everything that is there: the start of a process is known to the second.
pub(crate) fn age() {
    std::thread::sleep(std::time::Duration::from_millis(2100));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

/// The layers of an image, by its config, base first.
fn chain(config: &Path) -> Vec<String> {
    let config: Value = serde_json::from_slice(&fs::read(config).unwrap()).unwrap();
    let mut chain: Vec<String> = Vec::new();
    for diff in config["rootfs"]["diff_ids"].as_array().into_iter().flatten() {
        let diff = diff.as_str().unwrap();
        let next = chain.last().map_or_else(|| diff["sha256:".len()..].to_owned(), |below| hex(&format!("sha256:{below} {diff}")));
        chain.push(next);
    }
    chain
}

/// 64 hexadecimal digits that follow from `text`.
fn hex(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}
