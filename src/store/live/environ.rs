//! `/proc/<pid>/environ`: what a dockerd goes by where neither its arguments nor its configuration say.
//!
//! ```text
//! HOME=/home/u␀ROOTLESSKIT_STATE_DIR=/run/user/1000/dockerd-rootless␀XDG_DATA_HOME=/data␀…
//! ```
//!
//! It is the environment that the process was started with. Only its own user and root may read it; for anybody else it is as if empty.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// The environment of a process: `NAME=value`, separated by NULs.
#[derive(Debug, Clone, Default)]
pub struct Environment(Vec<u8>);

impl Environment {
    /// Takes the content of an `environ` for what it is.
    #[must_use]
    pub const fn parse(text: Vec<u8>) -> Self {
        Self(text)
    }

    fn value(&self, name: &str) -> Option<OsString> {
        let value = |entry: &[u8]| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=").map(|value| OsString::from_vec(value.to_vec()));
        self.0.split(|&byte| byte == 0).find_map(value).filter(|value| !value.is_empty())
    }

    /// Whether dockerd takes itself for rootless: `RootlessKit` says where it keeps its state.
    fn is_rootless(&self) -> bool {
        self.value("ROOTLESSKIT_STATE_DIR").is_some()
    }

    /// The configuration that dockerd reads if it is told none.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.below("XDG_CONFIG_HOME", ".config").unwrap_or_else(|| "/etc/docker".into()).join("daemon.json")
    }

    /// The data-root that dockerd takes if it is told none.
    #[must_use]
    pub fn data_root(&self) -> PathBuf {
        self.below("XDG_DATA_HOME", ".local/share").unwrap_or_else(|| "/var/lib/docker".into())
    }

    /// The storage driver that dockerd takes if it is told none.
    #[must_use]
    pub fn storage_driver(&self) -> Option<OsString> {
        self.value("DOCKER_DRIVER")
    }

    /// The directory `docker` of a rootless daemon below `variable`, or below its default in the home directory.
    fn below(&self, variable: &str, in_home: &str) -> Option<PathBuf> {
        let parent = self.value(variable).map(PathBuf::from).or_else(|| Some(PathBuf::from(self.value("HOME")?).join(in_home)))?;
        self.is_rootless().then(|| parent.join("docker"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rootlesskit_makes_a_daemon_rootless() {
        let environment = |text: &str| Environment::parse(text.replace(' ', "\0").into_bytes());
        let plain = environment("HOME=/root XDG_DATA_HOME=/x");
        assert_eq!((plain.data_root(), plain.config_file()), ("/var/lib/docker".into(), "/etc/docker/daemon.json".into()));
        let rootless = environment("HOME=/home/u ROOTLESSKIT_STATE_DIR=/run/x XDG_DATA_HOME=/data");
        assert_eq!((rootless.data_root(), rootless.config_file()), ("/data/docker".into(), "/home/u/.config/docker/daemon.json".into()));
    }
}
