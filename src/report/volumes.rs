//! `volumes`: every volume with what it weighs and which containers use it.

use crate::audit::Audit;
use crate::dir::Dir;
use crate::id::ContainerId;
use crate::render::escape;
use crate::store::place::Area;
use crate::store::shown::{self, Labels};
use serde::Serialize;
use std::collections::BTreeSet;

/// The label by which dockerd marks volumes that nobody named.
const ANONYMOUS: &str = "com.docker.volume.anonymous";

/// A volume.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    /// Its name.
    pub name: String,
    /// The driver that keeps it.
    pub driver: String,
    /// Its labels.
    pub labels: Labels,
    /// Whether dockerd made up its name.
    pub anonymous: bool,
    /// The containers that it is mounted into, running or not.
    pub containers: Vec<ContainerId>,
    /// Whether no container uses it; `null` where a container's config cannot be read, which may name it.
    pub unused: Option<bool>,
    /// Its directory; `null` if it has none here.
    pub path: Option<String>,
    /// The allocated bytes of its directory.
    pub bytes: Option<u64>,
    /// The inodes of the same.
    pub inodes: Option<u64>,
    /// SIZE of `docker system df -v`.
    pub docker_size: Option<u64>,
}

/// Lists every volume.
#[must_use]
pub fn list(audit: &Audit, root: &Dir) -> Vec<Item> {
    let mut labels = shown::volume_labels(root);
    let all = audit.inventory.containers.values();
    let is_known = all.clone().all(|container| container.config.is_some());
    let users = |name: &str| -> Vec<ContainerId> {
        let uses = |id: &&crate::store::containers::Container| {
            id.config.as_ref().is_some_and(|config| config.volumes.iter().any(|volume| volume == name))
        };
        all.clone().filter(uses).map(|container| container.id).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let item = |(name, volume): (&String, &crate::store::volumes::Volume)| {
        let usage = audit.account.as_ref().filter(|_| volume.has_directory).map(|account| account.owner(Area::Volume, name));
        let containers = users(name);
        let labels = labels.remove(name).unwrap_or_default();
        let path = audit.inventory.root.join("volumes").join(name).join("_data");
        Item {
            driver: volume.driver.clone().unwrap_or_else(|| "local".to_owned()),
            anonymous: labels.contains_key(ANONYMOUS) || is_made_up(name),
            labels,
            unused: if containers.is_empty() { is_known.then_some(true) } else { Some(false) },
            containers,
            path: volume.has_directory.then(|| escape::path(&path)),
            bytes: usage.map(|usage| usage.bytes),
            inodes: usage.map(|usage| usage.inodes),
            docker_size: usage.map(|usage| usage.content_bytes),
            name: name.clone(),
        }
    };
    audit.inventory.volumes.iter().map(item).collect()
}

/// Whether a name is one that dockerd makes up.
fn is_made_up(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
