//! Says what every byte and every inode under a Docker data-root belongs to, proves which of it belongs to nothing, and takes that back.
pub mod data_root;
pub mod demo;
pub mod dir;
pub mod id;
pub mod render;
pub mod store;
pub mod suggest;
pub mod unreadable;
pub mod usage;

