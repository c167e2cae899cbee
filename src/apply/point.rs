//! The places between two steps, where a test may kill the program or change the disk under it: only in debug builds.
//!
//! `LAYERWISE_TEST_POINT=<n>:<command>` runs a shell command at the n-th place, and there may be several such lines;
//! `LAYERWISE_TEST_TRACE=<file>` writes down the name of each place.

/// Marks a place between two steps.
#[cfg(not(debug_assertions))]
pub(super) const fn reach(_: &str) {}

/// Marks a place between two steps.
#[cfg(debug_assertions)]
pub(super) fn reach(name: &str) {
    use std::io::Write as _;
    use std::sync::atomic::{AtomicU64, Ordering};
    static REACHED: AtomicU64 = AtomicU64::new(0);
    let number = REACHED.fetch_add(1, Ordering::SeqCst);
    if let Some(trace) = std::env::var_os("LAYERWISE_TEST_TRACE") {
        // A trace that cannot be written shows in the test that reads it.
        drop(std::fs::OpenOptions::new().create(true).append(true).open(trace).map(|mut file| writeln!(file, "{number} {name}")));
    }
    let wanted = std::env::var("LAYERWISE_TEST_POINT").unwrap_or_default();
    for (at, command) in wanted.lines().filter_map(|line| line.split_once(':')) {
        if at.parse() == Ok(number) {
            drop(std::process::Command::new("/bin/sh").arg("-c").arg(command).status());
        }
    }
}
