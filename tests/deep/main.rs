//! `check --deep` finds each file of a layer that is not as its tar says, and nothing on layers that are.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]
#![expect(clippy::semicolon_if_nothing_returned, reason = "each case is one expression")]

mod files;
mod hostile;
mod run;
mod world;
