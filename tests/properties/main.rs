//! What must hold for every data-root, tried on data-roots made at random: images that share layers, containers in every state, builds,
//! leftovers of every kind, and damage.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]
#![expect(
    clippy::trivially_copy_pass_by_ref,
    clippy::needless_pass_by_value,
    clippy::match_same_arms,
    clippy::format_collect,
    clippy::unnecessary_wraps,
    clippy::needless_for_each,
    reason = "every step of a recipe is told in the same form"
)]

mod agree;
mod cached;
mod cases;
mod check;
mod garbage;
mod ids;
mod lint;
mod look;
mod loss;
mod misled;
mod misplaced;
mod oracle;
mod partition;
mod plans;
mod prefixes;
mod reach;
mod recipe;
mod same;
mod steps;
mod sums;
