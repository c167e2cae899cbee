//! `prune` and `trash`, with the real binary on data-roots made for it: that it takes what is dead, that it refuses, that nothing else is ever
//! touched, and that it can be killed anywhere.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr, reason = "a test that cannot go on fails")]

mod copied;
mod deletes;
mod elsewhere;
mod files;
mod full;
mod hostile;
mod inactive;
mod killed;
mod locked;
mod named;
mod plans;
mod refuses;
mod restores;
mod world;
