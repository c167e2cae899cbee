//! `daemon.json`, dockerd's configuration: where it keeps its data, if not where it does by itself, and with which storage driver.
//!
//! ```text
//! /etc/docker/daemon.json                           the system's
//! $XDG_CONFIG_HOME/docker/daemon.json               a rootless dockerd's
//! /var/snap/docker/current/config/daemon.json       the snap's
//! ```
//!
//! Written by people. No file means that everything has its default; `--data-root` beside a `data-root` in the file is refused by dockerd.

use std::path::PathBuf;

/// The largest configuration read.
pub const LIMIT: u64 = 1 << 20;

/// What of a configuration matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// `data-root`, or `graph` as it was called until 20.10.
    pub data_root: Option<PathBuf>,
    /// `userns-remap`.
    pub userns_remap: Option<String>,
    /// `storage-driver`, or the containerd image store where `features` turns that on.
    pub storage: Option<Storage>,
}

/// Where a dockerd keeps images and layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// In the store of this storage driver.
    Driver(String),
    /// In containerd, with one of its snapshotters.
    Containerd,
}

/// The keys as they are written; all others are left unread.
#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Written {
    data_root: Option<String>,
    graph: Option<String>,
    userns_remap: Option<String>,
    storage_driver: Option<String>,
    features: Option<serde_json::Value>,
}

/// Reads a configuration; an empty file is one that sets nothing.
///
/// # Errors
/// When it is not a JSON object, or one of the keys read here is no text.
pub fn parse(text: &[u8]) -> Result<Config, String> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii();
    if text.is_empty() {
        return Ok(Config::default());
    }
    let written: Written = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let set = |value: Option<String>| value.filter(|value| !value.is_empty());
    let uses_containerd = written.features.as_ref().and_then(|features| features.get("containerd-snapshotter")?.as_bool()) == Some(true);
    let driver = set(written.storage_driver).map(Storage::Driver);
    Ok(Config {
        data_root: set(written.data_root).or(set(written.graph)).map(PathBuf::from),
        userns_remap: set(written.userns_remap),
        storage: if uses_containerd { Some(Storage::Containerd) } else { driver },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_data_root_under_both_its_names() {
        for (text, expected) in [
            (&br#"{"data-root":"/d"}"#[..], Some("/d")),
            (br#"{"graph":"/d","storage-opts":["x"],"features":{"containerd-snapshotter":true}}"#, Some("/d")),
            (br#"{"data-root":"/new","graph":"/old"}"#, Some("/new")),
            (br#"{"data-root":""}"#, None),
            (b"{}", None),
            (b" \n", None),
            (b"\xef\xbb\xbf{\"data-root\":\"/d\"}", Some("/d")),
        ] {
            assert_eq!(parse(text).unwrap().data_root, expected.map(PathBuf::from), "{}", String::from_utf8_lossy(text));
        }
        assert_eq!(parse(br#"{"userns-remap":"default"}"#).unwrap().userns_remap.as_deref(), Some("default"));
    }

    #[test]
    fn reads_where_images_and_layers_are_kept() {
        let driver = |name: &str| Some(Storage::Driver(name.to_owned()));
        for (text, expected) in [
            (r#"{"storage-driver":"vfs"}"#, driver("vfs")),
            (r#"{"storage-driver":""}"#, None),
            (r#"{"features":{"containerd-snapshotter":true},"storage-driver":"overlay2"}"#, Some(Storage::Containerd)),
            (r#"{"features":{"containerd-snapshotter":false},"storage-driver":"overlay2"}"#, driver("overlay2")),
            (r#"{"features":{"buildkit":true}}"#, None),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap().storage, expected, "{text}");
        }
    }

    #[test]
    fn refuses_what_dockerd_could_not_start_with() {
        let deep = "[".repeat(100_000);
        for text in ["{", "[]", "null", "7", r#"{"data-root":7}"#, r#"{"data-root":"/d"} x"#, &deep, &format!(r#"{{"x":{deep}}}"#)] {
            assert!(parse(text.as_bytes()).is_err(), "{}", &text[..text.len().min(40)]);
        }
    }
}
