//! What every plan keeps to, whatever it is made for.

use crate::cases::cases;
use crate::look::{all, inventory, measure, plan, taken};
use crate::oracle;
use crate::recipe::{any, sound};
use jiff::{SignedDuration, Timestamp};
use layerwise::graph::Thing;
use layerwise::inventory::Inventory;
use layerwise::plan::{Action, Age, Limits, Plan, Wanted};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Every thing with the path at which it lies.
fn things(inventory: &Inventory) -> BTreeMap<String, Thing> {
    let mut things: Vec<Thing> = inventory.layerdb.layers.keys().copied().map(Thing::Layer).collect();
    things.extend(inventory.layerdb.removals.keys().cloned().map(Thing::Removal));
    things.extend(inventory.layerdb.write_sets.keys().cloned().map(Thing::WriteSet));
    things.extend(inventory.mounts.keys().cloned().map(Thing::Mount));
    things.extend(inventory.overlay2.dirs.keys().copied().map(Thing::Dir));
    things.extend(inventory.overlay2.links.keys().copied().map(Thing::Link));
    let path = |thing: &Thing| thing.owner().unwrap().path().to_str().unwrap().to_owned();
    things.into_iter().map(|thing| (path(&thing), thing)).collect()
}

/// The things that an action takes.
fn things_of(action: &Action, things: &BTreeMap<String, Thing>) -> BTreeSet<Thing> {
    action.objects.iter().filter_map(|object| things.get(object.path.as_str()).cloned()).collect()
}

/// That nothing in use is taken, and nothing that lies in what is taken is in use.
fn assert_nothing_in_use_is_taken(root: &Path, plan: &Plan, live: &BTreeSet<Thing>) -> Result<(), TestCaseError> {
    let (taken, things) = (taken(plan), things(&inventory(root)));
    for (path, thing) in &things {
        let is_taken = taken.iter().any(|taken| Path::new(path).starts_with(taken));
        prop_assert!(!is_taken || !live.contains(thing), "{} is in use", path);
    }
    // Each name once, and none below another.
    let objects: Vec<&str> = plan.actions.iter().flat_map(|action| &action.objects).map(|object| object.path.as_str()).collect();
    prop_assert_eq!(objects.len(), taken.len(), "{:?}", objects);
    for path in &taken {
        let above = taken.iter().filter(|other| *other != path && Path::new(path).starts_with(other));
        prop_assert_eq!(above.count(), 0, "{}", path);
    }
    Ok(())
}

