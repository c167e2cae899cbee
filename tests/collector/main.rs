//! The collector against real Docker engines: what it leaves must satisfy dockerd, whatever was interrupted, and whoever is at work.
//!
//! The engine is this machine's own dockerd, or the one in the chroot that `LAYERWISE_TEST_ENGINE` names (see `tests/docker/make-engine`).
//! Where no engine can run, each test says so and passes, unless `LAYERWISE_REQUIRE_DOCKER=1` makes that a failure.
//!
//! What is left to chance follows from `LAYERWISE_TEST_SEED`, which each test prints; `LAYERWISE_TEST_ROUNDS` asks for more of it, `all` for
//! all that there is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking, and speaks through its output"
)]

mod chance;
mod containers;
#[path = "../docker/docker.rs"]
#[allow(dead_code, reason = "the comparisons ask for more of it")]
mod docker;
#[path = "../engine/engine.rs"]
mod engine;
mod full;
#[path = "../docker/fixture/images.rs"]
#[allow(dead_code, reason = "the comparisons want more images")]
mod images;
mod interrupted;
mod interruption;
mod judge;
mod killed;
mod layerwise;
mod lowers;
mod online;
mod outlived;
mod registry;
mod restored;
mod ruins;
mod saved;
mod starts;
