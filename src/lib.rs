//! Says what every byte and every inode under a Docker data-root belongs to, and proves which of it belongs to nothing.
//!
//! # The contract
//!
//! 1. **Everything adds up.** Each inode below the data-root is charged to exactly one owner. The classes of `df` sum to the total, and
//!    the total is what `du` counts, to the byte and the inode.
//! 2. **Lost information only shrinks a plan.** What cannot be read, parsed, recognised or proven dead is kept, and pins all that it might
//!    refer to. Unreadable never means empty.
//! 3. **Never outside.** All access is relative to an opened directory and follows no symbolic link. Names and contents found on the disk
//!    are hostile input, when they are read and when they are printed.
//! 4. **Same input, same output**, for any number of threads.
//!
//! # The flow
//!
//! ```text
//! DataRoot::open ─► Inventory::read ─► Graph::build ─► Verdicts::reach ─┐
//!       │                  ▲                                            ├─► Account ─► report ─► render
//!       └─► usage::scan ───┼────────────────────────────────────────────┘
//!                        store (one reader a store, what it cannot read is kept as Unreadable)
//! ```
//!
//! `graph`, `usage::account`, `report` and `render` are pure: no input or output, and no clock but the one handed to them.

pub mod audit;
pub mod cli;
pub mod data_root;
pub mod demo;
pub mod dir;
pub mod graph;
pub mod id;
pub mod inventory;
pub mod render;
pub mod report;
pub mod store;
pub mod suggest;
pub mod unreadable;
pub mod usage;
