//! Any bytes as a cache, with a checksum that fits: without one they would get no further.
#![no_main]

use layerwise::id::Digest;
use layerwise::usage::cache::Content;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = Content::decode(data);
    let bytes = [b"layerwise cache\n", data].concat();
    let sealed = [&bytes, Digest::of(&bytes).hex().bytes().as_slice()].concat();
    if let Ok(content) = Content::decode(&sealed) {
        assert_eq!(Content::decode(&content.encode()), Ok(content));
    }
});
