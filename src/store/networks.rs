//! Networks: how containers reach each other, and the world.
//!
//! ```text
//! network/files/local-kv.db      bolt, one bucket `libnetwork`:
//!     docker/network/v1.0/network/<id>/           8 bytes, the number of the write that made it, and JSON: name, networkType, …
//!     docker/network/v1.0/endpoint/<id>/<id>/     an end of it in a container
//!     docker/network/v1.0/endpoint_count/<id>/    …
//! ```
//!
//! dockerd does not start if the database is broken. Networks keep no layer alive.

use super::bolt::{self, Bucket, Entry};
use super::parse_json;
use crate::dir::{Cause, Dir};
use crate::unreadable::{Pins, Unreadable, keep};
use serde::Deserialize;
use std::collections::BTreeMap;

const PATH: &str = "network/files/local-kv.db";
const PREFIX: &[u8] = b"docker/network/v1.0/network/";

/// A network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// The driver that makes it: `bridge`, `host`, `null`, `overlay` …
    pub driver: String,
}

/// Reads every network, by its ID.
pub fn read(root: &Dir, unreadable: &mut Vec<Unreadable>) -> BTreeMap<String, Network> {
    let read = keep(bolt::read(root, PATH, records), Pins::Nothing, unreadable).flatten().unwrap_or_default();
    let mut networks = BTreeMap::new();
    for (id, record) in read {
        match Network::parse(&record) {
            Ok(network) => drop(networks.insert(id, network)),
            Err(cause) => {
                unreadable.push(Unreadable::malformed(root.path().join(PATH), format!("network {id}: {cause}"), Pins::Nothing));
            }
        }
    }
    networks
}

/// The records of networks, by their IDs.
fn records(root: &Bucket<'_>) -> Result<Vec<(String, Vec<u8>)>, bolt::Error> {
    let mut records = Vec::new();
    let Some(bucket) = root.bucket(b"libnetwork")? else { return Ok(records) };
    for entry in bucket.entries() {
        if let Entry::Value { key, value } = entry?
            && let Some(id) = key.strip_prefix(PREFIX).map(|id| id.strip_suffix(b"/").unwrap_or(id))
            && !id.is_empty()
        {
            records.push((String::from_utf8_lossy(id).into_owned(), value.to_vec()));
        }
    }
    Ok(records)
}

impl Network {
    /// Parses a record: eight bytes that number it, then JSON.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(record: &[u8]) -> Result<Self, Cause> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Raw {
            name: String,
            #[serde(default)]
            network_type: String,
        }
        let (_, json) = record.split_at_checked(8).ok_or_else(|| Cause::Malformed("the record is too short".to_owned()))?;
        let raw: Raw = parse_json(json)?;
        Ok(Self { name: raw.name, driver: raw.network_type })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_a_number_and_json() {
        let network = Network::parse(b"\x07\0\0\0\0\0\0\0{\"name\":\"front\",\"networkType\":\"bridge\",\"persist\":true}").unwrap();
        assert_eq!(network, Network { name: "front".to_owned(), driver: "bridge".to_owned() });
        for record in [&b""[..], b"1234567", b"12345678", b"12345678{}", b"12345678\"name\""] {
            assert!(Network::parse(record).is_err(), "{}", String::from_utf8_lossy(record));
        }
    }
}
