//! Containers: what a caller says of one, and the order in which Docker writes it.

use super::builder::Builder;
use super::container_config as config;
use super::image::Image;
use super::mount::{ImageMount, MountNaming, mount_path};
use super::names;
use super::overlay::Directory;
use super::tree::Tree;
use super::write::{self, Result};
use crate::id::ContainerId;
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
    pub(super) image_mounts: Vec<ImageMount>,
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
    /// The read-write layers of its image mounts, by the names of their records.
    pub image_mounts: Vec<(String, Directory)>,
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
        mount_path(&self.id.to_string())
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

    /// Says that its log has `bytes` bytes (if any, at least the 61 of a line).
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

    /// Mounts `image` at `destination`, as Docker can from 28 on: a read-write layer of its own, without an init layer.
    #[must_use]
    pub fn image_mount(mut self, image: &Image, destination: &str, naming: MountNaming) -> Self {
        self.image_mounts.push(ImageMount { image: image.clone(), destination: destination.to_owned(), naming });
        self
    }

    /// Says that it was made under another storage driver.
    #[must_use]
    pub fn driver(mut self, driver: &str) -> Self {
        driver.clone_into(&mut self.driver);
        self
    }
}

impl Builder {
    /// Writes a container.
    ///
    /// # Errors
    /// When it cannot be written; in particular when there is one of that name already.
    pub fn container(&mut self, spec: &ContainerSpec) -> Result<Container> {
        let id = names::container(&spec.name)?;
        let image_mounts = spec.image_mounts.iter().map(|mount| self.image_mount(id, mount)).collect::<Result<_>>()?;
        let (rw, init) = self.container_layers(&id.to_string(), spec)?;
        let container = Container { id, name: spec.name.clone(), rw, init, image_mounts };
        let created = self.tick();
        config::write(self, spec, &container, created)?;
        if matches!(spec.state, State::Running { .. } | State::Paused { .. }) {
            write::directory(&self.at(container.rw.path()).join("merged"), 0o700)?;
        }
        Ok(container)
    }
}
