//! Many layers at once, until they are done or time is up.

use super::layer::Verifier;
use super::{Job, Outcome, Owners};
use crate::dir::Dir;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How far the work has come, and when it is to end; may be looked at while it goes on.
#[derive(Debug, Default)]
pub struct Control {
    bytes: AtomicU64,
    layers: AtomicU64,
    stop: AtomicBool,
    deadline: Option<Instant>,
}

/// Time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stopped;

impl Control {
    /// Lets the work end at `deadline`, if there is one.
    #[must_use]
    pub fn until(deadline: Option<Instant>) -> Self {
        Self { deadline, ..Self::default() }
    }

    /// The bytes of content read so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// The layers that are done.
    #[must_use]
    pub fn layers(&self) -> u64 {
        self.layers.load(Relaxed)
    }

    /// Ends the work soon.
    pub fn stop(&self) {
        self.stop.store(true, Relaxed);
    }

    pub(super) fn read(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// Whether there is time left.
    pub(super) fn go_on(&self) -> Result<(), Stopped> {
        let is_late = self.stop.load(Relaxed) || self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if is_late { Err(Stopped) } else { Ok(()) }
    }
}

/// Verifies layers of the data-root `root` with `threads` threads, the first of `jobs` first, and calls `done` with each outcome as it comes.
///
/// The outcomes are returned in the order of the jobs.
pub fn verify(
    root: &Dir,
    jobs: &[Job],
    owners: &Owners,
    (threads, control): (usize, &Control),
    done: impl Fn(&Outcome) + Sync,
) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes: Mutex<Vec<(usize, Outcome)>> = Mutex::new(Vec::with_capacity(jobs.len()));
    let work = || {
        let mut verifier = Verifier::new(root, owners, control);
        loop {
            let index = next.fetch_add(1, Relaxed);
            let Some(job) = jobs.get(index) else { break };
            let outcome = verifier.verify(job);
            control.layers.fetch_add(1, Relaxed);
            done(&outcome);
            outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((index, outcome));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(jobs.len()) {
            // If there is no room for another thread, those that there are do its part.
            if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_unstable_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}
