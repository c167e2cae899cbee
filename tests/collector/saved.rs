//! `docker save`: whether what dockerd hands out is what the image's ID promises.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::docker::Docker;
use crate::engine::Engine;

/// Saves every image that has layers and compares the digest of its config with its ID, and of each layer with the `DiffID` in the config.
pub(crate) fn assert_images_are_whole(engine: &Engine, docker: &Docker, when: &str) {
    let with_layers = docker.images.values().filter(|image| image.root_fs.layers.is_some());
    let ids: Vec<&str> = with_layers.map(|image| image.id.as_str()).collect();
    let directory = tempfile::tempdir().unwrap();
    save(engine, &ids, directory.path(), when);
    let manifest: Vec<Value> = serde_json::from_slice(&fs::read(directory.path().join("manifest.json")).unwrap()).unwrap();
    let mut saved: Vec<String> = manifest.iter().map(|entry| check(directory.path(), entry, when)).collect();
    saved.sort_unstable();
    assert_eq!(saved, ids, "{when}");
}

/// Writes what `docker save` says of the images into a directory.
fn save(engine: &Engine, ids: &[&str], directory: &Path, when: &str) {
    let mut unpack = Command::new("tar").arg("-xf").arg("-").arg("-C").arg(directory).stdin(Stdio::piped()).spawn().unwrap();
    let save = engine.docker_command("save").args(ids).stdout(unpack.stdin.take().unwrap()).stderr(Stdio::piped()).output().unwrap();
    assert!(save.status.success(), "{when}: docker save: {}\n{}", String::from_utf8_lossy(&save.stderr), engine.log());
    assert!(unpack.wait().unwrap().success(), "{when}: docker save writes no archive");
}

/// Checks an image, and returns its ID.
fn check(directory: &Path, entry: &Value, when: &str) -> String {
    let path = |name: &Value| directory.join(name.as_str().unwrap());
    let config = path(&entry["Config"]);
    let id = digest(&config);
    let config: Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
    let layers: Vec<String> = entry["Layers"].as_array().unwrap().iter().map(|layer| digest(&path(layer))).collect();
    let promised: Vec<&str> = config["rootfs"]["diff_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    assert_eq!(layers, promised, "{when}: the layers of {id}");
    id
}

fn digest(path: &Path) -> String {
    let mut file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut hasher = Hasher(Sha256::new());
    io::copy(&mut file, &mut hasher).unwrap();
    hasher.finish()
}

/// Hashes what is written to it.
pub(crate) struct Hasher(pub(crate) Sha256);

impl Hasher {
    /// The digest as Docker writes it.
    pub(crate) fn finish(self) -> String {
        self.0.finalize().iter().fold("sha256:".to_owned(), |digest, byte| digest + &format!("{byte:02x}"))
    }
}

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
