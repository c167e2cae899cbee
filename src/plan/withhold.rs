//! Taking things out of a draft again: what is excluded, too young, too much, or not what was agreed to.

use super::{Action, Draft, Plan, order};
use crate::graph::reach::Set;
use crate::graph::{NodeId, Thing};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// How much of a draft is wanted.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// What stays, with all that it lies on.
    pub excluded: BTreeSet<Thing>,
    /// What stays of what is no thing: paths below the data-root.
    pub excluded_paths: BTreeSet<PathBuf>,
    /// Only what was neither made nor changed since then.
    pub age: Option<Age>,
    /// At most so many bytes.
    pub max_bytes: Option<u64>,
}

/// A time, and how a person put it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Age {
    /// What was made or changed after it stays.
    pub until: Timestamp,
    /// Such as `24h`.
    pub text: String,
}

/// Why something stays that lies below what stays.
const BELOW: &str = "something that is withheld lies on it";

impl Draft<'_> {
    /// Withholds what `limits` do not let through.
    pub fn limit(&mut self, limits: &Limits) {
        self.exclude(&limits.excluded);
        let named = self.indices(|action| limits.excluded_paths.iter().any(|path| takes(action, path)));
        self.withhold(&named, "excluded");
        if let Some(age) = &limits.age {
            let young = self.indices(|action| !is_older(action, age.until));
            self.withhold(&young, &format!("not known to be older than {}", age.text));
        }
        if let Some(most) = limits.max_bytes {
            self.withhold_beyond(most);
        }
    }

    /// Whether what is at this path below the data-root is to be taken.
    #[must_use]
    pub fn takes(&self, path: &Path) -> bool {
        self.drafted.iter().any(|drafted| takes(&drafted.action, path))
    }

    /// Withholds everything that `plan` does not have to the letter.
    pub fn keep_only(&mut self, plan: &Plan) {
        let planned: HashMap<_, _> = plan.actions.iter().map(|action| (&action.path, action)).collect();
        let unplanned = self.indices(|action| planned.get(&action.path).is_none_or(|planned| !planned.is_same(action)));
        self.withhold(&unplanned, "it is not in the plan, or it has changed since the plan was made");
    }

    fn exclude(&mut self, excluded: &BTreeSet<Thing>) {
        let nodes: Vec<NodeId> = excluded.iter().filter_map(|thing| self.audit.graph.node(thing)).collect();
        let is_named = |drafted: &super::draft::Drafted| drafted.nodes.iter().any(|node| nodes.contains(node));
        let named: Vec<usize> = (0..self.drafted.len()).filter(|&index| self.drafted.get(index).is_some_and(is_named)).collect();
        self.withhold(&named, "excluded");
        let below = self.audit.graph.reachable(nodes);
        self.withhold_among(&below, "something that is excluded lies on it");
    }

    /// Withholds what does not fit into `most` bytes any more, and what that lies on; what was not measured does not fit.
    fn withhold_beyond(&mut self, most: u64) {
        let (order, below) = order::indices(&self.audit.graph, &self.drafted);
        let mut room = most;
        let mut held_back = BTreeSet::<usize>::new();
        for index in order {
            let Some(drafted) = self.drafted.get_mut(index) else { continue };
            let rest = drafted.action.bytes.and_then(|bytes| room.checked_sub(bytes));
            match (held_back.contains(&index), rest) {
                _ if drafted.withheld.is_some() => {}
                (true, _) => drafted.withheld = Some(BELOW.to_owned()),
                (false, Some(rest)) => {
                    room = rest;
                    continue;
                }
                (false, None) => drafted.withheld = Some(format!("more than the {most} bytes of --max-bytes")),
            }
            held_back.extend(below.get(index).into_iter().flatten());
        }
    }

    /// Withholds the actions at `indices`, and those that take something on which a thing of theirs lies.
    pub(super) fn withhold(&mut self, indices: &[usize], reason: &str) {
        let mut seeds = Vec::new();
        for &index in indices {
            if let Some(drafted) = self.drafted.get_mut(index) {
                drafted.withheld.get_or_insert_with(|| reason.to_owned());
                seeds.extend(&drafted.nodes);
            }
        }
        let below = self.audit.graph.reachable(seeds);
        self.withhold_among(&below, BELOW);
    }

    /// Withholds every action that takes one of `nodes`, and again what its things lie on.
    fn withhold_among(&mut self, nodes: &Set, reason: &str) {
        let mut seeds = Vec::new();
        for drafted in self.drafted.iter_mut().filter(|drafted| drafted.withheld.is_none()) {
            if drafted.nodes.iter().any(|&node| nodes.contains(node)) {
                drafted.withheld = Some(reason.to_owned());
                seeds.extend(&drafted.nodes);
            }
        }
        if !seeds.is_empty() {
            let below = self.audit.graph.reachable(seeds);
            self.withhold_among(&below, reason);
        }
    }
}

/// Whether `action` takes what is at `path`, or something around it.
fn takes(action: &Action, path: &Path) -> bool {
    action.objects.iter().any(|object| path.starts_with(object.path.as_path()))
}

/// Whether every part of it is known to have been made and last changed before `until`; links are as old as their directories, and those
/// without one as old as nobody knows.
fn is_older(action: &Action, until: Timestamp) -> bool {
    let mut times = action.objects.iter().filter_map(|object| object.evidence.inode).map(|inode| inode.latest()).peekable();
    let limit = (until.as_second(), u32::try_from(until.subsec_nanosecond()).unwrap_or_default());
    times.peek().is_some() && times.all(|time| time < limit)
}
