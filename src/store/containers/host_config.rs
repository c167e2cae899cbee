//! Which layer directories are to be bound into a container, as `hostconfig.json` says: what was asked for before the container was made.

use crate::dir::Cause;
use crate::id::DirId;
use crate::store::live::mounts::Names;
use crate::store::parse_json;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig {
    /// `<source>:<destination>:<options>`.
    binds: Option<Vec<String>>,
    mounts: Option<Vec<Mount>>,
    /// Containers whose volumes and binds are taken over.
    volumes_from: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mount {
    #[serde(default)]
    source: String,
}

/// The names of layer directories in what is to be bound.
///
/// # Errors
/// When it is not what Docker writes, or refers to what other containers have.
pub(super) fn bound(content: &[u8]) -> Result<Vec<DirId>, Cause> {
    let config: HostConfig = parse_json(content)?;
    if config.volumes_from.is_some_and(|from| !from.is_empty()) {
        return Err(Cause::Malformed("it takes over what other containers have".to_owned()));
    }
    let binds = config.binds.unwrap_or_default();
    let sources = config.mounts.unwrap_or_default().into_iter().map(|mount| mount.source);
    let names = binds.into_iter().chain(sources).map(|source| Names::of_path(source.as_ref()));
    Ok(names.flat_map(|names| names.directories).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_layer_directories_in_binds_and_mounts() {
        let hex = "0123456789abcdef".repeat(4);
        let dir: DirId = hex.parse().unwrap();
        for (content, expected) in [
            ("{}".to_owned(), vec![]),
            (r#"{"Binds":null,"Mounts":null,"VolumesFrom":null}"#.to_owned(), vec![]),
            (format!(r#"{{"Binds":["/d/overlay2/{hex}/diff:/x:ro","data:/y"]}}"#), vec![dir]),
            (format!(r#"{{"Mounts":[{{"Type":"bind","Source":"/d/overlay2/{hex}"}}]}}"#), vec![dir]),
        ] {
            assert_eq!(bound(content.as_bytes()).unwrap(), expected, "{content}");
        }
        for content in ["", "[]", r#"{"VolumesFrom":["web"]}"#, r#"{"Binds":[1]}"#] {
            assert!(bound(content.as_bytes()).is_err(), "{content}");
        }
    }
}
