//! One thread of the walk.

use super::account::Account;
use super::found::Found;
use super::inode::Usage;
use super::kernel::{Kernel, is_gone, is_mount};
use super::level::{Level, Spot};
use super::links::Links;
use super::listing::Listing;
use super::memory::Memory;
use super::pace::Meter;
use super::queue::{Frame, Queue, Step, Task};
use super::reopened::Reopened;
use super::{Progress, lock};
use crate::dir::Operation;
use crate::store::place::Area;
use rustix::io::Errno;
use std::ffi::CStr;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// What all walkers of one walk share.
#[derive(Debug)]
pub(super) struct Walk<'o> {
    pub(super) root: &'o Path,
    pub(super) kernel: Kernel,
    pub(super) queue: Queue<'o>,
    pub(super) links: Links<'o>,
    /// What need not be walked, and what of the rest is worth remembering.
    pub(super) memory: Option<&'o Memory>,
    pub(super) progress: &'o Progress,
    pub(super) found: Mutex<Found>,
    /// How many descriptors may be in use.
    pub(super) descriptors: u64,
    /// How many of the largest are remembered.
    pub(super) largest: usize,
}

/// One thread's part in a walk.
#[derive(Debug)]
pub(super) struct Walker<'w, 'o> {
    pub(super) walk: &'w Walk<'o>,
    me: usize,
    pub(super) found: Found,
    /// What is charged to one account, until there is something for another.
    charged: Option<(Arc<Account<'o>>, Usage)>,
    /// The inodes met, and their bytes, that the progress does not show yet.
    met: (u64, u64),
    /// The levels that were opened again last, because the next directory may be below one of them.
    reopened: Reopened<'o>,
    /// Where the kernel puts the entries of directories.
    pub(super) entries: Vec<u8>,
    /// The subdirectories of the directory that is being read.
    pub(super) directories: Vec<u8>,
    /// Those of its entries that others are to count.
    pub(super) uncounted: Vec<u8>,
}

impl<'w, 'o> Walker<'w, 'o> {
    /// Walker number `me` of a walk.
    pub(super) fn new(walk: &'w Walk<'o>, me: usize) -> Self {
        Self {
            walk,
            me,
            found: Found::new(walk.largest),
            charged: None,
            met: (0, 0),
            reopened: Reopened::default(),
            entries: Vec::with_capacity(super::listing::BUFFER),
            directories: Vec::new(),
            uncounted: Vec::new(),
        }
    }

    /// Walks until nothing is left, and calls `pause` between any two steps with what tells how this thread spends its time.
    pub(super) fn run(mut self, pause: impl Fn(&mut Meter)) {
        let mut names = Vec::new();
        let mut meter = Meter::default();
        while let Some((step, had_to_wait)) = self.walk.queue.next(self.me, &mut names) {
            if had_to_wait {
                meter.restart();
            }
            match step {
                Step::Enter(level, fd) => {
                    if let Ok(name) = CStr::from_bytes_with_nul(&names) {
                        self.enter(Spot { level: &level, name }, fd);
                    }
                }
                Step::Count(level, fd) => self.count_all(&level, fd, &names),
                Step::Read(level, fd, listed) => self.read_on(&level, &fd, listed),
            }
            pause(&mut meter);
        }
        self.charge_all();
        self.walk.progress.add(self.met.0, self.met.1);
        lock(&self.walk.found).merge(self.found);
    }

    /// Enters a directory below one that is open as `above`, if that stayed open.
    fn enter(&mut self, spot: Spot<'_, 'o>, above: Option<Arc<OwnedFd>>) {
        let kernel = &self.walk.kernel;
        let own;
        let account = if spot.level.account.is_settled() {
            &spot.level.account
        } else {
            own = self.child(spot, &spot.level.account, spot.name, true);
            &own
        };
        let above = match self.reach(spot.level, above) {
            Ok(above) => above,
            Err(errno) => return self.lost(spot, c"", Operation::Open, errno),
        };
        if self.recall(spot, above.as_fd(), account) {
            return;
        }
        match kernel.open(above.as_fd(), spot.name).and_then(|fd| Ok((kernel.stat_opened(fd.as_fd())?, fd))) {
            Ok((inode, fd)) => {
                let mut listing = Listing::new(spot, fd.as_fd(), account);
                listing.may_pause = spot.stays_open(fd.as_fd(), self.walk.descriptors);
                listing.charge(&inode);
                listing.directory.number = inode.number;
                self.learn(spot, fd.as_fd());
                self.read_marks(&mut listing);
                let unread = self.read(&mut listing);
                self.finish(&listing);
                if unread.is_some() || !self.directories.is_empty() || !self.uncounted.is_empty() {
                    let (directory, stays_open) = (listing.directory, listing.may_pause);
                    let fd = stays_open.then(|| Arc::new(fd));
                    let level = Level::below(spot, fd.as_ref(), Arc::clone(account), directory);
                    self.leave(&level, fd.as_ref(), unread);
                }
            }
            Err(errno) => {
                self.lost(spot, c"", Operation::Open, errno);
                if !is_gone(errno) && !is_mount(errno) {
                    self.charge_unentered(above.as_fd(), spot.name, account);
                }
            }
        }
    }

