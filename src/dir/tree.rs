//! The tree of a layer: files by the names that a stranger gave them.
//!
//! The same rules hold as for [`super::Dir`], and one more: nothing beyond a mount is looked at. A path is resolved below the tree and through no
//! symbolic link, so that the worst that a name can do is to be absent. Paths that follow each other mostly have the same directory, which
//! is kept open between them. Reading leaves access times alone where the kernel allows that.

mod level;

pub use level::Level;

use super::{Dir, Kind};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Statx, StatxAttributes, StatxFlags, fgetxattr, lgetxattr};
use rustix::fs::{openat, openat2, readlinkat_raw, statx};
use rustix::io::Errno;
use std::ffi::CString;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};

/// What is asked of an inode.
const WANTED: StatxFlags = StatxFlags::BASIC_STATS;

/// An opened tree.
#[derive(Debug)]
pub struct Tree {
    root: OwnedFd,
    device: (u32, u32),
    /// The directory that was looked into last, by its path.
    last: Option<(Vec<u8>, OwnedFd)>,
    /// Whether there is an `openat2`.
    has_openat2: bool,
}

/// What an inode of the tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inode {
    /// Its number.
    pub number: u64,
    /// What it is.
    pub kind: Kind,
    /// Its type and permissions, as `st_mode` has them.
    pub mode: u32,
    /// The owner on the disk.
    pub user: u32,
    /// The group on the disk.
    pub group: u32,
    /// How many names it has.
    pub links: u32,
    /// Its length.
    pub size: u64,
    /// The bytes allocated for it.
    pub allocated: u64,
    /// When its content was changed, in seconds and nanoseconds since 1970.
    pub modified: (i64, u32),
    /// The numbers of a device.
    pub device: (u32, u32),
}

impl Inode {
    fn of(stat: &Statx) -> Self {
        const BLOCK: u64 = 512;
        let mode = u32::from(stat.stx_mode);
        let kind = match FileType::from_raw_mode(mode) {
            FileType::Directory => Kind::Directory,
            FileType::RegularFile => Kind::File,
            FileType::Symlink => Kind::Symlink,
            _ => Kind::Special,
        };
        Self {
            number: stat.stx_ino,
            kind,
            mode,
            user: stat.stx_uid,
            group: stat.stx_gid,
            links: stat.stx_nlink,
            size: stat.stx_size,
            allocated: stat.stx_blocks.saturating_mul(BLOCK),
            modified: (stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec),
            device: (stat.stx_rdev_major, stat.stx_rdev_minor),
        }
    }

    /// The permissions, with the bits above them.
    #[must_use]
    pub const fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }

    /// Its type alone.
    #[must_use]
    pub fn file_type(&self) -> FileType {
        FileType::from_raw_mode(self.mode)
    }

    /// Whether it is how overlayfs hides a name of a lower layer.
    #[must_use]
    pub fn is_whiteout(&self) -> bool {
        self.file_type() == FileType::CharacterDevice && self.device == (0, 0)
    }
}

impl Tree {
    /// Opens the directory `name` of `dir` as a tree; nothing when there is no such directory.
    ///
    /// # Errors
    /// When something else stands there, or it may not be read.
    pub fn open(dir: &Dir, name: &str) -> Result<Option<Self>, super::ReadError> {
        let Some(root) = dir.dir(name)? else { return Ok(None) };
        let failed = |errno: Errno| dir.error(name, super::Operation::Stat, std::io::Error::from(errno));
        let stat = statx(root.as_fd(), c"", AtFlags::EMPTY_PATH, WANTED).map_err(failed)?;
        let device = (stat.stx_dev_major, stat.stx_dev_minor);
        Ok(Some(Self { root: root.into(), device, last: None, has_openat2: true }))
    }

    /// What `path` names, without following it if it is a link; nothing if nothing has that name.
    ///
    /// # Errors
    /// When the kernel does not say, or something is mounted there.
    pub fn stat(&mut self, path: &[u8]) -> Result<Option<Inode>, Errno> {
        let device = self.device;
        self.at(path, |parent, name| {
            let stat = statx(parent, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT, WANTED)?;
            own(&stat, device)
        })
    }

    /// Opens the regular file `path`, and says what it is; of anything else nothing but that.
    ///
    /// # Errors
    /// When it may not be read, or something is mounted there.
    pub fn file(&mut self, path: &[u8]) -> Result<Option<(Inode, Option<File>)>, Errno> {
        let device = self.device;
        self.at(path, |parent, name| {
            // Looked at first: to open a device can be to use it, and a layer can have any, such as one that resets the machine.
            let inode = own(&statx(parent, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT, WANTED)?, device)?;
            if inode.kind != Kind::File {
                return Ok((inode, None));
            }
            let fd = open_quietly(parent, name, OFlags::NONBLOCK | OFlags::NOCTTY)?;
            // It may have become something else meanwhile.
            let inode = own(&statx(&fd, c"", AtFlags::EMPTY_PATH, WANTED)?, device)?;
            Ok((inode, (inode.kind == Kind::File).then(|| File::from(fd))))
        })
    }

    /// The text of the symbolic link `path`.
    ///
    /// # Errors
    /// When it is none, or cannot be read.
    pub fn read_link(&mut self, path: &[u8]) -> Result<Option<Vec<u8>>, Errno> {
        self.at(path, |parent, name| {
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let (text, _) = readlinkat_raw(parent, name, &mut buffer)?;
            Ok(text.to_vec())
        })
    }

