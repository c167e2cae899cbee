//! The order in which things are taken: nothing before what lies on it.

use super::Action;
use super::draft::Drafted;
use crate::graph::{Graph, NodeId, Via};
use std::collections::{BTreeSet, HashMap};

/// Sorts `drafted` so that an action comes after all those whose things lie on its own; otherwise the order stays.
///
/// A cycle, which only damage can make, is cut where it is met first.
pub(super) fn sort(graph: &Graph, drafted: Vec<Drafted>) -> Vec<Action> {
    let (order, below) = indices(graph, &drafted);
    let place: HashMap<usize, usize> = order.iter().enumerate().map(|(place, &index)| (index, place)).collect();
    let mut after = vec![BTreeSet::new(); drafted.len()];
    for (index, below) in below.iter().enumerate() {
        let Some(&upper) = place.get(&index) else { continue };
        for lower in below {
            // Where a cycle was cut, the one that comes first waits for nobody.
            if let (Some(&at), Some(after)) = (place.get(lower), after.get_mut(*lower))
                && upper < at
            {
                after.insert(upper);
            }
        }
    }
    let mut actions: Vec<Option<Action>> = drafted.into_iter().map(|drafted| Some(drafted.action)).collect();
    let sorted = order.into_iter().filter_map(|index| {
        let mut action = actions.get_mut(index)?.take()?;
        action.after = after.get(index)?.iter().copied().collect();
        Some(action)
    });
    sorted.collect()
}

/// Every index of `drafted` in that order, and for each the indices of those that it lies on directly.
pub(super) fn indices(graph: &Graph, drafted: &[Drafted]) -> (Vec<usize>, Vec<BTreeSet<usize>>) {
    let below = below(graph, drafted);
    (topological(&below), below)
}

/// For each action those whose things its own lie on directly.
fn below(graph: &Graph, drafted: &[Drafted]) -> Vec<BTreeSet<usize>> {
    let owner: HashMap<NodeId, usize> =
        drafted.iter().enumerate().flat_map(|(index, drafted)| drafted.nodes.iter().map(move |&node| (node, index))).collect();
    let below_one = |(index, drafted): (usize, &Drafted)| {
        // That a directory keeps its record says nothing of which goes first: records go before what they name.
        let kept_by = |node: NodeId| graph.kept_by(node).iter().filter(|edge| edge.via != Via::DirectoryOf).map(|edge| edge.to);
        let direct: Vec<NodeId> = drafted.nodes.iter().flat_map(|&node| kept_by(node)).collect();
        // A link is a step on the way from one directory to another, and may belong to neither's action.
        let behind = direct.iter().filter(|node| !owner.contains_key(node)).flat_map(|&node| kept_by(node));
        let all = direct.iter().copied().chain(behind);
        all.filter_map(|node| owner.get(&node).copied()).filter(|&other| other != index).collect()
    };
    drafted.iter().enumerate().map(below_one).collect()
}

/// Every index, each before those that are below it.
fn topological(below: &[BTreeSet<usize>]) -> Vec<usize> {
    let mut finished = Vec::with_capacity(below.len());
    let mut seen = vec![false; below.len()];
    // Backwards, so that reversing what is finished keeps the order of what does not depend on each other.
    for start in (0..below.len()).rev() {
        let mut stack = vec![(start, false)];
        while let Some((index, is_done)) = stack.pop() {
            if is_done {
                finished.push(index);
            } else if seen.get_mut(index).is_some_and(|seen| !std::mem::replace(seen, true)) {
                stack.push((index, true));
                let lower = below.get(index).into_iter().flatten().map(|&lower| (lower, false));
                stack.extend(lower);
            }
        }
    }
    finished.reverse();
    finished
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(below: &[&[usize]]) -> Vec<usize> {
        topological(&below.iter().map(|below| below.iter().copied().collect()).collect::<Vec<_>>())
    }

    #[test]
    fn what_lies_on_others_comes_first_and_the_rest_keeps_its_order() {
        assert_eq!(sorted(&[&[], &[], &[]]), [0, 1, 2]);
        assert_eq!(sorted(&[&[], &[0], &[1]]), [2, 1, 0]);
        assert_eq!(sorted(&[&[2], &[2], &[]]), [0, 1, 2]);
    }

    #[test]
    fn a_cycle_is_cut() {
        let mut cycle = sorted(&[&[1], &[2], &[0]]);
        cycle.sort_unstable();
        assert_eq!(cycle, [0, 1, 2]);
    }
}
