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
//! No file here names the container's directories in `overlay2/`: [`super::mounts`] does, under the container's ID. Two things are named here
//! and nowhere else, in `MountPoints`: an *image mount* (28.0 on), and a layer directory that is bound into the container. So a config that
//! cannot be read may hide either.
//!
//! A config counts for the ID that it states, whatever its directory is called: dockerd lists no container of another name, but the data are
//! somebody's who has renamed it, or restored it from a copy. A directory that is called otherwise and has no config may be such a one too.

mod host_config;
mod mount_points;

use super::{parse_json, read_each};
use crate::dir::{Cause, Dir, Entry, Kind, Operation};
use crate::id::{ContainerId, DirId, ImageId, MountName};
use crate::unreadable::{Pins, Unreadable, keep};
use mount_points::{MountPoints, Sources};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Where containers are.
pub const PATH: &str = "containers";

/// A container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its ID.
    pub id: ContainerId,
    /// What its config says; `None` when it has none that can be read, and dockerd does not list it.
    pub config: Option<Config>,
    /// The name of the directory that its config was found in, if that is not its own: then dockerd does not list it either.
    pub found_in: Option<String>,
    /// The layer directories that were to be bound into it, where it was never made and only `hostconfig.json` tells.
    pub asked_for: Vec<DirId>,
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
    /// A container of which no config can be read.
    const fn lost(id: ContainerId) -> Self {
        Self { id, config: None, found_in: None, asked_for: Vec::new() }
    }

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
    let found = read_each(&names, unreadable, |entry, unreadable| {
        Some(match ContainerId::try_from(entry.name.as_bytes()) {
            Ok(id) => read_one(&dir, id, unreadable),
            Err(error) => read_other(&dir, entry, &error.to_string(), unreadable).into_iter().collect(),
        })
    });
    let mut containers: BTreeMap<ContainerId, Container> = BTreeMap::new();
    for container in found.into_iter().flatten() {
        let known = containers.entry(container.id).or_insert_with(|| container.clone());
        if known.config.is_none() {
            *known = container;
        }
    }
    containers
}

/// The container that has a directory of its own name, and the one that its config is of, if that is another.
fn read_one(dir: &Dir, id: ContainerId, unreadable: &mut Vec<Unreadable>) -> Vec<Container> {
    let name = format!("{id}/config.v2.json");
    let failed = |cause| dir.error(&name, Operation::Parse, cause);
    let content = match dir.read(&name, super::JSON) {
        Ok(Some(content)) => content,
        Ok(None) => {
            let why = "the file is missing, so dockerd does not list this container".to_owned();
            let asked_for = asked_for(dir, id);
            let pins = if asked_for.is_some() { Pins::ImageMounts } else { Pins::ContainerConfig };
            unreadable.push(Unreadable::new(failed(Cause::Malformed(why)), pins));
            return vec![Container { asked_for: asked_for.unwrap_or_default(), ..Container::lost(id) }];
        }
        Err(error) => {
            unreadable.push(Unreadable::new(error, Pins::ContainerConfig));
            return vec![Container::lost(id)];
        }
    };
    match Config::parse_any(&content) {
        Ok((stated, config)) if stated == id => vec![Container { config: Some(config), ..Container::lost(id) }],
        Ok((stated, config)) => {
            let why = format!("it is the config of {stated}, so dockerd does not list this container");
            unreadable.push(Unreadable::new(failed(Cause::Malformed(why)), Pins::Nothing));
            // Either ID may be the wrong one.
            vec![Container::lost(id), Container { config: Some(config), found_in: Some(id.to_string()), ..Container::lost(stated) }]
        }
        Err(cause) => {
            unreadable.push(Unreadable::new(failed(cause), Pins::ContainerConfig));
            vec![Container::lost(id)]
        }
    }
}

/// What was to be bound into a container that was never made: dockerd was stopped before it wrote the config, so the container never ran and has
/// no file that a start makes. Nothing if it was made, or if that is not known.
fn asked_for(dir: &Dir, id: ContainerId) -> Option<Vec<DirId>> {
    const HOST_CONFIG: &str = "hostconfig.json";
    let is_first = |entry: &Entry| entry.name == "checkpoints" || entry.name == HOST_CONFIG || entry.name.as_bytes().starts_with(b".tmp-");
    if !dir.entries_of(id.to_string()).ok()?.iter().all(is_first) {
        return None;
    }
    let content = dir.read(format!("{id}/{HOST_CONFIG}"), super::JSON).ok()?;
    content.map_or_else(|| Some(Vec::new()), |content| host_config::bound(&content).ok())
}

/// The container whose config lies in an entry that is called otherwise than any container.
fn read_other(dir: &Dir, entry: &Entry, why: &str, unreadable: &mut Vec<Unreadable>) -> Option<Container> {
    // A file holds no container, and a file system of its own has an empty `lost+found` at its root.
    let holds_nothing = match entry.kind {
        Kind::Directory => dir.entries_of(&entry.name).is_ok_and(|entries| entries.is_empty()),
        Kind::File => true,
        _ => false,
    };
    if holds_nothing {
        return None;
    }
    let file = Path::new(&entry.name).join("config.v2.json");
    let config = dir.read(&file, super::JSON).ok().flatten().and_then(|content| Config::parse_any(&content).ok());
    let (pins, why) = match &config {
        Some((id, _)) => (Pins::Nothing, format!("{why}: it has the config of {id}, which dockerd does not list")),
        None => (
            Pins::Container,
            format!("{why}: it may be a container's directory that got another name; move it out of containers/ if it is not"),
        ),
    };
    unreadable.push(Unreadable::malformed(dir.path().join(&entry.name), why, pins));
    let found_in = Some(entry.name.to_string_lossy().into_owned());
    config.map(|(id, config)| Container { config: Some(config), found_in, ..Container::lost(id) })
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
        let (stated, config) = Self::parse_any(content)?;
        let is_own = stated == id;
        is_own
            .then_some(config)
            .ok_or_else(|| Cause::Malformed(format!("it is the config of {stated}, so dockerd does not list this container")))
    }

    /// Parses the config of whichever container it states.
    ///
    /// # Errors
    /// As [`Config::parse`], but for whose it is.
    pub fn parse_any(content: &[u8]) -> Result<(ContainerId, Self), Cause> {
        let raw: Raw = parse_json(content)?;
        let id = raw.id.parse().map_err(|_| Cause::Malformed(format!("it is the config of {:?}, which is no container", raw.id)))?;
        let Sources { volumes, image_mounts, bound } = raw.mount_points.unwrap_or_default().sources()?;
        let config = Self {
            name: raw.name.strip_prefix('/').unwrap_or(&raw.name).to_owned(),
            image: raw.image.parse().ok(),
            image_name: raw.config.map(|config| config.image).unwrap_or_default(),
            driver: raw.driver,
            status: raw.state.status(),
            created: raw.created,
            volumes,
            image_mounts,
            bound,
        };
        Ok((id, config))
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
