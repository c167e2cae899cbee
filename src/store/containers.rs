//! Containers: what they are called, what they were made from, how they are.
//!
//! ```text
//! containers/<id>/
//! ├── config.v2.json      name, image, driver, state, mount points
//! ├── hostconfig.json     how to run it; dockerd does without
//! ├── <id>-json.log*      its output (json-file driver), or
//! ├── local-logs/         its output (local driver)
//! └── mounts/, checkpoints/, hostname, hosts, resolv.conf …
//! ```
//!
//! No file here names the container's directories in `overlay2/`: [`super::mounts`] does, under the container's ID. Only an *image mount*
//! (28.0 on) is named here and nowhere else, in `MountPoints`, so a config that cannot be read may hide one.

mod mount_points;

use super::{id_of_name, parse_json, read_each};
use crate::dir::{Cause, Dir, Operation};
use crate::id::{ContainerId, DirId, ImageId, MountName};
use crate::unreadable::{Pins, Unreadable, keep};
use mount_points::{MountPoints, Sources};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// Where containers are.
pub const PATH: &str = "containers";

/// A container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its ID.
    pub id: ContainerId,
    /// What its config says; `None` when it has none that can be read, and dockerd does not list it.
    pub config: Option<Config>,
}

/// The part of a container's config that tells of storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Its name, without the leading slash.
    pub name: String,
    /// The image that it was made from; it may be gone.
    pub image: Option<ImageId>,
    /// The image's name as the user gave it.
    pub image_name: String,
    /// The storage driver that holds its layers.
    pub driver: String,
    /// How it is, as far as the disk tells.
    pub status: Status,
    /// When it was made, as Docker wrote it.
    pub created: String,
    /// The volumes mounted into it.
    pub volumes: Vec<String>,
    /// The read-write layers of images mounted into it.
    pub image_mounts: Vec<MountName>,
    /// The layer directories that lie on the way of a directory of the host that is mounted into it.
    pub bound: Vec<DirId>,
}

/// How a container was when its config was last written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "Docker's own words")]
pub enum Status {
    Created,
    Running,
    Paused,
    Restarting,
    Removing,
    Exited,
    Dead,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Removing => "removing",
            Self::Exited => "exited",
            Self::Dead => "dead",
        })
    }
}

impl Container {
    /// Its name, or its short ID where the name is not known.
    #[must_use]
    pub fn name(&self) -> String {
        self.config.as_ref().map_or_else(|| self.id.to_string().chars().take(12).collect(), |config| config.name.clone())
    }
}

/// Reads every container.
pub fn read(root: &Dir, unreadable: &mut Vec<Unreadable>) -> BTreeMap<ContainerId, Container> {
    let Some(dir) = keep(root.dir(PATH), Pins::Everything, unreadable).flatten() else { return BTreeMap::new() };
    let names = keep(dir.entries(), Pins::Everything, unreadable).unwrap_or_default();
    let containers = read_each(&names, unreadable, |entry, unreadable| {
        let id = id_of_name(&dir, entry, Pins::ImageMounts, unreadable)?;
        Some(read_one(&dir, id, unreadable))
    });
    containers.into_iter().map(|container| (container.id, container)).collect()
}

fn read_one(dir: &Dir, id: ContainerId, unreadable: &mut Vec<Unreadable>) -> Container {
    let name = format!("{id}/config.v2.json");
    let config = dir.read(&name, super::JSON).and_then(|content| {
        let content = content.ok_or(Cause::Malformed("the file is missing, so dockerd does not list this container".to_owned()));
        content.and_then(|content| Config::parse(id, &content)).map_err(|cause| dir.error(&name, Operation::Parse, cause))
    });
    Container { id, config: keep(config, Pins::ImageMounts, unreadable) }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Raw {
    #[serde(rename = "ID")]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    image: String,
    #[serde(default)]
    driver: String,
    #[serde(default)]
    created: String,
    #[serde(default)]
    state: RawState,
    config: Option<RawConfig>,
    /// Every dockerd that ever wrote layers for overlay2 writes the key, if only with nothing in it: without it, it was lost.
    #[serde(deserialize_with = "Option::deserialize")]
    mount_points: Option<MountPoints>,
}

#[derive(Deserialize)]
struct RawConfig {
    #[serde(rename = "Image", default)]
    image: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "Docker's own state, field by field")]
