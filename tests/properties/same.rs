//! The same input gives the same output, to the byte, for any number of threads.

use crate::cases::cases;
use crate::look::{findings, inventory, measure};
use crate::recipe::any;
use layerwise::audit::Audit;
use layerwise::graph::Thing;
use layerwise::report::{Document, Items, build_cache, check, containers, df, freed, images, inspect, layers, target::Target, tree, why};
use layerwise::usage::class::Classifier;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;

/// What every command would print as JSON.
fn everything(root: &Path, threads: usize) -> Vec<String> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let audit = pool.install(|| Audit::new(inventory(root), Some(measure(root, threads))));
    let things: Vec<Thing> = audit.graph.things().map(|(_, thing)| thing.clone()).collect();
    let classifier = Classifier::new(&audit.inventory, &audit.graph, &audit.verdicts);
    let account = audit.account.as_ref().unwrap();
    let removable = |thing: &&Thing| matches!(thing, Thing::Image(_) | Thing::Container(_));
    let mut printed = vec![
        json(&audit, df::sum(&audit, account, None, df::Detail::Things)),
        json(&audit, Items { items: images::list(&audit) }),
        json(&audit, Items { items: layers::list(&audit) }),
        json(&audit, Items { items: containers::list(&audit) }),
        json(&audit, Items { items: build_cache::list(&audit) }),
        json(&audit, Items { items: tree::forest(&audit, |_| true) }),
        json(&audit, check::Check::new(&audit, &pool.install(|| findings(&audit, root)))),
    ];
    for thing in &things {
        let target = Target::Thing(thing.clone());
        printed.push(json(&audit, why::answer(&audit, &classifier, "asked", &target)));
        printed.push(json(&audit, inspect::tell(&audit, &classifier, "asked", &target)));
    }
    for thing in things.iter().filter(removable) {
        printed.push(json(&audit, freed::find(&audit, &BTreeSet::from([thing.clone()]))));
    }
    printed
}

fn json<T: serde::Serialize>(audit: &Audit, body: T) -> String {
    serde_json::to_string(&Document::new("any", &audit.inventory, body)).unwrap()
}

proptest! {
    #![proptest_config(cases(32))]

    #[test]
    fn any_number_of_threads_prints_the_same(recipe in any(), threads in 2..17_usize) {
        let root = recipe.make();
        let one = everything(root.path(), 1);
        prop_assert_eq!(&everything(root.path(), threads), &one, "{} threads", threads);
        prop_assert_eq!(&everything(root.path(), threads), &one, "again with {} threads", threads);
    }
}
