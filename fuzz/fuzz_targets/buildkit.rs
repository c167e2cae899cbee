//! Any bytes as each of BuildKit's databases.
#![no_main]

use layerwise::store::buildkit;
use layerwise::unreadable::Pins;
use layerwise_fuzz::{DataRoot, with_checksums};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static ROOT: LazyLock<DataRoot> = LazyLock::new(|| {
    let root = DataRoot::new();
    root.write("buildkit/snapshots.db", b"");
    root.link("buildkit/snapshots.db", "buildkit/containerdmeta.db");
    root.link("buildkit/snapshots.db", "buildkit/metadata_v2.db");
    root
});

fuzz_target!(|data: &[u8]| {
    ROOT.write("buildkit/snapshots.db", &with_checksums(data));
    let mut unreadable = Vec::new();
    let buildkit = buildkit::read(&ROOT.dir(), &mut unreadable).expect("there is a directory");
    for (key, snapshot) in &buildkit.snapshots {
        assert!(snapshot.committed.is_none() || buildkit.dir_of(key) == snapshot.committed);
    }
    for (id, record) in buildkit.listed() {
        assert!(record.size.is_none() || buildkit.size_of(id) == record.size);
        std::hint::black_box(buildkit.chain_of(id));
    }
    std::hint::black_box(buildkit.leases.values().filter_map(buildkit::Lease::expires).max());
    // Whatever makes no sense says why, without a control character, and pins too much rather than too little.
    for it in unreadable {
        assert!(!it.error.is_empty() && !it.error.chars().any(char::is_control), "{it:?}");
        assert!(matches!(it.pins, Pins::Everything | Pins::Nothing), "{it:?}");
    }
});
