//! On data-roots that Docker, its crashes and its failures left, `check` finds garbage and no damage.

use crate::cases::cases;
use crate::look::{audit, findings, garbage};
use crate::recipe::{any, sound};
use layerwise::check::{Code, Severity, Subject};
use proptest::prelude::*;
use std::collections::BTreeSet;

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn nothing_is_damaged_where_nothing_was_lost(recipe in sound()) {
        let root = recipe.make();
        let found = findings(&audit(root.path()), root.path());
        // What is left of a container that was being created may as well be what is left of one.
        let allowed = |code| matches!(code, Code::ContainerConfigMissing | Code::RecordsMissing | Code::ContainersMissing);
        let bad: Vec<_> = found.iter().filter(|finding| finding.severity <= Severity::Warning && !allowed(finding.code)).collect();
        prop_assert!(bad.is_empty(), "{bad:#?}");
    }

    #[test]
    fn all_that_is_garbage_is_found_and_only_that_is_called_so(recipe in any()) {
        let root = recipe.make();
        let audit = audit(root.path());
        let found = findings(&audit, root.path());
        let called = found.iter().filter(|finding| finding.severity == Severity::Garbage);
        let called: BTreeSet<_> =
            called.filter_map(|finding| if let Subject::Thing(thing) = &finding.subject { Some(thing.clone()) } else { None }).collect();
        prop_assert_eq!(called, garbage(&audit).into_keys().collect::<BTreeSet<_>>());
    }

    #[test]
    fn whatever_could_not_be_read_is_told(recipe in any()) {
        let root = recipe.make();
        let audit = audit(root.path());
        let found = findings(&audit, root.path());
        let told: BTreeSet<_> = found.iter().map(|finding| finding.path.clone()).collect();
        for unreadable in &audit.inventory.unreadable {
            let path = unreadable.path.strip_prefix(root.path()).unwrap();
            // At its own place, at that of the thing that it is a part of, or of a directory above.
            prop_assert!(path.ancestors().any(|above| told.contains(above)), "{unreadable:?} is not among {told:#?}");
        }
    }
}
