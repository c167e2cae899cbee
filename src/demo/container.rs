//! Containers: their read-write and init layers, the record of the two in `layerdb/mounts/`, and what stands in `containers/`.

use super::builder::Builder;
use super::container_config as config;
use super::image::Image;
use super::layer::Layer;
use super::names;
use super::overlay::Directory;
use super::tree::Tree;
use super::write::{self, Result};
use crate::id::{ContainerId, DirId, Hex32, MountName};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// What a container is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It was never started.
    Created,
    /// It runs, as far as its config says.
    Running {
        /// The process.
        pid: u32,
    },
    /// It is frozen, as far as its config says.
    Paused {
        /// The process.
        pid: u32,
    },
    /// It ended.
    Exited {
        /// With this status.
        code: u8,
    },
    /// Its removal was begun and did not succeed.
    Dead,
}

/// A container to be made.
#[derive(Debug, Clone)]
pub struct ContainerSpec {
    pub(super) name: String,
    pub(super) image: Image,
    pub(super) state: State,
    pub(super) tree: Tree,
    pub(super) log: usize,
    pub(super) volumes: Vec<(String, String)>,
    pub(super) image_mounts: Vec<(Image, String)>,
    pub(super) driver: String,
}

/// A container that was written.
#[derive(Debug, Clone)]
pub struct Container {
    /// Its id.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// Its read-write layer.
    pub rw: Directory,
    /// Its init layer.
    pub init: Directory,
    /// The read-write layers of its image mounts.
    pub image_mounts: Vec<(MountName, Directory)>,
}

impl Container {
    /// Where its directory is below a data-root.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        Path::new("containers").join(self.id.to_string())
    }

    /// Where the record of its layers is below a data-root.
    #[must_use]
    pub fn mount_record(&self) -> PathBuf {
        mount_path(&self.id.into())
    }
}

impl ContainerSpec {
    /// A container of `image` that was never started.
    #[must_use]
    pub fn new(name: &str, image: &Image) -> Self {
        let (log, volumes, image_mounts) = (0, Vec::new(), Vec::new());
        let (name, image, tree) = (name.to_owned(), image.clone(), Tree::new(name));
        Self { name, image, state: State::Created, tree, log, volumes, image_mounts, driver: "overlay2".to_owned() }
    }

    /// Says what it is doing.
    #[must_use]
    pub fn state(mut self, state: State) -> Self {
        self.state = state;
        self
    }

    /// Says that it runs, as process `pid`.
    #[must_use]
    pub fn running(self, pid: u32) -> Self {
        self.state(State::Running { pid })
    }

    /// Says that it was frozen, as process `pid`.
    #[must_use]
    pub fn paused(self, pid: u32) -> Self {
        self.state(State::Paused { pid })
    }

    /// Says that it ended with status `code`.
    #[must_use]
    pub fn exited(self, code: u8) -> Self {
        self.state(State::Exited { code })
    }

    /// Says that its removal failed.
    #[must_use]
    pub fn dead(self) -> Self {
        self.state(State::Dead)
    }

    /// Says what it wrote into its own layer.
    #[must_use]
    pub fn writes(mut self, tree: Tree) -> Self {
        self.tree = tree;
        self
    }

    /// Says that its log has `bytes` bytes.
    #[must_use]
    pub fn log(mut self, bytes: usize) -> Self {
        self.log = bytes;
        self
    }

    /// Mounts the volume `name`, which [`Builder::volume`] makes, at `destination`.
    #[must_use]
    pub fn volume(mut self, name: &str, destination: &str) -> Self {
        self.volumes.push((name.to_owned(), destination.to_owned()));
        self
    }

    /// Mounts `image` at `destination`, as Docker 28 can: a read-write layer of its own, without an init layer.
    #[must_use]
    pub fn image_mount(mut self, image: &Image, destination: &str) -> Self {
        self.image_mounts.push((image.clone(), destination.to_owned()));
        self
    }

    /// Says that it was made under another storage driver.
    #[must_use]
    pub fn driver(mut self, driver: &str) -> Self {
        driver.clone_into(&mut self.driver);
        self
    }
}

