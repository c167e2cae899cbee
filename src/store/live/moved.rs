//! Who holds something that has just been moved into the trash.
//!
//! The kernel names what a process has open, and what a bind mount shows, by where it is *now*: `…/.layerwise/<run>/<slot>/…`. An overlay
//! names its layers by what they were called when it was mounted; those are found as always, by the names of directories.

use super::proc::Proc;
use super::{holders, namespaces};
use crate::store::place::TRASH;
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;

/// The machine's first process; see [`super::holders`].
const FIRST: u32 = 1;

/// The slots of the run `run` in which a mount in any namespace, or a process but our own, has something.
#[must_use]
pub fn slots_held(proc: &Proc, run: &str) -> BTreeSet<u64> {
    let marker = format!("/{TRASH}/{run}/");
    let own = proc.own_pid();
    let mut slots = BTreeSet::new();
    let pids: Vec<u32> = proc.pids().unwrap_or_default().into_iter().filter(|&pid| Some(pid) != own && pid != FIRST).collect();
    for &pid in &pids {
        // A process that has ended meanwhile holds nothing; of one that can be read in part, that part counts.
        let (links, _) = holders::links(proc, pid);
        for link in links {
            slots.extend(slots_in(link.leads.as_os_str().as_bytes(), marker.as_bytes()));
        }
    }
    namespaces::each_table(proc, &pids, |_, table| slots.extend(slots_in(&table.unwrap_or_default(), marker.as_bytes())));
    slots
}

/// The numbers that follow `marker` in `text`.
fn slots_in<'a>(text: &'a [u8], marker: &'a [u8]) -> impl Iterator<Item = u64> + 'a {
    text.windows(marker.len()).enumerate().filter(move |(_, window)| *window == marker).filter_map(move |(at, _)| {
        let rest = text.get(at + marker.len()..)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_what_stands_behind_the_run() {
        let text = b"/d/.layerwise/R/17/diff /d/.layerwise/R/journal /d/.layerwise/S/1 (deleted)\n1 2 0:1 /.layerwise/R/4 /mnt";
        assert_eq!(slots_in(text, b"/.layerwise/R/").collect::<Vec<_>>(), [17, 4]);
    }
}
