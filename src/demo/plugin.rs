//! Plugins: `plugins/<id>/` with a config and a root file system, and the blobs that they came in.

use super::builder::Builder;
use super::tree::Tree;
use super::unpack::unpack;
use super::write::{self, Result, failed};
use super::{go_json, names};
use crate::id::Digest;
use serde_json::json;
use std::path::{Path, PathBuf};

impl Builder {
    /// Writes an installed and disabled plugin, called `name`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn plugin(&mut self, name: &str, tree: &Tree) -> Result<PathBuf> {
        let id = names::hex("plugin", name);
        let plugin = Path::new("plugins").join(id.to_string());
        let path = self.directory(&plugin, 0o700)?;
        write::directory(&path.join("rootfs"), 0o700)?;
        unpack(tree, &path.join("rootfs"))?;
        let layer = self.blob(&id.bytes().repeat(64))?;
        let config = json!({ "Description": name, "Interface": { "Socket": "plugin.sock", "Types": ["docker.volumedriver/1.0"] }, "Entrypoint": ["/plugin"] });
        let config_blob = self.blob(config.to_string().as_bytes())?;
        let manifest = self.blob(
            json!({ "schemaVersion": 2, "config": { "digest": config_blob }, "layers": [{ "digest": layer }] }).to_string().as_bytes(),
        )?;
        let settings = json!({ "Args": [], "Devices": [], "Env": [], "Mounts": [] });
        let state = json!({
            "plugin": { "Config": config, "Enabled": false, "Id": id.to_string(), "Name": name, "Settings": settings },
            "Rootfs": "",
            "Config": config_blob,
            "Blobsums": [layer],
            "Manifest": manifest,
            "SwarmServiceID": "",
        });
        let text = go_json::text(&state).map_err(failed("write", &path))?;
        write::file(&path.join("config.json"), 0o600, text)?;
        Ok(plugin)
    }

    /// Writes a blob of the plugin store.
    fn blob(&self, content: &[u8]) -> Result<Digest> {
        let digest = Digest::of(content);
        let blobs = self.directories(Path::new("plugins/storage/blobs/sha256"), 0o700)?;
        write::file(&blobs.join(digest.hex().to_string()), 0o444, content)?;
        Ok(digest)
    }
}
