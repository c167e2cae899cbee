//! How many threads walk.
//!
//! While all is in memory, more threads than cores are in each other's way. When the disk must be asked, each thread waits for one
//! answer at a time, and a disk answers many at once: then their number follows what keeps the cores busy. Which of the two it is
//! shows only while it goes on: threads that wait give up their core, those that are denied one lose it.

use super::lock;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// More requests than these are seldom in flight.
const MOST: usize = 32;
/// How often it is looked how it goes.
const INTERVAL: Duration = Duration::from_millis(2);

/// Says when more threads should walk.
#[derive(Debug)]
pub(super) struct Pace {
    cores: usize,
    at_first: usize,
    at_most: usize,
    begin: Instant,
    /// When to look next, in microseconds since the beginning.
    due: AtomicU64,
    last: Mutex<Sample>,
}

/// What the process had used at some time.
#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    /// Microseconds since the beginning.
    at: i64,
    /// Microseconds of processor time.
    busy: i64,
    /// How often threads waited for something.
    waits: i64,
    /// How often threads that had something to do were denied a core.
    denials: i64,
}

impl Pace {
    /// Keeps to `threads`, or finds out how many are needed.
    pub(super) fn new(threads: Option<NonZeroUsize>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let (at_first, at_most) = threads.map_or((cores, cores.max(MOST)), |threads| (threads.get(), threads.get()));
        let begin = Instant::now();
        let last = Mutex::new(Sample::take(begin));
        Self { cores, at_first, at_most, begin, due: AtomicU64::new(0), last }
    }

    /// How many threads begin.
    pub(super) const fn at_first(&self) -> usize {
        self.at_first
    }

    /// How many there may be.
    pub(super) const fn at_most(&self) -> usize {
        self.at_most
    }

    /// How many more threads should walk now; `crowd` says how many there are, and how many of those have nothing to do.
    pub(super) fn wanted(&self, crowd: impl FnOnce() -> (usize, usize)) -> usize {
        if self.at_first == self.at_most || !self.is_due() {
            return 0;
        }
        let (walkers, asleep) = crowd();
        if walkers >= self.at_most {
            return 0;
        }
        let now = Sample::take(self.begin);
        let last = std::mem::replace(&mut *lock(&self.last), now);
        if asleep == 0 && now.waits_since(last, self.cores) { walkers.min(self.at_most - walkers) } else { 0 }
    }

    /// Whether it is time to look again; says so to one thread only.
    fn is_due(&self) -> bool {
        let now = u64::try_from(self.begin.elapsed().as_micros()).unwrap_or(u64::MAX);
        let due = self.due.load(Relaxed);
        let next = now.saturating_add(u64::try_from(INTERVAL.as_micros()).unwrap_or(u64::MAX));
        now >= due && self.due.compare_exchange(due, next, Relaxed, Relaxed).is_ok()
    }
}

impl Sample {
    fn take(begin: Instant) -> Self {
        let at = i64::try_from(begin.elapsed().as_micros()).unwrap_or(i64::MAX);
        let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return Self { at, ..Self::default() } };
        let busy = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        Self { at, busy, waits: usage.voluntary_context_switches(), denials: usage.involuntary_context_switches() }
    }

    /// Whether the threads left the cores idle since `last`, because they waited and not because others were let on them.
    fn waits_since(self, last: Self, cores: usize) -> bool {
        let cores = i64::try_from(cores).unwrap_or(1);
        let capacity = (self.at - last.at).saturating_mul(cores);
        let is_idle = (self.busy - last.busy).saturating_mul(4) < capacity.saturating_mul(3);
        is_idle && self.waits - last.waits > self.denials - last.denials
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_wait_call_for_more_and_those_that_are_busy_or_denied_a_core_do_not() {
        let last = Sample { at: 1000, busy: 500, waits: 10, denials: 10 };
        for (busy, waits, denials, expected) in
            [(1000, 30, 0, true), (2900, 30, 0, true), (3100, 30, 0, false), (1000, 5, 30, false), (1000, 0, 0, false)]
        {
            let now = Sample { at: 3000, busy: 500 + busy, waits: 10 + waits, denials: 10 + denials };
            assert_eq!(now.waits_since(last, 2), expected, "{busy} busy, {waits} waits, {denials} denials");
        }
    }

    #[test]
    fn a_given_number_of_threads_is_kept_to() {
        let pace = Pace::new(NonZeroUsize::new(3));
        assert_eq!((pace.at_first(), pace.at_most()), (3, 3));
        assert_eq!(pace.wanted(|| (3, 0)), 0);
    }
}
