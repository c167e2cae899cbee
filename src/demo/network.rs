//! The networks that every dockerd has, in `network/files/local-kv.db`.

use super::bolt_writer::Bucket;
use super::names;
use serde_json::json;

/// The database as dockerd leaves it when it starts without a bridge: the networks `none` and `host`, without endpoints.
///
/// Each value begins with the number of the write that made it.
pub(super) fn database() -> Bucket {
    let mut root = Bucket::default();
    let store = root.bucket("libnetwork");
    let mut write = 0_u64;
    let mut put = |key: String, value: String| {
        write += 1;
        store.put(key, [&write.to_le_bytes(), value.as_bytes()].concat());
    };
    for (name, kind) in [("none", "null"), ("host", "host")] {
        let id = names::hex("network", name);
        let network = json!({
            "addrSpace": "",
            "attachable": false,
            "configFrom": "",
            "configOnly": false,
            "created": "2026-01-01T00:00:00Z",
            "enableIPv6": false,
            "generic": { "com.docker.network.generic": {} },
            "id": id.to_string(),
            "inDelete": false,
            "ingress": false,
            "internal": false,
            "ipamOptions": null,
            "ipamType": "default",
            "labels": null,
            "loadBalancerIP": "",
            "loadBalancerMode": "NAT",
            "name": name,
            "networkType": kind,
            "persist": true,
            "postIPv6": false,
            "scope": "local",
        });
        put(format!("docker/network/v1.0/endpoint_count/{id}/"), r#"{"Count":0}"#.to_owned());
        put(format!("docker/network/v1.0/network/{id}/"), network.to_string());
    }
    put("docker/network/v1.0/endpoint_count/".to_owned(), String::new());
    root
}
