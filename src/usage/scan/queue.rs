//! The work that is left, and who does it.
//!
//! Each walker has a stack of the directories that it is in, with the names of the subdirectories that it has not entered yet, and goes
//! depth first, so that little is pending. One that has nothing left takes half of the uppermost names of another's stack: there the
//! largest trees are. One that finds nothing sleeps until another has some to spare, and the walk is over when all sleep.

use super::account::Account;
use super::level::Level;
use super::lock;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// A directory and what is left of it.
#[derive(Debug)]
pub(super) struct Frame<'o> {
    /// The directory.
    pub(super) level: Arc<Level>,
    /// Its descriptor, if it stayed open.
    pub(super) fd: Option<Arc<OwnedFd>>,
    /// On whose account it is.
    pub(super) account: Arc<Account<'o>>,
    /// The subdirectories to enter, each name ended by a NUL.
    pub(super) names: Vec<u8>,
    /// Whether the listing stopped before its end; it goes on where the descriptor stands.
    pub(super) is_unread: bool,
}

/// What a walker does next.
#[derive(Debug)]
pub(super) enum Step<'o> {
    /// Enter the directory whose name was handed out, below this one.
    Enter(Arc<Level>, Option<Arc<OwnedFd>>, Arc<Account<'o>>),
    /// Read the rest of a directory.
    Resume(Arc<Level>, Arc<OwnedFd>, Arc<Account<'o>>),
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

    /// Leaves work on the stack of walker `me`.
    pub(super) fn push(&self, me: usize, frame: Frame<'o>) {
        if let Some(stack) = self.stacks.get(me) {
            lock(stack).push_back(frame);
        }
    }

    /// What walker `me` does next, with the name in `name`; nothing when the walk is over.
    pub(super) fn next(&self, me: usize, name: &mut Vec<u8>) -> Option<Step<'o>> {
        loop {
            if let Some((step, has_more)) = self.pop(me, name) {
                if has_more && self.is_hungry() {
                    // Whoever looked before this work was there either sleeps by now, or will look again.
                    drop(lock(&self.state));
                    self.wake.notify_one();
                }
                return Some(step);
            }
            let stolen = self.steal(me).or_else(|| self.sleep(me))?;
            self.push(me, stolen);
        }
    }

    /// The uppermost step of a walker's own stack, and whether anything is left below it.
    fn pop(&self, me: usize, name: &mut Vec<u8>) -> Option<(Step<'o>, bool)> {
        let mut stack = lock(self.stacks.get(me)?);
        while let Some(frame) = stack.back_mut() {
            if frame.names.pop().is_some() {
                let start = frame.names.iter().rposition(|&byte| byte == 0).map_or(0, |nul| nul + 1);
                name.clear();
                name.extend(frame.names.drain(start..));
                name.push(0);
                let step = Step::Enter(Arc::clone(&frame.level), frame.fd.clone(), Arc::clone(&frame.account));
                let has_more = !frame.names.is_empty() || frame.is_unread || stack.len() > 1;
                return Some((step, has_more));
            }
            let Frame { level, fd, account, is_unread, .. } = stack.pop_back()?;
            if let Some(fd) = fd.filter(|_| is_unread) {
                return Some((Step::Resume(level, fd, account), !stack.is_empty()));
            }
        }
        None
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

/// Half of the names of the lowest frame of a stack that has any, or the frame itself where it cannot be halved.
fn take_half<'o>(stack: &mut VecDeque<Frame<'o>>) -> Option<Frame<'o>> {
    while stack.front().is_some_and(|frame| frame.names.is_empty() && !frame.is_unread) {
        stack.pop_front();
    }
    let frame = stack.front_mut()?;
    let middle = frame.names.len() / 2;
    let half = frame.names.iter().skip(middle).position(|&byte| byte == 0).map(|nul| middle + nul + 1);
    match half.filter(|&half| half < frame.names.len() || frame.is_unread) {
        Some(half) => {
            let rest = frame.names.split_off(half);
            let names = std::mem::replace(&mut frame.names, rest);
            let (level, fd, account) = (Arc::clone(&frame.level), frame.fd.clone(), Arc::clone(&frame.account));
            Some(Frame { level, fd, account, names, is_unread: false })
        }
        None => stack.pop_front(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::place::Place;
    use crate::usage::scan::account::Owners;

    fn frame<'o>(owners: &'o Owners, names: &[u8], is_unread: bool) -> Frame<'o> {
        let fd = Arc::new(OwnedFd::from(std::fs::File::open("/").unwrap()));
        Frame { level: Level::root(&fd), fd: Some(fd), account: Account::new(Place::root(), owners), names: names.to_vec(), is_unread }
    }

    /// The names that walker `me` is handed, in order, and then whether it was told to read on.
    fn drain(queue: &Queue<'_>, me: usize) -> (Vec<String>, bool) {
        let mut names = Vec::new();
        let mut name = Vec::new();
        while let Some((step, _)) = queue.pop(me, &mut name) {
            match step {
                Step::Enter(..) => names.push(String::from_utf8(name.strip_suffix(b"\0").unwrap().to_vec()).unwrap()),
                Step::Resume(..) => return (names, true),
            }
        }
        (names, false)
    }

    #[test]
    fn a_walker_is_handed_its_own_names_last_first_then_reads_on() {
        let owners = Owners::default();
        let queue = Queue::new(1);
        queue.push(0, frame(&owners, b"a\0bb\0c\0", true));
        assert_eq!(drain(&queue, 0), (vec!["c".into(), "bb".into(), "a".into()], true));
        assert!(queue.next(0, &mut Vec::new()).is_none());
    }

    #[test]
    fn a_thief_takes_half_of_the_lowest_frame() {
        for (names, is_unread, stolen, left, resumes) in [
            (&b"a\0b\0c\0d\0"[..], false, &["c", "b", "a"][..], &["x", "d"][..], false),
            (b"a\0", false, &["a"], &["x"], false),
            (b"a\0", true, &["a"], &["x"], true),
            (b"long-name\0b\0", false, &["long-name"], &["x", "b"], false),
        ] {
            let owners = Owners::default();
            let queue = Queue::new(2);
            queue.push(0, frame(&owners, names, is_unread));
            queue.push(0, frame(&owners, b"x\0", false));
            let frame = queue.steal(1).unwrap();
            queue.push(1, frame);
            assert_eq!(drain(&queue, 1).0, stolen);
            assert_eq!(drain(&queue, 0), (left.iter().map(|&name| name.to_owned()).collect(), resumes));
        }
    }
}
