//! Any bytes as a plan, and as the journal of a run.
#![no_main]

use layerwise::apply::Journal;
use layerwise::plan::{Plan, RelPath};
use libfuzzer_sys::fuzz_target;

fn assert_stays_below(path: &RelPath) {
    assert!(!path.as_path().is_absolute() && path.as_path().components().all(|part| matches!(part, std::path::Component::Normal(_))));
}

fuzz_target!(|data: &[u8]| {
    if let Ok(plan) = Plan::parse(data) {
        plan.actions.iter().for_each(|action| assert_stays_below(&action.path));
        plan.actions.iter().flat_map(|action| &action.objects).for_each(|object| assert_stays_below(&object.path));
        std::hint::black_box((plan.bytes(), plan.inodes()));
        let text = serde_json::to_vec(&plan).expect("a plan can be written");
        assert_eq!(Plan::parse(&text).as_ref(), Ok(&plan));
    }
    if let Ok(journal) = Journal::parse(data) {
        journal.items.iter().flat_map(|item| &item.objects).for_each(|object| assert_stays_below(&object.path));
        let text = serde_json::to_vec(&journal).expect("a journal can be written");
        assert_eq!(Journal::parse(&text).as_ref(), Ok(&journal));
    }
});
