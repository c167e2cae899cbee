//! The floor: nothing but the system calls that no walk by `getdents64` and `statx` can do without, and two sums.
//!
//! It knows no owners, hard links, marks or mounts, keeps every directory open whose subdirectories wait, and gives up on any error.

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, StatxFlags, openat, statx};
use std::cell::RefCell;
use std::error::Error;
use std::ffi::CStr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[derive(Debug, Default)]
struct Sums {
    bytes: AtomicU64,
    inodes: AtomicU64,
}

/// Adds up a tree by `threads` threads; hard links count once for each name.
pub(crate) fn walk(root: &Path, threads: usize) -> Result<(u64, u64), Box<dyn Error>> {
    let fd = OwnedFd::from(std::fs::File::open(root)?);
    let sums = Sums::default();
    if threads == 1 {
        let mut stack = vec![fd];
        let mut buffer = Vec::with_capacity(BUFFER);
        while let Some(fd) = stack.pop() {
            list(&fd, &mut buffer, &sums, |name| open(&fd, name).map(|fd| stack.push(fd)))?;
        }
    } else {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        pool.scope(|scope| spawn(scope, &Arc::new(fd), &sums));
    }
    Ok((sums.bytes.into_inner(), sums.inodes.into_inner()))
}

const BUFFER: usize = 64 * 1024;

thread_local! {
    static OWN: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(BUFFER));
}

fn spawn<'s>(scope: &rayon::Scope<'s>, fd: &Arc<OwnedFd>, sums: &'s Sums) {
    OWN.with_borrow_mut(|buffer| {
        let below = |name: &CStr| {
            let (at, name) = (Arc::clone(fd), name.to_owned());
            scope.spawn(move |scope| {
                if let Ok(fd) = open(&at, &name) {
                    drop(at);
                    spawn(scope, &Arc::new(fd), sums);
                }
            });
            Ok(())
        };
        // The sum shows what is missing.
        list(fd, buffer, sums, below).unwrap_or_default();
    });
}

fn open(at: &OwnedFd, name: &CStr) -> rustix::io::Result<OwnedFd> {
    openat(at, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

fn list(fd: &OwnedFd, buffer: &mut Vec<u8>, sums: &Sums, mut below: impl FnMut(&CStr) -> rustix::io::Result<()>) -> rustix::io::Result<()> {
    let wanted = StatxFlags::INO | StatxFlags::NLINK | StatxFlags::BLOCKS;
    let (mut bytes, mut inodes) = (statx(fd, c"", AtFlags::EMPTY_PATH, wanted)?.stx_blocks * 512, 1);
    let mut entries = RawDir::new(fd.as_fd(), buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if matches!(entry.file_name().to_bytes(), b"." | b"..") {
        } else if entry.file_type() == FileType::Directory {
            below(entry.file_name())?;
        } else {
            bytes += statx(fd, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW, wanted)?.stx_blocks * 512;
            inodes += 1;
        }
    }
    sums.bytes.fetch_add(bytes, Relaxed);
    sums.inodes.fetch_add(inodes, Relaxed);
    Ok(())
}
