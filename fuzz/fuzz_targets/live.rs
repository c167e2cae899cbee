//! Any bytes as each of the texts that /proc hands out.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    use layerwise::store::live::{command, config, environ, locks, mountinfo, stat};
    for mount in mountinfo::parse(data).flatten() {
        std::hint::black_box((mount.root(), mount.mount_point()));
    }
    std::hint::black_box(locks::parse(data).flatten().count());
    std::hint::black_box((stat::parse_start(data), stat::parse_boot(data)));
    std::hint::black_box((command::dockerd(data), command::shim(data)));
    drop(std::hint::black_box(config::parse(data)));
    std::hint::black_box(environ::Environment::parse(data.to_vec()));
});
