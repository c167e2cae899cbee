//! `why`: what a thing is, what holds it, and if nothing does, why not.

use super::target::Target;
use super::verdict_words;
use crate::audit::Audit;
use crate::graph::reach::Holder;
use crate::graph::verdict::Garbage;
use crate::graph::{NodeId, Thing};
use crate::id::DirId;
use crate::render::escape;
use crate::store::containers::Container;
use crate::store::layerdb::Layer;
use crate::store::place::{Area, Owner};
use crate::usage::class::{Belongs, Class, Classifier};
use serde::Serialize;

/// The answer about a target.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    /// What was asked.
    pub target: String,
    /// The word for what it is.
    pub kind: String,
    /// Its whole ID or name.
    pub id: String,
    /// Where it lies below the data-root.
    pub path: Option<String>,
    /// `in-use`, `garbage` or `unknown`.
    pub verdict: String,
    /// The class of `df` that it is counted in.
    pub class: String,
    /// For garbage its kind, for the unknown the doubt.
    pub reason: Option<String>,
    /// The allocated bytes of the thing itself.
    pub bytes: Option<u64>,
    /// Its inodes.
    pub inodes: Option<u64>,
    /// Everything that holds it.
    pub held_by: Vec<HeldBy>,
}

/// Something that holds the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldBy {
    /// The word for what it is.
    pub kind: String,
    /// Its ID.
    pub id: String,
    /// What a person calls it.
    pub name: String,
    /// The reasons, from the target up to the holder, joined by ` ‹ `.
    pub via: String,
    /// The same, step by step.
    pub chain: Vec<Step>,
}

/// One reason in a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Why.
    pub via: String,
    /// The word for the thing that keeps.
    pub kind: String,
    /// Its ID.
    pub id: String,
}

/// Answers about `target`, which was asked for as `asked`.
#[must_use]
pub fn answer(audit: &Audit, classifier: &Classifier<'_>, asked: &str, target: &Target) -> Item {
    let owner = target.owner();
    let belongs = owner.as_ref().map(|owner| classifier.classify(owner));
    let node = if let Target::Thing(thing) = target { audit.graph.node(thing) } else { None };
    let (verdict, reason) = match (node, belongs) {
        (Some(node), _) => verdict_words(&audit.verdicts, audit.verdicts.of(node)),
        (None, Some(Belongs { garbage: Some(garbage), .. })) => ("garbage", Some(garbage.code().to_owned())),
        (None, _) if target.kind() == "unknown" => ("unknown", Some("nothing that Docker is known to make".to_owned())),
        (None, _) => ("in-use", None),
    };
    let usage = audit.account.as_ref().map(|account| match target {
        Target::Thing(Thing::Dir(id)) => account.directory(*id),
        Target::Thing(thing) => account.of_thing(thing),
        Target::Owner(owner) => account.measured.owners.get(owner).copied().unwrap_or_default(),
    });
    Item {
        target: asked.to_owned(),
        kind: target.kind().to_owned(),
        id: target.id(),
        path: owner.as_ref().map(|owner| escape::path(&owner.path())),
        verdict: verdict.to_owned(),
        class: class(audit, classifier, target).name().to_owned(),
        reason,
        bytes: usage.map(|usage| usage.bytes),
        inodes: usage.map(|usage| usage.inodes),
        held_by: node.map_or_else(|| held_by_containers(audit, owner.as_ref()), |node| held_by(audit, node)),
    }
}

