//! What a process was started with: whether it is a dockerd and with which data-root, or a shim and of which container.
//!
//! ```text
//! /usr/bin/dockerd␀--data-root␀/mnt/docker␀-H␀fd://␀
//! /usr/bin/containerd-shim-runc-v2␀-namespace␀moby␀-id␀4f1c…␀-address␀/run/containerd/containerd.sock␀          since 19.03
//! containerd-shim␀-namespace␀moby␀-workdir␀/…/moby/4f1c…␀-address␀…                                              18.06 to 20.10
//! docker-containerd-shim␀4f1c…␀/var/run/docker/libcontainerd/4f1c…␀docker-runc␀                                 before
//! ```
//!
//! A process may write there what it likes, so nothing is concluded from it but that somebody *may* use a data-root or a container.

use crate::id::ContainerId;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

/// What of a dockerd's arguments says where its data lies, and how it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments {
    /// `--data-root`, `--graph` or `-g`.
    pub data_root: Option<PathBuf>,
    /// `--config-file`.
    pub config_file: Option<PathBuf>,
    /// `--userns-remap`.
    pub userns_remap: Option<OsString>,
    /// `--storage-driver` or `-s`.
    pub storage_driver: Option<OsString>,
}

/// Splits a command line at its NULs.
#[must_use]
pub fn arguments(command_line: &[u8]) -> Vec<&[u8]> {
    command_line.strip_suffix(b"\0").unwrap_or(command_line).split(|&byte| byte == 0).collect()
}

/// The last component of a program's path.
fn program(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}

/// Whether the program at `path` is a dockerd; the kernel adds ` (deleted)` to the path of one that was replaced by an update.
#[must_use]
pub fn is_dockerd_path(path: &OsStr) -> bool {
    let path = path.as_bytes();
    program(path.strip_suffix(b" (deleted)").unwrap_or(path)) == b"dockerd"
}

/// The arguments of a dockerd, or nothing when `command_line` is another program's: `dockerd …`, and `docker daemon …` before 1.13.
#[must_use]
pub fn dockerd(command_line: &[u8]) -> Option<Arguments> {
    let words = arguments(command_line);
    let (first, rest) = words.split_first()?;
    match (program(first), rest) {
        (b"dockerd", flags) | (b"docker", [b"daemon", flags @ ..]) => Some(parse_flags(flags)),
        _ => None,
    }
}

/// Reads the flags as dockerd does: `--flag value`, `--flag=value`, `-g value`, `-gvalue`, `-Dg value`; the last one counts.
fn parse_flags(words: &[&[u8]]) -> Arguments {
    let mut found = Arguments::default();
    let mut words = words.iter().copied().take_while(|&word| word != b"--");
    while let Some(word) = words.next() {
        let (name, attached) = match word.strip_prefix(b"--") {
            Some(long) => split_at_equals(long),
            None => match short_flag(word) {
                Some((name, attached)) => (name, Some(attached).filter(|value| !value.is_empty())),
                None => continue,
            },
        };
        if !matches!(name, b"data-root" | b"graph" | b"config-file" | b"userns-remap" | b"storage-driver") {
            continue;
        }
        let Some(value) = attached.or_else(|| words.next()).map(|value| OsString::from_vec(value.to_vec())) else { break };
        match name {
            b"config-file" => found.config_file = Some(value.into()),
            b"storage-driver" => found.storage_driver = Some(value).filter(|value| !value.is_empty()),
            b"userns-remap" => found.userns_remap = Some(value).filter(|value| !value.is_empty()),
            _ => found.data_root = Some(PathBuf::from(value)).filter(|value| !value.as_os_str().is_empty()),
        }
    }
    found
}

fn split_at_equals(word: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut parts = word.splitn(2, |&byte| byte == b'=');
    (parts.next().unwrap_or_default(), parts.next())
}

/// Finds `-g` or `-s` in a word of short flags: its long name, and what is attached to it, often nothing. Before it only flags without a value
/// may stand.
fn short_flag(word: &[u8]) -> Option<(&'static [u8], &[u8])> {
    let flags = word.strip_prefix(b"-")?;
    let at = flags.iter().position(|flag| !matches!(flag, b'D' | b'v' | b'h'))?;
    let (flag, value) = flags.get(at..)?.split_first()?;
    let name: &[u8] = match flag {
        b'g' => b"graph",
        b's' => b"storage-driver",
        _ => return None,
    };
    Some((name, value.strip_prefix(b"=").unwrap_or(value)))
}

