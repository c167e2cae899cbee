//! The fields of `docker ps -s`.

use super::{Asked, Fields, ellipsis, labels, moment, row, size, text};
use crate::render::column::{Ids, short_id};
use crate::render::size::Digits;
use crate::render::value;
use serde_json::{Map, Value};

/// Docker's fields of containers.
pub static CONTAINERS: Fields = Fields {
    names: &[
        ("ID", "CONTAINER ID"),
        ("Image", "IMAGE"),
        ("Command", "COMMAND"),
        ("CreatedAt", "CREATED AT"),
        ("RunningFor", "CREATED"),
        ("Ports", "PORTS"),
        ("State", "STATE"),
        ("Status", "STATUS"),
        ("Size", "SIZE"),
        ("Names", "NAMES"),
        ("Labels", "LABELS"),
        ("Mounts", "MOUNTS"),
        ("Networks", "NETWORKS"),
        ("LocalVolumes", "LOCAL VOLUMES"),
    ],
    rows,
};

fn rows(item: &Value, asked: &Asked) -> Vec<Map<String, Value>> {
    vec![row([
        ("ID", asked.id(&text(item, "id"))),
        ("Image", image(item, asked)),
        ("Command", command(item, asked)),
        ("CreatedAt", moment(item, "created")),
        ("RunningFor", asked.ago(item, "created")),
        ("Ports", text(item, "ports")),
        ("State", text(item, "status")),
        ("Status", status(item, asked)),
        ("Size", sizes(item)),
        ("Names", text(item, "name")),
        ("Labels", labels(item)),
        ("Mounts", mounts(item, asked).join(",")),
        ("Networks", value::of(item, "networks").map(value::plain).unwrap_or_default().replace(", ", ",")),
        ("LocalVolumes", local_volumes(item).to_string()),
    ])]
}

/// The image's name without its digest, or its ID.
fn image(item: &Value, asked: &Asked) -> String {
    let name = text(item, "docker_image");
    if name.is_empty() {
        return "<no image>".to_owned();
    }
    if asked.is_full() {
        return name;
    }
    let id = short_id(&text(item, "image"), Ids::Short);
    if short_id(&name, Ids::Short) == id {
        return id;
    }
    name.split_once('@').map_or(name.as_str(), |(name, _)| name).to_owned()
}

fn command(item: &Value, asked: &Asked) -> String {
    let command = text(item, "command");
    quoted(&if asked.is_full() { command } else { ellipsis(&command, 20) })
}

/// Quotes a text as Go does.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_ascii_control() => quoted.extend(format!("\\x{:02x}", u32::from(c)).chars()),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// How a container is, in Docker's words.
fn status(item: &Value, asked: &Asked) -> String {
    let code = || text(item, "exit_code");
    let up = || format!("Up {}", asked.span(item, "started"));
    match text(item, "status").as_str() {
        "paused" => format!("{} (Paused)", up()),
        "restarting" => format!("Restarting ({}) {} ago", code(), asked.span(item, "finished")),
        "running" => match text(item, "health").as_str() {
            "" => up(),
            "starting" => format!("{} (health: starting)", up()),
            health => format!("{} ({health})", up()),
        },
        "removing" => "Removal In Progress".to_owned(),
        "dead" => "Dead".to_owned(),
        "created" => "Created".to_owned(),
        "exited" if value::of(item, "finished").is_none_or(Value::is_null) => String::new(),
        "exited" => format!("Exited ({}) {} ago", code(), asked.span(item, "finished")),
        other => other.to_owned(),
    }
}

fn sizes(item: &Value) -> String {
    let own = size(item, "docker_size", Digits::Three);
    match value::of(item, "docker_virtual_size").and_then(Value::as_u64) {
        Some(1..) => format!("{own} (virtual {})", size(item, "docker_virtual_size", Digits::Three)),
        _ => own,
    }
}

fn all_mounts(item: &Value) -> impl Iterator<Item = &Value> {
    value::of(item, "mounts").and_then(Value::as_array).into_iter().flatten()
}

fn mounts(item: &Value, asked: &Asked) -> Vec<String> {
    let named = |mount: &Value| {
        let name = text(mount, "name");
        let name = if name.is_empty() { text(mount, "source") } else { name };
        if asked.is_full() { name } else { ellipsis(&name, 15) }
    };
    all_mounts(item).map(named).collect()
}

fn local_volumes(item: &Value) -> usize {
    all_mounts(item).filter(|mount| text(mount, "driver") == "local").count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        assert_eq!(quoted("sh -c \"a\\b\"\n\u{1b}é…"), "\"sh -c \\\"a\\\\b\\\"\\n\\x1bé…\"");
    }
}
