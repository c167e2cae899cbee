//! Says what every byte and every inode under a Docker data-root belongs to, and proves which of it belongs to nothing.
//!
//! # The contract
//!
//! 1. **Everything adds up.** Each inode below the data-root is charged to exactly one owner. The classes of `df` sum to the total, and
//!    the total is what `du` counts, to the byte and the inode.
//! 2. **Lost information only shrinks a plan.** What cannot be read, parsed, recognised or proven dead is kept, and pins all that it might
//!    refer to. Unreadable never means empty.
//! 3. **One path.** A dry run and a real run build the same plan with the same code; only [`apply`] changes the disk.
//! 4. **Look again before you act.** Every action carries the evidence it was decided on, and is skipped if that has changed.
//! 5. **Every step may be the last.** Cut the power between any two system calls: dockerd starts, what was in use works, the next run goes on.
//! 6. **Never outside.** All access is relative to an opened directory and follows no symbolic link; changes cross no mount. Names and contents
//!    found on the disk are hostile input, when they are read and when they are printed.
//! 7. **Same input, same output**, for any number of threads.
//!
//! # The flow
//!
//! ```text
//! DataRoot::open ─► Inventory::read ─► Graph::build ─► Verdicts::reach ─┐
//!       │                  ▲                                            ├─► Account ─► report ─► render
//!       └─► usage::scan ───┼────────────────────────────────────────────┴─► plan ─► apply
//!                        store (one reader a store, what it cannot read is kept as Unreadable)
//! ```
//!
//! `graph`, `usage::account`, `plan`, `report` and `render` are pure: no input or output, and no clock but the one handed to them.

pub mod apply;
pub mod archive;
pub mod audit;
pub mod check;
pub mod cli;
pub mod data_root;
pub mod deep;
pub mod demo;
pub mod dir;
pub mod glob;
pub mod graph;
pub mod id;
pub mod inventory;
pub mod lint;
pub mod plan;
pub mod render;
pub mod report;
pub mod store;
pub mod suggest;
pub mod union;
pub mod unreadable;
pub mod usage;
