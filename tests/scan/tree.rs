//! Trees to walk, made for one test and removed after it.

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, SFlag, mkdirat, mknod};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A directory of its own.
pub(crate) struct Tree(PathBuf);

/// Something mounted, for as long as this lives.
pub(crate) struct Mounted(PathBuf);

impl Drop for Tree {
    /// As `rm` does, which is not impressed by depth.
    fn drop(&mut self) {
        Command::new("rm").arg("-rf").arg(&self.0).status().unwrap();
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        Command::new("umount").arg(&self.0).status().unwrap();
    }
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap().keep())
    }

    /// One in memory, if the machine has such a place: for very many files.
    pub(crate) fn in_memory() -> Self {
        Self(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap().keep())
    }

    /// One in a new directory of a given name, which must be on a file system of the test's own.
    pub(crate) fn at(path: &Path) -> Self {
        fs::create_dir_all(path).unwrap();
        Self(path.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn dir(&self, path: &str) -> PathBuf {
        let path = self.0.join(path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// The path, in a directory that exists.
    fn place(&self, path: &str) -> PathBuf {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    pub(crate) fn file(&self, path: &str, length: usize) {
        fs::write(self.place(path), vec![b'x'; length]).unwrap();
    }

    pub(crate) fn link(&self, old: &str, new: &str) {
        fs::hard_link(self.0.join(old), self.place(new)).unwrap();
    }

    pub(crate) fn try_sparse(&self, path: &str, length: u64) -> bool {
        fs::File::create(self.place(path)).unwrap().set_len(length).is_ok()
    }

    pub(crate) fn sparse(&self, path: &str, length: u64) {
        assert!(self.try_sparse(path, length));
    }

    pub(crate) fn device(&self, path: &str, number: u64) {
        mknod(&self.place(path), SFlag::S_IFCHR, Mode::empty(), number).unwrap();
    }

    pub(crate) fn attribute(&self, path: &str, name: &str, value: &str) {
        rustix::fs::setxattr(self.0.join(path), name, value.as_bytes(), rustix::fs::XattrFlags::empty()).unwrap();
    }

    pub(crate) fn mount(&self, what: &[&str], at: &str) -> Mounted {
        let at = self.0.join(at);
        assert!(Command::new("mount").args(what).arg(&at).status().unwrap().success());
        Mounted(at)
    }

    /// Files whose names have every byte that a name can have, and the greatest length.
    pub(crate) fn odd_names(&self, path: &str) {
        let path = self.dir(path);
        let bytes: Vec<u8> = (1..=255).filter(|&byte| byte != b'/').collect();
        for start in 0..16 {
            let mut name = bytes.clone();
            name.push(b'~');
            name.rotate_left(start * 16);
            fs::write(path.join(OsStr::from_bytes(&name)), "x").unwrap();
            name.reverse();
            fs::create_dir(path.join(OsStr::from_bytes(&name))).unwrap();
        }
    }

    /// One of each kind of inode that takes no root to make, and files that change who runs them.
    pub(crate) fn special(&self, path: &str) {
        let path = self.dir(path);
        nix::unistd::mkfifo(&path.join("fifo"), Mode::S_IRWXU).unwrap();
        drop(std::os::unix::net::UnixListener::bind(path.join("socket")).unwrap());
        symlink("/", path.join("to-root")).unwrap();
        symlink(".", path.join("to-itself")).unwrap();
        for (name, mode) in [("setuid", 0o4755), ("setgid", 0o2755), ("sticky", 0o1755)] {
            fs::write(path.join(name), "x").unwrap();
            fs::set_permissions(path.join(name), PermissionsExt::from_mode(mode)).unwrap();
        }
    }

    /// Very many empty files in one directory, whose names alone would fill the memory.
    pub(crate) fn many(&self, path: &str, count: u64) {
        let at = nix::fcntl::open(&self.dir(path), OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).unwrap();
        for number in 0..count {
            nix::sys::stat::mknodat(&at, format!("{number:0>60}").as_str(), SFlag::S_IFREG, Mode::S_IRWXU, 0).unwrap();
        }
    }

    /// Directories one below the other, each with `teeth` further ones.
    pub(crate) fn chain(&self, path: &str, depth: usize, teeth: usize) {
        let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut at = nix::fcntl::open(&self.dir(path), flags, Mode::empty()).unwrap();
        for _ in 0..depth {
            mkdirat(&at, "m", Mode::S_IRWXU).unwrap();
            for tooth in 0..teeth {
                mkdirat(&at, format!("{tooth}").as_str(), Mode::S_IRWXU).unwrap();
            }
            at = openat(&at, "m", flags, Mode::empty()).unwrap();
        }
    }

    /// A data-root with something in every place, hard links between all of them among it.
    pub(crate) fn grow_data_root(&self, seed: u64) {
        const PLACES: [&str; 14] = [
            "overlay2/aaa/diff",
            "overlay2/aaa/diff/usr/lib",
            "overlay2/bbb/diff",
            "overlay2/bbb/work",
            "overlay2/bbb/.tmp-x",
            "overlay2/l",
            "image/overlay2/layerdb/sha256/ccc",
            "image/overlay2/layerdb/mounts/mmm",
            "image/overlay2/imagedb/content/sha256",
            "containers/ddd",
            "volumes/vvv/_data",
            "buildkit/net",
            "vfs/dir/eee",
            "unknown/x",
        ];
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut below = |bound: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random >> 33).unwrap() % bound
        };
        let mut files: Vec<String> = Vec::new();
        for number in 0..600 {
            let path = format!("{}/{}{number}", PLACES[below(PLACES.len())], ["", "s/", "s/t/", "u/"][below(4)]);
            match below(6) {
                0 if !files.is_empty() => self.link(&files[below(files.len())], &path),
                1 => symlink("target", self.place(&path)).unwrap(),
                2 => drop(self.dir(&path)),
                _ => {
                    self.file(&path, below(20_000));
                    files.push(path);
                }
            }
        }
    }
}
