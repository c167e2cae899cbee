//! What stands in `containers/<id>/`: the two JSON files, the log, and what dockerd mounts over files of the container.

use super::builder::Builder;
use super::container::{Container, ContainerSpec, State};
use super::mount::ImageMount;
use super::write::{self, Result, failed};
use super::{go_json, names};
use crate::id::Digest;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use std::path::Path;

const NEVER: &str = "0001-01-01T00:00:00Z";
const HOSTS: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
const RESOLV_CONF: &str = "nameserver 192.0.2.53\n";

/// Writes the directory of a container that was made at `created`.
pub(super) fn write(root: &Builder, spec: &ContainerSpec, container: &Container, created: Timestamp) -> Result<()> {
    let dir = root.directory(container.path(), 0o710)?;
    write::directory(&dir.join("checkpoints"), 0o700)?;
    if spec.state != State::Created {
        write_files(&dir, spec, container, created)?;
    }
    let config = config(root.path(), spec, container, created);
    json_file(&dir.join("config.v2.json"), 0o600, &config)?;
    json_file(&dir.join("hostconfig.json"), 0o644, &host_config(spec))
}

fn json_file(path: &Path, mode: u32, value: &Value) -> Result<()> {
    let text = go_json::line(value).map_err(failed("write", path))?;
    write::file(path, mode, text)
}

/// Writes what starting a container leaves beside its config.
fn write_files(dir: &Path, spec: &ContainerSpec, container: &Container, created: Timestamp) -> Result<()> {
    write::directory(&dir.join("mounts"), 0o710)?;
    write::file(&dir.join("hostname"), 0o644, hostname(container) + "\n")?;
    write::file(&dir.join("hosts"), 0o644, HOSTS)?;
    write::file(&dir.join("resolv.conf"), 0o644, RESOLV_CONF)?;
    write::file(&dir.join("resolv.conf.hash"), 0o644, Digest::of(RESOLV_CONF.as_bytes()).to_string())?;
    write::file(&dir.join(log_name(container)), 0o640, log(spec.log, created))
}

fn hostname(container: &Container) -> String {
    container.id.to_string().chars().take(12).collect()
}

fn log_name(container: &Container) -> String {
    format!("{}-json.log", container.id)
}

/// A log of exactly `bytes` bytes, but at least a line if any: whole lines, the last one as long as it takes.
fn log(bytes: usize, created: Timestamp) -> String {
    const LINE: usize = 120;
    let line = |length: usize| {
        let empty = format!("{{\"log\":\"\\n\",\"stream\":\"stdout\",\"time\":\"{created}\"}}\n");
        let message = "x".repeat(length.saturating_sub(empty.len()));
        empty.replacen("\\n", &format!("{message}\\n"), 1)
    };
    let whole = (bytes / LINE).saturating_sub(1);
    let mut log = line(LINE).repeat(whole);
    if bytes > 0 {
        log.push_str(&line(bytes - log.len()));
    }
    log
}

/// `State` in `config.v2.json`.
fn state(state: State, created: Timestamp) -> Value {
    let later = |minutes| created.checked_add(SignedDuration::from_mins(minutes)).unwrap_or(created);
    let (pid, code) = match state {
        State::Running { pid } | State::Paused { pid } => (pid, 0),
        State::Exited { code } => (0, code),
        State::Created | State::Dead => (0, 0),
    };
    let started = if state == State::Created { json!(NEVER) } else { json!(later(1).to_string()) };
    let finished = if matches!(state, State::Exited { .. } | State::Dead) { json!(later(2).to_string()) } else { json!(NEVER) };
    json!({
        "Running": pid != 0,
        "Paused": matches!(state, State::Paused { .. }),
        "Restarting": false,
        "OOMKilled": false,
        "RemovalInProgress": false,
        "Dead": state == State::Dead,
        "Pid": pid,
        "ExitCode": code,
        "Error": "",
        "StartedAt": started,
        "FinishedAt": finished,
        "Health": null,
    })
}

