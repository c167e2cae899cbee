//! `check` finds exactly the damage that was done, and on whole data-roots nothing.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod cases;
mod file_system;
mod healthy;
mod mends;
mod repair;
mod world;