/// The container of Docker's that a shim looks after, or nothing when `command_line` is another program's.
#[must_use]
pub fn shim(command_line: &[u8]) -> Option<ContainerId> {
    let words = arguments(command_line);
    let (first, rest) = words.split_first()?;
    match program(first) {
        b"docker-containerd-shim" => {
            flag(rest, b"id").or_else(|| work_directory(rest)).or_else(|| ContainerId::try_from(*rest.first()?).ok())
        }
        name if name.starts_with(b"containerd-shim") && value(rest, b"namespace") == Some(b"moby") => {
            flag(rest, b"id").or_else(|| work_directory(rest))
        }
        _ => None,
    }
}

fn flag(words: &[&[u8]], name: &[u8]) -> Option<ContainerId> {
    value(words, name)?.try_into().ok()
}

fn work_directory(words: &[&[u8]]) -> Option<ContainerId> {
    program(value(words, b"workdir")?).try_into().ok()
}

/// The value of a flag of Go's own kind: `-flag value`, `-flag=value`, with one dash or two.
fn value<'a>(words: &[&'a [u8]], name: &[u8]) -> Option<&'a [u8]> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix(b"--").or_else(|| word.strip_prefix(b"-")) else { continue };
        let (found, attached) = split_at_equals(flag);
        if found == name {
            return attached.or_else(|| words.next().copied());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &str) -> Vec<u8> {
        words.split(' ').flat_map(|word| word.bytes().chain([0])).collect()
    }

    #[test]
    fn finds_the_data_root_in_every_form() {
        for (words, expected) in [
            ("/usr/bin/dockerd", None),
            ("dockerd --data-root /d -H fd://", Some("/d")),
            ("dockerd -D --data-root=/d", Some("/d")),
            ("dockerd --graph /d", Some("/d")),
            ("dockerd --graph=/d", Some("/d")),
            ("dockerd -g /d", Some("/d")),
            ("dockerd -g=/d", Some("/d")),
            ("dockerd -g/d", Some("/d")),
            ("dockerd -Dg /d", Some("/d")),
            ("dockerd -H -g", None),
            ("dockerd -lgraph /x", None),
            ("dockerd --data-root /a --data-root /b", Some("/b")),
            ("dockerd --data-root=", None),
            ("dockerd --data-root", None),
            ("dockerd -- --data-root /d", None),
            ("docker daemon -g /d", Some("/d")),
        ] {
            let arguments = dockerd(&line(words)).expect(words);
            assert_eq!(arguments.data_root, expected.map(PathBuf::from), "{words}");
        }
    }

    #[test]
    fn finds_what_else_matters() {
        let found = dockerd(&line("dockerd --config-file=/c.json --userns-remap default")).unwrap();
        assert_eq!((found.config_file, found.userns_remap), (Some("/c.json".into()), Some("default".into())));
        for words in ["dockerd -s vfs", "dockerd -svfs", "dockerd -Ds=vfs", "dockerd --storage-driver vfs", "dockerd --storage-driver=vfs"]
        {
            assert_eq!(dockerd(&line(words)).unwrap().storage_driver, Some("vfs".into()), "{words}");
        }
        assert_eq!(dockerd(&line("dockerd -H -s")).unwrap().storage_driver, None);
    }

    #[test]
    fn other_programs_are_no_dockerd() {
        for words in [
            "",
            "docker ps",
            "docker",
            "sudo dockerd",
            "/bin/sh /usr/bin/dockerd-rootless.sh",
            "dockerd-rootless",
            "containerd",
            "docker-untar /",
        ] {
            assert_eq!(dockerd(&line(words)), None, "{words}");
        }
        assert!(is_dockerd_path(OsStr::new("/usr/bin/dockerd (deleted)")));
        assert!(!is_dockerd_path(OsStr::new("/usr/bin/dockerd/x")));
    }

    #[test]
    fn finds_the_container_of_every_kind_of_shim() {
        let id = "4f1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c";
        for words in [
            format!("/usr/bin/containerd-shim-runc-v2 -namespace moby -id {id} -address /run/x.sock"),
            format!("containerd-shim-runc-v1 --namespace=moby --id={id}"),
            format!("containerd-shim -namespace moby -workdir /var/lib/containerd/io.containerd.runtime.v1.linux/moby/{id} -address x"),
            format!("docker-containerd-shim {id} /var/run/docker/libcontainerd/{id} docker-runc"),
            format!("docker-containerd-shim -namespace moby -workdir /x/moby/{id}"),
        ] {
            assert_eq!(shim(&line(&words)).map(|id| id.to_string()).as_deref(), Some(id), "{words}");
        }
        for words in [
            format!("containerd-shim-runc-v2 -namespace k8s.io -id {id}"),
            "containerd-shim-runc-v2 -namespace moby -id ../x".into(),
            format!("cat {id}"),
        ] {
            assert_eq!(shim(&line(&words)), None, "{words}");
        }
    }
}