/// `config.v2.json`.
fn config(root: &Path, spec: &ContainerSpec, container: &Container, created: Timestamp) -> Value {
    let file = |name: &str| {
        if spec.state == State::Created { String::new() } else { root.join(container.path()).join(name).display().to_string() }
    };
    let (path, args) = spec.image.command.split_first().map_or(("", &[][..]), |(path, args)| (path.as_str(), args));
    json!({
        "StreamConfig": {},
        "State": state(spec.state, created),
        "ID": container.id.to_string(),
        "Created": created.to_string(),
        "Managed": false,
        "Path": path,
        "Args": args,
        "Config": settings(spec, container),
        "Image": spec.image.id,
        "NetworkSettings": { "Networks": { "none": { "NetworkID": "", "EndpointID": "" } }, "Ports": null },
        "LogPath": file(&log_name(container)),
        "Name": format!("/{}", spec.name),
        "Driver": spec.driver,
        "OS": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "RestartCount": 0,
        "HasBeenStartedBefore": spec.state != State::Created,
        "HasBeenManuallyStopped": false,
        "MountPoints": mount_points(root, spec, container),
        "HostnamePath": file("hostname"),
        "HostsPath": file("hosts"),
        "ShmPath": "",
        "ResolvConfPath": file("resolv.conf"),
    })
}

/// `Config` in `config.v2.json`.
fn settings(spec: &ContainerSpec, container: &Container) -> Value {
    json!({
        "Hostname": hostname(container),
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        "Cmd": spec.image.command,
        "Image": spec.image.source(),
        "Volumes": null,
        "Entrypoint": null,
        "OnBuild": null,
        "Labels": {},
    })
}

/// `MountPoints` in `config.v2.json`.
fn mount_points(root: &Path, spec: &ContainerSpec, container: &Container) -> Value {
    let volumes = spec.volumes.iter().map(|(name, destination)| {
        let source = root.join("volumes").join(name).join("_data");
        let id = names::hex("mount point", &format!("{} {destination}", spec.name));
        let point = json!({
            "Source": source.display().to_string(),
            "Destination": destination,
            "RW": true,
            "Name": name,
            "Driver": "local",
            "Type": "volume",
            "Relabel": "z",
            "ID": id.to_string(),
            "Spec": { "Type": "volume", "Source": name, "Target": destination },
        });
        (destination.clone(), point)
    });
    let images = spec.image_mounts.iter().zip(&container.image_mounts).map(|(ImageMount { image, destination, .. }, (name, rw))| {
        let point = json!({
            "Source": root.join(rw.path()).join("merged").display().to_string(),
            "Destination": destination,
            "RW": false,
            "Name": image.source(),
            "Driver": "",
            "Type": "image",
            "ID": name,
            "Spec": { "Type": "image", "Source": image.id, "Target": destination },
        });
        (destination.clone(), point)
    });
    Value::Object(volumes.chain(images).collect::<Map<_, _>>())
}

/// `hostconfig.json`.
fn host_config(spec: &ContainerSpec) -> Value {
    let binds: Vec<_> = spec.volumes.iter().map(|(name, destination)| format!("{name}:{destination}")).collect();
    let image_mount = |mount: &ImageMount| json!({ "Type": "image", "Source": mount.image.source(), "Target": mount.destination });
    let mut config = json!({
        "Binds": if binds.is_empty() { Value::Null } else { json!(binds) },
        "LogConfig": { "Type": "json-file", "Config": {} },
        "NetworkMode": "none",
        "RestartPolicy": { "Name": "no", "MaximumRetryCount": 0 },
        "AutoRemove": false,
        "CgroupnsMode": "host",
        "IpcMode": "private",
        "ShmSize": 67_108_864,
        "Runtime": "runc",
        "MaskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
        "ReadonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    });
    // Left out when there is none.
    if let (Some(config), false) = (config.as_object_mut(), spec.image_mounts.is_empty()) {
        config.insert("Mounts".to_owned(), spec.image_mounts.iter().map(image_mount).collect());
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_as_many_bytes_as_wanted_in_whole_lines() {
        let created = Timestamp::UNIX_EPOCH;
        for bytes in [0, 61, 119, 120, 121, 239, 240, 5_000, 100_001] {
            let log = log(bytes, created);
            assert_eq!(log.len(), bytes, "{bytes}");
            for line in log.lines() {
                let entry: Value = serde_json::from_str(line).unwrap();
                assert_eq!(entry["stream"], "stdout");
            }
        }
    }

    #[test]
    fn a_state_says_what_dockerd_would() {
        let said = |of| {
            let state = state(of, Timestamp::UNIX_EPOCH);
            [&state["Running"], &state["Paused"], &state["Dead"], &state["Pid"], &state["ExitCode"]].map(ToString::to_string).join(" ")
        };
        assert_eq!(said(State::Created), "false false false 0 0");
        assert_eq!(said(State::Running { pid: 7 }), "true false false 7 0");
        assert_eq!(said(State::Paused { pid: 7 }), "true true false 7 0");
        assert_eq!(said(State::Exited { code: 3 }), "false false false 0 3");
        assert_eq!(said(State::Dead), "false false true 0 0");
    }
}
