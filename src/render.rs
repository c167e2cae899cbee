//! Everything between a report and the terminal: pure, with no input, no output, no clock and no knowledge of storage.
//!
//! A report is a `serde_json` value, `{"schema": …, "items": [{…}, …], …}`. Its keys are the one vocabulary of all formats: a column of a table,
//! a field of a template, `--sort` and `--filter` all name a key, in any case and with or without underscores ([`value::same`]).
//!
//! ```text
//!                      ┌─ filter ─ sort ─┐
//! report ─► list::list ┤                 ├─► table      a row an item, in Docker's column style
//!                      └─────────────────┘   json       the whole document on one line
//!                                            jsonl      an item a line
//!                                            TEMPLATE   what {{.Field}} says, for each item
//! ```
//!
//! Texts that come from the disk are hostile. What people read is escaped so that one value stays one line and can neither move the cursor nor
//! reorder or hide what stands beside it ([`escape`]); in JSON the same characters are written `\uXXXX`, which every parser undoes ([`json`]).

pub mod age;
pub mod column;
pub mod docker;
pub mod escape;
pub mod filter;
pub mod format;
pub mod json;
pub mod list;
pub mod metrics;
pub mod size;
pub mod sort;
pub mod table;
pub mod template;
pub mod tree;
pub mod value;
pub mod words;
