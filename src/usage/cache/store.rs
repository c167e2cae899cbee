//! Where figures are kept: a file that only we can have written, in a directory that only we can write to.

use crate::dir::Dir;
use crate::id::Digest;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, geteuid, unlinkat};
use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::fs::{DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// The largest cache that is read or written: a hundred thousand layers take half of it.
const LIMIT: u64 = 64 << 20;

/// Why there is no cache.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {}: {cause}", path.display())]
pub struct Error {
    verb: &'static str,
    path: PathBuf,
    cause: String,
}

/// An opened cache directory, and which of its files is the data-root's.
#[derive(Debug)]
pub struct Store {
    dir: OwnedFd,
    path: PathBuf,
    name: OsString,
}

/// Where caches are kept by default: for root the system's place, for others their own.
#[must_use]
pub fn default_directory(user: u32, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if user == 0 {
        return Some("/var/cache/layerwise".into());
    }
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(caches.join("layerwise"))
}

impl Store {
    /// Opens the cache of the data-root `root` in the directory `path`, which is made if it is not there.
    ///
    /// # Errors
    /// When that is no directory, not ours, writable for others, or below the data-root.
    pub fn open(path: &Path, root: &Dir) -> Result<Self, Error> {
        let fail = |verb, cause: String| Error { verb, path: path.to_owned(), cause };
        let inside = || fail("use", "it is in the data-root".to_owned());
        // Before anything is made, by where it would be.
        let place = std::path::absolute(path).map_err(|error| fail("make", error.to_string()))?;
        let nearest = place.ancestors().find_map(|above| above.canonicalize().ok()).unwrap_or_default();
        if is_below(&nearest, root) {
            return Err(inside());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| fail("make", error.to_string()))?;
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let dir = nix::fcntl::open(path, flags, Mode::empty()).map_err(|errno| fail("open", io::Error::from(errno).to_string()))?;
        let stat = fstat(&dir).map_err(|errno| fail("open", io::Error::from(errno).to_string()))?;
        owned(&stat, Mode::S_IWGRP | Mode::S_IWOTH).map_err(|cause| fail("use", cause.to_owned()))?;
        let real = path.canonicalize().map_err(|error| fail("open", error.to_string()))?;
        if is_below(&real, root) {
            return Err(inside());
        }
        let name = Digest::of(root.path().as_os_str().as_bytes()).hex().to_string().into();
        Ok(Self { dir, path: real, name })
    }

    /// Where the cache is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.path.join(&self.name)
    }

    /// What is in the cache, if there is one.
    ///
    /// # Errors
    /// When it is no file, not ours, for others too, or too large.
    pub fn read(&self) -> Result<Option<Vec<u8>>, Error> {
        let flags = OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let file = match openat(&self.dir, self.name.as_os_str(), flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::ENOENT) => return Ok(None),
            Err(errno) => return Err(self.error("open", io::Error::from(errno))),
        };
        let stat = fstat(&file).map_err(|errno| self.error("open", io::Error::from(errno)))?;
        if SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT != SFlag::S_IFREG {
            return Err(self.error("use", "it is no file"));
        }
        owned(&stat, Mode::S_IRWXG | Mode::S_IRWXO).map_err(|cause| self.error("use", cause))?;
        let mut bytes = Vec::new();
        let read = file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(|error| self.error("read", error))?;
        if u64::try_from(read).unwrap_or(u64::MAX) > LIMIT {
            return Err(self.error("use", "it is too large"));
        }
        Ok(Some(bytes))
    }

    /// Replaces what is in the cache, in one step.
    ///
    /// # Errors
    /// When it is too much, or cannot be written.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LIMIT {
            return Err(self.error("write", "there is too much to remember"));
        }
        self.remove_leftovers();
        // Every container has a process of the same number.
        let nonce = jiff::Timestamp::now().as_nanosecond();
        let temporary = OsString::from(format!("{}.{}.{nonce}.new", self.name.display(), std::process::id()));
        self.write_by(&temporary, bytes).map_err(|error| self.error("write", error))
    }

    /// Writes a file that must not be there yet, and puts it into its place. It is not synced: what a power cut leaves of it is seen by its
    /// checksum.
    fn write_by(&self, temporary: &OsStr, bytes: &[u8]) -> io::Result<()> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut file = File::from(openat(&self.dir, temporary, flags, Mode::S_IRUSR | Mode::S_IWUSR)?);
        let written = file.write_all(bytes);
        let renamed = written.and_then(|()| Ok(renameat(&self.dir, temporary, &self.dir, self.name.as_os_str())?));
        renamed.inspect_err(|_| {
            let _ = unlinkat(&self.dir, temporary, UnlinkatFlags::NoRemoveDir);
        })
    }

    /// Removes what runs that were killed have left: our own unfinished files, an hour old.
    fn remove_leftovers(&self) {
        const OLD: i64 = 3600;
        let Ok(mut listing) = nix::dir::Dir::openat(&self.dir, ".", OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()) else { return };
        let now = jiff::Timestamp::now().as_second();
        for entry in listing.iter().flatten() {
            let name = entry.file_name();
            let is_ours = name.to_bytes().strip_prefix(self.name.as_bytes()).is_some_and(|rest| rest.ends_with(b".new"));
            let stat = || fstatat(&self.dir, name, AtFlags::AT_SYMLINK_NOFOLLOW);
            if is_ours && stat().is_ok_and(|stat| stat.st_mtime < now.saturating_sub(OLD)) {
                let _ = unlinkat(&self.dir, name, UnlinkatFlags::NoRemoveDir);
            }
        }
    }

    fn error(&self, verb: &'static str, cause: impl Display) -> Error {
        Error { verb, path: self.path(), cause: cause.to_string() }
    }
}

