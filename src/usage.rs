//! What everything below a data-root weighs, in bytes and in inodes.

pub mod account;
pub mod cache;
pub mod class;
pub mod scan;
