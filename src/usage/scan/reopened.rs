//! Opening again the directories that did not stay open.
//!
//! ```text
//! nearest that is open ──────────────────── half ────────── three quarters ─ … ─ the one that is needed
//! ```
//! A walker comes back up through a deep tree level by level, and each of them would have to be opened from far above. So some of those on the
//! way stay open too, at half of the way and at half of each rest: then the next one above is near one of them, and all of a long way takes
//! about as many steps as the way times its logarithm.

use super::kernel::Kernel;
use super::level::Level;
use rustix::io::Errno;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::sync::Arc;

/// How many one walker has open at most: half of a half, and so on, of the longest way there is.
const MOST: usize = 12;

/// The levels that a walker has opened again, each deeper than the one before.
#[derive(Debug, Default)]
pub(super) struct Reopened<'o>(Vec<(Arc<Level<'o>>, Arc<OwnedFd>)>);

impl<'o> Reopened<'o> {
    /// Opens a directory again, if nobody has it open; what is on the way stays open where at most `limit` descriptors are in use.
    pub(super) fn reach(&mut self, level: &Arc<Level<'o>>, kernel: &Kernel, limit: u64) -> Result<Arc<OwnedFd>, Errno> {
        let mut steps = Vec::new();
        let mut above = level;
        let mut reached = loop {
            self.forget_below(above);
            if let Some((_, fd)) = self.0.last().filter(|(known, _)| Arc::ptr_eq(known, above)) {
                break Arc::clone(fd);
            }
            if let Some(fd) = above.opened() {
                // Whatever is known is further up.
                self.0.clear();
                break fd;
            }
            steps.push(above);
            above = above.parent().ok_or(Errno::NOENT)?;
        };
        let mut to_keep = steps.len() / 2;
        while let Some(step) = steps.pop() {
            reached = Arc::new(kernel.open(reached.as_fd(), step.name())?);
            if steps.len() <= to_keep {
                self.keep(step, &reached, limit);
                to_keep = steps.len() / 2;
            }
        }
        Ok(reached)
    }

    /// Lets go of all of them: the walker is where directories stay open.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Keeps what was opened, in the place of what there are not enough descriptors for: others need them more.
    fn keep(&mut self, level: &Arc<Level<'o>>, fd: &Arc<OwnedFd>, limit: u64) {
        let is_scarce = |(_, fd): &(_, Arc<OwnedFd>)| u64::try_from(fd.as_raw_fd()).is_ok_and(|number| number >= limit);
        if self.0.last().is_some_and(is_scarce) {
            self.0.pop();
        }
        if self.0.len() >= MOST {
            let mut is_odd = false;
            self.0.retain(|_| {
                is_odd = !is_odd;
                is_odd
            });
        }
        self.0.push((Arc::clone(level), Arc::clone(fd)));
    }

    /// Lets go of what is not above `level`, nor is it.
    fn forget_below(&mut self, level: &Arc<Level<'o>>) {
        while self.0.last().is_some_and(|(known, _)| known.depth() >= level.depth() && !Arc::ptr_eq(known, level)) {
            self.0.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::place::Place;
    use crate::usage::scan::account::{Account, Owners};
    use crate::usage::scan::kernel::Times;
    use crate::usage::scan::level::{Directory, Spot};
    use std::ffi::CStr;
    use std::path::Path;

    /// A chain of `depth` directories `d`, of which only the first is open, and what opens in it.
    fn chain<'o>(at: &Path, depth: usize, owners: &'o Owners) -> (Arc<OwnedFd>, Vec<Arc<Level<'o>>>, Kernel) {
        let top: Arc<OwnedFd> = Arc::new(std::fs::File::open(at).unwrap().into());
        std::fs::create_dir_all(at.join(["d"; 500].join("/"))).unwrap();
        let mut levels = vec![Level::root(&top, Account::new(Place::root(), owners), Directory::default())];
        for number in 0..depth {
            let (level, name) = (&levels[number], c"d");
            levels.push(Level::below(Spot { level, name }, None, Arc::clone(&level.account), Directory::default()));
        }
        let (kernel, _) = Kernel::new(top.as_fd(), Times::Unwanted).unwrap();
        (top, levels, kernel)
    }

    fn number(kernel: &Kernel, fd: &OwnedFd) -> u64 {
        kernel.stat_opened(fd.as_fd()).unwrap().number
    }

    #[test]
    fn a_level_that_was_closed_is_the_same_again() {
        use std::os::unix::fs::MetadataExt as _;
        let (temp, owners) = (tempfile::tempdir().unwrap(), Owners::default());
        let (_top, levels, kernel) = chain(temp.path(), 500, &owners);
        let mut reopened = Reopened::default();
        // Up, down, and to and fro.
        for depth in (0..=500).rev().chain(0..=500).chain((0..500).map(|step| step * 311 % 501)) {
            let reached = reopened.reach(&levels[depth], &kernel, u64::MAX).unwrap();
            let path = temp.path().join(vec!["d"; depth].join("/"));
            assert_eq!(number(&kernel, &reached), path.metadata().unwrap().ino(), "{depth}");
            assert!(reopened.0.len() <= MOST && reopened.0.is_sorted_by_key(|(level, _)| level.depth()));
        }
        reopened.forget();
        assert!(reopened.0.is_empty());
    }

    #[test]
    fn coming_back_up_does_not_open_everything_anew_for_each_level() {
        let (temp, owners) = (tempfile::tempdir().unwrap(), Owners::default());
        let (_top, levels, kernel) = chain(temp.path(), 500, &owners);
        let mut reopened = Reopened::default();
        let mut opened = 0;
        for level in levels.iter().skip(1).rev() {
            let known: Vec<u64> = reopened.0.iter().map(|(level, _)| level.depth()).collect();
            let nearest = known.into_iter().filter(|&depth| depth <= level.depth()).max().unwrap_or(0);
            opened += level.depth() - nearest;
            reopened.reach(level, &kernel, u64::MAX).unwrap();
        }
        // It would be 125,250.
        assert!(opened < 500 * 10, "{opened}");
    }

    #[test]
    fn where_descriptors_are_scarce_only_what_was_reached_is_kept() {
        let (temp, owners) = (tempfile::tempdir().unwrap(), Owners::default());
        let (_top, levels, kernel) = chain(temp.path(), 100, &owners);
        let mut reopened = Reopened::default();
        for depth in [100, 99, 7, 8, 9] {
            let reached = reopened.reach(&levels[depth], &kernel, 0).unwrap();
            assert!(matches!(&reopened.0[..], [(level, fd)] if Arc::ptr_eq(level, &levels[depth]) && Arc::ptr_eq(fd, &reached)));
        }
    }

    #[test]
    fn what_went_away_meanwhile_is_not_there() {
        let (temp, owners) = (tempfile::tempdir().unwrap(), Owners::default());
        let (_top, levels, kernel) = chain(temp.path(), 3, &owners);
        let missing: &CStr = c"missing";
        let level = Level::below(Spot { level: &levels[3], name: missing }, None, Arc::clone(&levels[0].account), Directory::default());
        assert_eq!(Reopened::default().reach(&level, &kernel, u64::MAX).err(), Some(Errno::NOENT));
    }
}
