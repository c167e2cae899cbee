//! Volumes: `volumes/<name>/_data`, their entry in `metadata.db`, and `opts.json` for those with options.

use super::builder::{Builder, Store};
use super::tree::Tree;
use super::unpack::unpack;
use super::write::{self, Result};
use std::path::{Path, PathBuf};

/// Where the volume `name` is below a data-root.
fn volume_path(name: &str) -> PathBuf {
    Path::new("volumes").join(name)
}

impl Builder {
    /// Writes the volume `name` with `tree` in it, and returns where it is below the data-root.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn volume(&mut self, name: &str, tree: &Tree) -> Result<PathBuf> {
        let volume = self.directory(volume_path(name), 0o701)?;
        write::directory(&volume.join("_data"), 0o755)?;
        unpack(tree, &volume.join("_data"))?;
        let entry = serde_json::json!({ "Name": name, "Driver": "local", "Labels": null, "Options": null });
        self.volumes.bucket("volumes").put(name, entry.to_string());
        self.changed(Store::Volumes)?;
        Ok(volume_path(name))
    }

    /// Gives the volume `name` the options of a file system to be mounted there.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn volume_options(&mut self, name: &str, kind: &str, device: &str) -> Result<()> {
        let options = serde_json::json!({ "MountType": kind, "MountOpts": "", "MountDevice": device, "Quota": { "Size": 0 } });
        write::file(&self.at(volume_path(name)).join("opts.json"), 0o600, options.to_string())?;
        let options = serde_json::json!({ "type": kind, "device": device });
        let entry = serde_json::json!({ "Name": name, "Driver": "local", "Labels": {}, "Options": options });
        self.volumes.bucket("volumes").put(name, entry.to_string());
        self.changed(Store::Volumes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_volume_is_in_the_database_and_its_options_in_a_file_too() {
        let temp = tempfile::tempdir().unwrap();
        let mut root = Builder::create(temp.path().join("root")).unwrap();
        let path = root.volume("plain", &Tree::new("v").file("a", 3)).unwrap();
        root.volume("shared", &Tree::new("v")).unwrap();
        root.volume_options("shared", "nfs", ":/x").unwrap();
        assert_eq!(fs::metadata(root.at(path).join("_data/a")).unwrap().len(), 3);
        let options = fs::read_to_string(root.at("volumes/shared/opts.json")).unwrap();
        assert_eq!(options, r#"{"MountDevice":":/x","MountOpts":"","MountType":"nfs","Quota":{"Size":0}}"#);
        let mut known = super::super::Bucket::default();
        known.bucket("volumes").put("plain", r#"{"Driver":"local","Labels":null,"Name":"plain","Options":null}"#);
        let shared = r#"{"Driver":"local","Labels":{},"Name":"shared","Options":{"device":":/x","type":"nfs"}}"#;
        known.bucket("volumes").put("shared", shared);
        assert_eq!(root.volumes, known);
        assert_eq!(fs::read(root.at("volumes/metadata.db")).unwrap(), known.encode().unwrap());
    }
}
