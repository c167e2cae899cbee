//! Any bytes as a policy and as a baseline.
#![no_main]

use layerwise::lint::{Baseline, Scene, evaluate, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(policy) = std::str::from_utf8(data).map_err(drop).and_then(|text| parse(text).map_err(drop)) {
        assert!(evaluate(&policy, &Scene::default()).iter().all(|outcome| outcome.subject.images.is_empty()));
    }
    if let Ok(baseline) = Baseline::parse(data) {
        let text = baseline.to_text().expect("a baseline can be written");
        let again = Baseline::parse(text.as_bytes()).and_then(|again| again.to_text().map_err(|error| error.to_string()));
        assert_eq!(again.as_ref(), Ok(&text));
        let rules = "[max-growth]\nlimit = '1%'\n[max-sharing-lost]\nlimit = '1%'\n[no-new-duplicates]\n";
        let policy = parse(rules).expect("the rules are understood");
        std::hint::black_box(evaluate(&policy, &Scene::default().since(baseline)));
    }
});
