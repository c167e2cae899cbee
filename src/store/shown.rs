//! What Docker shows of images, containers and volumes, and no judgement needs: labels, commands, ports, networks, times.
//!
//! Read only where a list, a filter or a template asks for it. What cannot be read is left out here: the readers of the same files beside this
//! one report it.

use super::bolt::{self, Bucket, Entry};
use super::{JSON, containers, imagedb, parse_json};
use crate::dir::Dir;
use crate::id::{ContainerId, ImageId};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Labels, by their keys.
pub type Labels = BTreeMap<String, String>;

/// What Docker shows of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// What it runs, on one line, as `docker ps` writes it.
    pub command: String,
    /// Its labels.
    pub labels: Labels,
    /// The names of its networks.
    pub networks: Vec<String>,
    /// The ports that it offers.
    pub ports: Vec<Port>,
    /// What is mounted into it.
    pub mounts: Vec<Mount>,
    /// When it was last started.
    pub started: Option<String>,
    /// When it last ended.
    pub finished: Option<String>,
    /// The exit status with which it last ended.
    pub exit_code: i64,
    /// How it does, if it has a health check.
    pub health: Option<String>,
}

/// A port.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// In the container.
    pub private: u16,
    /// The address of the host at which it is published.
    pub ip: String,
    /// The host's port.
    pub public: Option<u16>,
    /// `tcp`, `udp`, `sctp`.
    pub protocol: String,
}

/// Something that is mounted into a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mount {
    /// The name of the volume; empty if it is none.
    pub name: String,
    /// The directory of the host.
    pub source: String,
    /// Where it is in the container.
    pub destination: String,
    /// The driver of the volume.
    pub driver: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Raw {
    path: String,
    args: Option<Vec<String>>,
    config: RawConfig,
    network_settings: RawNetworks,
    mount_points: Option<BTreeMap<String, RawMount>>,
    state: RawState,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RawConfig {
    labels: Option<Labels>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RawNetworks {
    networks: Option<BTreeMap<String, serde_json::Value>>,
    ports: Option<BTreeMap<String, Option<Vec<RawBinding>>>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RawBinding {
    host_ip: String,
    host_port: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RawMount {
    name: String,
    source: String,
    driver: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RawState {
    started_at: String,
    finished_at: String,
    exit_code: i64,
    health: Option<RawHealth>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RawHealth {
    status: String,
}

impl Container {
    /// Reads what Docker shows of container `id`.
    #[must_use]
    pub fn read(root: &Dir, id: ContainerId) -> Option<Self> {
        Self::parse(&root.read(format!("{}/{id}/config.v2.json", containers::PATH), JSON).ok()??)
    }

    /// Parses its config.
    #[must_use]
    pub fn parse(content: &[u8]) -> Option<Self> {
        let raw: Raw = parse_json(content).ok()?;
        let quoted = |argument: String| if argument.contains(' ') { format!("'{argument}'") } else { argument };
        let words = std::iter::once(raw.path).chain(raw.args.unwrap_or_default().into_iter().map(quoted));
        let mounts = raw.mount_points.unwrap_or_default().into_iter().map(|(destination, mount)| Mount {
            name: mount.name,
            source: mount.source,
            destination,
            driver: mount.driver,
        });
        let is_set = |time: &String| !time.is_empty() && !time.starts_with("0001-01-01");
        Some(Self {
            command: words.collect::<Vec<_>>().join(" "),
            labels: raw.config.labels.unwrap_or_default(),
            networks: raw.network_settings.networks.unwrap_or_default().into_keys().collect(),
            ports: ports(raw.network_settings.ports.unwrap_or_default()),
            mounts: mounts.collect(),
            started: Some(raw.state.started_at).filter(is_set),
            finished: Some(raw.state.finished_at).filter(is_set),
            exit_code: raw.state.exit_code,
            health: raw.state.health.map(|health| health.status).filter(|status| !status.is_empty() && status != "none"),
        })
    }
}

fn ports(raw: BTreeMap<String, Option<Vec<RawBinding>>>) -> Vec<Port> {
    let mut ports = Vec::new();
    for (port, bindings) in raw {
        let (private, protocol) = port.split_once('/').unwrap_or((&port, "tcp"));
        let Ok(private) = private.parse() else { continue };
        let bindings = bindings.unwrap_or_default();
        if bindings.is_empty() {
            ports.push(Port { private, ip: String::new(), public: None, protocol: protocol.to_owned() });
        }
        ports.extend(bindings.into_iter().map(|binding| Port {
            private,
            ip: binding.host_ip,
            public: binding.host_port.parse().ok(),
            protocol: protocol.to_owned(),
        }));
    }
    ports.sort();
    ports
}

/// Reads the labels of an image.
#[must_use]
pub fn image_labels(root: &Dir, id: ImageId) -> Option<Labels> {
    #[derive(Deserialize)]
    struct Raw {
        config: Option<RawImage>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct RawImage {
        labels: Option<Labels>,
    }
    let content = root.read(format!("{}/{}", imagedb::CONTENT, id.hex()), JSON).ok()??;
    let raw: Raw = parse_json(&content).ok()?;
    Some(raw.config.and_then(|config| config.labels).unwrap_or_default())
}

/// Reads the labels of all volumes that dockerd remembers, by their names.
#[must_use]
pub fn volume_labels(root: &Dir) -> BTreeMap<String, Labels> {
    let read = root.dir("volumes").ok().flatten().and_then(|dir| bolt::read(&dir, "metadata.db", volumes).ok().flatten());
    read.unwrap_or_default()
}

fn volumes(root: &Bucket<'_>) -> Result<BTreeMap<String, Labels>, bolt::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Raw {
        labels: Option<Labels>,
    }
    let mut volumes = BTreeMap::new();
    let Some(bucket) = root.bucket(b"volumes")? else { return Ok(volumes) };
    for entry in bucket.entries() {
        if let Entry::Value { key, value } = entry? {
            let labels = parse_json::<Raw>(&value).ok().and_then(|raw| raw.labels).unwrap_or_default();
            volumes.insert(String::from_utf8_lossy(&key).into_owned(), labels);
        }
    }
    Ok(volumes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_docker_shows_of_a_container() {
        let config = br#"{"Path":"sh","Args":["-c","sleep 1"],"Config":{"Labels":{"a":"b"}},
            "NetworkSettings":{"Networks":{"bridge":{}},"Ports":{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"}],"53/udp":null}},
            "MountPoints":{"/data":{"Name":"v","Source":"/s","Driver":"local"}},
            "State":{"StartedAt":"2026-01-01T00:00:00Z","FinishedAt":"0001-01-01T00:00:00Z","ExitCode":3,"Health":{"Status":"healthy"}}}"#;
        let shown = Container::parse(config).unwrap();
        assert_eq!((shown.command.as_str(), shown.exit_code), ("sh -c 'sleep 1'", 3));
        assert_eq!(shown.labels["a"], "b");
        assert_eq!(shown.networks, ["bridge"]);
        assert_eq!((shown.ports[0].private, shown.ports[1].public), (53, Some(8080)));
        assert_eq!(shown.mounts[0].destination, "/data");
        assert_eq!((shown.started.is_some(), shown.finished.is_some(), shown.health.as_deref()), (true, false, Some("healthy")));
        assert_eq!(Container::parse(b"{}"), Some(Container::default()));
        assert_eq!(Container::parse(b"x"), None);
    }
}
