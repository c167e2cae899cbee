//! `system df` with a template of Docker's fields: what `docker system df` says, computed as dockerd does.

use super::{build_cache, containers, images, volumes};
use crate::audit::Audit;
use crate::dir::Dir;
use crate::id::ChainId;
use crate::render::size::{self, Digits};
use crate::render::words::to_u64;
use serde::Serialize;
use std::collections::BTreeSet;

/// A kind of thing.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    /// `Images`, `Containers`, `Local Volumes` or `Build Cache`.
    pub kind: &'static str,
    /// How many there are.
    pub total_count: u64,
    /// How many of them are in use.
    pub active: u64,
    /// The bytes that Docker counts for them.
    pub docker_size: u64,
    /// How many of these no container needs, as Docker counts.
    pub docker_reclaimable: u64,
    /// The same in Docker's words.
    pub docker_reclaimable_text: String,
}

/// The four lines of `docker system df`.
#[must_use]
pub fn list(audit: &Audit, root: &Dir) -> Vec<Item> {
    vec![of_images(audit), of_containers(audit), of_volumes(audit, root), of_builds(audit)]
}

fn of_images(audit: &Audit) -> Item {
    let mut items = images::list(audit);
    items.retain(|item| !item.intermediate && item.docker_size.is_some());
    let layers: BTreeSet<ChainId> = items.iter().flat_map(|item| item.layers.iter().copied()).collect();
    let total = images::docker_size(audit, layers.into_iter()).unwrap_or_default();
    let active = items.iter().filter(|item| item.containers > 0);
    let used: u64 = active.clone().filter_map(|item| item.docker_unique_size).sum();
    item("Images", (to_u64(items.len()), to_u64(active.count())), total, total.saturating_sub(used))
}

fn of_containers(audit: &Audit) -> Item {
    let items = containers::list(audit);
    let items: Vec<_> = items.into_iter().filter(|item| item.status != "unreadable").collect();
    let is_active = |item: &&containers::Item| matches!(item.status.as_str(), "running" | "paused" | "restarting");
    let active = items.iter().filter(is_active).count();
    let idle = items.iter().filter(|item| !is_active(item)).filter_map(|item| item.docker_size).sum();
    let total = items.iter().filter_map(|item| item.docker_size).sum();
    item("Containers", (to_u64(items.len()), to_u64(active)), total, idle)
}

fn of_volumes(audit: &Audit, root: &Dir) -> Item {
    let items: Vec<_> = volumes::list(audit, root).into_iter().filter(|item| item.driver == "local").collect();
    let active = items.iter().filter(|item| !item.containers.is_empty()).count();
    let idle = items.iter().filter(|item| item.containers.is_empty()).filter_map(|item| item.docker_size).sum();
    let total = items.iter().filter_map(|item| item.docker_size).sum();
    item("Local Volumes", (to_u64(items.len()), to_u64(active)), total, idle)
}

fn of_builds(audit: &Audit) -> Item {
    let items = build_cache::list(audit);
    let own = |in_use: Option<bool>| -> u64 {
        let own = items.iter().filter(|item| !item.shared && in_use.is_none_or(|in_use| item.in_use == in_use));
        own.filter_map(|item| item.docker_size).sum()
    };
    let active = items.iter().filter(|item| item.in_use).count();
    let reclaimable = own(Some(false));
    let text = size::human(reclaimable, Digits::Four);
    Item { docker_reclaimable_text: text, ..item("Build Cache", (to_u64(items.len()), to_u64(active)), own(None), reclaimable) }
}

fn item(kind: &'static str, (total_count, active): (u64, u64), docker_size: u64, docker_reclaimable: u64) -> Item {
    let docker_reclaimable_text = size::share(docker_reclaimable, docker_size);
    Item { kind, total_count, active, docker_size, docker_reclaimable, docker_reclaimable_text }
}
