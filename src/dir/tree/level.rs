//! One opened directory of a tree: everything in it is asked for relative to it, by any number of threads.

use super::{Inode, Tree, WANTED, listed, open_quietly, own, whole};
use crate::dir::Kind;
use rustix::fs::{AtFlags, OFlags, RawDir, lgetxattr, readlinkat_raw, statx};
use rustix::io::Errno;
use std::ffi::CString;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};

/// An opened directory.
#[derive(Debug)]
pub struct Level {
    fd: OwnedFd,
    device: (u32, u32),
}

impl Tree {
    /// Opens the directory `path`; nothing if there is none.
    ///
    /// # Errors
    /// When it may not be read, or something is mounted there.
    pub fn level(&self, path: &[u8]) -> Result<Option<Level>, Errno> {
        let opened = match self.open_dir(path, OFlags::NOATIME) {
            Err(Errno::PERM) => self.open_dir(path, OFlags::empty()),
            opened => opened,
        };
        match opened {
            // What is above may be missing, or be a file or a link: then there is no such directory.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            opened => Ok(Some(Level { fd: opened?, device: self.device })),
        }
    }
}

impl Level {
    /// Calls `each` with every name, and what it is if the listing says that.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn list(&self, mut each: impl FnMut(&[u8], Option<Kind>)) -> Result<(), Errno> {
        let mut buffer = Vec::with_capacity(32 << 10);
        let mut entries = RawDir::new(&self.fd, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") {
                each(name, listed(entry.file_type()));
            }
        }
        Ok(())
    }

    /// What the directory itself is.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn itself(&self) -> Result<Inode, Errno> {
        Ok(Inode::of(&statx(&self.fd, c"", AtFlags::EMPTY_PATH, WANTED)?))
    }

    /// What `name` names, without following it; nothing if there is none.
    ///
    /// # Errors
    /// When the kernel does not say, or something is mounted there.
    pub fn stat(&self, name: &[u8]) -> Result<Option<Inode>, Errno> {
        match statx(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT, WANTED) {
            Err(Errno::NOENT) => Ok(None),
            stat => own(&stat?, self.device).map(Some),
        }
    }

    /// Opens the regular file `name`; nothing if it is anything else.
    ///
    /// # Errors
    /// When it may not be read, or something is mounted there.
    pub fn file(&self, name: &[u8]) -> Result<Option<File>, Errno> {
        if self.stat(name)?.is_none_or(|inode| inode.kind != Kind::File) {
            return Ok(None);
        }
        let name = CString::new(name).map_err(|_| Errno::INVAL)?;
        let fd = open_quietly(self.fd.as_fd(), &name, OFlags::NONBLOCK | OFlags::NOCTTY)?;
        // It may have become something else meanwhile.
        let inode = own(&statx(&fd, c"", AtFlags::EMPTY_PATH, WANTED)?, self.device)?;
        Ok((inode.kind == Kind::File).then(|| File::from(fd)))
    }

    /// The text of the symbolic link `name`.
    ///
    /// # Errors
    /// When it is none, or cannot be read.
    pub fn read_link(&self, name: &[u8]) -> Result<Vec<u8>, Errno> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let (text, _) = readlinkat_raw(&self.fd, name, &mut buffer)?;
        Ok(text.to_vec())
    }

    /// The extended attribute `attribute` of `name`; nothing if it has none of that name.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn attribute(&self, name: &[u8], attribute: &[u8]) -> Result<Option<Vec<u8>>, Errno> {
        // As for a whole tree: the name that `/proc` gives the directory leads there without opening what is there.
        let mut through = format!("/proc/self/fd/{}/", self.fd.as_raw_fd()).into_bytes();
        through.extend(name);
        whole(|buffer| lgetxattr(through.as_slice(), attribute, buffer))
    }
}
