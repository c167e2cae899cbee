//! The fields of `docker history`, `docker volume ls` and `docker system df`.

use super::{Asked, Fields, NOT_AVAILABLE, ellipsis, labels, row, size, text, time};
use crate::render::size::{Digits, human};
use crate::render::value;
use serde_json::{Map, Value};

/// Docker's fields of the steps of an image.
pub static HISTORY: Fields = Fields {
    names: &[
        ("ID", "IMAGE"),
        ("CreatedSince", "CREATED"),
        ("CreatedAt", "CREATED AT"),
        ("CreatedBy", "CREATED BY"),
        ("Size", "SIZE"),
        ("Comment", "COMMENT"),
    ],
    rows: history,
};

/// Docker's fields of volumes, with the figures of `docker system df -v` where `docker volume ls` says `N/A`.
pub static VOLUMES: Fields = Fields {
    names: &[
        ("Name", "VOLUME NAME"),
        ("Driver", "DRIVER"),
        ("Scope", "SCOPE"),
        ("Mountpoint", "MOUNTPOINT"),
        ("Labels", "LABELS"),
        ("Links", "LINKS"),
        ("Size", "SIZE"),
    ],
    rows: volumes,
};

/// Docker's fields of `docker system df`.
pub static DISK_USAGE: Fields = Fields {
    names: &[("Type", "TYPE"), ("TotalCount", "TOTAL"), ("Active", "ACTIVE"), ("Size", "SIZE"), ("Reclaimable", "RECLAIMABLE")],
    rows: disk_usage,
};

fn history(item: &Value, asked: &Asked) -> Vec<Map<String, Value>> {
    let image = text(item, "image");
    let command = text(item, "created_by").replace('\t', " ");
    vec![row([
        ("ID", if image.is_empty() { "<missing>".to_owned() } else { asked.id(&image) }),
        ("CreatedSince", asked.ago(item, "created")),
        ("CreatedAt", time(item, "created").strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ("CreatedBy", if asked.is_full() { command } else { ellipsis(&command, 45) }),
        ("Size", size(item, "docker_size", Digits::Three)),
        ("Comment", text(item, "comment")),
    ])]
}

fn volumes(item: &Value, _: &Asked) -> Vec<Map<String, Value>> {
    let containers = value::of(item, "containers").and_then(value::count).unwrap_or_default();
    vec![row([
        ("Name", text(item, "name")),
        ("Driver", text(item, "driver")),
        ("Scope", "local".to_owned()),
        ("Mountpoint", text(item, "path")),
        ("Labels", labels(item)),
        ("Links", containers.to_string()),
        ("Size", size(item, "docker_size", Digits::Four)),
    ])]
}

fn disk_usage(item: &Value, _: &Asked) -> Vec<Map<String, Value>> {
    let size = value::of(item, "docker_size").and_then(Value::as_u64);
    vec![row([
        ("Type", text(item, "kind")),
        ("TotalCount", text(item, "total_count")),
        ("Active", text(item, "active")),
        ("Size", size.map_or_else(|| NOT_AVAILABLE.to_owned(), |size| human(size, Digits::Four))),
        ("Reclaimable", text(item, "docker_reclaimable_text")),
    ])]
}
