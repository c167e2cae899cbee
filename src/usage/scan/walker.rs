//! One thread of the walk.

use super::account::{Account, Links};
use super::inode::{Inode, Usage};
use super::kernel::{Kernel, is_gone, is_mount};
use super::level::{Level, Spot};
use super::marks::{self, DirectoryMarks};
use super::queue::{Frame, Queue, Step};
use super::{Progress, lock};
use crate::dir::{Operation, ReadError};
use crate::unreadable::{Pins, Unreadable};
use rustix::fs::{FileType, RawDir};
use rustix::io::Errno;
use std::ffi::CStr;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What all walkers of one walk share.
#[derive(Debug)]
pub(super) struct Walk<'o> {
    pub(super) root: &'o Path,
    pub(super) kernel: Kernel,
    pub(super) queue: Queue<'o>,
    pub(super) links: Links<'o>,
    pub(super) progress: &'o Progress,
    pub(super) found: Mutex<Found>,
    /// How many descriptors may be in use.
    pub(super) descriptors: u64,
}

/// What was met besides inodes.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) unreadable: Vec<Unreadable>,
    pub(super) not_entered: Vec<PathBuf>,
    pub(super) vanished: u64,
}

/// One thread's part in a walk.
#[derive(Debug)]
pub(super) struct Walker<'w, 'o> {
    walk: &'w Walk<'o>,
    me: usize,
    found: Found,
    reached: Option<(Arc<Level>, Arc<OwnedFd>)>,
}

/// A directory that is being read.
#[derive(Debug)]
struct Listing<'l, 'o> {
    spot: Spot<'l>,
    fd: Arc<OwnedFd>,
    account: &'l Arc<Account<'o>>,
    has_whiteout_files: bool,
    /// What is charged to the account in the end.
    usage: Usage,
    /// Inodes and bytes met here.
    inodes: u64,
    bytes: u64,
    /// The subdirectories.
    names: Vec<u8>,
}

/// How much a directory is listed of at once.
const BUFFER: usize = 64 * 1024;
/// How many bytes of names of subdirectories are gathered before the first of them is entered.
const GATHERED: usize = 64 * 1024;

impl<'w, 'o> Walker<'w, 'o> {
    /// Walker number `me` of a walk.
    pub(super) fn new(walk: &'w Walk<'o>, me: usize) -> Self {
        Self { walk, me, found: Found::default(), reached: None }
    }

    /// Walks until nothing is left.
    pub(super) fn run(mut self) {
        let mut buffer = Vec::with_capacity(BUFFER);
        let mut name = Vec::new();
        while let Some(step) = self.walk.queue.next(self.me, &mut name) {
            match step {
                Step::Enter(level, fd, account) => {
                    if let Ok(name) = CStr::from_bytes_with_nul(&name) {
                        self.enter(Spot { level: &level, name }, fd, &account, &mut buffer);
                    }
                }
                Step::Resume(level, fd, account) => {
                    let mut listing = Listing::new(Spot { level: &level, name: c"" }, fd, &account);
                    self.read_marks(&mut listing);
                    self.list(listing, &mut buffer);
                }
            }
        }
        let mut found = lock(&self.walk.found);
        found.unreadable.append(&mut self.found.unreadable);
        found.not_entered.append(&mut self.found.not_entered);
        found.vanished += self.found.vanished;
    }

    /// Enters a directory below one that is open as `above`, if it is, and whose account is given.
    fn enter(&mut self, spot: Spot<'_>, above: Option<Arc<OwnedFd>>, account: &Arc<Account<'o>>, buffer: &mut Vec<u8>) {
        let kernel = &self.walk.kernel;
        let account = account.child(spot.name.to_bytes(), true);
        let above = match above.map_or_else(|| self.reach(spot.level), Ok) {
            Ok(above) => above,
            Err(errno) => return self.lost(spot, c"", Operation::Open, errno),
        };
        match kernel.open(above.as_fd(), spot.name).and_then(|fd| Ok((kernel.stat_opened(fd.as_fd())?, fd))) {
            Ok((stat, fd)) => {
                let mut listing = Listing::new(spot, Arc::new(fd), &account);
                listing.charge(&Inode::of(&stat));
                let marks = self.read_marks(&mut listing);
                listing.usage.opaques += u64::from(marks.is_opaque);
                listing.usage.redirects += u64::from(marks.is_redirect);
                self.list(listing, buffer);
            }
            Err(errno) => {
                self.lost(spot, c"", Operation::Open, errno);
                if !is_gone(errno) && !is_mount(errno) {
                    self.charge_unentered(above.as_fd(), spot.name, &account);
                }
            }
        }
    }

    /// The descriptor of a level that did not stay open; kept, because the next directory may be below the same.
    fn reach(&mut self, level: &Arc<Level>) -> Result<Arc<OwnedFd>, Errno> {
        match &self.reached {
            Some((reached, fd)) if Arc::ptr_eq(reached, level) => Ok(Arc::clone(fd)),
            _ => {
                self.reached = None;
                let fd = level.reach(&self.walk.kernel)?;
                self.reached = Some((Arc::clone(level), Arc::clone(&fd)));
                Ok(fd)
            }
        }
    }

