//! An opened directory: the only way this crate reaches what lies below a data-root.
//!
//! Every access is relative to a descriptor, resolves below it (`openat2` with `RESOLVE_BENEATH`), follows no symbolic link, neither in the
//! middle of a name nor at its end, and opens nothing but directories and regular files: a `link` that is a FIFO cannot make us wait, one
//! that is a symbolic link cannot lead us out. What a content may weigh is the caller's to say, because only it knows how large an honest
//! one gets.

mod entry;
mod error;
pub mod tree;

pub use entry::{Entry, Kind, Stamp};
pub use error::{Cause, Operation, ReadError};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2, readlinkat};
use nix::sys::stat::{Mode, fstat, fstatat};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

/// An opened directory below a data-root, or the data-root itself.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Dir> for OwnedFd {
    fn from(dir: Dir) -> Self {
        dir.fd
    }
}

impl Dir {
    /// Opens the directory that everything else will be relative to; symbolic links in `path` itself are followed, as dockerd does.
    ///
    /// # Errors
    /// When it does not exist, is no directory, or may not be read.
    pub fn root(path: &Path) -> Result<Self, ReadError> {
        let failed = |cause: Cause| ReadError { path: path.to_owned(), operation: Operation::Open, cause };
        let real = path.canonicalize().map_err(|error| failed(error.into()))?;
        let fd = nix::fcntl::open(&real, OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).map_err(|errno| failed(errno.into()))?;
        Ok(Self { fd, path: real })
    }

    /// The path by which a person would name this directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the directory `name`, which may have several components, or says that nothing has that name.
    ///
    /// # Errors
    /// When something else than a directory stands there, or it may not be read.
    pub fn dir(&self, name: impl AsRef<Path>) -> Result<Option<Self>, ReadError> {
        let name = name.as_ref();
        match self.open_beneath(name, OFlag::O_DIRECTORY) {
            Ok(fd) => Ok(Some(Self { fd, path: self.path.join(name) })),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(self.error(name, Operation::Open, errno)),
        }
    }

