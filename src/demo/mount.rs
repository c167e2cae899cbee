//! Read-write layers and their records in `layerdb/mounts/`: of containers with an init layer below, of image mounts and build views without.

use super::builder::Builder;
use super::container::{ContainerSpec, State};
use super::image::Image;
use super::layer::{LAYERDB, Layer};
use super::names;
use super::overlay::Directory;
use super::tree::Tree;
use super::write::{self, Result};
use crate::id::{ContainerId, Digest, DirId};
use std::path::{Path, PathBuf};

/// How Docker names the record of an image mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountNaming {
    /// The container, a dash and the image as it was named on the command line (28.0 to 28.3).
    Joined,
    /// The hexadecimal digits of a text with the container, the image and the destination (until 29.1).
    Spelled,
    /// The digest of such a text.
    Hashed,
}

/// An image mounted into a container.
#[derive(Debug, Clone)]
pub(super) struct ImageMount {
    pub(super) image: Image,
    pub(super) destination: String,
    pub(super) naming: MountNaming,
}

/// Where the record of a read-write layer is below a data-root.
pub(super) fn mount_path(name: &str) -> PathBuf {
    Path::new(LAYERDB).join("mounts").join(name)
}

impl Builder {
    /// Writes the init layer and the read-write layer of a container, and their record.
    pub(super) fn container_layers(&mut self, name: &str, spec: &ContainerSpec) -> Result<(Directory, Directory)> {
        let top = spec.image.top.as_ref();
        let digits = names::hex("mount", name);
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

    /// Writes the read-write layer of an image mount, and its record.
    pub(super) fn image_mount(&mut self, container: ContainerId, mount: &ImageMount) -> Result<(String, Directory)> {
        let name = mount.record_name(container);
        let rw = self.rw_layer(&name, mount.image.top.as_ref(), &Tree::new("image mount"))?;
        Ok((name, rw))
    }

    /// Writes a read-write layer without an init layer, and its record.
    pub(super) fn rw_layer(&mut self, name: &str, top: Option<&Layer>, tree: &Tree) -> Result<Directory> {
        let rw = self.overlay(DirId::Hex(names::hex("mount", name)), top.map(|top| &top.dir), tree)?;
        self.mount_record(name, &rw, None, top)?;
        Ok(rw)
    }

    /// Writes the record of a read-write layer.
    fn mount_record(&self, name: &str, rw: &Directory, init: Option<&Directory>, top: Option<&Layer>) -> Result<()> {
        self.layerdb()?;
        // An image's name may have slashes, which Docker 28.0 did not mind.
        let record = self.directories(&mount_path(name), 0o755)?;
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

impl ImageMount {
    /// The name of the record of its read-write layer.
    fn record_name(&self, container: ContainerId) -> String {
        let (source, destination) = (self.image.source(), &self.destination);
        match self.naming {
            MountNaming::Joined => format!("{container}-{source}"),
            MountNaming::Spelled => {
                let text = format!("{container},src={source},dst={destination}");
                text.bytes().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
            }
            MountNaming::Hashed => Digest::of(format!("{container}-src={source}-dst={destination}").as_bytes()).hex().to_string(),
        }
    }
}

/// What dockerd puts into an init layer: the mount points and files that every container needs.
pub(super) fn init_tree() -> Tree {
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

#[cfg(test)]
mod tests {
    use super::super::{ImageSpec, Tree};
    use super::*;

    #[test]
    fn image_mounts_are_named_as_each_version_named_them() {
        let temp = tempfile::tempdir().unwrap();
        let mut root = Builder::create(temp.path().join("root")).unwrap();
        let layer = root.layer(None, Tree::new("base").file("a", 1)).unwrap();
        let image = root.image(&ImageSpec::new(&layer).tag("host/tool:1")).unwrap();
        let spec = ContainerSpec::new("web", &image)
            .image_mount(&image, "/a", MountNaming::Joined)
            .image_mount(&image, "/b", MountNaming::Spelled)
            .image_mount(&image, "/c", MountNaming::Hashed);
        let web = root.container(&spec).unwrap();
        let names: Vec<_> = web.image_mounts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names[0], format!("{}-host/tool:1", web.id));
        assert!(names[1].starts_with("6237") && names[1].ends_with("2f62") && names[1].len() == 2 * (64 + ",src=host/tool:1,dst=/b".len()));
        assert_eq!(names[2], Digest::of(format!("{}-src=host/tool:1-dst=/c", web.id).as_bytes()).hex().to_string());
        for (name, rw) in &web.image_mounts {
            assert_eq!(std::fs::read_to_string(root.at(mount_path(name).join("mount-id"))).unwrap(), rw.id.to_string());
            assert!(!root.at(mount_path(name).join("init-id")).exists());
        }
        let config: serde_json::Value =
            serde_json::from_slice(&std::fs::read(root.at(web.path()).join("config.v2.json")).unwrap()).unwrap();
        assert_eq!(config["MountPoints"]["/c"]["ID"], names[2]);
    }
}
