//! `df`: where the bytes and the inodes are, class by class, summing to what `du -x` counts.

use super::layers::{StoredMoreThanOnce, stored_more_than_once};
use super::target::Target;
use super::why::name_of;
use crate::audit::Audit;
use crate::data_root::FileSystem;
use crate::graph::{NodeId, Thing};
use crate::id::ContainerId;
use crate::inventory::DRIVER;
use crate::render::escape;
use crate::store::place::Area;
use crate::usage::account::Account;
use crate::usage::class::Class;
use crate::usage::scan::{FromCache, Large, Usage};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The own part of `df`.
#[derive(Debug, Serialize)]
pub struct Df {
    /// The storage driver whose store was read.
    pub driver: &'static str,
    /// Everything below the data-root.
    pub total: Weight,
    /// The file system that the data-root lies on.
    pub filesystem: Option<FileSystem>,
    /// Every class; their sums are the total.
    pub classes: Vec<ClassItem>,
    /// The kinds of garbage.
    pub garbage: Vec<GarbageItem>,
    /// The commands that give back what is not used.
    pub ways: Vec<Way>,
    /// Contents that are stored under several chains.
    pub stored_more_than_once: Vec<StoredMoreThanOnce>,
    /// Mount points below the data-root; what is behind them is not counted.
    pub not_entered: Vec<String>,
    /// How many entries went away while they were being counted.
    pub vanished: u64,
    /// How much of the total was not measured now (`--cached`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_cache: Option<FromCacheItem>,
    /// Every owner, largest first (`-v`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub things: Option<Vec<ThingItem>>,
    /// The files for which the most is allocated, of those that were measured now (`-v`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest_files: Option<Vec<LargeItem>>,
    /// The directories with the most entries, of those that were measured now (`-v`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fullest_directories: Option<Vec<LargeItem>>,
}

/// A large file or a full directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LargeItem {
    /// Where it is below the data-root.
    pub path: String,
    /// What is allocated for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How many entries it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
}

/// What was taken from a cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FromCacheItem {
    /// How many layer directories.
    pub layers: u64,
    /// The bytes allocated in them.
    pub bytes: u64,
    /// The inodes in them.
    pub inodes: u64,
    /// When the oldest of the figures was measured.
    pub oldest: Option<String>,
}

impl From<FromCache> for FromCacheItem {
    fn from(FromCache { layers, inodes, bytes, oldest }: FromCache) -> Self {
        let oldest = oldest.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()).map(|time| time.to_string());
        Self { layers, bytes, inodes, oldest }
    }
}

/// Bytes and inodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Weight {
    /// Allocated bytes.
    pub bytes: u64,
    /// Apparent bytes.
    pub apparent_bytes: u64,
    /// Inodes.
    pub inodes: u64,
}

impl From<Usage> for Weight {
    fn from(usage: Usage) -> Self {
        Self { bytes: usage.bytes, apparent_bytes: usage.apparent_bytes, inodes: usage.inodes }
    }
}

/// The sum of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ClassItem {
    /// The class.
    pub class: Class,
    /// How many things are in it.
    pub count: u64,
    /// What they weigh.
    #[serde(flatten)]
    pub weight: Weight,
    /// How many of the bytes no container needs.
    pub reclaimable_bytes: u64,
    /// How many of the bytes are logs (`container-files` only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_bytes: Option<u64>,
}

/// A command that gives back what is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Way {
    /// The command.
    pub command: &'static str,
    /// What it removes, in a few words.
    pub removes: &'static str,
    /// At most so many bytes: what two of the commands would have to give up together is counted with one of them.
    pub bytes: u64,
}

/// The sum of a kind of garbage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct GarbageItem {
    /// The kind.
    pub code: &'static str,
    /// How many owners of inodes are of it.
    pub count: u64,
    /// What they weigh.
    #[serde(flatten)]
    pub weight: Weight,
}

/// An owner of inodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ThingItem {
    /// The class that it is counted in.
    pub class: Class,
    /// The word for what it is.
    pub kind: String,
    /// Its ID or name.
    pub id: String,
    /// What a person calls it, or what it belongs to.
    pub name: String,
    /// What it weighs.
    #[serde(flatten)]
    pub weight: Weight,
    /// The kind of garbage, or the doubt.
    pub reason: Option<String>,
}

/// How much `df` is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The classes.
    Classes,
    /// Every owner too.
    Things,
}

/// Sums up an audit in which everything was measured.
#[must_use]
pub fn sum(audit: &Audit, account: &Account, filesystem: Option<FileSystem>, detail: Detail) -> Df {
    Df {
        driver: DRIVER,
        total: account.measured.total.into(),
        filesystem,
        classes: classes(account),
        garbage: garbage(account),
        ways: ways(account),
        stored_more_than_once: stored_more_than_once(audit),
        not_entered: account.measured.not_entered.iter().map(|path| escape::path(path)).collect(),
        vanished: account.measured.vanished,
        from_cache: account.measured.from_cache.map(FromCacheItem::from),
        things: (detail == Detail::Things).then(|| things(audit, account)),
        largest_files: (detail == Detail::Things).then(|| large(audit, &account.measured.largest_files, |weight| (Some(weight), None))),
        fullest_directories: (detail == Detail::Things)
            .then(|| large(audit, &account.measured.fullest_directories, |weight| (None, Some(weight)))),
    }
}

