//! What stands in a layer, a container, a volume or a build snapshot: names and what they name, in the order of the tar that would bring them.

use super::names;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// When files were last changed, unless they say otherwise: 2026-01-01.
pub const MODIFIED: i64 = 1_767_225_600;

/// A tree of files, described before it is written.
///
/// Methods that add something add the directories above it too; methods that change something change what was added last. The bytes of
/// a [`Tree::file`] follow from the seed, its name and its length, and do not compress.
#[derive(Debug, Clone)]
pub struct Tree {
    seed: String,
    members: Vec<Member>,
    directories: BTreeSet<PathBuf>,
}

/// One name in a tree.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
    pub(super) mode: u32,
    pub(super) owner: (u32, u32),
    pub(super) modified: i64,
    pub(super) attributes: Vec<(String, Vec<u8>)>,
}

/// What a name names.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    File(Content),
    Directory,
    OpaqueDirectory,
    Symlink(PathBuf),
    HardLink(PathBuf),
    Whiteout,
    Fifo,
    CharacterDevice { major: u32, minor: u32 },
}

/// The bytes of a file.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// As many bytes as wanted, that follow from the seed.
    Seeded { seed: [u8; 32], length: u64 },
    /// These bytes.
    Bytes(Arc<[u8]>),
    /// Zeros that take no room on the disk.
    Hole(u64),
}

impl Tree {
    /// An empty tree; two trees of the same seed and the same calls are equal to the byte.
    #[must_use]
    pub fn new(seed: impl Into<String>) -> Self {
        Self { seed: seed.into(), members: Vec::new(), directories: BTreeSet::new() }
    }

    /// Adds a file of `length` bytes.
    #[must_use]
    pub fn file(self, path: impl AsRef<Path>, length: u64) -> Self {
        let seed = names::bytes(&self.seed, &path.as_ref().to_string_lossy());
        self.add(path.as_ref(), Kind::File(Content::Seeded { seed, length }), 0o644)
    }

