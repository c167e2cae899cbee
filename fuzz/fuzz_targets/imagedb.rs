//! Any bytes as an image config.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(config) = layerwise::store::imagedb::Config::parse(data) {
        // Every layer has at most one step, and every step at most one layer.
        assert_eq!(config.steps().count(), config.diff_ids.len());
        assert!(config.steps().flatten().count() <= config.history.len());
    }
});
