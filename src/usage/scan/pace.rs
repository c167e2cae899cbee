//! How many threads walk.
//!
//! While all is in memory, more threads than cores are in each other's way. When the disk must be asked, each thread waits for one answer at
//! a time, and a disk answers many at once: then their number follows what it can hold in flight. Which of the two it is shows only while it
//! goes on, and only in how the threads spend their time: the kernel tells each how long it ran and how long it waited for a core
//! (`/proc/thread-self/schedstat`), and the rest is what it waited for the disk. So a machine that is busy with other things is not taken
//! for a slow disk.

use super::lock;
use std::cell::OnceCell;
use std::fs::File;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// So many requests keep most disks busy.
const MANY: usize = 32;
/// More are seldom in flight.
const MOST: usize = 64;
/// How many threads walk where the kernel does not tell what they wait for: with all in memory they are not yet much in each other's way.
const BLIND: usize = 8;
/// How often a thread looks how it spends its time, and how long all of them are watched before there are more.
const INTERVAL: Duration = Duration::from_millis(2);

/// Says when more threads should walk.
#[derive(Debug)]
pub(super) struct Pace {
    at_first: usize,
    at_most: usize,
    watched: Mutex<Spent>,
}

/// How one thread spends its time; it is the thread's that asks first.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Nothing before the first question; then what answers, if there is anything.
    stat: OnceCell<Option<File>>,
    last: Option<Sample>,
}

/// What a thread had done at some time.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Instant,
    /// How long it had run or waited for a core.
    ready: Duration,
}

/// How some threads spent their time together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Spent {
    time: Duration,
    /// How much of it they waited for something else than a core.
    blocked: Duration,
}

impl Pace {
    /// Keeps to `threads`, or finds out how many are needed; but to as many as get along with so many descriptors.
    pub(super) fn new(threads: Option<NonZeroUsize>, descriptors: u64) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let (at_first, at_most) = match threads.map(NonZeroUsize::get) {
            Some(threads) => (threads, threads),
            None if Meter::default().is_blind() => (cores.max(BLIND), cores.max(BLIND)),
            None => (cores, cores.max(MOST)),
        };
        // One walker has at most two directories open that are not counted among those that stay open, and its meter.
        let get_along = usize::try_from(descriptors / if threads.is_some() { 3 } else { 4 }).unwrap_or(usize::MAX).max(1);
        Self { at_first: at_first.min(get_along), at_most: at_most.min(get_along), watched: Mutex::default() }
    }

    /// How many threads begin.
    pub(super) const fn at_first(&self) -> usize {
        self.at_first
    }

    /// How many there may be.
    pub(super) const fn at_most(&self) -> usize {
        self.at_most
    }

    /// How many more threads should walk now, as far as the thread of `meter` can tell; `crowd` says how many there are, and how many of
    /// those have nothing to do.
    pub(super) fn wanted(&self, meter: &mut Meter, crowd: impl FnOnce() -> (usize, usize)) -> usize {
        if self.at_first == self.at_most {
            return 0;
        }
        let Some(spent) = meter.read() else { return 0 };
        let (walkers, asleep) = crowd();
        let mut watched = lock(&self.watched);
        watched.add(spent);
        if watched.time < INTERVAL.saturating_mul(u32::try_from(walkers).unwrap_or(u32::MAX)) {
            return 0;
        }
        let seen = std::mem::take(&mut *watched);
        if asleep * 4 > walkers { 0 } else { seen.wanted(walkers).min(self.at_most.saturating_sub(walkers)) }
    }
}

impl Spent {
    fn add(&mut self, other: Self) {
        self.time += other.time;
        self.blocked += other.blocked;
    }

    /// How many more would be busy, when so many spent their time like this.
    fn wanted(self, walkers: usize) -> usize {
        if walkers < MANY && self.blocked * 4 >= self.time {
            MANY - walkers
        } else if self.blocked * 2 >= self.time {
            walkers
        } else {
            0
        }
    }
}

