//! Any bytes as what is told of a network and of a cluster.
#![no_main]

use layerwise::store::{networks::Network, swarm};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = Network::parse(data);
    let _ = swarm::parse_address(data);
    let _ = swarm::parse_managers(data);
});