/// The class of what a thing is there for: a layer's is that of its directory, not of its record.
fn class(audit: &Audit, classifier: &Classifier<'_>, target: &Target) -> Class {
    let of_dir = |dir: Option<DirId>| {
        let owner = Target::Thing(Thing::Dir(dir?)).owner()?;
        Some(classifier.classify(&owner).class)
    };
    let inventory = &audit.inventory;
    let special = match target {
        Target::Thing(Thing::Image(_) | Thing::Reference(_)) => Some(Class::ImageLayers),
        Target::Thing(Thing::Snapshot(_) | Thing::Lease(_) | Thing::Record(_)) => Some(Class::BuildCache),
        Target::Thing(Thing::LiveMount(..)) => Some(Class::ContainerLayers),
        Target::Thing(Thing::Layer(chain)) => of_dir(inventory.layerdb.layers.get(chain).and_then(Layer::dir)),
        Target::Thing(Thing::Mount(name)) => of_dir(inventory.mounts.get(name).and_then(|mount| mount.mount_id.value().copied())),
        Target::Thing(_) | Target::Owner(_) => None,
    };
    special.or_else(|| Some(classifier.classify(&target.owner()?).class)).unwrap_or(Class::Other)
}

/// What holds a thing of the graph, nearest first.
#[must_use]
pub fn held_by(audit: &Audit, node: NodeId) -> Vec<HeldBy> {
    audit.graph.holders(node).iter().filter_map(|holder| describe(audit, holder)).collect()
}

/// Puts a holder and its reasons into words.
pub(super) fn describe(audit: &Audit, holder: &Holder) -> Option<HeldBy> {
    let thing = audit.graph.thing(holder.node)?;
    let chain: Vec<Step> = holder
        .chain
        .iter()
        .rev()
        .filter_map(|edge| {
            let keeper = audit.graph.thing(edge.from)?;
            Some(Step { via: edge.via.to_string(), kind: keeper.kind().to_owned(), id: keeper.to_string() })
        })
        .collect();
    let via = chain.iter().map(|step| step.via.as_str()).collect::<Vec<_>>().join(" ‹ ");
    Some(HeldBy { kind: thing.kind().to_owned(), id: thing.to_string(), name: name_of(audit, thing), via, chain })
}

/// What a person calls a thing.
#[must_use]
pub fn name_of(audit: &Audit, thing: &Thing) -> String {
    let short = |id: String| id.strip_prefix("sha256:").unwrap_or(&id).chars().take(12).collect::<String>();
    match thing {
        Thing::Image(id) => audit.inventory.names_of(*id).next().map_or_else(|| short(id.to_string()), str::to_owned),
        Thing::Container(id) => audit.inventory.containers.get(id).map_or_else(|| short(id.to_string()), Container::name),
        Thing::Record(id) => {
            let record = audit.inventory.buildkit.as_ref().and_then(|buildkit| buildkit.records.get(id));
            let description = record.map(|record| record.description.clone()).unwrap_or_default();
            description.filter(|text| !text.is_empty()).unwrap_or_else(|| id.clone())
        }
        Thing::Layer(_) | Thing::Snapshot(_) => short(thing.to_string()),
        Thing::Process(pid) => {
            let holder = audit.inventory.holders.iter().find(|holder| holder.pid == *pid);
            holder.map_or_else(|| pid.to_string(), |holder| escape::line(&holder.name).into_owned())
        }
        _ => thing.to_string(),
    }
}

/// The containers that use a volume.
fn held_by_containers(audit: &Audit, owner: Option<&Owner>) -> Vec<HeldBy> {
    let volume = owner.filter(|owner| owner.area == Area::Volume).and_then(|owner| std::str::from_utf8(&owner.name).ok());
    let Some(volume) = volume else { return Vec::new() };
    let containers = audit.inventory.containers.values();
    let users =
        containers.filter(|container| container.config.as_ref().is_some_and(|config| config.volumes.iter().any(|name| name == volume)));
    users
        .map(|container| HeldBy {
            kind: "container".to_owned(),
            id: container.id.to_string(),
            name: container.name(),
            via: "volume of".to_owned(),
            chain: vec![Step { via: "volume of".to_owned(), kind: "container".to_owned(), id: container.id.to_string() }],
        })
        .collect()
}

/// What a kind of garbage is, in a sentence, by its code.
#[must_use]
pub fn describe_garbage(code: &str) -> Option<&'static str> {
    Garbage::ALL.into_iter().find(|garbage| garbage.code() == code).map(Garbage::describe)
}