impl Meter {
    /// Forgets what came before: the thread had nothing to do.
    pub(super) const fn restart(&mut self) {
        self.last = None;
    }

    fn is_blind(&self) -> bool {
        self.ready().is_none_or(|ready| ready.is_zero())
    }

    /// How the time since the last look was spent, if that is long ago.
    fn read(&mut self) -> Option<Spent> {
        let at = Instant::now();
        let last = self.last;
        if last.is_some_and(|last| at.duration_since(last.at) < INTERVAL) {
            return None;
        }
        let now = Sample { at, ready: self.ready()? };
        self.last = Some(now);
        let last = last?;
        let time = now.at.duration_since(last.at);
        Some(Spent { time, blocked: time.saturating_sub(now.ready.saturating_sub(last.ready)) })
    }

    /// How long this thread has run or waited for a core.
    fn ready(&self) -> Option<Duration> {
        let mut text = [0; 64];
        let stat = self.stat.get_or_init(|| File::open("/proc/thread-self/schedstat").ok());
        let length = stat.as_ref()?.read_at(&mut text, 0).ok()?;
        let mut numbers = std::str::from_utf8(text.get(..length)?).ok()?.split_ascii_whitespace().map(str::parse);
        let (ran, waited): (u64, u64) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        Some(Duration::from_nanos(ran.saturating_add(waited)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_wait_for_the_disk_call_for_more() {
        for (blocked, walkers, wanted) in
            [(0, 2, 0), (24, 2, 0), (25, 2, 30), (100, 31, 1), (49, 32, 0), (50, 32, 32), (100, 48, 48), (10, 64, 0)]
        {
            let spent = Spent { time: Duration::from_millis(100), blocked: Duration::from_millis(blocked) };
            assert_eq!(spent.wanted(walkers), wanted, "{blocked} % blocked, {walkers} walkers");
        }
    }

    #[test]
    fn who_waits_for_something_is_told_from_who_works() {
        let mut meter = Meter::default();
        if meter.is_blind() {
            return;
        }
        assert_eq!(meter.read(), None);
        std::thread::sleep(INTERVAL * 4);
        let slept = meter.read().unwrap();
        assert!(slept.blocked * 2 > slept.time && slept.time >= INTERVAL * 4, "{slept:?}");
        let begin = Instant::now();
        while begin.elapsed() < INTERVAL * 4 {}
        let worked = meter.read().unwrap();
        assert!(worked.blocked * 2 < worked.time, "{worked:?}");
        meter.restart();
        assert_eq!(meter.read(), None);
    }

    #[test]
    fn more_are_called_only_when_all_were_watched_and_have_something_to_do() {
        let pace = Pace { at_first: 2, at_most: 40, watched: Mutex::default() };
        let mut meter = Meter::default();
        let mut ask = |asleep| {
            meter.read();
            std::thread::sleep(INTERVAL * 2);
            pace.wanted(&mut meter, || (2, asleep))
        };
        if Meter::default().is_blind() {
            return;
        }
        assert_eq!((ask(1), ask(1)), (0, 0));
        // On a busy machine some of the time that we sleep is time that we wait for the processor.
        assert_eq!((0..100).map(|_| ask(0)).find(|wanted| *wanted > 0), Some(30));
    }

    #[test]
    fn a_given_number_of_threads_is_kept_to() {
        let pace = Pace::new(NonZeroUsize::new(3), 512);
        assert_eq!((pace.at_first(), pace.at_most()), (3, 3));
        assert_eq!(pace.wanted(&mut Meter::default(), || (3, 0)), 0);
    }

    #[test]
    fn there_are_no_more_threads_than_descriptors_for_them() {
        for (threads, descriptors, most) in [(Some(33), 32, 10), (Some(7), 32, 7), (None, 32, 8), (None, 0, 1), (Some(500), 512, 170)] {
            let pace = Pace::new(threads.and_then(NonZeroUsize::new), descriptors);
            assert!(pace.at_first() <= pace.at_most() && pace.at_most() <= most, "{pace:?}");
        }
    }
}
