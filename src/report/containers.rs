//! `containers`: what each container weighs beside its image.

use super::chains::ancestry;
use super::images::docker_size;
use crate::audit::Audit;
use crate::dir::Dir;
use crate::id::{ContainerId, DirId, ImageId};
use crate::store::containers::Container;
use crate::store::repositories;
use crate::store::shown::{self, Labels, Port};
use serde::Serialize;

/// A container.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    /// Its ID.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// The image that it was made from; it may be gone.
    pub image: Option<ImageId>,
    /// The image's name as the user gave it.
    pub image_name: String,
    /// How it was when its config was last written; `unreadable` when it has none that can be read.
    pub status: String,
    /// When it was made, as Docker wrote it.
    pub created: String,
    /// The directory that it writes to.
    pub rw_dir: Option<DirId>,
    /// The directory of its init layer.
    pub init_dir: Option<DirId>,
    /// The allocated bytes of both directories and of its own files.
    pub bytes: Option<u64>,
    /// The inodes of the same.
    pub inodes: Option<u64>,
    /// The allocated bytes of its logs.
    pub log_bytes: Option<u64>,
    /// SIZE of `docker ps -s`.
    pub docker_size: Option<u64>,
    /// The virtual size of `docker ps -s`; `null` when its image's layers are not all there.
    pub docker_virtual_size: Option<u64>,
    /// The volumes mounted into it.
    pub volumes: Vec<String>,
    /// The storage driver that holds its layers.
    pub driver: String,
    /// The image as `docker ps` names it: as the user did, or by its ID where that name is another image's now.
    pub docker_image: String,
    /// What else Docker shows of it, where that was read.
    #[serde(flatten)]
    pub shown: Option<Shown>,
}

/// What else Docker shows of a container.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// What it runs, on one line.
    pub command: String,
    /// Its labels.
    pub labels: Labels,
    /// The names of its networks.
    pub networks: Vec<String>,
    /// The ports that it offers, as `docker ps` writes them.
    pub ports: String,
    /// What is mounted into it.
    pub mounts: Vec<MountedItem>,
    /// When it was last started.
    pub started: Option<String>,
    /// When it last ended.
    pub finished: Option<String>,
    /// The exit status with which it last ended.
    pub exit_code: i64,
    /// How it does, if it has a health check.
    pub health: Option<String>,
}

/// Something that is mounted into a container.
#[derive(Debug, Clone, Serialize)]
pub struct MountedItem {
    /// The name of the volume; `null` if it is none.
    pub name: Option<String>,
    /// The directory of the host.
    pub source: String,
    /// Where it is in the container.
    pub destination: String,
    /// The driver of the volume; empty if it is none.
    pub driver: String,
}

/// Lists every container with all that Docker shows of it.
#[must_use]
pub fn list_shown(audit: &Audit, root: &Dir) -> Vec<Item> {
    let mut items = list(audit);
    for item in &mut items {
        item.shown = shown::Container::read(root, item.id).map(Shown::from);
    }
    items
}

impl From<shown::Container> for Shown {
    fn from(container: shown::Container) -> Self {
        let mounted = |mount: shown::Mount| MountedItem {
            name: Some(mount.name).filter(|name| !name.is_empty()),
            source: mount.source,
            destination: mount.destination,
            driver: mount.driver,
        };
        Self {
            command: container.command,
            labels: container.labels,
            networks: container.networks,
            ports: ports(&container.ports),
            mounts: container.mounts.into_iter().map(mounted).collect(),
            started: container.started,
            finished: container.finished,
            exit_code: container.exit_code,
            health: container.health,
        }
    }
}

/// Writes ports as `docker ps` does: neighbours that are published alike as a range, then those that the host calls otherwise.
fn ports(ports: &[Port]) -> String {
    let mut groups: Vec<(String, u16, u16)> = Vec::new();
    let (mut done, mut otherwise) = (Vec::new(), Vec::new());
    for port in ports {
        let host = if port.ip.contains(':') { format!("[{}]", port.ip) } else { port.ip.clone() };
        if !port.ip.is_empty() && port.public != Some(port.private) {
            let public = port.public.map(|public| public.to_string()).unwrap_or_default();
            otherwise.push(format!("{host}:{public}->{}/{}", port.private, port.protocol));
            continue;
        }
        let key = if port.ip.is_empty() { port.protocol.clone() } else { format!("{}/{}", port.ip, port.protocol) };
        match groups.iter_mut().find(|(known, ..)| *known == key) {
            None => groups.push((key, port.private, port.private)),
            Some((_, _, last)) if last.checked_add(1) == Some(port.private) => *last = port.private,
            Some(group) => done.push(range(&std::mem::replace(group, (key, port.private, port.private)))),
        }
    }
    done.extend(groups.iter().map(range));
    done.extend(otherwise);
    done.join(", ")
}

