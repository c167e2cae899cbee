//! The containers that run: each has a shim, which outlives its dockerd.
//!
//! A container keeps running when dockerd is killed, updated with `live-restore`, or crashed; its shim's command line says which it is.
//! A shim of another dockerd (in a container, or of another user) looks the same, so what counts is whether a data-root knows the id.

use super::command;
use super::gaps::{Fact, Gaps};
use super::proc::Proc;
use crate::id::ContainerId;

/// The most of a command line that is looked at.
pub(super) const COMMAND_LINE: u64 = 64 << 10;

/// A process that looks after one container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shim {
    /// Its number.
    pub pid: u32,
    /// The container.
    pub container: ContainerId,
}

/// Reads the shims of Docker's containers among `pids`.
pub(super) fn read(proc: &Proc, pids: &[u32], gaps: &mut Gaps) -> Vec<Shim> {
    let shim = |&pid: &u32| match proc.head(pid, "cmdline", COMMAND_LINE) {
        Ok(line) => Some(Shim { pid, container: command::shim(&line?)? }),
        Err(error) => {
            gaps.note(Fact::Command, error);
            None
        }
    };
    pids.iter().filter_map(shim).collect()
}