    /// Adds a file with exactly these bytes.
    #[must_use]
    pub fn content(self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Self {
        self.add(path.as_ref(), Kind::File(Content::Bytes(Arc::from(bytes.as_ref()))), 0o644)
    }

    /// Adds a file of `length` zeros that occupies no block.
    #[must_use]
    pub fn sparse(self, path: impl AsRef<Path>, length: u64) -> Self {
        self.add(path.as_ref(), Kind::File(Content::Hole(length)), 0o644)
    }

    /// Adds a directory.
    #[must_use]
    pub fn directory(self, path: impl AsRef<Path>) -> Self {
        self.add(path.as_ref(), Kind::Directory, 0o755)
    }

    /// Adds a directory that hides the one of the same name in the layers below (the mark itself needs root).
    #[must_use]
    pub fn opaque_directory(self, path: impl AsRef<Path>) -> Self {
        self.add(path.as_ref(), Kind::OpaqueDirectory, 0o755)
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn symlink(self, path: impl AsRef<Path>, target: impl Into<PathBuf>) -> Self {
        self.add(path.as_ref(), Kind::Symlink(target.into()), 0o777)
    }

    /// Adds another name of the file `target`, which must have been added before.
    #[must_use]
    pub fn hard_link(self, path: impl AsRef<Path>, target: impl Into<PathBuf>) -> Self {
        self.add(path.as_ref(), Kind::HardLink(target.into()), 0o644)
    }

    /// Adds what hides `path` of the layers below.
    #[must_use]
    pub fn whiteout(self, path: impl AsRef<Path>) -> Self {
        self.add(path.as_ref(), Kind::Whiteout, 0o600)
    }

    /// Adds a named pipe.
    #[must_use]
    pub fn fifo(self, path: impl AsRef<Path>) -> Self {
        self.add(path.as_ref(), Kind::Fifo, 0o644)
    }

    /// Adds a character device (left out on the disk where whoever runs this may not make one).
    #[must_use]
    pub fn character_device(self, path: impl AsRef<Path>, major: u32, minor: u32) -> Self {
        self.add(path.as_ref(), Kind::CharacterDevice { major, minor }, 0o644)
    }

    /// Sets the mode of what was added last.
    #[must_use]
    pub fn mode(self, mode: u32) -> Self {
        self.change(|member| member.mode = mode)
    }

    /// Sets the owner of what was added last (on the disk this needs root).
    #[must_use]
    pub fn owner(self, uid: u32, gid: u32) -> Self {
        self.change(|member| member.owner = (uid, gid))
    }

    /// Sets when what was added last was last changed, in seconds since 1970.
    #[must_use]
    pub fn modified(self, seconds: i64) -> Self {
        self.change(|member| member.modified = seconds)
    }

    /// Sets an extended attribute of what was added last (left out on the disk where whoever runs this may not).
    #[must_use]
    pub fn attribute(self, name: &str, value: &[u8]) -> Self {
        self.change(|member| member.attributes.push((name.to_owned(), value.to_owned())))
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> &str {
        &self.seed
    }

    /// What stands in it, directories before what they contain.
    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// The size that Docker records for a layer that it unpacked: all that is no directory, each inode once, links by their text.
    pub(super) fn size(&self) -> u64 {
        self.members
            .iter()
            .map(|member| {
                let link = if let Kind::Symlink(target) = &member.kind { target.as_os_str().len() } else { 0 };
                u64::try_from(link).unwrap_or(u64::MAX).saturating_add(member.archived_length())
            })
            .sum()
    }

    /// The size that BuildKit records for a layer: what the headers of its tar say.
    pub(super) fn archived_size(&self) -> u64 {
        self.members.iter().map(Member::archived_length).sum()
    }

    fn add(mut self, path: &Path, kind: Kind, mode: u32) -> Self {
        for above in path.ancestors().skip(1).collect::<Vec<_>>().into_iter().rev() {
            if !above.as_os_str().is_empty() && self.directories.insert(above.to_owned()) {
                self.push(above, Kind::Directory, 0o755);
            }
        }
        let is_directory = matches!(kind, Kind::Directory | Kind::OpaqueDirectory);
        if !is_directory || self.directories.insert(path.to_owned()) {
            self.push(path, kind, mode);
        } else if let Some(there) = self.members.iter_mut().find(|member| member.path == path) {
            there.kind = kind;
        }
        self
    }

    fn push(&mut self, path: &Path, kind: Kind, mode: u32) {
        self.members.push(Member { path: path.to_owned(), kind, mode, owner: (0, 0), modified: MODIFIED, attributes: Vec::new() });
    }

    fn change(mut self, change: impl FnOnce(&mut Member)) -> Self {
        if let Some(last) = self.members.last_mut() {
            change(last);
        }
        self
    }
}

impl Kind {
    /// What a link leads to.
    pub(super) fn target(&self) -> Option<&Path> {
        if let Self::Symlink(target) | Self::HardLink(target) = self { Some(target) } else { None }
    }
}

impl Member {
    /// The name that stands in a tar: directories end in `/`, what hides something begins with `.wh.`.
    pub(super) fn archived_name(&self) -> Vec<u8> {
        let bytes = self.path.as_os_str().as_bytes();
        if matches!(self.kind, Kind::Directory | Kind::OpaqueDirectory) {
            return [bytes, b"/"].concat();
        }
        if !matches!(self.kind, Kind::Whiteout) {
            return bytes.to_vec();
        }
        let mut hiding = OsString::from(".wh.");
        hiding.push(self.path.file_name().unwrap_or_default());
        self.path.with_file_name(hiding).into_os_string().into_vec()
    }

    /// How many bytes of content follow the header in a tar.
    pub(super) fn archived_length(&self) -> u64 {
        if let Kind::File(content) = &self.kind { content.length() } else { 0 }
    }
}

impl Content {
    /// How many bytes it has.
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Seeded { length, .. } | Self::Hole(length) => *length,
            Self::Bytes(bytes) => bytes.len().try_into().unwrap_or(u64::MAX),
        }
    }

    /// Writes all its bytes.
    pub(super) fn write_to(&self, mut out: impl Write) -> io::Result<()> {
        match self {
            Self::Seeded { seed, length } => seeded(seed, *length, out),
            Self::Bytes(bytes) => out.write_all(bytes),
            Self::Hole(length) => io::copy(&mut io::Read::take(io::repeat(0), *length), &mut out).map(drop),
        }
    }
}

/// Writes `length` bytes of the generator that Steele, Lea and Flood called `SplitMix64`.
fn seeded(seed: &[u8; 32], length: u64, mut out: impl Write) -> io::Result<()> {
    let mut state = seed.iter().take(8).fold(0_u64, |state, &byte| state << 8 | u64::from(byte));
    let mut left = length;
    let mut block = Vec::with_capacity(8192);
    while left > 0 {
        block.clear();
        while block.len() < 8192 {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            block.extend_from_slice(&(mixed ^ mixed >> 31).to_le_bytes());
        }
        let part = usize::try_from(left).map_or(block.len(), |left| left.min(block.len()));
        out.write_all(block.get(..part).unwrap_or_default())?;
        left = left.saturating_sub(u64::try_from(part).unwrap_or(left));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_above_come_first_and_once() {
        let tree = Tree::new("t").file("a/b/c", 1).file("a/b/d", 1).opaque_directory("a").whiteout("a/e/f");
        let names: Vec<_> = tree.members().iter().map(|member| String::from_utf8(member.archived_name()).unwrap()).collect();
        assert_eq!(names, ["a/", "a/b/", "a/b/c", "a/b/d", "a/e/", "a/e/.wh.f"]);
        assert!(matches!(tree.members()[0].kind, Kind::OpaqueDirectory));
    }

    #[test]
    fn sizes_count_what_docker_counts() {
        let tree = Tree::new("t").file("a", 100).hard_link("b", "a").symlink("c", "12345").sparse("d", 1000).directory("e").whiteout("f");
        assert_eq!((tree.size(), tree.archived_size()), (1105, 1100));
    }
}
