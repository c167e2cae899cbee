//! The real binary on the data-root of the tour: what it prints, where, and how it ends.
//!
//! Sizes depend on the blocks of the file system and ages on the day, so what is compared word for word is what depends on neither.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr, reason = "a test that cannot go on fails")]

mod archive;
mod cached;
mod changes;
mod check;
mod ci;
mod demo;
mod formats;
mod habits;
mod interrupted;
mod keys;
mod lint;
mod lists;
mod locate;
mod man;
mod metrics;
mod mistakes;
mod plugin;
mod readme;
mod roots;
mod same;
mod sample;
mod save;
mod sums;
mod terminal;
mod unprivileged;
mod waste;
mod why;
