//! The layer directories and links that mounts hold, in every mount namespace of the machine.
//!
//! An overlay names its layers in its options, as absolute paths or relative to dockerd's home when there are too many of them:
//!
//! ```text
//! lowerdir=/var/lib/docker/overlay2/l/JEZV…:/var/lib/docker/overlay2/l/YOC3…,upperdir=/var/lib/docker/overlay2/3323…/diff,workdir=…
//! lowerdir=l/JEZV…:l/YOC3…,upperdir=3323…/diff,workdir=3323…/work
//! lowerdir+=/var/lib/docker/overlay2/3323…/diff,lowerdir+=…            the newer way to mount
//! ```
//!
//! and a bind mount names its source as the *root* of the mount. The paths before `overlay2/` mean nothing to us: the process may live in
//! a chroot, a snap or a container, or see the data-root through a bind mount. But the names of layer directories and links are random and
//! long, so a mount that has one anywhere in its line (root, mount point, source, options) is taken to hold the directory or link of that
//! name, whatever else the line says and however its parts are escaped. That can keep too much, never too little.
//!
//! Processes of one namespace see the same mounts, except that a changed root hides those outside it: so one table is read for each
//! distinct pair of namespace and root, and for each namespace that no process shows the whole of (`namespaces`).

use super::gaps::{Fact, Gaps};
use super::home::Homes;
use super::mountinfo::{self, Mount, unescape};
use super::namespaces;
use super::proc::Proc;
use crate::dir::{Cause, Operation, ReadError};
use crate::id::{DirId, LinkId};
use crate::store::place::is_inactive_driver;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The largest mountinfo read; the kernel allows 100,000 mounts in a namespace.
pub(super) const LIMIT: u64 = 128 << 20;

/// A mount that names layer directories or links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveMount {
    /// The first process that was seen with it.
    pub pid: u32,
    /// Where that process has it mounted, as that process names it.
    pub mount_point: PathBuf,
    /// The type of the file system, such as `overlay`.
    pub file_system: String,
    /// The names in it that are those of layer directories, sorted; a data-root need not have them.
    pub directories: Vec<DirId>,
    /// The names in it that are those of links, sorted.
    pub links: Vec<LinkId>,
    /// Other entries of a directory `overlay2` that it names, such as what is left of a probe.
    pub others: Vec<OsString>,
    /// Other storage drivers that it names something below.
    pub drivers: Vec<OsString>,
}

/// The names found in some text.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Names {
    /// Those of layer directories.
    pub directories: BTreeSet<DirId>,
    /// Those of links.
    pub links: BTreeSet<LinkId>,
    /// What else stands behind `overlay2/`.
    pub others: BTreeSet<OsString>,
    /// Other storage drivers behind which something stands.
    pub drivers: BTreeSet<OsString>,
}

impl Names {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.directories.is_empty() && self.links.is_empty() && self.others.is_empty() && self.drivers.is_empty()
    }

    /// Adds the names that stand in `text`: paths, between any of the marks that separate paths in an option.
    pub fn add(&mut self, text: &[u8]) {
        for path in text.split(|byte| b":,=\\".contains(byte)) {
            let mut above: &[u8] = b"";
            for name in path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()) {
                if let Ok(directory) = DirId::try_from(name) {
                    self.directories.insert(directory);
                } else if let Ok(link) = LinkId::try_from(name) {
                    self.links.insert(link);
                } else if above == b"overlay2" && !matches!(name, b"l" | b"." | b"..") {
                    self.others.insert(OsStr::from_bytes(name).to_owned());
                }
                if is_inactive_driver(above) {
                    self.drivers.insert(OsStr::from_bytes(above).to_owned());
                }
                above = name;
            }
        }
    }

    /// The names in a path.
    #[must_use]
    pub fn of_path(path: &Path) -> Self {
        let mut names = Self::default();
        names.add(path.as_os_str().as_bytes());
        names
    }

    /// The names in a mount, wherever they stand.
    #[must_use]
    pub fn of(mount: &Mount<'_>) -> Self {
        let mut names = Self::default();
        for text in [mount.root, mount.point, mount.source, mount.options] {
            names.add(&unescape(text));
        }
        names
    }
}

/// Mounts by what they name and their device, so that one that is seen from many namespaces counts once.
type Found = BTreeMap<(Names, (u32, u32)), Seen>;

/// Where a mount was seen first: in which process, at which point, and as which type of file system.
type Seen = (u32, PathBuf, String);