fn large(audit: &Audit, found: &[Large], weighs: impl Fn(u64) -> (Option<u64>, Option<u64>)) -> Vec<LargeItem> {
    let item = |large: &Large| {
        let path = large.path.strip_prefix(&audit.inventory.root).unwrap_or(&large.path);
        let (bytes, entries) = weighs(large.weight);
        LargeItem { path: if path.as_os_str().is_empty() { ".".to_owned() } else { escape::path(path) }, bytes, entries }
    };
    found.iter().map(item).collect()
}

fn classes(account: &Account) -> Vec<ClassItem> {
    let logs = || account.measured.owners.iter().filter(|(owner, _)| owner.area == Area::ContainerLog);
    let item = |(&class, sum): (&Class, &crate::usage::account::Sum)| ClassItem {
        class,
        count: sum.count,
        weight: sum.usage.into(),
        reclaimable_bytes: sum.reclaimable,
        log_bytes: (class == Class::ContainerFiles).then(|| logs().map(|(_, usage)| usage.bytes).sum()),
    };
    account.classes.iter().map(item).collect()
}

/// The commands that give back what is not used, those that have something to give.
fn ways(account: &Account) -> Vec<Way> {
    let ways: [(&[Class], _, _); 5] = [
        (&[Class::ContainerLayers, Class::ContainerFiles], "docker container prune", "containers that do not run"),
        (&[Class::ImageLayers], "docker image prune -a", "images that no container uses"),
        (&[Class::BuildCache], "docker builder prune -a", "the build cache"),
        (&[Class::Volumes], "docker volume prune -a", "volumes that no container uses, with their data"),
        (&[Class::Garbage], "layerwise prune", "what belongs to nothing"),
    ];
    let unused = |class: &Class| account.classes.get(class).map_or(0, |sum| sum.reclaimable);
    let ways = ways.into_iter().map(|(classes, command, removes)| Way { command, removes, bytes: classes.iter().map(unused).sum() });
    ways.filter(|way| way.bytes > 0).collect()
}

fn garbage(account: &Account) -> Vec<GarbageItem> {
    let mut kinds: BTreeMap<_, (u64, Usage)> = BTreeMap::new();
    for (owner, usage) in &account.measured.owners {
        if let Some(garbage) = account.belongs.get(owner).and_then(|belongs| belongs.garbage) {
            let (count, sum) = kinds.entry(garbage).or_default();
            // `diff/` is part of its directory.
            *count += u64::from(owner.area != Area::LayerDiff);
            *sum += *usage;
        }
    }
    kinds.into_iter().map(|(garbage, (count, sum))| GarbageItem { code: garbage.code(), count, weight: sum.into() }).collect()
}

/// Every owner of inodes, the largest first.
fn things(audit: &Audit, account: &Account) -> Vec<ThingItem> {
    let mut sums: BTreeMap<(Class, Target), (Usage, Option<String>)> = BTreeMap::new();
    for (owner, usage) in &account.measured.owners {
        let Some(belongs) = account.belongs.get(owner) else { continue };
        let target = super::target::of_owner(audit, owner);
        let (sum, reason) = sums.entry((belongs.class, target)).or_default();
        *sum += *usage;
        *reason = belongs
            .garbage
            .map(|garbage| garbage.code().to_owned())
            .or_else(|| belongs.doubt.map(|doubt| audit.verdicts.doubt(doubt).to_owned()));
    }
    let nearest = audit.graph.nearest_roots();
    let mut things: Vec<_> = sums
        .into_iter()
        .map(|((class, target), (sum, reason))| ThingItem {
            class,
            kind: target.kind().to_owned(),
            id: target.id(),
            name: belongs_to(audit, &nearest, &target),
            weight: sum.into(),
            reason,
        })
        .collect();
    things.sort_by_key(|thing| (thing.class, Reverse(thing.weight.bytes)));
    things
}

/// What a person calls a thing, or the nearest thing that holds it.
fn belongs_to(audit: &Audit, nearest: &[Option<NodeId>], target: &Target) -> String {
    let thing = match target {
        Target::Thing(thing) if thing.is_leftover() => return target.id(),
        Target::Thing(thing) => thing,
        Target::Owner(owner) if owner.area == Area::ContainerLog => {
            let id = ContainerId::try_from(&*owner.name);
            return id.map_or_else(|_| target.id(), |id| name_of(audit, &Thing::Container(id)));
        }
        Target::Owner(_) => return target.id(),
    };
    if matches!(thing, Thing::Image(_) | Thing::Container(_)) {
        return name_of(audit, thing);
    }
    let holder = audit.graph.node(thing).and_then(|node| nearest.get(node.index()).copied().flatten());
    holder.and_then(|node| audit.graph.thing(node)).map(|holder| name_of(audit, holder)).unwrap_or_default()
}
