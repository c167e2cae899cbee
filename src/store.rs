//! Read-only readers of what Docker keeps on the disk, one file for each store, named like it.
//!
//! A reader has two halves: a `parse` that makes sense of bytes handed to it, and a thin `read` beside it that fetches them through
//! [`crate::dir`]. Nothing above this module knows where in a data-root a thing lies.

pub mod live;
pub mod place;