struct RawState {
    running: bool,
    paused: bool,
    restarting: bool,
    removal_in_progress: bool,
    dead: bool,
    started_at: String,
}

impl RawState {
    /// Docker's own order of precedence (`State.StateString`).
    fn status(&self) -> Status {
        match self {
            Self { running: true, paused: true, .. } => Status::Paused,
            Self { running: true, restarting: true, .. } => Status::Restarting,
            Self { running: true, .. } => Status::Running,
            Self { removal_in_progress: true, .. } => Status::Removing,
            Self { dead: true, .. } => Status::Dead,
            Self { started_at, .. } if started_at.is_empty() || started_at.starts_with("0001-01-01") => Status::Created,
            Self { .. } => Status::Exited,
        }
    }
}

impl Config {
    /// Parses the config of container `id`.
    ///
    /// # Errors
    /// When it is not the JSON that Docker writes, belongs to another container, or has a mount point that may hide an image mount.
    pub fn parse(id: ContainerId, content: &[u8]) -> Result<Self, Cause> {
        let raw: Raw = parse_json(content)?;
        if raw.id != id.to_string() {
            return Err(Cause::Malformed(format!("it is the config of {:?}, so dockerd does not list this container", raw.id)));
        }
        let Sources { volumes, image_mounts, bound } = raw.mount_points.unwrap_or_default().sources()?;
        Ok(Self {
            name: raw.name.strip_prefix('/').unwrap_or(&raw.name).to_owned(),
            image: raw.image.parse().ok(),
            image_name: raw.config.map(|config| config.image).unwrap_or_default(),
            driver: raw.driver,
            status: raw.state.status(),
            created: raw.created,
            volumes,
            image_mounts,
            bound,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> ContainerId {
        "0123456789abcdef".repeat(4).parse().unwrap()
    }

    fn parse(rest: &str) -> Result<Config, Cause> {
        let points = if rest.contains("MountPoints") { "" } else { r#","MountPoints":{}"# };
        Config::parse(id(), format!(r#"{{"ID":"{}",{rest}{points}}}"#, id()).as_bytes())
    }

    #[test]
    fn tells_the_status_as_docker_does() {
        for (state, status) in [
            (r#""Running":true"#, Status::Running),
            (r#""Running":true,"Paused":true"#, Status::Paused),
            (r#""Running":true,"Restarting":true"#, Status::Restarting),
            (r#""RemovalInProgress":true,"Dead":true"#, Status::Removing),
            (r#""Dead":true"#, Status::Dead),
            (r#""StartedAt":"0001-01-01T00:00:00Z""#, Status::Created),
            (r#""StartedAt":"2026-01-01T00:00:00Z""#, Status::Exited),
        ] {
            assert_eq!(parse(&format!(r#""Name":"/c","State":{{{state}}}"#)).unwrap().status, status, "{state}");
        }
    }

    #[test]
    fn finds_volumes_and_image_mounts() {
        let mount = "f".repeat(64);
        let config = parse(&format!(
            r#""MountPoints":{{"/a":{{"Type":"volume","Name":"v"}},"/b":{{"Name":"old"}},"/c":{{"Type":"bind","Source":"/etc"}},
               "/d":{{"Type":"image","ID":"{mount}"}}}}"#
        ))
        .unwrap();
        assert_eq!(config.volumes, ["old", "v"]);
        assert_eq!(config.image_mounts, [mount.parse().unwrap()]);
        let point = format!(r#""/d":{{"Type":"image","ID":"{mount}"}}"#);
        assert_eq!(parse(&format!(r#""MountPoints":{{{point},{point}}}"#)).unwrap().image_mounts.len(), 2);
    }

    #[test]
    fn a_config_that_could_hide_something_is_not_half_read() {
        for points in
            [r#"{"/d":{"Type":"image","ID":"../x"}}"#, r#"{"/d":{"Type":"imagf"}}"#, r#"{"/d":{"ID":"0","Spec":{"Type":"image"}}}"#, "[]"]
        {
            assert!(parse(&format!(r#""MountPoints":{points}"#)).is_err(), "{points}");
        }
        assert!(parse(r#""MountPoints":null"#).is_ok());
        assert!(Config::parse(id(), format!(r#"{{"ID":"{}"}}"#, id()).as_bytes()).is_err());
        assert!(Config::parse(id(), br#"{"ID":"another"}"#).is_err());
        assert!(Config::parse(id(), b"").is_err());
    }
}
