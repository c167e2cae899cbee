//! The few writes that everything here is made of, each with the path in its error.
//!
//! Modes are set after the creation, so that they do not depend on the umask of whoever runs this.

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};
use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink as make_symlink};
use std::path::{Path, PathBuf};

/// Something of a data-root could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {}: {cause}", path.display())]
pub struct WriteError {
    /// What was to be written.
    pub path: PathBuf,
    /// What was to be done with it.
    pub verb: &'static str,
    /// Why it failed.
    pub cause: io::Error,
}

/// What a write ends with.
pub type Result<T> = std::result::Result<T, WriteError>;

/// Turns the failure of `verb` on `path` into a [`WriteError`].
pub(super) fn failed<E>(verb: &'static str, path: &Path) -> impl FnOnce(E) -> WriteError
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    move |error| WriteError { path: path.to_owned(), verb, cause: io_error(error.into()) }
}

/// Keeps an [`io::Error`] as it is, with its kind, and wraps anything else into one.
fn io_error(error: Box<dyn std::error::Error + Send + Sync>) -> io::Error {
    error.downcast::<io::Error>().map_or_else(io::Error::other, |error| *error)
}

/// Creates the directory `path`, whose parent exists, unless it is there already; then it keeps its mode.
pub(super) fn directory(path: &Path, mode: u32) -> Result<()> {
    match fs::create_dir(path) {
        Ok(()) => permissions(path, mode),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(failed("create", path)(error)),
    }
}

/// Creates the file `path`, or replaces its content.
pub(super) fn file(path: &Path, mode: u32, content: impl AsRef<[u8]>) -> Result<()> {
    let mut file = File::create(path).map_err(failed("create", path))?;
    file.write_all(content.as_ref()).and_then(|()| file.set_permissions(Permissions::from_mode(mode))).map_err(failed("write", path))
}

/// Sets the mode of a file or a directory.
pub(super) fn permissions(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed("set the mode of", path))
}

/// Creates the symbolic link `path`.
pub(super) fn symlink(path: &Path, target: &Path) -> Result<()> {
    make_symlink(target, path).map_err(failed("create", path))
}

/// Renames `from` to `to`.
pub(super) fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(failed("rename", from))
}

/// Removes the file or the whole directory `path`.
pub(super) fn remove(path: &Path) -> Result<()> {
    let is_directory = fs::symlink_metadata(path).map_err(failed("remove", path))?.is_dir();
    if is_directory { fs::remove_dir_all(path) } else { fs::remove_file(path) }.map_err(failed("remove", path))
}

/// Creates the node `path`, or leaves it out where whoever runs this may not.
pub(super) fn node(path: &Path, kind: FileType, mode: u32, device: u64) -> Result<()> {
    match rustix::fs::mknodat(CWD, path, kind, Mode::from_raw_mode(mode), device) {
        Ok(()) => permissions(path, mode),
        Err(rustix::io::Errno::PERM) => Ok(()),
        Err(errno) => Err(failed("create", path)(io::Error::from(errno))),
    }
}

/// Sets an extended attribute, or leaves it out where whoever runs this may not or the file system has none.
pub(super) fn attribute(path: &Path, name: &str, value: &[u8]) -> Result<()> {
    use rustix::io::Errno;
    match rustix::fs::lsetxattr(path, name, value, XattrFlags::empty()) {
        Ok(()) | Err(Errno::PERM | Errno::OPNOTSUPP) => Ok(()),
        Err(errno) => Err(failed("set an attribute of", path)(io::Error::from(errno))),
    }
}

/// Sets the owner without following a link, or leaves it as it is where whoever runs this may not.
pub(super) fn owner(path: &Path, (uid, gid): (u32, u32)) -> Result<()> {
    match std::os::unix::fs::lchown(path, Some(uid), Some(gid)) {
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => Err(failed("set the owner of", path)(error)),
        _ => Ok(()),
    }
}

/// Sets the time of the last change to `seconds` since 1970, without following a link.
pub(super) fn modified(path: &Path, seconds: i64) -> Result<()> {
    let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|errno| failed("set the time of", path)(io::Error::from(errno)))
}