    /// The extended attribute `attribute` of `path`; nothing if it has none of that name.
    ///
    /// The kernel reads attributes by a path or through an opened file, and opening a device or a FIFO does more than that; the name that
    /// `/proc` gives the opened directory leads to the same without.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn attribute(&mut self, path: &[u8], attribute: &[u8]) -> Result<Option<Vec<u8>>, Errno> {
        let attribute = CString::new(attribute).map_err(|_| Errno::INVAL)?;
        let read = self.at(path, |parent, name| {
            let mut through = format!("/proc/self/fd/{}/", parent.as_raw_fd()).into_bytes();
            through.extend(name.to_bytes());
            let through = CString::new(through).map_err(|_| Errno::INVAL)?;
            whole(|buffer| lgetxattr(&through, &attribute, buffer))
        });
        read.map(Option::flatten)
    }

    /// Calls `each` with every name in the directory `path`, and what it is if the listing says that.
    ///
    /// # Errors
    /// When it is no directory or cannot be listed.
    pub fn list(&self, path: &[u8], each: impl FnMut(&[u8], Option<Kind>)) -> Result<(), Errno> {
        self.level(path)?.ok_or(Errno::NOENT)?.list(each)
    }

    /// Does something with the directory of `path` and its last component; nothing if one of them is not there.
    fn at<T>(&mut self, path: &[u8], act: impl FnOnce(BorrowedFd<'_>, &std::ffi::CStr) -> Result<T, Errno>) -> Result<Option<T>, Errno> {
        let (above, name) = match path.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => (path.get(..slash).unwrap_or_default(), path.get(slash + 1..).unwrap_or_default()),
            None => (&b""[..], path),
        };
        let name = CString::new(if name.is_empty() { b"." } else { name }).map_err(|_| Errno::INVAL)?;
        if self.last.as_ref().is_none_or(|(last, _)| last != above) {
            let opened = match self.open_dir(above, OFlags::PATH) {
                // What is above may be missing, or be a file or a link: then nothing has this name.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
                opened => opened?,
            };
            self.last = Some((above.to_vec(), opened));
        }
        let Some((_, parent)) = &self.last else { return Ok(None) };
        match act(parent.as_fd(), &name) {
            Err(Errno::NOENT) => Ok(None),
            done => done.map(Some),
        }
    }

    /// Opens a directory of the tree.
    fn open_dir(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let path = if path.is_empty() { b"." } else { path };
        if self.has_openat2 {
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
            match openat2(&self.root, path, flags, Mode::empty(), resolve) {
                // Kernels before 5.6, and sandboxes that know no `openat2`.
                Err(Errno::NOSYS | Errno::PERM) => {}
                opened => return opened,
            }
        }
        self.open_by_steps(path, flags)
    }

    /// The same where there is no `openat2`: one component at a time.
    fn open_by_steps(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let through = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut components = path.split(|&byte| byte == b'/').peekable();
        let mut reached: Option<OwnedFd> = None;
        while let Some(component) = components.next() {
            if matches!(component, b"" | b"..") {
                return Err(Errno::XDEV);
            }
            let from = reached.as_ref().map_or_else(|| self.root.as_fd(), |fd| fd.as_fd());
            let opened = openat(from, component, if components.peek().is_some() { through } else { flags }, Mode::empty())?;
            own(&statx(&opened, c"", AtFlags::EMPTY_PATH, WANTED)?, self.device)?;
            reached = Some(opened);
        }
        reached.ok_or(Errno::NOENT)
    }
}

/// What a listing says of an entry.
const fn listed(file_type: FileType) -> Option<Kind> {
    match file_type {
        FileType::Directory => Some(Kind::Directory),
        FileType::RegularFile => Some(Kind::File),
        FileType::Symlink => Some(Kind::Symlink),
        FileType::Unknown => None,
        _ => Some(Kind::Special),
    }
}

/// Opens for reading without touching the access time, if that is allowed.
fn open_quietly(at: BorrowedFd<'_>, name: &std::ffi::CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(at, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => openat(at, name, flags, Mode::empty()),
        opened => opened,
    }
}

/// Refuses what is on another file system, or is the root of a mount of this one.
fn own(stat: &Statx, device: (u32, u32)) -> Result<Inode, Errno> {
    let is_foreign = (stat.stx_dev_major, stat.stx_dev_minor) != device || stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT);
    if is_foreign { Err(Errno::XDEV) } else { Ok(Inode::of(stat)) }
}

/// Reads an attribute of any length that the kernel allows; nothing if there is none.
fn whole(mut read: impl FnMut(&mut [u8]) -> Result<usize, Errno>) -> Result<Option<Vec<u8>>, Errno> {
    const LONGEST: usize = 64 << 10;
    let mut value = vec![0; 256];
    loop {
        match read(&mut value) {
            Ok(length) => {
                value.truncate(length);
                return Ok(Some(value));
            }
            Err(Errno::NODATA | Errno::NOTSUP) => return Ok(None),
            Err(Errno::RANGE) if value.len() < LONGEST => value.resize(LONGEST, 0),
            Err(errno) => return Err(errno),
        }
    }
}

/// The extended attribute `attribute` of an opened file; nothing if it has none of that name.
///
/// # Errors
/// When the kernel does not say.
pub fn attribute_of(file: &File, attribute: &std::ffi::CStr) -> Result<Option<Vec<u8>>, Errno> {
    whole(|buffer| fgetxattr(file, attribute, buffer))
}
