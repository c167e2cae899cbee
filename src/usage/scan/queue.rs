//! The work that is left, and who does it.
//!
//! Each walker has a stack of the directories that it is in, with the names of the subdirectories that it has not entered yet, and goes
//! depth first, so that little is pending. One that has nothing left takes half of the uppermost names of another's stack: there the
//! largest trees are. One that finds nothing sleeps until another has some to spare, and the walk is over when all sleep.

use super::level::Level;
use super::lock;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// A directory and something that is left of it.
#[derive(Debug)]
pub(super) struct Frame<'o> {
    /// The directory.
    pub(super) level: Arc<Level<'o>>,
    /// Its descriptor, if it stayed open.
    pub(super) fd: Option<Arc<OwnedFd>>,
    /// The names of some entries, each ended by a NUL.
    pub(super) names: Vec<u8>,
    /// What is to be done with those and after them.
    pub(super) task: Task,
}

/// What is left to do in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// The names are those of subdirectories, to be entered.
    Enter,
    /// The same; then the listing, of which so many entries were read, is to be read on from where the descriptor stands.
    EnterAndRead(u64),
    /// The names are those of other entries, to be counted.
    Count,
}

/// What a walker does next.
#[derive(Debug)]
pub(super) enum Step<'o> {
    /// Enter the directory whose name was handed out, below this one.
    Enter(Arc<Level<'o>>, Option<Arc<OwnedFd>>),
    /// Count the entries whose names were handed out, in this directory.
    Count(Arc<Level<'o>>, Option<Arc<OwnedFd>>),
    /// Read the rest of this directory, after so many entries.
    Read(Arc<Level<'o>>, Arc<OwnedFd>, u64),
}

/// The stacks of all walkers.
#[derive(Debug)]
pub(super) struct Queue<'o> {
    stacks: Vec<Mutex<VecDeque<Frame<'o>>>>,
    hungry: AtomicUsize,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug)]
struct State {
    walkers: usize,
    asleep: usize,
}

impl<'o> Queue<'o> {
    /// Has room for `most` walkers, of which the first is there.
    pub(super) fn new(most: usize) -> Self {
        let stacks = (0..most).map(|_| Mutex::default()).collect();
        Self { stacks, hungry: AtomicUsize::new(0), state: Mutex::new(State { walkers: 1, asleep: 0 }), wake: Condvar::new() }
    }

    /// The number of a new walker, unless there are as many as there may be or the walk is over.
    pub(super) fn join(&self) -> Option<usize> {
        let mut state = lock(&self.state);
        if state.walkers >= self.stacks.len() || state.asleep == state.walkers {
            return None;
        }
        state.walkers += 1;
        Some(state.walkers - 1)
    }

    /// Takes back that the walker who joined last would come.
    pub(super) fn leave(&self) {
        let mut state = lock(&self.state);
        state.walkers -= 1;
        if state.asleep == state.walkers {
            self.wake.notify_all();
        }
    }

    /// Whether a walker has nothing to do.
    pub(super) fn is_hungry(&self) -> bool {
        self.hungry.load(SeqCst) > 0
    }

    /// How many walkers there are and how many of them have nothing to do.
    pub(super) fn crowd(&self) -> (usize, usize) {
        let state = lock(&self.state);
        (state.walkers, state.asleep)
    }

    /// Leaves work on the stack of walker `me`.
    pub(super) fn push(&self, me: usize, frame: Frame<'o>) {
        if let Some(stack) = self.stacks.get(me) {
            lock(stack).push_back(frame);
        }
    }

    /// What walker `me` does next, with what names, and whether it had to wait for that; nothing when the walk is over.
    pub(super) fn next(&self, me: usize, names: &mut Vec<u8>) -> Option<(Step<'o>, bool)> {
        let mut had_to_wait = false;
        loop {
            if let Some((step, has_more)) = self.pop(me, names) {
                if has_more && self.is_hungry() {
                    // Whoever looked before this work was there either sleeps by now, or will look again.
                    drop(lock(&self.state));
                    self.wake.notify_one();
                }
                return Some((step, had_to_wait));
            }
            let stolen = self.steal(me);
            had_to_wait |= stolen.is_none();
            self.push(me, stolen.or_else(|| self.sleep(me))?);
        }
    }

    /// The uppermost step of a walker's own stack, and whether anything is left below it.
    fn pop(&self, me: usize, names: &mut Vec<u8>) -> Option<(Step<'o>, bool)> {
        let mut stack = lock(self.stacks.get(me)?);
        let frame = stack.back_mut()?;
        let start = frame.last_names();
        names.clear();
        names.extend(frame.names.drain(start..));
        let (is_read_next, is_done) = (names.is_empty(), frame.names.is_empty() && !frame.is_unread());
        let (level, fd, task) = if is_read_next || is_done {
            let Frame { level, fd, task, .. } = stack.pop_back()?;
            (level, fd, task)
        } else {
            (Arc::clone(&frame.level), frame.fd.clone(), frame.task)
        };
        let step = match (task, fd) {
            (Task::Count, fd) => Step::Count(level, fd),
            (Task::EnterAndRead(listed), Some(fd)) if is_read_next => Step::Read(level, fd, listed),
            (Task::Enter | Task::EnterAndRead(_), fd) => Step::Enter(level, fd),
        };
        Some((step, !stack.is_empty()))
    }

