//! The machine that a data-root is looked for on, as far as the search needs it: nothing of it is read from global state later.
//!
//! ```text
//! <root>/proc                                              running daemons
//! <root>/etc/docker/daemon.json, <root>/var/lib/docker     the system's dockerd
//! $XDG_CONFIG_HOME/docker/daemon.json, $XDG_DATA_HOME/docker       one's own rootless dockerd
//! <root>/var/snap/docker/…                                 the snap
//! <root>/etc/passwd                                        the home directories that other rootless dockerds may lie in
//! ```

use crate::dir::ReadError;
use crate::store::live::Proc;
use crate::store::live::config::{self, Config};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The variable that names a data-root.
pub const VARIABLE: &str = "LAYERWISE_DATA_ROOT";

/// The environment variables that matter to the search.
const VARIABLES: [&str; 4] = [VARIABLE, "HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"];

/// Where to look, and as whom.
#[derive(Debug, Clone)]
pub struct Machine {
    root: PathBuf,
    variables: BTreeMap<OsString, OsString>,
    user: u32,
}

impl Machine {
    /// The machine that this process runs on.
    #[must_use]
    pub fn current() -> Self {
        let variables = VARIABLES.into_iter().filter_map(|name| Some((name.into(), std::env::var_os(name)?))).collect();
        Self { root: "/".into(), variables, user: nix::unistd::geteuid().as_raw() }
    }

    /// A machine whose files lie below `root`, for user `user` with the given environment.
    #[must_use]
    pub fn new(root: &Path, user: u32, variables: &[(&str, &OsStr)]) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())).collect();
        Self { root: root.to_owned(), variables, user }
    }

    /// Who asks.
    #[must_use]
    pub const fn user(&self) -> u32 {
        self.user
    }

    /// The data-root that the environment names.
    #[must_use]
    pub fn named(&self) -> Option<PathBuf> {
        self.variable(VARIABLE)
    }

    /// Opens its `/proc`.
    ///
    /// # Errors
    /// When there is none.
    pub fn proc(&self) -> Result<Proc, ReadError> {
        Proc::open(self.path("/proc"))
    }

    /// Where the absolute `path` lies on it.
    #[must_use]
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The configurations that a dockerd may have, the likeliest first: one's own before the system's, unless one is root.
    #[must_use]
    pub fn configurations(&self) -> Vec<PathBuf> {
        let rootless = self.own("XDG_CONFIG_HOME", ".config").map(|directory| directory.join("docker/daemon.json"));
        self.in_order(self.path("/etc/docker/daemon.json"), rootless, self.path("/var/snap/docker/current/config/daemon.json"))
    }

    /// Where a dockerd keeps its data by itself, the likeliest first.
    #[must_use]
    pub fn defaults(&self) -> Vec<PathBuf> {
        let rootless = self.own("XDG_DATA_HOME", ".local/share").map(|directory| directory.join("docker"));
        self.in_order(self.path("/var/lib/docker"), rootless, self.path("/var/snap/docker/common/var-lib-docker"))
    }

    /// Where rootless dockerds of other users would keep their data.
    #[must_use]
    pub fn homes(&self) -> Vec<PathBuf> {
        let passwd = read_file(&self.path("/etc/passwd"), 16 << 20).ok().flatten().unwrap_or_default();
        let mut homes: Vec<PathBuf> = parse_homes(&passwd).map(|home| self.path(home).join(".local/share/docker")).collect();
        homes.sort_unstable();
        homes.dedup();
        homes
    }

    /// Reads the configuration `file`; nothing when there is none.
    ///
    /// # Errors
    /// When it may not be read, or dockerd could not start with it.
    pub fn configuration(&self, file: &Path) -> Result<Option<Config>, String> {
        let text = read_file(file, config::LIMIT).map_err(|error| error.to_string())?;
        text.map(|text| config::parse(&text)).transpose()
    }

    fn variable(&self, name: &str) -> Option<PathBuf> {
        self.variables.get(OsStr::new(name)).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// The directory of one's own that `variable` names, or its usual place in the home directory.
    fn own(&self, variable: &str, in_home: &str) -> Option<PathBuf> {
        self.variable(variable).or_else(|| Some(self.variable("HOME")?.join(in_home)))
    }

    fn in_order(&self, system: PathBuf, rootless: Option<PathBuf>, snap: PathBuf) -> Vec<PathBuf> {
        if self.user == 0 {
            [Some(system), rootless, Some(snap)].into_iter().flatten().collect()
        } else {
            [rootless, Some(system), Some(snap)].into_iter().flatten().collect()
        }
    }
}

/// The home directories in an `/etc/passwd`.
pub fn parse_homes(passwd: &[u8]) -> impl Iterator<Item = &Path> {
    passwd.split(|&byte| byte == b'\n').filter_map(|line| {
        let home = Path::new(OsStr::from_bytes(line.split(|&byte| byte == b':').nth(5)?));
        (home.is_absolute() && home != Path::new("/")).then_some(home)
    })
}

/// The content of the regular file at `path`, or nothing when there is none.
fn read_file(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file: File = match OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
        opened => opened?,
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut content = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut content)?;
    if u64::try_from(content.len()).is_ok_and(|length| length > limit) {
        return Err(io::Error::other(format!("larger than {limit} bytes")));
    }
    Ok(Some(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_looks_at_the_system_first_and_others_at_their_own() {
        let machine = |user| Machine::new(Path::new("/m"), user, &[("HOME", OsStr::new("/h")), ("XDG_CONFIG_HOME", OsStr::new("/c"))]);
        let system = "/m/var/lib/docker";
        let rootless = "/h/.local/share/docker";
        let snap = "/m/var/snap/docker/common/var-lib-docker";
        assert_eq!(machine(0).defaults(), [system, rootless, snap].map(PathBuf::from));
        assert_eq!(machine(1000).defaults(), [rootless, system, snap].map(PathBuf::from));
        assert_eq!(machine(1000).configurations().first(), Some(&"/c/docker/daemon.json".into()));
        assert_eq!(Machine::new(Path::new("/"), 0, &[]).defaults().len(), 2);
    }

    #[test]
    fn homes_come_from_passwd() {
        let passwd = b"root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\nu:x:1000:1000:,,,:/home/u:/bin/sh\nbroken\nv:x:1:1::rel:/\n";
        assert_eq!(parse_homes(passwd).collect::<Vec<_>>(), [Path::new("/root"), Path::new("/home/u")]);
    }

    #[test]
    fn a_configuration_is_absent_read_or_an_error() {
        let temp = tempfile::tempdir().unwrap();
        let machine = Machine::new(temp.path(), 0, &[]);
        let file = temp.path().join("daemon.json");
        assert_eq!(machine.configuration(&file), Ok(None));
        std::fs::write(&file, r#"{"data-root":"/d"}"#).unwrap();
        assert_eq!(machine.configuration(&file).unwrap().unwrap().data_root, Some("/d".into()));
        std::fs::write(&file, "{").unwrap();
        assert!(machine.configuration(&file).is_err());
        assert!(machine.configuration(temp.path()).is_err());
        let fifo = temp.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(machine.configuration(&fifo).is_err());
    }
}
