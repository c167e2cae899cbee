//! Live facts and the search for the data-root: on made-up machines, and on real dockerds where there is one.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that goes wrong shall stop, and one that is skipped shall say so"
)]

#[path = "engine/engine.rs"]
mod engine;
#[path = "live/facts.rs"]
mod facts;
#[path = "live/find.rs"]
mod find;
#[path = "live/machine.rs"]
mod machine;
#[path = "live/real.rs"]
mod real;