/// Reads the mounts of every namespace that one of `pids` lives in, has open, or sees a file of, and shows each table to `homes`; with the
/// numbers of all mounts there are.
pub(super) fn read(proc: &Proc, pids: &[u32], (homes, gaps): (&mut Homes<'_>, &mut Gaps)) -> (Vec<LiveMount>, HashSet<u64>) {
    let mut found = Found::new();
    let mut all = HashSet::new();
    namespaces::each_table(proc, pids, |pid, table| match table {
        Ok(text) => {
            all.extend(numbers(&text));
            homes.look(pid, &text);
            gather_noting(proc, &text, pid, (&mut found, gaps));
        }
        Err(error) => gaps.note(Fact::Mounts, error),
    });
    (found.into_iter().map(|((names, _), seen)| live(names, seen)).collect(), all)
}

/// Reads the numbers alone.
pub(super) fn read_numbers(proc: &Proc) -> HashSet<u64> {
    let mut all = HashSet::new();
    namespaces::each_table(proc, &proc.pids().unwrap_or_default(), |_, table| all.extend(numbers(&table.unwrap_or_default())));
    all
}

/// The numbers of the mounts in a table.
fn numbers(table: &[u8]) -> impl Iterator<Item = u64> {
    mountinfo::parse(table).flatten().map(|mount| mount.id)
}

/// As [`gather`]; what is no mount is a gap.
fn gather_noting(proc: &Proc, text: &[u8], pid: u32, (found, gaps): (&mut Found, &mut Gaps)) {
    gather(text, pid, found).unwrap_or_else(|malformed| {
        let path = proc.path().join(format!("{pid}/mountinfo"));
        gaps.note(Fact::Mounts, ReadError { path, operation: Operation::Parse, cause: Cause::Malformed(malformed.to_string()) });
    });
}

/// Adds what the mounts in `text` name; fails with the first line that is no mount after having read all the others.
fn gather(text: &[u8], pid: u32, found: &mut Found) -> Result<(), mountinfo::NotAMount> {
    let mut malformed = Ok(());
    for line in mountinfo::parse(text) {
        match line {
            Ok(mount) => {
                let names = Names::of(&mount);
                if !names.is_empty() {
                    let kind = String::from_utf8_lossy(mount.kind).into_owned();
                    found.entry((names, mount.device)).or_insert_with(|| (pid, mount.mount_point(), kind));
                }
            }
            Err(error) => malformed = malformed.and(Err(error)),
        }
    }
    malformed
}

fn live(names: Names, (pid, mount_point, file_system): Seen) -> LiveMount {
    LiveMount {
        pid,
        mount_point,
        file_system,
        directories: names.directories.into_iter().collect(),
        links: names.links.into_iter().collect(),
        others: names.others.into_iter().collect(),
        drivers: names.drivers.into_iter().collect(),
    }
}

/// Whether the directory that we call `path` is a file system of its own, from its root on: not a part of one, nor one mounted over it.
#[must_use]
pub fn is_whole_file_system(proc: &Proc, path: &Path) -> bool {
    let table = proc.own_pid().and_then(|own| proc.read(own, "mountinfo", LIMIT).ok().flatten()).unwrap_or_default();
    // Of several mounts on one point, the last is on top.
    let mount = mountinfo::parse(&table).flatten().filter(|mount| mount.mount_point() == path).last();
    mount.is_some_and(|mount| mount.root() == Path::new("/"))
}

/// Where in our own mounts the directory lies that process `pid` sees at `path`: the same file system is often mounted in both namespaces,
/// under different names. The answers are guesses, best first, for the caller to verify.
pub(super) fn own_names(proc: &Proc, pid: u32, path: &Path) -> Vec<PathBuf> {
    let table = |pid| proc.read(pid, "mountinfo", LIMIT).ok().flatten().unwrap_or_default();
    translate(&table(pid), &proc.own_pid().map(table).unwrap_or_default(), path)
}

/// What `path` is called by the mounts `ours` that is called so by the mounts `theirs`, if a file system is mounted in both.
#[must_use]
pub fn translate(theirs: &[u8], ours: &[u8], path: &Path) -> Vec<PathBuf> {
    // Of several mounts on one point, the last is on top.
    let covering = mountinfo::parse(theirs).flatten().filter(|mount| path.starts_with(mount.mount_point()));
    let Some(mount) = covering.max_by_key(|mount| mount.mount_point().components().count()) else { return Vec::new() };
    let Ok(rest) = path.strip_prefix(mount.mount_point()) else { return Vec::new() };
    let inside = mount.root().join(rest);
    let same = mountinfo::parse(ours).flatten().filter(|own| own.device == mount.device);
    same.filter_map(|own| Some(own.mount_point().join(inside.strip_prefix(own.root()).ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "33234c022398a1c9027d943ad09d06a104d268107d91d96d7a27b5feeeb55bb8";
    const B: &str = "83xgdyxoeteyfuvuzdjel9zuw";
    const L1: &str = "JEZVJGFKAW7ZO44S4AUTKICIF4";
    const L2: &str = "YOC3QAN6JAASP7AXEFU3CPXMIQ";

    fn names(line: &str) -> (Vec<String>, Vec<String>, Vec<OsString>) {
        let mut found = Found::new();
        gather(format!("1 2 {line}").as_bytes(), 7, &mut found).unwrap();
        let mount = found.into_iter().map(|((names, _), seen)| live(names, seen)).next();
        let text = |mount: LiveMount| {
            let directories = mount.directories.iter().map(ToString::to_string).collect();
            (directories, mount.links.iter().map(ToString::to_string).collect(), mount.others)
        };
        mount.map(text).unwrap_or_default()
    }

    #[test]
    fn finds_directories_and_links_however_a_mount_names_them() {
        let mixed = (vec![A.to_owned()], vec![L1.to_owned()]);
        let (a, b, init) = ((vec![A.to_owned()], vec![]), (vec![B.to_owned()], vec![]), (vec![format!("{A}-init")], vec![]));
        let (l1, both) = ((vec![], vec![L1.to_owned()]), (vec![A.to_owned()], vec![L1.to_owned(), L2.to_owned()]));
        for (line, expected) in [
            // As dockerd mounts a container, by absolute and by relative paths.
            (
                format!(
                    "0:39 / /d/overlay2/{A}/merged rw - overlay overlay rw,lowerdir=/d/overlay2/l/{L1}:/d/overlay2/l/{L2},upperdir=/d/overlay2/{A}/diff,workdir=/d/overlay2/{A}/work"
                ),
                &both,
            ),
            (format!("0:39 / / rw - overlay overlay rw,lowerdir=l/{L1}:l/{L2},upperdir={A}/diff,workdir={A}/work,index=off"), &both),
            // The newer mount interface, with colons escaped as it does, and the older one.
            (format!(r"0:39 / / rw - overlay overlay rw,lowerdir+=/x\072y/l/{L1}"), &l1),
            (format!(r"0:39 / / rw - overlay overlay rw,lowerdir=/x\134:y/l/{L1}"), &l1),
            (format!(r"0:39 / / rw - overlay overlay rw,lowerdir=/x\054y\075/l/{L1}::/data"), &l1),
            (format!(r"0:39 / / rw - overlay overlay rw,lowerdir=l/{L1}\072{A}/diff"), &mixed),
            // Bind mounts, of a directory below a layer, of a deleted one, of an init layer.
            (format!("254:0 /var/lib/docker/overlay2/{A}/diff/etc /mnt rw - ext4 /dev/vda rw"), &a),
            (format!("254:0 /docker/overlay2/{A}/diff//deleted /mnt rw - ext4 /dev/vda rw"), &a),
            (format!(r"254:0 /with\040blank/overlay2/{A}-init /mnt rw - ext4 /dev/vda rw"), &init),
            // Something mounted on a layer, and a file system whose source is one.
            (format!("0:50 / /var/lib/docker/overlay2/{B}/merged rw - tmpfs tmpfs rw"), &b),
            (format!("0:51 / /mnt rw - fuse.bindfs /var/lib/docker/overlay2/{B}/diff rw"), &b),
        ] {
            let (directories, links, others) = names(&line);
            assert_eq!((directories, links), expected.clone(), "{line}");
            assert!(others.is_empty(), "{line}");
        }
    }

    #[test]
    fn a_probe_is_found_and_ordinary_mounts_are_not() {
        let (_, _, others) = names("0:39 / /d/overlay2/check-overlayfs-support123/merged rw - overlay overlay rw");
        assert_eq!(others, ["check-overlayfs-support123"]);
        for line in
            ["254:0 / / rw - ext4 /dev/vda rw", "0:2 / /d/overlay2 rw - ext4 /dev/vdb rw", "0:2 / /d/overlay2/l rw - ext4 /dev/vdb rw"]
        {
            assert_eq!(names(line), Default::default(), "{line}");
        }
    }

    #[test]
    fn a_path_is_translated_through_the_file_system_that_holds_it() {
        let theirs = b"1 0 0:50 / / rw - overlay o rw\n2 1 254:0 /docker/volumes/v/_data /var/lib/docker rw - ext4 d rw\n";
        let ours = b"1 0 254:0 / / rw - ext4 d rw\n2 1 254:0 /docker /srv/with\\040blank rw - ext4 d rw\n3 1 254:1 / /x rw - ext4 e rw\n";
        let expected = ["/docker/volumes/v/_data/1.2", "/srv/with blank/volumes/v/_data/1.2"].map(PathBuf::from);
        assert_eq!(translate(theirs, ours, Path::new("/var/lib/docker/1.2")), expected);
        assert_eq!(translate(theirs, ours, Path::new("/etc")), Vec::<PathBuf>::new());
        // What is mounted last on a point hides what was mounted there before.
        let hidden = [&theirs[..], b"3 1 0:7 / /var/lib/docker rw - tmpfs t rw\n"].concat();
        assert_eq!(translate(&hidden, ours, Path::new("/var/lib/docker/1.2")), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_line_that_is_no_mount_does_not_hide_the_others() {
        let mut found = Found::new();
        let text = format!("nonsense\n1 2 254:0 /overlay2/{A} /mnt rw - ext4 /dev/vda rw\n");
        assert!(gather(text.as_bytes(), 1, &mut found).is_err());
        assert_eq!(found.len(), 1);
    }
}
