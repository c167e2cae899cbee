//! The graph, which leaves out edges that others imply, reaches what plain looking up reaches, and nothing of that is garbage.

use crate::cases::cases;
use crate::look::{garbage, inventory};
use crate::oracle;
use crate::recipe::{any, sound};
use layerwise::audit::Audit;
use layerwise::graph::Thing;
use layerwise::graph::verdict::Verdict;
use layerwise::inventory::Inventory;
use layerwise::store::live::{Holder, LiveMount, holders};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeSet;

/// Mounts a directory and a link of those that are there.
fn mount(inventory: &mut Inventory, index: &Index) {
    let (dirs, links) = (&inventory.overlay2.dirs, &inventory.overlay2.links);
    if !dirs.is_empty() && !links.is_empty() {
        let (dir, link) = (*index.get(&dirs.keys().collect::<Vec<_>>()), *index.get(&links.keys().collect::<Vec<_>>()));
        let mount = LiveMount {
            pid: 7,
            mount_point: format!("/mnt/{}", inventory.live_mounts.len()).into(),
            file_system: "overlay".to_owned(),
            directories: vec![*dir],
            links: vec![*link],
            others: Vec::new(),
            drivers: Vec::new(),
        };
        inventory.live_mounts.push(mount);
        let held = *index.get(&inventory.overlay2.dirs.keys().rev().collect::<Vec<_>>());
        let (pid, via, path) = (u32::try_from(inventory.holders.len()).unwrap(), holders::Via::OpenFile, "/x".into());
        inventory.holders.push(Holder { pid, via, directories: vec![*held], others: Vec::new(), path, name: "sh".to_owned() });
    }
}

fn assert_reaches_what_the_oracle_does(inventory: Inventory) -> Result<(), TestCaseError> {
    let wanted = oracle::live(&inventory);
    let audit = Audit::new(inventory, None);
    let live = audit.graph.live();
    let reached: BTreeSet<Thing> = audit.graph.things().filter(|(node, _)| live.contains(*node)).map(|(_, thing)| thing.clone()).collect();
    prop_assert_eq!(&reached, &wanted);
    for (node, thing) in audit.graph.things() {
        prop_assert_eq!(audit.verdicts.of(node) == Verdict::InUse, wanted.contains(thing), "{:?}", thing);
    }
    let dead = garbage(&audit);
    prop_assert!(dead.keys().all(|thing| !wanted.contains(thing)));
    // What is in use is held by something, and the chain of reasons begins there and ends here.
    for (node, thing) in audit.graph.things().filter(|(_, thing)| !thing.is_root()) {
        let holders = audit.graph.holders(node);
        prop_assert!(!holders.is_empty() || !wanted.contains(thing), "nothing holds {:?}", thing);
        for holder in holders {
            prop_assert_eq!(holder.chain.first().map(|edge| edge.from), Some(holder.node));
            prop_assert_eq!(holder.chain.last().map(|edge| edge.to), Some(node));
            prop_assert!(holder.chain.windows(2).all(|edges| edges[0].to == edges[1].from));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(160))]

    #[test]
    fn the_graph_reaches_what_plain_looking_up_reaches(recipe in any(), mounted in vec(proptest::prelude::any::<Index>(), 0..3)) {
        let root = recipe.make();
        let mut inventory = inventory(root.path());
        mounted.iter().for_each(|index| mount(&mut inventory, index));
        assert_reaches_what_the_oracle_does(inventory)?;
    }

    #[test]
    fn what_docker_left_whole_is_in_use_or_proven_dead(recipe in sound()) {
        let root = recipe.make();
        let audit = Audit::new(inventory(root.path()), None);
        let doubtful = |thing: &Thing| {
            // A container without a config may have had image mounts, which have no init layer.
            audit.inventory.containers.values().any(|container| container.config.is_none()) && !matches!(thing, Thing::Removal(_))
        };
        for (node, thing) in audit.graph.things() {
            if let Verdict::Unknown(doubt) = audit.verdicts.of(node) {
                prop_assert!(doubtful(thing), "{:?}: {}", thing, audit.verdicts.doubt(doubt));
            }
        }
    }
}
