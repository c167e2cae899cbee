//! Any bytes as config.v2.json of one container.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let id = "0123456789abcdef".repeat(4).parse().expect("an ID");
    if let Ok(config) = layerwise::store::containers::Config::parse(id, data) {
        assert!(config.volumes.is_sorted());
    }
});