    /// Reads on in a directory that was left before its end.
    fn read_on(&mut self, level: &Arc<Level<'o>>, fd: &Arc<OwnedFd>, listed: u64) {
        let mut listing = Listing::at(level, fd.as_fd());
        listing.listed = listed;
        let unread = self.read(&mut listing);
        self.finish(&listing);
        self.leave(level, Some(fd), unread);
    }

    /// Counts entries of a directory that whoever read it left to others.
    fn count_all(&mut self, level: &Arc<Level<'o>>, fd: Option<Arc<OwnedFd>>, names: &[u8]) {
        match self.reach(level, fd) {
            Ok(fd) => {
                let mut listing = Listing::at(level, fd.as_fd());
                for name in names.split_inclusive(|&byte| byte == 0) {
                    if let Ok(name) = CStr::from_bytes_with_nul(name) {
                        self.count(&mut listing, name);
                    }
                }
                self.finish(&listing);
                self.leave(level, Some(&fd), None);
            }
            Err(errno) => self.lost(Spot { level, name: c"" }, c"", Operation::Open, errno),
        }
    }

    /// Leaves on the stack what was found in a directory and is not done: what is to be done last comes first.
    fn leave(&mut self, level: &Arc<Level<'o>>, fd: Option<&Arc<OwnedFd>>, unread: Option<u64>) {
        let enter = unread.map_or(Task::Enter, Task::EnterAndRead);
        for (names, task, is_needed) in [(&mut self.directories, enter, unread.is_some()), (&mut self.uncounted, Task::Count, false)] {
            if is_needed || !names.is_empty() {
                let frame = Frame { level: Arc::clone(level), fd: fd.cloned(), names: names.as_slice().to_vec(), task };
                self.walk.queue.push(self.me, frame);
                names.clear();
            }
        }
    }

    /// The account of the entry `name` of the directory at `above`, which is on `account`.
    pub(super) fn child(&mut self, above: Spot<'_, 'o>, account: &Arc<Account<'o>>, name: &CStr, is_directory: bool) -> Arc<Account<'o>> {
        let child = account.child(name.to_bytes(), is_directory);
        if child.owner().area == Area::Temporary {
            // It may be in a layer directory, and belongs to somebody else.
            self.spoil(above);
        }
        child
    }

    /// The descriptor of a level, which is `fd` if that stayed open.
    fn reach(&mut self, level: &Arc<Level<'o>>, fd: Option<Arc<OwnedFd>>) -> Result<Arc<OwnedFd>, Errno> {
        if let Some(fd) = fd {
            self.reopened.forget();
            return Ok(fd);
        }
        self.reopened.reach(level, &self.walk.kernel, self.walk.descriptors)
    }

    /// Counts a directory that cannot be entered, as `du` does.
    fn charge_unentered(&mut self, at: BorrowedFd<'_>, name: &CStr, account: &Arc<Account<'o>>) {
        if let Ok(inode) = self.walk.kernel.stat(at, name) {
            let mut usage = Usage::default();
            usage.add(&inode);
            self.charge(account, usage);
            self.meet(1, usage.bytes);
        }
    }

    /// Charges what was added up of a directory.
    fn finish(&mut self, listing: &Listing<'_, 'o>) {
        self.charge(listing.account, listing.usage);
        self.meet(listing.inodes, listing.bytes);
    }

    /// Charges an account.
    pub(super) fn charge(&mut self, account: &Arc<Account<'o>>, usage: Usage) {
        match &mut self.charged {
            Some((charged, sum)) if Arc::ptr_eq(charged, account) => *sum += usage,
            _ => {
                self.charge_all();
                self.charged = Some((Arc::clone(account), usage));
            }
        }
    }

    fn charge_all(&mut self) {
        if let Some((account, usage)) = self.charged.take() {
            account.charge(usage);
        }
    }

    /// Lets the progress know, but not of every few inodes: all threads share it.
    pub(super) fn meet(&mut self, inodes: u64, bytes: u64) {
        const WORTH_TELLING: u64 = 256;
        self.met = (self.met.0 + inodes, self.met.1.saturating_add(bytes));
        if self.met.0 >= WORTH_TELLING {
            self.walk.progress.add(self.met.0, self.met.1);
            self.met = (0, 0);
        }
    }

    /// Takes note that `entry` of a directory, or the directory itself if that is empty, could not be looked at.
    pub(super) fn lost(&mut self, spot: Spot<'_, 'o>, entry: &CStr, operation: Operation, errno: Errno) {
        self.spoil(spot);
        self.found.lost(operation, errno, || spot.path(self.walk.root, entry));
    }
}
