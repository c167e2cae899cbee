//! Any bytes as config.json of a plugin.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = layerwise::store::plugins::Plugin::parse(data);
});
