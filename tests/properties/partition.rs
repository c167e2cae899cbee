//! The classes partition all inodes, and add up to what `du` counts.

use crate::cases::cases;
use crate::look::audit;
use crate::recipe::any;
use layerwise::report::df::{self, Detail, Weight};
use layerwise::usage::class::Class;
use layerwise::usage::scan::Usage;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The total that `du -sx` prints.
fn du(root: &Path, option: &str) -> u64 {
    let output = Command::new("du").args(["-sx", option]).arg(root).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

fn sum(weights: impl Iterator<Item = Weight>) -> Weight {
    weights.fold(Weight::default(), |sum, weight| Weight {
        bytes: sum.bytes + weight.bytes,
        apparent_bytes: sum.apparent_bytes + weight.apparent_bytes,
        inodes: sum.inodes + weight.inodes,
    })
}

proptest! {
    #![proptest_config(cases(32))]

    #[test]
    fn every_owner_is_in_one_class_and_the_classes_are_what_du_counts(recipe in any()) {
        // On a real disk, whose blocks are what is counted.
        let root = recipe.make_in(tempfile::tempdir().unwrap());
        let audit = audit(root.path());
        let account = audit.account.as_ref().unwrap();
        let df = df::sum(&audit, account, None, Detail::Things);

        prop_assert_eq!(df.total.bytes, du(root.path(), "--block-size=1"));
        prop_assert_eq!(df.total.inodes, du(root.path(), "--inodes"));
        prop_assert_eq!(sum(df.classes.iter().map(|class| class.weight)), df.total);
        prop_assert_eq!(df.classes.iter().map(|class| class.class).collect::<Vec<_>>(), Class::ALL.to_vec());

        prop_assert!(account.belongs.keys().eq(account.measured.owners.keys()), "an owner has no class");
        let mut by_class: BTreeMap<Class, Usage> = Class::ALL.into_iter().map(|class| (class, Usage::default())).collect();
        for (owner, usage) in &account.measured.owners {
            *by_class.get_mut(&account.belongs[owner].class).unwrap() += *usage;
        }
        for class in &df.classes {
            prop_assert_eq!(class.weight, Weight::from(by_class[&class.class]), "{:?}", class.class);
            prop_assert!(class.reclaimable_bytes <= class.weight.bytes, "{:?}", class);
        }

        let things = df.things.as_ref().unwrap();
        for class in &df.classes {
            prop_assert_eq!(sum(things.iter().filter(|thing| thing.class == class.class).map(|thing| thing.weight)), class.weight);
        }
        let garbage = df.classes.iter().find(|class| class.class == Class::Garbage).unwrap();
        prop_assert_eq!(sum(df.garbage.iter().map(|kind| kind.weight)), garbage.weight);
        prop_assert_eq!(garbage.reclaimable_bytes, garbage.weight.bytes);
    }
}
