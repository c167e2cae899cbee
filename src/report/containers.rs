//! `containers`: what each container weighs beside its image.

use super::chains::ancestry;
use super::images::docker_size;
use crate::audit::Audit;
use crate::id::{ContainerId, DirId, ImageId};
use crate::store::containers::Container;
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
    }
}
