//! There is one judge: what `df` counts as garbage is what `prune` plans or withholds, and what `check` finds, in things and in bytes.

use crate::cases::cases;
use crate::look::{audit, findings, garbage, plan, taken};
use crate::recipe::with_copies;
use layerwise::check::{Code, Subject};
use layerwise::graph::Thing;
use layerwise::graph::verdict::Garbage;
use layerwise::plan::{Limits, Plan, Wanted, Withheld};
use layerwise::report::target::{Target, of_owner};
use layerwise::usage::account::Account;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;

/// The bytes of all garbage but the trash, which has a command of its own.
fn bytes(account: &Account) -> u64 {
    let garbage = |owner| account.belongs[owner].garbage.is_some_and(|garbage| garbage != Garbage::Trash);
    account.measured.owners.iter().filter(|(owner, _)| garbage(owner)).map(|(_, usage)| usage.bytes).sum()
}

/// What is withheld although it is garbage.
fn withheld_garbage(plan: &Plan) -> impl Iterator<Item = &Withheld> {
    plan.withheld.iter().filter(|withheld| withheld.class.is_some())
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn df_prune_and_check_agree_on_what_is_garbage(recipe in with_copies()) {
        let root = recipe.make();
        let audit = audit(root.path());
        let account = audit.account.as_ref().unwrap();
        let mut dead = garbage(&audit);
        let plan = plan(root.path(), Some(crate::look::measure(root.path(), 2)), &Wanted::default(), &Limits::default());

        // check finds each of them, and nothing else.
        let found: BTreeSet<Thing> = findings(&audit, root.path()).into_iter().filter(|finding| matches!(finding.code, Code::Garbage(_))).map(|finding| match finding.subject {
            Subject::Thing(thing) => thing,
            other => panic!("{other:?}"),
        }).collect();
        prop_assert_eq!(&found, &dead.keys().cloned().collect::<BTreeSet<_>>());

        // Whatever inodes df counts as garbage are those of such things.
        for (owner, belongs) in &account.belongs {
            let target = of_owner(&audit, owner);
            let thing = if let Target::Thing(thing) = &target { Some(thing) } else { None };
            prop_assert_eq!(belongs.garbage.is_some(), thing.is_some_and(|thing| dead.contains_key(thing)), "{:?}", target);
            prop_assert!(belongs.garbage.is_none() || belongs.doubt.is_none());
        }

        // prune takes each, or says why not; and nothing else.
        dead.retain(|_, kind| *kind != Garbage::Trash);
        let taken = taken(&plan);
        let withheld_paths: Vec<&str> = withheld_garbage(&plan).map(|withheld| withheld.path.as_str()).collect();
        for thing in dead.keys() {
            let path = thing.owner().unwrap().path().to_str().unwrap().to_owned();
            let is_taken = taken.iter().any(|taken| Path::new(&path).starts_with(taken));
            let is_withheld = withheld_paths.iter().any(|place| Path::new(&path).starts_with(place));
            prop_assert!(is_taken || is_withheld, "{} is neither taken nor withheld", path);
        }
        let paths: BTreeSet<String> = dead.keys().map(|thing| thing.owner().unwrap().path().to_str().unwrap().to_owned()).collect();
        prop_assert!(taken.is_subset(&paths), "{:?}", taken.difference(&paths).collect::<Vec<_>>());
        prop_assert!(plan.withheld.iter().all(|withheld| !withheld.reason.is_empty()));
        let withheld: u64 = withheld_garbage(&plan).filter_map(|withheld| withheld.bytes).sum();
        prop_assert_eq!(plan.bytes() + withheld, bytes(account));
    }
}
