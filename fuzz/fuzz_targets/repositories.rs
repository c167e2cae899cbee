//! Any bytes as repositories.json.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(references) = layerwise::store::repositories::parse(data) {
        std::hint::black_box(references.len());
    }
});
