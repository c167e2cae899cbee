//! Plugins: programs that extend dockerd, each with a root file system of its own.
//!
//! ```text
//! plugins/
//! ├── <id>/config.json        its name, whether it is enabled
//! ├── <id>/rootfs/            plain directories, no layers
//! ├── <id>-removing/          a removal that was cut off
//! └── storage/, tmp/          contents pulled for plugins
//! ```
//!
//! Plugins keep no layer alive.

use super::parse_json;
use crate::dir::{Cause, Dir, Operation};
use crate::id::ContainerId;
use crate::unreadable::{Pins, Unreadable, keep};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;

const PATH: &str = "plugins";

/// A plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugin {
    /// Its name.
    pub name: String,
    /// Whether dockerd starts it.
    pub enabled: bool,
}

/// Reads every plugin, by the name of its directory.
pub fn read(root: &Dir, unreadable: &mut Vec<Unreadable>) -> BTreeMap<String, Plugin> {
    let entries = keep(root.entries_of(PATH), Pins::Nothing, unreadable).unwrap_or_default();
    let mut plugins = BTreeMap::new();
    // A plugin's ID has the form of a container's.
    for entry in entries.iter().filter(|entry| ContainerId::try_from(entry.name.as_bytes()).is_ok()) {
        let path = format!("{PATH}/{}/config.json", entry.name.display());
        let plugin = root.read(&path, super::JSON).and_then(|content| {
            let parsed = content.map(|content| Plugin::parse(&content)).transpose();
            parsed.map_err(|cause| root.error(&path, Operation::Parse, cause))
        });
        if let Some(plugin) = keep(plugin, Pins::Nothing, unreadable).flatten() {
            plugins.insert(entry.name.to_string_lossy().into_owned(), plugin);
        }
    }
    plugins
}

impl Plugin {
    /// Parses a plugin's `config.json`.
    ///
    /// # Errors
    /// When it is not the JSON that Docker writes.
    pub fn parse(content: &[u8]) -> Result<Self, Cause> {
        #[derive(Deserialize)]
        struct Raw {
            plugin: Inner,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Inner {
            name: String,
            #[serde(default)]
            enabled: bool,
        }
        let raw: Raw = parse_json(content)?;
        Ok(Self { name: raw.plugin.name, enabled: raw.plugin.enabled })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_name_and_whether_it_is_enabled() {
        let plugin = Plugin::parse(br#"{"plugin":{"Id":"x","Name":"vieux/sshfs:latest","Enabled":true},"Rootfs":"/x"}"#).unwrap();
        assert_eq!(plugin, Plugin { name: "vieux/sshfs:latest".to_owned(), enabled: true });
        assert!(Plugin::parse(b"{}").is_err());
    }
}