/// Whether `path`, which has no links, is below a data-root, by whichever mount.
fn is_below(path: &Path, root: &Dir) -> bool {
    let Ok(own) = fstat(root) else { return true };
    let is_root = |above: &Path| above.metadata().is_ok_and(|above| (above.dev(), above.ino()) == (own.st_dev, own.st_ino));
    path.starts_with(root.path()) || path.ancestors().any(is_root)
}

/// Refuses what is somebody else's, or gives others any of the rights `none`.
fn owned(stat: &FileStat, none: Mode) -> Result<(), &'static str> {
    if stat.st_uid != geteuid().as_raw() {
        Err("it belongs to somebody else")
    } else if Mode::from_bits_truncate(stat.st_mode).intersects(none) {
        Err("others have rights to it")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    /// A place with a directory `root` to be measured.
    fn place() -> (tempfile::TempDir, Dir) {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir(temp.path().join("root")).unwrap();
        let root = Dir::root(&temp.path().join("root")).unwrap();
        (temp, root)
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_is_written_is_read_back_and_nobody_else_may() {
        let (temp, root) = place();
        let store = Store::open(&temp.path().join("a/b"), &root).unwrap();
        assert!(store.read().unwrap().is_none());
        for text in ["one", "another"] {
            store.write(text.as_bytes()).unwrap();
            assert_eq!(store.read().unwrap().unwrap(), text.as_bytes());
        }
        assert_eq!(store.path().metadata().unwrap().mode() & 0o7777, 0o600);
        assert_eq!(temp.path().join("a/b").metadata().unwrap().mode() & 0o7777, 0o700);
        assert_eq!(fs::read_dir(temp.path().join("a/b")).unwrap().count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_not_used() {
        let (temp, root) = place();
        let caches = temp.path().join("caches");
        let inside = temp.path().join("root/caches");
        for directory in [&caches, &inside] {
            fs::create_dir(directory).unwrap();
        }
        symlink(&caches, temp.path().join("link")).unwrap();
        fs::write(temp.path().join("file"), "").unwrap();
        for name in ["root", "root/caches", "root/new/er", "link", "file"] {
            assert!(Store::open(&temp.path().join(name), &root).is_err(), "{name}");
        }
        assert!(!temp.path().join("root/new").exists(), "nothing is made in a data-root");
        mode(&caches, 0o775);
        assert!(Store::open(&caches, &root).is_err());
        mode(&caches, 0o755);
        assert!(Store::open(&caches, &root).is_ok());
        if geteuid().is_root() {
            chown(&caches, Some(65_534), None).unwrap();
            assert!(Store::open(&caches, &root).is_err());
        }
    }

    #[test]
    fn a_file_that_somebody_else_can_have_written_is_not_read() {
        let (temp, root) = place();
        let store = Store::open(temp.path(), &root).unwrap();
        let path = store.path();
        store.write(b"x").unwrap();
        for bad in [0o640, 0o602, 0o666] {
            mode(&path, bad);
            assert!(store.read().is_err(), "{bad:o}");
        }
        if geteuid().is_root() {
            mode(&path, 0o600);
            chown(&path, Some(65_534), None).unwrap();
            assert!(store.read().is_err());
        }
        fs::remove_file(&path).unwrap();
        symlink("/etc/passwd", &path).unwrap();
        assert!(store.read().is_err());
        store.write(b"new").unwrap();
        assert_eq!((store.read().unwrap().unwrap(), path.is_symlink()), (b"new".to_vec(), false));
        fs::remove_file(&path).unwrap();
        nix::unistd::mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        assert!(store.read().is_err());
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(store.read().is_err() && store.write(b"x").is_err());
    }

    #[test]
    fn what_is_too_large_is_neither_read_nor_written() {
        let (temp, root) = place();
        let store = Store::open(temp.path(), &root).unwrap();
        store.write(b"x").unwrap();
        File::options().write(true).open(store.path()).unwrap().set_len(LIMIT + 1).unwrap();
        assert!(store.read().is_err());
        assert!(store.write(&vec![0; usize::try_from(LIMIT).unwrap() + 1]).is_err());
    }

    #[test]
    fn a_link_in_the_place_of_an_unfinished_file_is_not_followed() {
        let (temp, root) = place();
        let caches = temp.path().join("caches");
        let store = Store::open(&caches, &root).unwrap();
        fs::write(temp.path().join("precious"), "precious").unwrap();
        symlink(temp.path().join("precious"), caches.join("unfinished")).unwrap();
        assert!(store.write_by(OsStr::new("unfinished"), b"x").is_err());
        assert_eq!(fs::read(temp.path().join("precious")).unwrap(), b"precious");
        assert!(caches.join("unfinished").is_symlink(), "what another run has made is left to it");
    }

    #[test]
    fn root_has_the_systems_place_and_others_their_own() {
        let variable = |name: &str| match name {
            "XDG_CACHE_HOME" => Some(OsString::from("/caches")),
            "HOME" => Some("/home/me".into()),
            _ => None,
        };
        assert_eq!(default_directory(0, variable), Some("/var/cache/layerwise".into()));
        assert_eq!(default_directory(1, variable), Some("/caches/layerwise".into()));
        let only_home = |name: &str| variable(name).filter(|_| name == "HOME");
        assert_eq!(default_directory(1, only_home), Some("/home/me/.cache/layerwise".into()));
        // A relative path means nothing.
        assert_eq!(default_directory(1, |name| variable(name).map(|_| "here".into())), None);
    }
}
