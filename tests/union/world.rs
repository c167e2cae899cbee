//! Layers that the kernel wrote, and what it and layerwise show of them.

use crate::step::Step;
use layerwise::dir::Dir;
use layerwise::union::{Found, Layer, Marks, Part, Union};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Layers as directories `0`, `1`, … of which the last is the top.
pub(crate) struct World {
    temp: TempDir,
    layers: usize,
}

/// How the layers are written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Renames {
    /// By copying, as Docker mounts.
    Copy,
    /// By reference, and changes of metadata without the content.
    Refer,
}

/// Something that is to be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    /// The length; of a directory nothing, because the kernel tells that of the top one.
    pub(crate) size: Option<u64>,
    pub(crate) modified: (i64, u32),
    pub(crate) device: u64,
    pub(crate) content: Option<Vec<u8>>,
}

/// An overlay that is mounted.
pub(crate) struct Mounted(pub(crate) PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        assert!(Command::new("umount").arg(&self.0).status().unwrap().success());
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        for directory in ["merged", "below", "lowest"] {
            fs::create_dir(temp.path().join(directory)).unwrap();
        }
        Self { temp, layers: 0 }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    pub(crate) const fn layers(&self) -> usize {
        self.layers
    }

    /// The directory of a layer, counted from the top.
    pub(crate) fn layer(&self, from_top: usize) -> PathBuf {
        self.path(&(self.layers - 1 - from_top).to_string())
    }

    /// Puts a layer on top, empty.
    pub(crate) fn add(&mut self) -> PathBuf {
        let path = self.path(&self.layers.to_string());
        fs::create_dir(&path).unwrap();
        self.layers += 1;
        path
    }

    /// Makes another layer, called `name`, that stands on those but for the topmost `without`.
    pub(crate) fn write_branch(&self, name: &str, without: usize, steps: &[Step]) {
        for directory in [name.to_owned(), format!("work-of-{name}")] {
            fs::create_dir(self.path(&directory)).unwrap();
        }
        let options = format!(
            "index=off,redirect_dir=off,metacopy=off,lowerdir={},upperdir={},workdir={}",
            self.lower(without),
            self.path(name).display(),
            self.path(&format!("work-of-{name}")).display()
        );
        let mounted = self.mount("merged", &options);
        for step in steps {
            step.take(&mounted.0);
        }
    }

    /// Puts a layer on top that is what `steps` leave when they are taken on those below.
    pub(crate) fn add_written(&mut self, steps: &[Step], renames: Renames) {
        let lower = self.lower(0);
        let layer = self.add();
        if self.layers == 1 {
            return steps.iter().for_each(|step| step.take(&layer));
        }
        let work = self.path(&format!("work-{}", self.layers));
        fs::create_dir(&work).unwrap();
        let how = match renames {
            Renames::Copy => "redirect_dir=off,metacopy=off",
            Renames::Refer => "redirect_dir=on,metacopy=on",
        };
        let options = format!("index=off,{how},lowerdir={lower},upperdir={},workdir={}", layer.display(), work.display());
        let mounted = self.mount("merged", &options);
        for step in steps {
            step.take(&mounted.0);
        }
    }

    /// The layers but for the topmost `without`, top first, as an option; at least two, which a mount without an upper one needs.
    fn lower(&self, without: usize) -> String {
        let layers = (0..self.layers.saturating_sub(without)).rev().map(|layer| self.path(&layer.to_string()).display().to_string());
        let layers: Vec<String> = layers.collect();
        let padding = (layers.len() < 2).then(|| self.path("lowest").display().to_string());
        layers.into_iter().chain(padding).collect::<Vec<_>>().join(":")
    }

    /// Mounts all layers but for the topmost `without`.
    pub(crate) fn mount_without(&self, without: usize, at: &str) -> Mounted {
        let options = format!("ro,redirect_dir=follow,metacopy=on,lowerdir={}", self.padded(&self.lower(without)));
        self.mount(at, &options)
    }

    fn padded(&self, lower: &str) -> String {
        if lower.contains(':') { lower.to_owned() } else { format!("{lower}:{}", self.path("below").display()) }
    }

    fn mount(&self, at: &str, options: &str) -> Mounted {
        let at = self.path(at);
        let output = Command::new("mount").args(["-t", "overlay", "overlay", "-o", options]).arg(&at).output().unwrap();
        assert!(output.status.success(), "{options}: {}", String::from_utf8_lossy(&output.stderr));
        Mounted(at)
    }

    /// The same layers read from their directories.
    pub(crate) fn union(&self) -> Union {
        let dir = Dir::root(self.temp.path()).unwrap();
        let layer = |layer: usize| Layer::open(&dir, &layer.to_string(), Marks::Trusted).unwrap().unwrap();
        Union::new((0..self.layers).rev().map(layer).collect())
    }
}

/// Everything that a union shows, by path.
pub(crate) fn read(union: &Union, top: usize) -> BTreeMap<Vec<u8>, Seen> {
    let mut seen = BTreeMap::new();
    let mut open: Vec<(Vec<u8>, Vec<Part>)> = vec![(Vec::new(), union.root(top))];
    while let Some((path, parts)) = open.pop() {
        for (name, found) in union.list(&parts) {
            assert_eq!(union.open(&parts).find(&name).as_ref(), Some(&found), "the name alone and in a list");
            let path = layerwise::union::join(&path, &name);
            seen.insert(path.clone(), look(union, &found));
            if found.entry.is_directory() {
                open.push((path, found.parts));
            }
        }
    }
    seen
}

fn look(union: &Union, found: &Found) -> Seen {
    let inode = &found.entry.inode;
    let content = || {
        let part = found.parts.last()?;
        Some(fs::read(union.layer(part.layer)?.path(&part.path)).unwrap())
    };
    let link = || union.layer(found.top.layer)?.read_link(&found.top.path);
    Seen {
        mode: inode.mode,
        owner: (inode.user, inode.group),
        size: (!found.entry.is_directory()).then_some(inode.size),
        modified: inode.modified,
        device: rustix::fs::makedev(inode.device.0, inode.device.1),
        content: match found.entry.word() {
            "file" => content(),
            "symlink" => link(),
            _ => None,
        },
    }
}

/// Everything that the kernel shows below `root`, by path.
pub(crate) fn walk(root: &Path) -> BTreeMap<Vec<u8>, Seen> {
    let mut seen = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root).min_depth(1) {
        let entry = entry.unwrap();
        let stat = entry.metadata().unwrap();
        let content = match entry.file_type() {
            kind if kind.is_file() => Some(fs::read(entry.path()).unwrap()),
            kind if kind.is_symlink() => Some(fs::read_link(entry.path()).unwrap().as_os_str().as_bytes().to_vec()),
            _ => None,
        };
        let it = Seen {
            mode: stat.mode(),
            owner: (stat.uid(), stat.gid()),
            size: (!stat.is_dir()).then_some(stat.len()),
            modified: (stat.mtime(), u32::try_from(stat.mtime_nsec()).unwrap()),
            device: stat.rdev(),
            content,
        };
        seen.insert(entry.path().strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec(), it);
    }
    seen
}

/// A path for a message.
pub(crate) fn shown(path: &[u8]) -> String {
    OsStr::from_bytes(path).display().to_string()
}
