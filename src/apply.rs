//! The only code that changes a data-root: takes away what a plan says, or puts something in its place, keeps what was there in the trash or
//! deletes it, and brings it back.
//!
//! # The trash
//!
//! What is taken leaves Docker's sight by *one rename*, into a directory at the top of the file system that it lies on:
//!
//! ```text
//! <data-root>/.layerwise/                    0700; in overlay2/ and image/ too, where those are, or were, file systems of their own
//! ├── <run>/                                 one for each run that took something
//! │   ├── journal                            what each slot is and whence it came, of all file systems; synced before anything is taken
//! │   ├── <slot>                             a directory, link or file that was taken: 0, 1, 2, …
//! │   └── <slot>.new                         what is to be put in its place, until it is; see `put`
//! └── <run>.doomed/                          a run that is being deleted: nothing of it is ever restored
//! ```
//!
//! So the disk itself says how far a run has come: an object is in its slot or in its place, never in both and never in neither. Where it is
//! in neither, somebody moved it or its file system is not mounted, and the thing that it is a part of does not come back. A run that
//! was killed is an unfinished list of renames. What it had not taken is still garbage, and the next plan finds it; what it had taken the
//! journal knows, and the next run deletes it, or `trash restore` brings it back, whichever the run was to do.
//!
//! # The rules
//!
//! - Nobody but the holder of [`Own`] changes the trash, nobody but the holder of a [`Permit`] the rest.
//! - Every name is resolved below an opened directory, through no symbolic link and across no mount (`openat2`).
//! - Before an object is taken it is looked at, and after it was taken again, in its slot, where nobody else reaches it: if it is not what
//!   the plan says, it goes back.
//! - Nothing is ever overwritten: a rename fails where the target exists, or exchanges the two.

mod basis;
mod collect;
mod delete;
mod error;
mod foundation;
mod held;
mod in_place;
mod journal;
mod judge;
mod lock;
mod look;
mod point;
mod put;
mod refuse;
mod restore;
mod take;
mod top;
mod trash;

pub use basis::Diagnosed;
pub use collect::{Collected, Notice, Orders, Task, collect, unfinished};
pub use delete::{Deletion, Failure, Tally};
pub use error::ApplyError;
pub use held::is_held;
pub use journal::{Item, Journal};
pub use judge::Judged;
pub use lock::{Offline, Online, Own, Permit, Refusal, refuse_running};
pub use look::{Origin, Traits};
pub use refuse::{identity, refuse, refuse_repair};
pub use restore::{Restored, restore};
pub use take::{How, Keep, Outcome, Status, take};
pub use top::{Place, Tops};
pub use trash::{Copies, Examined, Run, State, Trash};

use std::sync::atomic::AtomicBool;

/// Set when somebody wants the work to end: it does after the step that it is at.
pub type Stop = AtomicBool;
