//! Any bytes as a `tar-split.json.gz`, and as the lines in one.
#![no_main]

use layerwise::store::tar_split::{Entry, Headers, Reader};
use layerwise_fuzz::gzip;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    read(data);
    read(&gzip(data));
});

fn read(compressed: &[u8]) {
    let mut reader = Reader::new(compressed);
    let mut headers = Headers::default();
    while let Ok(Some(entry)) = reader.read() {
        match entry {
            Entry::Segment(bytes) => headers.push(bytes),
            Entry::File(member) => {
                assert!(!member.name.is_empty());
                assert_eq!(member.size > 0, member.crc.is_some());
                if let Some(header) = headers.take() {
                    assert!(header.mode <= 0o7777);
                    assert!(header.modified.1.is_none_or(|fraction| fraction < 1_000_000_000));
                }
            }
        }
    }
}