fn range((key, first, last): &(String, u16, u16)) -> String {
    let range = if first == last { first.to_string() } else { format!("{first}-{last}") };
    match key.split_once('/') {
        Some((ip, protocol)) => format!("{ip}:{range}->{range}/{protocol}"),
        None => format!("{range}/{key}"),
    }
}

/// The image as `docker ps` names it.
fn docker_image(audit: &Audit, name: &str, id: Option<ImageId>) -> String {
    let familiar = repositories::familiar(name);
    let references = &audit.inventory.references;
    let named = references.get(&*familiar).or_else(|| references.get(&format!("{familiar}:latest"))).copied();
    let prefix = name.strip_prefix("sha256:").unwrap_or(name);
    let is_id = |id: ImageId| !prefix.is_empty() && id.hex().to_string().starts_with(prefix);
    match id {
        Some(id) if named != Some(id) && !(named.is_none() && is_id(id) && audit.inventory.images.contains_key(&id)) => id.to_string(),
        _ => name.to_owned(),
    }
}

/// Lists every container.
#[must_use]
pub fn list(audit: &Audit) -> Vec<Item> {
    audit.inventory.containers.values().map(|container| item(audit, container)).collect()
}

fn item(audit: &Audit, container: &Container) -> Item {
    let mount = audit.inventory.mounts.get(&container.id.into());
    let (rw_dir, init_dir) = mount.map_or((None, None), |mount| (mount.mount_id.value().copied(), mount.init_id.value().copied()));
    let config = container.config.as_ref();
    let weights = audit.account.as_ref().map(|account| {
        let (mut all, logs) = account.container_files(container.id);
        [rw_dir, init_dir].into_iter().flatten().for_each(|dir| all += account.directory(dir));
        (all, logs)
    });
    let size = audit.account.as_ref().zip(rw_dir).map(|(account, dir)| account.docker_size(dir));
    let below = mount.and_then(|mount| docker_size(audit, ancestry(audit, mount.parent.value().copied())));
    Item {
        id: container.id,
        name: container.name(),
        image: config.and_then(|config| config.image),
        image_name: config.map(|config| config.image_name.clone()).unwrap_or_default(),
        status: match (&container.found_in, config) {
            (Some(_), _) => "misplaced".to_owned(),
            (None, None) => "unreadable".to_owned(),
            (None, Some(config)) => config.status.to_string(),
        },
        created: config.map(|config| config.created.clone()).unwrap_or_default(),
        rw_dir,
        init_dir,
        bytes: weights.map(|(all, _)| all.bytes),
        inodes: weights.map(|(all, _)| all.inodes),
        log_bytes: weights.map(|(_, logs)| logs.bytes),
        docker_size: size,
        docker_virtual_size: size.zip(below).map(|(size, below)| size.saturating_add(below)),
        volumes: config.map(|config| config.volumes.clone()).unwrap_or_default(),
        driver: config.map(|config| config.driver.clone()).unwrap_or_default(),
        docker_image: config.map(|config| docker_image(audit, &config.image_name, config.image)).unwrap_or_default(),
        shown: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_ports_as_docker_does() {
        let port = |ip: &str, public: Option<u16>, private: u16| Port { private, ip: ip.to_owned(), public, protocol: "tcp".to_owned() };
        for (given, written) in [
            (vec![], ""),
            (vec![port("", None, 80)], "80/tcp"),
            (vec![port("", None, 80), port("", None, 81), port("", None, 90)], "80-81/tcp, 90/tcp"),
            (vec![port("0.0.0.0", Some(8080), 80), port("::", Some(8080), 80)], "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"),
            (vec![port("0.0.0.0", Some(80), 80), port("0.0.0.0", Some(81), 81)], "0.0.0.0:80-81->80-81/tcp"),
        ] {
            assert_eq!(ports(&given), written);
        }
    }
}
