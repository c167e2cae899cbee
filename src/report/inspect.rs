//! `inspect`: everything known of a thing.

use super::chains::Users;
use super::target::Target;
use super::{containers, images, layers, why};
use crate::audit::Audit;
use crate::graph::Thing;
use crate::store::layerdb::Layer;
use crate::store::place::{Area, Owner};
use crate::usage::class::Classifier;
use serde::Serialize;
use serde_json::{Value, json};

/// Everything known of a target.
#[derive(Debug, Serialize)]
pub struct Item {
    /// What `why` says of it.
    #[serde(flatten)]
    pub why: why::Item,
    /// What it keeps in turn.
    pub keeps: Vec<why::Step>,
    /// What its own records say.
    pub details: Value,
}

/// Tells everything known of `target`, which was asked for as `asked`.
#[must_use]
pub fn tell(audit: &Audit, classifier: &Classifier<'_>, asked: &str, target: &Target) -> Item {
    let node = if let Target::Thing(thing) = target { audit.graph.node(thing) } else { None };
    let kept = node.map(|node| audit.graph.kept_by(node)).unwrap_or_default();
    let keeps = kept.iter().filter_map(|edge| {
        let thing = audit.graph.thing(edge.to)?;
        Some(why::Step { via: edge.via.to_string(), kind: thing.kind().to_owned(), id: thing.to_string() })
    });
    let details = match target {
        Target::Thing(thing) => details(audit, thing),
        Target::Owner(owner) => details_of_owner(audit, owner),
    };
    Item { why: why::answer(audit, classifier, asked, target), keeps: keeps.collect(), details }
}

fn details(audit: &Audit, thing: &Thing) -> Value {
    match thing {
        Thing::Image(id) => image(audit, *id),
        Thing::Container(id) => json!(containers::list(audit).into_iter().find(|item| item.id == *id)),
        Thing::Layer(chain) => json!(layers::list(audit).into_iter().find(|item| item.chain_id == *chain)),
        Thing::Mount(name) => audit.inventory.mounts.get(name).map_or(
            Value::Null,
            |mount| json!({ "mount_id": mount.mount_id.value(), "init_id": mount.init_id.value(), "parent": mount.parent.value() }),
        ),
        Thing::Dir(id) => audit.inventory.overlay2.dirs.get(id).map_or(Value::Null, |dir| {
            let lower: Option<Vec<_>> =
                dir.lower.value().map(|links| links.iter().map(|&link| json!({ "link": link, "dir": dir_of(audit, link) })).collect());
            json!({
                "link": dir.link,
                "lower": lower,
                "diff": dir.diff,
                "born": dir.stamp.and_then(|stamp| stamp.born).and_then(timestamp),
                "inode": dir.stamp.map(|stamp| stamp.inode),
            })
        }),
        Thing::Link(id) => json!({ "dir": dir_of(audit, *id) }),
        Thing::Snapshot(_) | Thing::Lease(_) | Thing::Record(_) => super::build_cache::details(audit, thing),
        Thing::Reference(_)
        | Thing::Removal(_)
        | Thing::WriteSet(_)
        | Thing::LiveMount(..)
        | Thing::Process(_)
        | Thing::Temporary(_)
        | Thing::Probe(_)
        | Thing::Trash(_) => Value::Null,
    }
}

/// What is known of something that keeps no layer.
fn details_of_owner(audit: &Audit, owner: &Owner) -> Value {
    let inventory = &audit.inventory;
    let Ok(name) = std::str::from_utf8(&owner.name) else { return Value::Null };
    match (owner.area, name) {
        (Area::Volume, name) => inventory
            .volumes
            .get(name)
            .map_or(Value::Null, |volume| json!({ "driver": volume.driver, "has_directory": volume.has_directory })),
        (Area::Plugin, name) => {
            inventory.plugins.get(name).map_or(Value::Null, |plugin| json!({ "name": plugin.name, "enabled": plugin.enabled }))
        }
        (Area::Metadata, "network") => {
            let networks = inventory.networks.iter();
            let networks: Vec<_> = networks.map(|(id, one)| json!({ "id": id, "name": one.name, "driver": one.driver })).collect();
            json!({ "networks": networks })
        }
        (Area::Metadata, "swarm") => {
            inventory.swarm.as_ref().map_or(Value::Null, |swarm| json!({ "address": swarm.address, "managers": swarm.managers }))
        }
        _ => Value::Null,
    }
}

fn dir_of(audit: &Audit, link: crate::id::LinkId) -> Option<crate::id::DirId> {
    audit.inventory.overlay2.links.get(&link).copied().flatten()
}

/// An instant as RFC 3339.
fn timestamp((seconds, nanoseconds): (i64, u32)) -> Option<String> {
    let instant = jiff::Timestamp::new(seconds, i32::try_from(nanoseconds).ok()?).ok()?;
    Some(instant.to_string())
}

/// An image with each layer and the step that made it.
fn image(audit: &Audit, id: crate::id::ImageId) -> Value {
    let Some(image) = audit.inventory.images.get(&id) else { return Value::Null };
    let item = images::list(audit).into_iter().find(|item| item.id == id);
    let users = Users::find(audit);
    let chain = crate::id::ChainId::chain(&image.config.diff_ids).zip(&image.config.diff_ids).zip(image.config.steps());
    let layers: Vec<_> = chain
        .map(|((chain, diff), step)| {
            let record = audit.inventory.layerdb.layers.get(&chain);
            json!({
                "chain_id": chain,
                "diff_id": diff,
                "dir": record.and_then(Layer::dir),
                "docker_size": record.and_then(|layer| layer.size.value().copied()),
                "images": users.of(chain).map_or(0, |users| users.images.len()),
                "created_by": step.and_then(|step| step.created_by.as_deref()),
                "created": step.and_then(|step| step.created.as_deref()),
            })
        })
        .collect();
    json!({
        "image": item,
        "os": image.config.os,
        "architecture": image.config.architecture,
        "last_updated": image.last_updated,
        "layers": layers,
    })
}
