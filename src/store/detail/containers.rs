//! Whether dockerd can read what it wants to read of each container and volume.

use crate::dir::{Cause, Dir, Entry, Stamp};
use crate::id::ContainerId;
use crate::inventory::Inventory;
use crate::store::containers::Config;
use crate::store::{JSON, parse_json};
use crate::unreadable::{Pins, Unreadable, keep};
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

/// A file of which dockerd needs the content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Text {
    /// It can be read.
    #[default]
    Usable,
    /// There is none.
    Missing,
    /// It makes no sense, or cannot be read.
    Unusable(String),
}

/// The files of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerFiles {
    /// `config.v2.json`.
    pub config: Text,
    /// `hostconfig.json`.
    pub hostconfig: Text,
    /// Whether there are files that only a container has that was started.
    pub was_started: bool,
    /// When its directory was made.
    pub stamp: Option<Stamp>,
}

/// Looks at the files of every container.
pub(super) fn read(root: &Dir, inventory: &Inventory, unreadable: &mut Vec<Unreadable>) -> BTreeMap<ContainerId, ContainerFiles> {
    let Some(dir) = keep(root.dir("containers"), Pins::Nothing, unreadable).flatten() else { return BTreeMap::new() };
    let files = inventory.containers.values().map(|container| {
        let id = container.id;
        let hostconfig = text(dir.read(format!("{id}/hostconfig.json"), JSON), |content| parse_json::<IgnoredAny>(content).map(drop));
        if container.config.is_some() {
            return (id, ContainerFiles { hostconfig, ..ContainerFiles::default() });
        }
        let config = text(dir.read(format!("{id}/config.v2.json"), JSON), |content| Config::parse(id, content).map(drop));
        let entries = dir.entries_of(id.to_string()).unwrap_or_default();
        let stamp = dir.stamp(id.to_string()).ok().flatten();
        (id, ContainerFiles { config, hostconfig, was_started: entries.iter().any(is_of_a_start), stamp })
    });
    files.collect()
}

fn text(read: Result<Option<Vec<u8>>, crate::dir::ReadError>, parse: impl Fn(&[u8]) -> Result<(), Cause>) -> Text {
    match read {
        Ok(None) => Text::Missing,
        Ok(Some(content)) => parse(&content).map_or_else(|cause| Text::Unusable(cause.to_string()), |()| Text::Usable),
        Err(error) => Text::Unusable(error.cause.to_string()),
    }
}

/// Whether dockerd writes this when it starts a container.
fn is_of_a_start(entry: &Entry) -> bool {
    let name = entry.name.to_string_lossy();
    matches!(&*name, "hostname" | "hosts" | "resolv.conf") || name.contains("-json.log")
}

/// Looks at the options of every volume that has any.
pub(super) fn read_volume_options(root: &Dir, inventory: &Inventory) -> BTreeMap<String, String> {
    let Some(dir) = root.dir("volumes").ok().flatten() else { return BTreeMap::new() };
    let local = inventory.volumes.iter().filter(|(name, volume)| volume.has_directory && !name.contains('\u{fffd}'));
    local
        .filter_map(|(name, _)| {
            // As strict as Go is: nothing may follow the value, and something must be there.
            let parse = |content: &[u8]| match serde_json::from_slice::<IgnoredAny>(content) {
                Ok(_) => Ok(()),
                Err(_) if content.is_empty() => Err(Cause::Malformed("the file is empty".to_owned())),
                Err(error) => Err(Cause::Malformed(error.to_string())),
            };
            match text(dir.read(format!("{name}/opts.json"), JSON), parse) {
                Text::Unusable(why) => Some((name.clone(), why)),
                Text::Usable | Text::Missing => None,
            }
        })
        .collect()
}
