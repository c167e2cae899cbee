//! Swarm: the cluster that a dockerd may be part of.
//!
//! ```text
//! swarm/
//! ├── docker-state.json       addresses; there from joining to leaving, so it says that this is a node
//! ├── state.json              the managers that were last seen: [{"node_id":…,"addr":…}]
//! ├── certificates/, raft/, worker/
//! ```
//!
//! Services, secrets and configs lie in it. Swarm keeps no layer alive.

use super::parse_json;
use crate::dir::{Cause, Dir, Operation, ReadError};
use crate::unreadable::{Pins, Unreadable, keep};
use serde::Deserialize;

const STATE: &str = "swarm/docker-state.json";
const MANAGERS: &str = "swarm/state.json";

/// What a node of a cluster knows of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swarm {
    /// The address by which others reach it.
    pub address: Option<String>,
    /// The addresses of the managers that it last knew.
    pub managers: Vec<String>,
}

/// Reads whether this is a node of a cluster, and of which; one whose state cannot be read is one all the same.
pub fn read(root: &Dir, unreadable: &mut Vec<Unreadable>) -> Option<Swarm> {
    let address = parsed(root, STATE, parse_address).transpose()?;
    let managers = parsed(root, MANAGERS, parse_managers);
    Some(Swarm {
        address: keep(address, Pins::Nothing, unreadable).flatten(),
        managers: keep(managers, Pins::Nothing, unreadable).flatten().unwrap_or_default(),
    })
}

fn parsed<T>(root: &Dir, path: &str, parse: impl Fn(&[u8]) -> Result<T, Cause>) -> Result<Option<T>, ReadError> {
    let content = root.read(path, super::JSON)?;
    content.map(|content| parse(&content)).transpose().map_err(|cause| root.error(path, Operation::Parse, cause))
}

/// Parses `docker-state.json`.
///
/// # Errors
/// When it is not the JSON that Docker writes.
pub fn parse_address(content: &[u8]) -> Result<Option<String>, Cause> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    #[derive(Default)]
    struct Raw {
        advertise_addr: String,
        listen_addr: String,
    }
    let raw: Raw = parse_json(content)?;
    Ok([raw.advertise_addr, raw.listen_addr].into_iter().find(|address| !address.is_empty()))
}

/// Parses `state.json`.
///
/// # Errors
/// When it is not the JSON that Docker writes.
pub fn parse_managers(content: &[u8]) -> Result<Vec<String>, Cause> {
    #[derive(Deserialize)]
    struct Raw {
        addr: String,
    }
    let raw: Option<Vec<Raw>> = parse_json(content)?;
    Ok(raw.unwrap_or_default().into_iter().map(|manager| manager.addr).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_tells_its_address_and_its_managers() {
        let state = br#"{"LocalAddr":"","RemoteAddr":"10.0.0.2:2377","ListenAddr":"0.0.0.0:2377","AdvertiseAddr":"10.0.0.7","JoinInProgress":false}"#;
        assert_eq!(parse_address(state).unwrap().unwrap(), "10.0.0.7");
        assert_eq!(parse_address(b"{}").unwrap(), None);
        assert_eq!(parse_managers(br#"[{"node_id":"a","addr":"10.0.0.2:2377"}]"#).unwrap(), ["10.0.0.2:2377"]);
        assert_eq!(parse_managers(b"null").unwrap(), Vec::<String>::new());
        assert!(parse_address(b"").is_err() && parse_address(b"7").is_err() && parse_managers(b"{}").is_err());
    }

    #[test]
    fn what_is_no_node_has_no_state() {
        let temp = tempfile::tempdir().unwrap();
        let root = Dir::root(temp.path()).unwrap();
        let mut unreadable = Vec::new();
        std::fs::create_dir(temp.path().join("swarm")).unwrap();
        assert_eq!(read(&root, &mut unreadable), None);
        std::fs::write(temp.path().join(STATE), "{").unwrap();
        assert_eq!(read(&root, &mut unreadable), Some(Swarm::default()));
        assert_eq!(unreadable.iter().map(|one| one.pins).collect::<Vec<_>>(), [Pins::Nothing]);
    }
}
