//! Any bytes as a bolt database, read to the last bucket.
#![no_main]

use layerwise::store::bolt::{Bucket, Entry, Error, view};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = view(&layerwise_fuzz::with_checksums(data), walk);
});

fn walk(bucket: &Bucket<'_>) -> Result<(), Error> {
    let mut keys = Vec::new();
    for entry in bucket.entries() {
        match entry? {
            Entry::Value { key, value } => {
                std::hint::black_box(value.len());
                keys.push((key, false));
            }
            Entry::Bucket { key, bucket } => {
                walk(&bucket)?;
                keys.push((key, true));
            }
        }
    }
    assert!(keys.is_sorted_by(|(a, _), (b, _)| **a < **b), "keys out of order");
    // What was listed is found, and as what it was listed.
    if let Some((key, is_bucket)) = keys.last() {
        assert!(matches!(bucket.bucket(key), Ok(Some(_))) == *is_bucket);
        assert!(matches!(bucket.get(key), Ok(Some(_))) != *is_bucket);
    }
    Ok(())
}
