//! What a container sees, read from the layers' directories, beside what the kernel shows of the same layers.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, one that cannot run says so"
)]

mod archived;
#[path = "../properties/cases.rs"]
mod cases;
mod kernel;
#[path = "../scan/machine.rs"]
#[expect(dead_code, reason = "this binary uses a part of it")]
mod machine;
mod marks;
mod step;
mod versions;
mod waste;
mod world;