/// That each action comes after those that lie on it, and waits for them.
fn assert_children_come_first(root: &Path, plan: &Plan) -> Result<(), TestCaseError> {
    let inventory = inventory(root);
    let things = things(&inventory);
    let owned: Vec<_> = plan.actions.iter().map(|action| things_of(action, &things)).collect();
    for (place, action) in plan.actions.iter().enumerate() {
        prop_assert!(action.after.iter().all(|&before| before < place));
    }
    for (upper, of_upper) in owned.iter().enumerate() {
        let on = |thing: &Thing| oracle::needed_by(&inventory, thing.clone());
        let needed: BTreeSet<Thing> = of_upper.iter().filter(|thing| !matches!(thing, Thing::Link(_))).flat_map(on).collect();
        for (lower, of_lower) in owned.iter().enumerate().filter(|(lower, _)| *lower != upper) {
            let lies_on = of_lower.iter().any(|thing| matches!(thing, Thing::Dir(_) | Thing::Layer(_)) && needed.contains(thing));
            let back: BTreeSet<Thing> = of_lower.iter().flat_map(on).collect();
            let is_mutual = of_upper.iter().any(|thing| back.contains(thing));
            prop_assert!(!lies_on || is_mutual || upper < lower, "{} comes after {}", plan.actions[upper].path, plan.actions[lower].path);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn nothing_in_use_is_in_a_plan(recipe in any()) {
        let root = recipe.make();
        let path = root.path();
        let live = oracle::live(&inventory(path));
        let plain = plan(path, None, &Wanted::default(), &Limits::default());
        assert_nothing_in_use_is_taken(path, &plain, &live)?;
        assert_children_come_first(path, &plain)?;
        // What is asked for besides is no longer asked for by images without a name, and nothing else.
        let everything = plan(path, None, &all(), &Limits::default());
        let given_up = all().assumptions(&inventory(path)).given_up;
        let mut without = inventory(path);
        without.images.retain(|id, _| !given_up.contains(&Thing::Image(*id)));
        if let Some(buildkit) = &mut without.buildkit {
            buildkit.snapshots.retain(|key, _| !given_up.contains(&Thing::Snapshot(key.clone())));
        }
        assert_nothing_in_use_is_taken(path, &everything, &oracle::live(&without))?;
        prop_assert!(taken(&plain).is_subset(&taken(&everything)));
    }

    #[test]
    fn everything_is_in_use_or_taken_or_withheld(recipe in any()) {
        let root = recipe.make();
        let inventory = inventory(root.path());
        let live = oracle::live(&inventory);
        let plan = plan(root.path(), None, &Wanted::default(), &Limits::default());
        let taken = taken(&plan);
        let withheld: BTreeSet<&str> = plan.withheld.iter().map(|withheld| withheld.path.as_str()).collect();
        for (path, thing) in things(&inventory) {
            let is_link = matches!(thing, Thing::Link(_));
            let places = [live.contains(&thing), taken.contains(&path), withheld.contains(path.as_str())];
            let count = places.iter().filter(|is_it| **is_it).count();
            // A link that is not proven dead goes, or stays, with its directory, which is listed.
            prop_assert!(count == 1 || is_link && count == 0, "{} is in use, taken, withheld: {:?}", path, places);
        }
    }

    #[test]
    fn what_is_narrowed_never_takes_what_something_that_stays_lies_on(
        recipe in sound(),
        excluded in proptest::collection::vec(proptest::prelude::any::<Index>(), 0..3),
        share in proptest::option::of(0..110_u64),
        is_old in proptest::bool::weighted(0.9),
    ) {
        let root = recipe.make();
        let path = root.path();
        let inventory = inventory(path);
        let things = things(&inventory);
        let measured = || Some(measure(path, 1));
        let full = plan(path, measured(), &Wanted::default(), &Limits::default());
        let named = |index: &Index| (!full.actions.is_empty()).then(|| things_of(index.get(&full.actions), &things).into_iter().next()).flatten();
        let until = if is_old { Timestamp::now().checked_add(SignedDuration::from_hours(1)).unwrap() } else { Timestamp::UNIX_EPOCH };
        let limits = Limits {
            excluded: excluded.iter().filter_map(named).collect(),
            age: Some(Age { until, text: "an hour".to_owned() }),
            max_bytes: share.map(|share| full.bytes() * share / 100),
            ..Limits::default()
        };
        let narrowed = plan(path, measured(), &Wanted::default(), &limits);
        let (all, some) = (taken(&full), taken(&narrowed));
        prop_assert!(some.is_subset(&all));
        prop_assert!(limits.max_bytes.is_none_or(|most| narrowed.bytes() <= most));
        prop_assert!(is_old || narrowed.actions.iter().all(|action| action.objects.iter().all(|object| object.evidence.inode.is_none())));
        let staying: BTreeSet<Thing> =
            things.iter().filter(|(path, _)| !some.contains(*path)).flat_map(|(_, thing)| oracle::needed_by(&inventory, thing.clone())).collect();
        for action in &narrowed.actions {
            for thing in things_of(action, &things) {
                // A link that nothing uses leads to a directory all the same; and a removal that stays names one.
                let needed = staying.contains(&thing) && !matches!(thing, Thing::Link(_));
                let by_a_link = things.values().filter(|other| matches!(other, Thing::Link(_)));
                let only_by_links = by_a_link.filter(|link| oracle::needed_by(&inventory, (*link).clone()).contains(&thing)).count() > 0;
                prop_assert!(!needed || only_by_links, "{:?} is taken, and something that stays lies on it", thing);
            }
        }
        for thing in &limits.excluded {
            let kept = oracle::needed_by(&inventory, thing.clone());
            prop_assert!(narrowed.actions.iter().all(|action| things_of(action, &things).is_disjoint(&kept)), "{:?} was excluded", thing);
        }
    }

    #[test]
    fn any_number_of_threads_makes_the_same_plan(recipe in any(), threads in 2..17_usize) {
        let root = recipe.make();
        let text = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let plan = pool.install(|| plan(root.path(), Some(measure(root.path(), threads)), &all(), &Limits::default()));
            serde_json::to_string_pretty(&plan).unwrap()
        };
        let one = text(1);
        prop_assert_eq!(&text(threads), &one, "{} threads", threads);
        // It is read back as it was written.
        let read: Plan = serde_json::from_str(&one).unwrap();
        prop_assert_eq!(serde_json::to_string_pretty(&read).unwrap(), one);
    }
}