    /// Every name in the directory, sorted by its bytes.
    ///
    /// # Errors
    /// When the kernel fails to list it; what was listed until then is not returned, so that a part never passes for the whole.
    pub fn entries(&self) -> Result<Vec<Entry>, ReadError> {
        let failed = |errno: Errno| self.error(Path::new(""), Operation::List, errno);
        let fd = self.open_beneath(Path::new("."), OFlag::O_DIRECTORY).map_err(failed)?;
        let mut listing = nix::dir::Dir::from_fd(fd).map_err(failed)?;
        let mut entries = Vec::new();
        for entry in listing.iter() {
            let entry = entry.map_err(failed)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                let kind = match entry.file_type() {
                    Some(listed) => Kind::from(listed),
                    None => self.kind(name)?.unwrap_or(Kind::Special),
                };
                entries.push(Entry { name: name.to_owned(), kind });
            }
        }
        entries.sort_unstable();
        Ok(entries)
    }

    /// As [`Dir::entries`], through the descriptor itself: half the system calls, where thousands of small directories are listed.
    ///
    /// # Errors
    /// As [`Dir::entries`].
    pub fn entries_in_place(&mut self) -> Result<Vec<Entry>, ReadError> {
        let failed = |errno: rustix::io::Errno| self.error(Path::new(""), Operation::List, Errno::from_raw(errno.raw_os_error()));
        rustix::fs::seek(&self.fd, rustix::fs::SeekFrom::Start(0)).map_err(failed)?;
        let mut buffer = Vec::with_capacity(4096);
        let mut listing = rustix::fs::RawDir::new(&self.fd, buffer.spare_capacity_mut());
        let mut entries = Vec::new();
        while let Some(entry) = listing.next() {
            let entry = entry.map_err(failed)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                let kind = match Kind::listed(entry.file_type()) {
                    Some(kind) => kind,
                    None => self.kind(name)?.unwrap_or(Kind::Special),
                };
                entries.push(Entry { name: name.to_owned(), kind });
            }
        }
        entries.sort_unstable();
        Ok(entries)
    }

    /// Whether the file system tells the kinds of entries where it lists them, as overlayfs needs it to; unknown of an empty directory.
    ///
    /// # Errors
    /// As [`Dir::entries`].
    pub fn lists_kinds(&self) -> Result<Option<bool>, ReadError> {
        let failed = |errno: Errno| self.error(Path::new(""), Operation::List, errno);
        let fd = self.open_beneath(Path::new("."), OFlag::O_DIRECTORY).map_err(failed)?;
        let mut listing = nix::dir::Dir::from_fd(fd).map_err(failed)?;
        for entry in listing.iter() {
            let entry = entry.map_err(failed)?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                return Ok(Some(entry.file_type().is_some()));
            }
        }
        Ok(None)
    }

    /// Whether nothing is in the directory; however much is, only the beginning is listed.
    ///
    /// # Errors
    /// As [`Dir::entries`].
    pub fn is_empty(&self) -> Result<bool, ReadError> {
        let failed = |errno: Errno| self.error(Path::new(""), Operation::List, errno);
        let fd = self.open_beneath(Path::new("."), OFlag::O_DIRECTORY).map_err(failed)?;
        let mut listing = nix::dir::Dir::from_fd(fd).map_err(failed)?;
        for entry in listing.iter() {
            if !matches!(entry.map_err(failed)?.file_name().to_bytes(), b"." | b"..") {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Every name in the directory `name`; none when there is no such directory.
    ///
    /// # Errors
    /// As [`Dir::dir`] and [`Dir::entries`].
    pub fn entries_of(&self, name: impl AsRef<Path>) -> Result<Vec<Entry>, ReadError> {
        self.dir(name)?.map_or_else(|| Ok(Vec::new()), |dir| dir.entries())
    }

    /// The kind of what `name` names, without following a link.
    ///
    /// # Errors
    /// When the kernel fails to say.
    pub fn kind(&self, name: impl AsRef<Path>) -> Result<Option<Kind>, ReadError> {
        let name = name.as_ref();
        match self.at_parent_of(name, |parent, last| fstatat(parent, last, AtFlags::AT_SYMLINK_NOFOLLOW)) {
            Ok(stat) => Ok(Some(Kind::of_mode(stat.st_mode))),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(self.error(name, Operation::Stat, errno)),
        }
    }

    /// What identifies the inode `name` (`""`: this directory) and tells its age, or nothing when it is gone.
    ///
    /// # Errors
    /// When the kernel fails to say.
    pub fn stamp(&self, name: impl AsRef<Path>) -> Result<Option<Stamp>, ReadError> {
        use rustix::fs::{AtFlags, StatxFlags, statx};
        let name = name.as_ref();
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH | AtFlags::NO_AUTOMOUNT;
        let wanted = StatxFlags::TYPE | StatxFlags::INO | StatxFlags::BTIME | StatxFlags::CTIME | StatxFlags::MTIME;
        let errno = |errno: rustix::io::Errno| Errno::from_raw(errno.raw_os_error());
        match self.at_parent_of(name, |parent, last| statx(parent, last, flags, wanted).map_err(errno)) {
            Ok(stat) => Ok(Some(Stamp::from(&stat))),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(self.error(name, Operation::Stat, errno)),
        }
    }

    /// Opens the regular file `name` for reading, or says that nothing has that name.
    ///
    /// # Errors
    /// When something else than a regular file stands there, or it may not be read.
    pub fn file(&self, name: impl AsRef<Path>) -> Result<Option<File>, ReadError> {
        Ok(self.file_of_length(name.as_ref())?.map(|(file, _)| file))
    }

    /// Opens the regular file `name`, and says how long it is.
    fn file_of_length(&self, name: &Path) -> Result<Option<(File, u64)>, ReadError> {
        let fd = match self.open_beneath(name, OFlag::O_NONBLOCK | OFlag::O_NOCTTY) {
            Ok(fd) => fd,
            Err(Errno::ENOENT) => return Ok(None),
            // What a device node, a socket or a link answers when it is opened.
            Err(Errno::ENXIO | Errno::ENODEV | Errno::ELOOP) => return Err(self.error(name, Operation::Open, Cause::NotAFile)),
            Err(errno) => return Err(self.error(name, Operation::Open, errno)),
        };
        let stat = fstat(&fd).map_err(|errno| self.error(name, Operation::Stat, errno))?;
        if stat.st_mode & nix::libc::S_IFMT != nix::libc::S_IFREG {
            return Err(self.error(name, Operation::Open, Cause::NotAFile));
        }
        Ok(Some((File::from(fd), u64::try_from(stat.st_size).unwrap_or_default())))
    }

    /// The content of the regular file `name`, of at most `limit` bytes, or nothing when there is none.
    ///
    /// # Errors
    /// As [`Dir::file`]; and when the content is larger than `limit`.
    pub fn read(&self, name: impl AsRef<Path>, limit: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let name = name.as_ref();
        let Some((mut file, length)) = self.file_of_length(name)? else { return Ok(None) };
        let too_large = || self.error(name, Operation::Read, Cause::TooLarge(limit));
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        // One byte more than there should be: a read that does not fill it has met the end, so that most files take one read.
        let mut room = usize::try_from(length).ok().filter(|&length| length <= most).ok_or_else(too_large)?.saturating_add(1);
        let mut content = Vec::new();
        loop {
            let filled = content.len();
            content.resize(room, 0);
            let read = match file.read(content.get_mut(filled..).unwrap_or_default()) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    content.truncate(filled);
                    continue;
                }
                Err(error) => return Err(self.error(name, Operation::Read, error)),
            };
            content.truncate(filled + read);
            if content.len() > most {
                return Err(too_large());
            }
            if content.len() < room {
                return Ok(Some(content));
            }
            // It has grown since its length was asked for.
            room = room.saturating_mul(2);
        }
    }

    /// The text of the symbolic link `name`, or nothing when there is none.
    ///
    /// # Errors
    /// When something else stands there, or the kernel fails to say.
    pub fn read_link(&self, name: impl AsRef<Path>) -> Result<Option<OsString>, ReadError> {
        let name = name.as_ref();
        match self.at_parent_of(name, |parent, last| readlinkat(parent, last)) {
            Ok(text) => Ok(Some(text)),
            Err(Errno::ENOENT) => Ok(None),
            Err(Errno::EINVAL) => Err(self.error(name, Operation::Read, Cause::Malformed("not a symbolic link".to_owned()))),
            Err(errno) => Err(self.error(name, Operation::Read, errno)),
        }
    }

    /// The error that `operation` on `name` below this directory failed with `cause`.
    pub fn error(&self, name: impl AsRef<Path>, operation: Operation, cause: impl Into<Cause>) -> ReadError {
        let name = name.as_ref();
        let path = if name.as_os_str().is_empty() { self.path.clone() } else { self.path.join(name) };
        ReadError { path, operation, cause: cause.into() }
    }

    /// Asks about the last component of `name` in the directory that holds it, which is reached through no symbolic link.
    fn at_parent_of<T>(&self, name: &Path, ask: impl FnOnce(BorrowedFd<'_>, &Path) -> nix::Result<T>) -> nix::Result<T> {
        match (name.parent(), name.file_name()) {
            (Some(parent), Some(last)) if !parent.as_os_str().is_empty() => {
                let parent = self.open_beneath(parent, OFlag::O_DIRECTORY | OFlag::O_PATH)?;
                ask(parent.as_fd(), Path::new(last))
            }
            _ => ask(self.fd.as_fd(), name),
        }
    }

    /// Opens `name` read-only, below this directory and through no symbolic link.
    fn open_beneath(&self, name: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
        let flags = flags | OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS;
        match openat2(&self.fd, name, OpenHow::new().flags(flags).resolve(resolve)) {
            // Kernels before 5.6, and sandboxes that know no `openat2`.
            Err(Errno::ENOSYS | Errno::EPERM) => self.open_by_steps(name, flags),
            opened => opened,
        }
    }

    /// Does what [`Dir::open_beneath`] does where there is no `openat2`: one component at a time, none of them a link or `..`.
    fn open_by_steps(&self, name: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
        let through = OFlag::O_DIRECTORY | OFlag::O_PATH | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        let mut components = name.components().peekable();
        let mut reached: Option<OwnedFd> = None;
        while let Some(component) = components.next() {
            if !matches!(component, Component::Normal(_) | Component::CurDir) {
                return Err(Errno::EXDEV);
            }
            let flags = if components.peek().is_some() { through } else { flags };
            let from = reached.as_ref().map_or_else(|| self.fd.as_fd(), AsFd::as_fd);
            reached = Some(openat(from, component.as_os_str(), flags, Mode::empty())?);
        }
        reached.ok_or(Errno::ENOENT)
    }
}

#[cfg(test)]
mod tests;
