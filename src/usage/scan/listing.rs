//! Reading one directory.

use super::account::Account;
use super::inode::{Inode, Usage};
use super::level::{Directory, Level, Spot};
use super::marks;
use super::walker::Walker;
use crate::dir::Operation;
use rustix::fs::{FileType, RawDir};
use std::ffi::CStr;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// How much the kernel lists at once.
pub(super) const BUFFER: usize = 64 * 1024;
/// How many bytes of names of subdirectories are gathered before the first of them is entered.
const GATHERED: usize = 64 * 1024;
/// How many entries a directory must have for others to help with it.
const MANY: u64 = 256;

/// A directory that is being read, and what was added up of it.
#[derive(Debug)]
pub(super) struct Listing<'l, 'o> {
    spot: Spot<'l, 'o>,
    fd: BorrowedFd<'l>,
    pub(super) account: &'l Arc<Account<'o>>,
    pub(super) directory: Directory,
    /// How many entries were read so far.
    pub(super) listed: u64,
    /// Whether the descriptor will be there later, so that the rest can be read then.
    pub(super) may_pause: bool,
    /// Whether entries are left for others to count.
    is_shared: bool,
    /// What is charged to the account.
    pub(super) usage: Usage,
    /// The inodes met, whoever is charged for them.
    pub(super) inodes: u64,
    /// What is allocated for those.
    pub(super) bytes: u64,
}

impl<'l, 'o> Listing<'l, 'o> {
    /// Begins with the directory at `spot`, open as `fd`.
    pub(super) fn new(spot: Spot<'l, 'o>, fd: BorrowedFd<'l>, account: &'l Arc<Account<'o>>) -> Self {
        Self {
            spot,
            fd,
            account,
            directory: Directory::default(),
            listed: 0,
            may_pause: true,
            is_shared: false,
            usage: Usage::default(),
            inodes: 0,
            bytes: 0,
        }
    }

    /// Goes on with a directory of which a part is done.
    pub(super) fn at(level: &'l Arc<Level<'o>>, fd: BorrowedFd<'l>) -> Self {
        let listing = Self::new(Spot { level, name: c"" }, fd, &level.account);
        Self { directory: level.directory, ..listing }
    }

    /// Charges an inode to the directory's account.
    pub(super) fn charge(&mut self, inode: &Inode) {
        self.usage.add(inode);
        self.meet(inode);
    }

    fn meet(&mut self, inode: &Inode) {
        self.inodes += 1;
        self.bytes = self.bytes.saturating_add(inode.bytes());
    }
}

impl<'o> Walker<'_, 'o> {
    /// Reads the marks of a directory of a layer.
    pub(super) fn read_marks(&mut self, listing: &mut Listing<'_, 'o>) {
        if listing.account.is_layer() {
            match marks::of_directory(listing.fd) {
                Ok(marks) => {
                    listing.usage.opaques += u64::from(marks.is_opaque);
                    listing.usage.user_opaques += u64::from(marks.is_user_opaque);
                    listing.usage.redirects += u64::from(marks.is_redirect);
                    listing.directory.has_whiteout_files = marks.has_whiteout_files;
                }
                Err(errno) => self.lost(listing.spot, c"", Operation::Read, errno),
            }
        }
    }

    /// Reads a directory, gathers its subdirectories and counts all else; tells after how many entries it is to be read on later.
    ///
    /// That is when very many subdirectories were gathered, and when others have nothing to do: then the names of one buffer are
    /// gathered too, and all may take of them.
    pub(super) fn read(&mut self, listing: &mut Listing<'_, 'o>) -> Option<u64> {
        let mut buffer = std::mem::take(&mut self.entries);
        let mut entries = RawDir::new(listing.fd, buffer.spare_capacity_mut());
        let mut unread = None;
        loop {
            if entries.is_buffer_empty() && listing.may_pause {
                if !self.uncounted.is_empty() || self.directories.len() > GATHERED {
                    unread = Some(listing.listed);
                    break;
                }
                listing.is_shared = listing.listed >= MANY && self.walk.queue.is_hungry();
            }
            match entries.next() {
                Some(Ok(entry)) => {
                    let is_last = self.walk.kernel.end == Some(entry.next_entry_cookie());
                    self.sort(listing, entry.file_name(), entry.file_type());
                    if is_last {
                        break;
                    }
                }
                Some(Err(errno)) => {
                    self.lost(listing.spot, c"", Operation::List, errno);
                    break;
                }
                None => break,
            }
        }
        self.entries = buffer;
        if unread.is_none() {
            let path = || listing.spot.path(self.walk.root, c"");
            self.found.directories.offer(listing.listed, listing.directory.number, path);
        }
        unread
    }

    /// Gathers or counts one entry of a directory.
    fn sort(&mut self, listing: &mut Listing<'_, 'o>, name: &CStr, kind: FileType) {
        if matches!(name.to_bytes(), b"." | b"..") {
            return;
        }
        listing.listed += 1;
        if kind == FileType::Directory {
            self.directories.extend(name.to_bytes_with_nul());
        } else if listing.is_shared {
            self.uncounted.extend(name.to_bytes_with_nul());
        } else {
            self.count(listing, name);
        }
    }

    /// Counts an entry that is not known to be a directory.
    pub(super) fn count(&mut self, listing: &mut Listing<'_, 'o>, name: &CStr) {
        let mut inode = match self.walk.kernel.stat(listing.fd, name) {
            Ok(inode) => inode,
            Err(errno) => return self.lost(listing.spot, name, Operation::Stat, errno),
        };
        if inode.kind == FileType::Directory {
            return self.directories.extend(name.to_bytes_with_nul());
        }
        if inode.kind == FileType::RegularFile && self.found.files.may_take(inode.bytes()) {
            self.found.files.offer(inode.bytes(), inode.number, || listing.spot.path(self.walk.root, name));
        }
        if !listing.account.is_settled() {
            return self.count_apart(listing, name, &inode);
        }
        if listing.account.is_layer() {
            self.mark(listing, name, &mut inode);
        }
        if !inode.may_be_met_again() {
            listing.charge(&inode);
        } else if self.walk.links.meet(&inode, listing.account, 1) {
            listing.meet(&inode);
        }
    }

    /// Counts what an entry of a layer says about lower layers.
    fn mark(&mut self, listing: &mut Listing<'_, 'o>, name: &CStr, inode: &mut Inode) {
        listing.usage.whiteouts += u64::from(inode.is_whiteout);
        if inode.lacks_content() || listing.directory.has_whiteout_files && inode.is_empty_file() {
            match marks::of_file(listing.fd, name) {
                Ok(marks) => {
                    inode.is_metacopy = marks.is_metacopy;
                    let is_whiteout = u64::from(marks.is_whiteout && listing.directory.has_whiteout_files);
                    listing.usage.whiteouts += is_whiteout;
                    listing.usage.whiteout_files += is_whiteout;
                }
                Err(errno) => self.lost(listing.spot, name, Operation::Read, errno),
            }
        }
    }

    /// Counts an entry that has an owner of its own.
    fn count_apart(&mut self, listing: &mut Listing<'_, 'o>, name: &CStr, inode: &Inode) {
        let account = self.child(listing.spot, listing.account, name, false);
        if !inode.may_be_met_again() {
            let mut usage = Usage::default();
            usage.add(inode);
            account.charge(usage);
            listing.meet(inode);
        } else if self.walk.links.meet(inode, &account, 1) {
            listing.meet(inode);
        }
    }
}
