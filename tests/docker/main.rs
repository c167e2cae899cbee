//! `layerwise` against real Docker engines: what it says about a data-root must be what dockerd says, and `du`.
//!
//! The engine is this machine's own dockerd, or the one in the chroot that `LAYERWISE_TEST_ENGINE` names (see `make-engine`).
//! Where no engine can run, each test says so and passes, unless `LAYERWISE_REQUIRE_DOCKER=1` makes that a failure.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking, and speaks through its output"
)]

mod archive;
mod builds;
mod busy;
mod changes;
mod ci;
mod compare;
mod containerd;
mod crash;
mod damage;
mod deep;
mod docker;
mod drivers;
mod du;
#[path = "../engine/engine.rs"]
mod engine;
#[path = "../cli/ci/example.rs"]
mod example;
mod fixture;
mod habits;
mod health;
mod layerwise;
mod locate;
mod operations;
mod power;
mod removals;
mod roots;
#[path = "../cli/save.rs"]
mod save;
mod seen;
mod soak;
mod swarm;
mod unpacked;
mod waste;