    /// Takes work from another's stack.
    fn steal(&self, me: usize) -> Option<Frame<'o>> {
        let (before, from) = self.stacks.split_at_checked(me)?;
        from.iter().skip(1).chain(before).find_map(|stack| take_half(&mut lock(stack)))
    }

    /// Sleeps until there is work to take; nothing when all sleep.
    fn sleep(&self, me: usize) -> Option<Frame<'o>> {
        let mut state = lock(&self.state);
        self.hungry.fetch_add(1, SeqCst);
        state.asleep += 1;
        let stolen = loop {
            // Looked for only now that others can see that work is wanted.
            if let Some(stolen) = self.steal(me) {
                break Some(stolen);
            }
            if state.asleep >= state.walkers {
                self.wake.notify_all();
                break None;
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        if stolen.is_some() {
            state.asleep -= 1;
        }
        self.hungry.fetch_sub(1, SeqCst);
        stolen
    }
}

impl Frame<'_> {
    const fn is_unread(&self) -> bool {
        matches!(self.task, Task::EnterAndRead(_))
    }

    /// Where the names begin that are handed out next: one to enter, or some to count.
    fn last_names(&self) -> usize {
        /// How many bytes of names are worth a step.
        const COUNTED: usize = 1024;
        let before_last = self.names.len().saturating_sub(1);
        let end = if self.task == Task::Count { before_last.min(self.names.len().saturating_sub(COUNTED)) } else { before_last };
        self.names.get(..end).unwrap_or_default().iter().rposition(|&byte| byte == 0).map_or(0, |nul| nul + 1)
    }
}

/// Half of the names of the lowest frame of a stack, or the frame itself where it cannot be halved.
fn take_half<'o>(stack: &mut VecDeque<Frame<'o>>) -> Option<Frame<'o>> {
    let frame = stack.front_mut()?;
    let middle = frame.names.len() / 2;
    let half = frame.names.iter().skip(middle).position(|&byte| byte == 0).map(|nul| middle + nul + 1);
    match half.filter(|&half| half < frame.names.len() || frame.is_unread()) {
        Some(half) => {
            let rest = frame.names.split_off(half);
            let names = std::mem::replace(&mut frame.names, rest);
            let task = if frame.task == Task::Count { Task::Count } else { Task::Enter };
            Some(Frame { level: Arc::clone(&frame.level), fd: frame.fd.clone(), names, task })
        }
        None => stack.pop_front(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::place::Place;
    use crate::usage::scan::account::{Account, Owners};
    use crate::usage::scan::level::Directory;

    fn frame<'o>(owners: &'o Owners, names: &[u8], task: Task) -> Frame<'o> {
        let fd = Arc::new(OwnedFd::from(std::fs::File::open("/").unwrap()));
        let level = Level::root(&fd, Account::new(Place::root(), owners), Directory::default());
        Frame { level, fd: Some(fd), names: names.to_vec(), task }
    }

    /// What walker `me` is told to do until nothing is left: `enter a`, `count a b`, `read 9`.
    fn drain(queue: &Queue<'_>, me: usize) -> Vec<String> {
        let mut names = Vec::new();
        let mut steps = Vec::new();
        while let Some((step, has_more)) = queue.pop(me, &mut names) {
            let task = match step {
                Step::Enter(..) => "enter".to_owned(),
                Step::Count(..) => "count".to_owned(),
                Step::Read(.., listed) => format!("read {listed}"),
            };
            steps.push(format!("{task} {}", String::from_utf8(names.clone()).unwrap().replace('\0', " ")).trim_end().to_owned());
            assert_eq!(has_more, !lock(&queue.stacks[me]).is_empty());
        }
        steps
    }

    #[test]
    fn a_walker_is_handed_what_came_last_first() {
        let owners = Owners::default();
        let queue = Queue::new(1);
        queue.push(0, frame(&owners, b"", Task::EnterAndRead(7)));
        queue.push(0, frame(&owners, b"a\0bb\0c\0", Task::EnterAndRead(5)));
        queue.push(0, frame(&owners, b"d\0ee\0", Task::Enter));
        queue.push(0, frame(&owners, b"f\0gg\0", Task::Count));
        assert_eq!(drain(&queue, 0), ["count f gg", "enter ee", "enter d", "enter c", "enter bb", "enter a", "read 5", "read 7"]);
        assert!(queue.next(0, &mut Vec::new()).is_none());
    }

    #[test]
    fn entries_are_counted_by_the_kilobyte() {
        let owners = Owners::default();
        let queue = Queue::new(1);
        let names: Vec<u8> = (0..1000).flat_map(|number| format!("{number:03}\0").into_bytes()).collect();
        queue.push(0, frame(&owners, &names, Task::Count));
        let steps = drain(&queue, 0);
        assert_eq!(steps.iter().map(|step| step.split(' ').count() - 1).collect::<Vec<_>>(), [256, 256, 256, 232]);
        assert!(steps[0].starts_with("count 744 745 ") && steps[3].ends_with(" 231"));
    }

    #[test]
    fn a_thief_takes_half_of_the_lowest_frame() {
        use Task::{Count, Enter, EnterAndRead};
        for (names, task, stolen, left) in [
            (&b"a\0b\0c\0d\0"[..], Enter, &["enter c", "enter b", "enter a"][..], &["enter d"][..]),
            (b"a\0", Enter, &["enter a"], &[]),
            (b"a\0", EnterAndRead(1), &["enter a"], &["read 1"]),
            (b"", EnterAndRead(2), &["read 2"], &[]),
            (b"long-name\0b\0", Enter, &["enter long-name"], &["enter b"]),
            (b"a\0b\0c\0", Count, &["count a b"], &["count c"]),
        ] {
            let owners = Owners::default();
            let queue = Queue::new(2);
            queue.push(0, frame(&owners, names, task));
            queue.push(0, frame(&owners, b"x\0", Enter));
            let frame = queue.steal(1).unwrap();
            queue.push(1, frame);
            assert_eq!(drain(&queue, 1), stolen);
            assert_eq!(drain(&queue, 0), [&["enter x"], left].concat());
        }
    }
}
