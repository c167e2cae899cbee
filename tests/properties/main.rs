//! What must hold for every data-root, tried on data-roots made at random: images that share layers, containers in every state, builds,
//! leftovers of every kind, and damage.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod garbage;
mod ids;
mod look;
mod loss;
mod oracle;
mod partition;
mod reach;
mod recipe;
mod same;
mod steps;
mod sums;