/// Where the record of a read-write layer is below a data-root.
pub(super) fn mount_path(name: &MountName) -> PathBuf {
    Path::new("image/overlay2/layerdb/mounts").join(name.to_string())
}

impl Builder {
    /// Writes a container.
    ///
    /// # Errors
    /// When it cannot be written; in particular when there is one of that name already.
    pub fn container(&mut self, spec: &ContainerSpec) -> Result<Container> {
        let id = names::container(&spec.name)?;
        let image_mounts = spec.image_mounts.iter().map(|mount| self.image_mount(id, mount)).collect::<Result<_>>()?;
        let (rw, init) = self.container_layers(&id.into(), spec)?;
        let container = Container { id, name: spec.name.clone(), rw, init, image_mounts };
        let created = self.tick();
        config::write(self, spec, &container, created)?;
        if matches!(spec.state, State::Running { .. } | State::Paused { .. }) {
            write::directory(&self.at(container.rw.path()).join("merged"), 0o700)?;
        }
        Ok(container)
    }

    /// Writes the init layer and the read-write layer of a container, and their record.
    fn container_layers(&mut self, name: &MountName, spec: &ContainerSpec) -> Result<(Directory, Directory)> {
        let top = spec.image.top.as_ref();
        let digits = names::hex("mount", &name.to_string());
        let init = self.overlay(DirId::Init(digits), top.map(|top| &top.dir), &init_tree())?;
        let rw = self.overlay(DirId::Hex(digits), Some(&init), &spec.tree)?;
        if top.is_some() {
            self.mounted_once(&init)?;
        }
        if spec.state != State::Created {
            self.mounted_once(&rw)?;
        }
        self.mount_record(name, &rw, Some(&init), top)?;
        Ok((rw, init))
    }

    /// Writes the read-write layer of an image mount, named as Docker names it, and its record.
    fn image_mount(&mut self, container: ContainerId, (image, destination): &(Image, String)) -> Result<(MountName, Directory)> {
        let name = image_mount_name(container, &image.source(), destination);
        let rw = self.rw_layer(&name, image.top.as_ref(), &Tree::new("image mount"))?;
        Ok((name, rw))
    }

    /// Writes a read-write layer without an init layer, and its record.
    pub(super) fn rw_layer(&mut self, name: &MountName, top: Option<&Layer>, tree: &Tree) -> Result<Directory> {
        let rw = self.overlay(DirId::Hex(names::hex("mount", &name.to_string())), top.map(|top| &top.dir), tree)?;
        self.mount_record(name, &rw, None, top)?;
        Ok(rw)
    }

    /// Writes the record of a read-write layer.
    fn mount_record(&self, name: &MountName, rw: &Directory, init: Option<&Directory>, top: Option<&Layer>) -> Result<()> {
        self.layerdb()?;
        let record = self.directory(mount_path(name), 0o755)?;
        write::file(&record.join("mount-id"), 0o644, rw.id.to_string())?;
        if let Some(init) = init {
            write::file(&record.join("init-id"), 0o644, init.id.to_string())?;
        }
        match top {
            Some(top) => write::file(&record.join("parent"), 0o644, top.chain_id.to_string()),
            None => Ok(()),
        }
    }
}

/// The name of the read-write layer of an image mount.
fn image_mount_name(container: ContainerId, source: &str, destination: &str) -> MountName {
    let digest = Sha256::digest(format!("{container}-src={source}-dst={destination}"));
    MountName::Hex(Hex32::from(<[u8; 32]>::from(digest)))
}

/// What dockerd puts into an init layer: the mount points and files that every container needs.
fn init_tree() -> Tree {
    Tree::new("init")
        .content(".dockerenv", "")
        .mode(0o755)
        .directory("dev")
        .content("dev/console", "")
        .mode(0o755)
        .directory("dev/pts")
        .directory("dev/shm")
        .content("etc/hostname", "")
        .mode(0o755)
        .content("etc/hosts", "")
        .mode(0o755)
        .symlink("etc/mtab", "/proc/mounts")
        .content("etc/resolv.conf", "")
        .mode(0o755)
        .directory("proc")
        .directory("sys")
}
