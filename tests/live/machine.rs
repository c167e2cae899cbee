//! A made-up machine in a temporary directory: a `/proc` with processes, and a file system for them to live in.

use layerwise::data_root::Machine;
use layerwise::store::live::{FileId, Proc};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A directory name and links as Docker makes them.
pub(crate) const DIR: &str = "33234c022398a1c9027d943ad09d06a104d268107d91d96d7a27b5feeeb55bb8";
pub(crate) const OTHER_DIR: &str = "83xgdyxoeteyfuvuzdjel9zuw";
pub(crate) const LINK: &str = "JEZVJGFKAW7ZO44S4AUTKICIF4";

/// The made-up machine.
#[derive(Debug)]
pub(crate) struct Host {
    temp: TempDir,
}

/// One process of it, with everything that is set after its birth.
#[derive(Debug)]
pub(crate) struct Process<'a> {
    host: &'a Host,
    place: PathBuf,
}

impl Host {
    /// A machine with one process, number 10, which is us: root in the first namespaces.
    pub(crate) fn new() -> Self {
        let host = Self { temp: TempDir::new().unwrap() };
        fs::create_dir_all(host.path("proc")).unwrap();
        fs::write(host.path("proc/stat"), "cpu 1 2 3\nbtime 1700000000\n").unwrap();
        fs::write(host.path("proc/locks"), "").unwrap();
        symlink("10", host.path("proc/self")).unwrap();
        host.process(10, "layerwise").link("ns/pid", "pid:[4026531836]");
        host
    }

    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.temp.path().canonicalize().unwrap().join(path)
    }

    /// Adds a process that root started in the first namespaces, with the machine's root.
    pub(crate) fn process(&self, pid: u32, command: &str) -> Process<'_> {
        let process = Process { host: self, place: self.path(format!("proc/{pid}")) };
        let numbers = mount_numbers();
        fs::create_dir_all(process.place.join("fd")).unwrap();
        fs::create_dir_all(process.place.join("ns")).unwrap();
        process
            .file("cmdline", &format!("{}\0", command.replace(' ', "\0")))
            .file("mountinfo", if pid == 10 { &numbers } else { "" })
            .file("status", "Name:\tx\nUid:\t0\t0\t0\t0\n")
            .file("stat", &format!("{pid} (a) b) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 250 0 0"))
            .link("ns/mnt", "mnt:[4026531832]")
            .link("cwd", "/")
            .link("exe", "/usr/bin/x")
            .link("root", self.path("").to_str().unwrap())
    }

    pub(crate) fn proc(&self) -> Proc {
        Proc::open(self.path("proc")).unwrap()
    }

    /// The machine as the search sees it, for `user` with some environment.
    pub(crate) fn machine(&self, user: u32, variables: &[(&str, &Path)]) -> Machine {
        let variables: Vec<(&str, &OsStr)> = variables.iter().map(|(name, value)| (*name, value.as_os_str())).collect();
        Machine::new(&self.path(""), user, &variables)
    }

    pub(crate) fn mkdir(&self, path: &str) -> PathBuf {
        fs::create_dir_all(self.path(path)).unwrap();
        self.path(path)
    }

    /// Makes a data-root with an overlay2 store and a database.
    pub(crate) fn data_root(&self, path: &str) -> PathBuf {
        for below in ["overlay2/l", "image/overlay2/layerdb", "image/overlay2/imagedb", "containers", "volumes"] {
            self.mkdir(&format!("{path}/{below}"));
        }
        fs::write(self.path(path).join("volumes/metadata.db"), "").unwrap();
        self.path(path)
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), content).unwrap();
    }
}

impl Process<'_> {
    pub(crate) fn file(self, name: &str, content: &str) -> Self {
        fs::write(self.place.join(name), content).unwrap();
        self
    }

    /// Makes, or makes anew, a link whose text may lead nowhere.
    pub(crate) fn link(self, name: &str, text: impl AsRef<Path>) -> Self {
        let path = self.place.join(name);
        if path.is_symlink() {
            fs::remove_file(&path).unwrap();
        }
        symlink(text.as_ref(), path).unwrap();
        self
    }

    /// Lets it have another thread, in the directory `cwd`.
    pub(crate) fn thread(self, number: u32, cwd: impl AsRef<Path>) -> Self {
        let thread = format!("task/{number}");
        fs::create_dir_all(self.place.join(&thread).join("ns")).unwrap();
        let (root, namespace) = (fs::read_link(self.place.join("root")).unwrap(), fs::read_link(self.place.join("ns/mnt")).unwrap());
        self.link(&format!("{thread}/cwd"), cwd).link(&format!("{thread}/root"), root).link(&format!("{thread}/ns/mnt"), namespace)
    }

    /// Lets it have the database of a data-root open.
    pub(crate) fn holds(self, data_root: &Path) -> Self {
        self.link("fd/3", data_root.join("volumes/metadata.db"))
    }

    /// Lets it live in a directory of the machine, as in a container or a chroot.
    pub(crate) fn in_root(self, path: &str) -> Self {
        let root = self.host.path(path);
        self.link("root", root).link("ns/mnt", "mnt:[4026539999]")
    }

    /// Makes a file stand in the way of what should be read.
    pub(crate) fn spoilt(self, name: &str) -> Self {
        let path = self.place.join(name);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
            fs::write(&path, "").unwrap();
        } else {
            fs::remove_file(&path).unwrap();
            fs::create_dir(&path).unwrap();
        }
        self
    }
}

/// A table of mounts that have nothing but the numbers of the real machine's, where the directories of this one lie.
fn mount_numbers() -> String {
    let real = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let numbers = real.lines().map(|line| line.split(' ').next().unwrap());
    numbers.flat_map(|number| [number, " 0 0:1 / / rw - x x rw\n"]).collect()
}

/// What tells the directory at `path` from others.
pub(crate) fn identity(path: &Path) -> FileId {
    let metadata = fs::metadata(path).unwrap();
    let device = metadata.dev();
    let number = |part: u64| u32::try_from(part).unwrap();
    FileId { device: (number(nix::sys::stat::major(device)), number(nix::sys::stat::minor(device))), inode: metadata.ino() }
}