    /// Reads the marks of a directory of a layer.
    fn read_marks(&mut self, listing: &mut Listing<'_, 'o>) -> DirectoryMarks {
        if !listing.account.is_layer() {
            return DirectoryMarks::default();
        }
        let marks = marks::of_directory(listing.fd.as_fd()).unwrap_or_else(|errno| {
            self.lost(listing.spot, c"", Operation::Read, errno);
            DirectoryMarks::default()
        });
        listing.has_whiteout_files = marks.has_whiteout_files;
        marks
    }

    /// Counts a directory that cannot be entered, as `du` does.
    fn charge_unentered(&self, at: BorrowedFd<'_>, name: &CStr, account: &Account<'o>) {
        if let Ok(stat) = self.walk.kernel.stat(at, name) {
            let inode = Inode::of(&stat);
            let mut usage = Usage::default();
            usage.add(&inode);
            account.charge(usage);
            self.walk.progress.add(1, inode.bytes());
        }
    }

    /// Reads a directory, or a part of it, and leaves its subdirectories on the stack.
    fn list(&mut self, mut listing: Listing<'_, 'o>, buffer: &mut Vec<u8>) {
        let mut is_unread = false;
        let fd = Arc::clone(&listing.fd);
        let mut entries = RawDir::new(&*fd, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            match entry {
                Ok(entry) if matches!(entry.file_name().to_bytes(), b"." | b"..") => {}
                Ok(entry) if entry.file_type() == FileType::Directory => listing.names.extend(entry.file_name().to_bytes_with_nul()),
                Ok(entry) => self.count(&mut listing, entry.file_name()),
                Err(errno) => {
                    self.lost(listing.spot, c"", Operation::List, errno);
                    break;
                }
            }
            if entries.is_buffer_empty() && listing.names.len() > GATHERED && listing.spot.stays_open(&fd, self.walk.descriptors) {
                is_unread = true;
                break;
            }
        }
        let Listing { spot, account, usage, inodes, bytes, names, .. } = listing;
        account.charge(usage);
        self.walk.progress.add(inodes, bytes);
        if is_unread || !names.is_empty() {
            let (level, fd) = spot.settle(&fd, self.walk.descriptors);
            self.walk.queue.push(self.me, Frame { level, fd, account: Arc::clone(account), names, is_unread });
        }
    }

    /// Counts one entry of a directory that is not known to be a directory itself.
    fn count(&mut self, listing: &mut Listing<'_, 'o>, name: &CStr) {
        let mut inode = match self.walk.kernel.stat(listing.fd.as_fd(), name) {
            Ok(stat) => Inode::of(&stat),
            Err(errno) => return self.lost(listing.spot, name, Operation::Stat, errno),
        };
        if inode.kind == FileType::Directory {
            return listing.names.extend(name.to_bytes_with_nul());
        }
        if !listing.account.is_settled() {
            return self.count_apart(listing, name, &inode);
        }
        if listing.account.is_layer() {
            self.mark(listing, name, &mut inode);
        }
        if !inode.may_be_met_again() {
            listing.charge(&inode);
        } else if self.walk.links.meet(&inode, listing.account) {
            listing.meet(&inode);
        }
    }

    /// Counts what an entry of a layer says about lower layers.
    fn mark(&mut self, listing: &mut Listing<'_, 'o>, name: &CStr, inode: &mut Inode) {
        listing.usage.whiteouts += u64::from(inode.is_whiteout);
        if inode.lacks_content() || listing.has_whiteout_files && inode.is_empty_file() {
            match marks::of_file(listing.fd.as_fd(), name) {
                Ok(marks) => {
                    inode.is_metacopy = marks.is_metacopy;
                    listing.usage.whiteouts += u64::from(marks.is_whiteout && listing.has_whiteout_files);
                }
                Err(errno) => self.lost(listing.spot, name, Operation::Read, errno),
            }
        }
    }

    /// Counts an entry that has an owner of its own.
    fn count_apart(&self, listing: &mut Listing<'_, 'o>, name: &CStr, inode: &Inode) {
        let account = listing.account.child(name.to_bytes(), false);
        if !inode.may_be_met_again() {
            let mut usage = Usage::default();
            usage.add(inode);
            account.charge(usage);
            listing.meet(inode);
        } else if self.walk.links.meet(inode, &account) {
            listing.meet(inode);
        }
    }

    /// Takes note that `entry` of a directory, or the directory itself if that is empty, could not be looked at.
    fn lost(&mut self, spot: Spot<'_>, entry: &CStr, operation: Operation, errno: Errno) {
        if is_gone(errno) {
            self.found.vanished += 1;
            return;
        }
        let path = spot.path(self.walk.root, entry);
        if is_mount(errno) {
            self.found.not_entered.push(path);
        } else {
            let cause = std::io::Error::from(errno).into();
            self.found.unreadable.push(Unreadable::new(ReadError { path, operation, cause }, Pins::Nothing));
        }
    }
}

impl<'l, 'o> Listing<'l, 'o> {
    fn new(spot: Spot<'l>, fd: Arc<OwnedFd>, account: &'l Arc<Account<'o>>) -> Self {
        Self { spot, fd, account, has_whiteout_files: false, usage: Usage::default(), inodes: 0, bytes: 0, names: Vec::new() }
    }

    /// Charges an inode to the directory's account.
    fn charge(&mut self, inode: &Inode) {
        self.usage.add(inode);
        self.meet(inode);
    }

    /// Takes note that an inode was met, whoever is charged for it.
    fn meet(&mut self, inode: &Inode) {
        self.inodes += 1;
        self.bytes = self.bytes.saturating_add(inode.bytes());
    }
}
