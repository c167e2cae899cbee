//! A layer that was read as a stream: what is in it, without the contents of its files, of which only the SHA-256 is left.

use super::entry::{Entry, Nature};
use crate::dir::Kind;
use crate::dir::tree::Inode;
use crate::usage::scan::Usage;
use rustix::fs::FileType;
use std::collections::{BTreeMap, HashMap};

/// The place of a node; the root has 0.
pub type NodeId = u32;

/// The tree of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    nodes: Vec<Node>,
}

/// An inode of the layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is, and what it does to lower layers.
    pub entry: Entry,
    /// What is in it.
    pub content: Content,
    /// Its capabilities.
    pub capabilities: Option<Box<[u8]>>,
}

/// What is in an inode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// In a directory, names.
    Names(BTreeMap<Box<[u8]>, NodeId>),
    /// In a file, something with this SHA-256.
    File([u8; 32]),
    /// In a symbolic link, where it leads.
    Link(Box<[u8]>),
    /// In anything else, nothing.
    Nothing,
}

impl Node {
    /// The names in a directory.
    #[must_use]
    pub const fn names(&self) -> Option<&BTreeMap<Box<[u8]>, NodeId>> {
        if let Content::Names(names) = &self.content { Some(names) } else { None }
    }
}

impl Index {
    /// The tree of `nodes`, the first of which is its root: what cannot be reached from there is left out of everything.
    #[must_use]
    pub fn new(nodes: Vec<Node>) -> Self {
        let mut index = Self { nodes };
        let mut names: HashMap<NodeId, u32> = HashMap::new();
        index.each(|id, _| *names.entry(id).or_default() += 1);
        for (id, count) in names {
            if let Some(node) = index.node_mut(id).filter(|node| node.names().is_none()) {
                node.entry.inode.links = count;
            }
        }
        index
    }

    /// Calls `act` with everything that has a name, once for each, and with the root.
    fn each(&self, mut act: impl FnMut(NodeId, &Node)) {
        let mut open = vec![0];
        while let Some(id) = open.pop() {
            let Some(node) = self.node(id) else { continue };
            act(id, node);
            open.extend(node.names().into_iter().flat_map(BTreeMap::values));
        }
    }

    /// What has this place.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(usize::try_from(id).ok()?)
    }

    fn node_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(usize::try_from(id).ok()?)
    }

    /// The directory `path`.
    #[must_use]
    pub fn directory(&self, path: &[u8]) -> Option<NodeId> {
        let mut id = 0;
        for name in path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()) {
            id = *self.node(id)?.names()?.get(name)?;
        }
        self.node(id)?.names().map(|_| id)
    }

    /// What the directory has under a name.
    #[must_use]
    pub fn child(&self, directory: NodeId, name: &[u8]) -> Option<&Node> {
        self.node(*self.node(directory)?.names()?.get(name)?)
    }

    /// What has this path.
    #[must_use]
    pub fn find(&self, path: &[u8]) -> Option<&Node> {
        let (above, name) = super::split(path);
        if name.is_empty() { self.node(0) } else { self.child(self.directory(above)?, name) }
    }

    /// Everything in the directory `path`, by name.
    #[must_use]
    pub fn list(&self, path: &[u8]) -> Vec<(Box<[u8]>, Entry)> {
        let names = self.directory(path).and_then(|id| self.node(id)?.names()).into_iter().flatten();
        names.filter_map(|(name, id)| Some((name.clone(), self.node(*id)?.entry.clone()))).collect()
    }

    /// What it would occupy, every inode once.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        let mut met = vec![false; self.nodes.len()];
        self.each(|id, node| {
            let is_whiteout = node.entry.nature == Nature::Whiteout;
            usage.whiteouts += u64::from(is_whiteout);
            let met = usize::try_from(id).ok().and_then(|id| met.get_mut(id));
            if met.is_some_and(|met| !std::mem::replace(met, true)) {
                add(&mut usage, node);
            }
        });
        usage
    }
}

fn add(usage: &mut Usage, node: &Node) {
    let inode = &node.entry.inode;
    let file_type = inode.file_type();
    let is = |kind: FileType| u64::from(file_type == kind);
    let sets_id = file_type == FileType::RegularFile && inode.mode & 0o6000 != 0;
    *usage += Usage {
        bytes: inode.allocated,
        apparent_bytes: inode.size,
        content_bytes: if file_type == FileType::Directory { 0 } else { inode.size },
        inodes: 1,
        directories: is(FileType::Directory),
        files: is(FileType::RegularFile),
        symlinks: is(FileType::Symlink),
        symlink_bytes: if file_type == FileType::Symlink { inode.size } else { 0 },
        devices: is(FileType::CharacterDevice) + is(FileType::BlockDevice),
        fifos: is(FileType::Fifo),
        opaques: u64::from(node.entry.nature == Nature::Opaque),
        set_ids: u64::from(sets_id),
        ..Usage::default()
    };
}

/// What a file system with blocks of 4 KiB would allocate: whole blocks for a file, one for a directory, none for anything else but a symbolic link
/// whose text has no room in its inode.
#[must_use]
pub fn allocated(kind: Kind, size: u64) -> u64 {
    const BLOCK: u64 = 4096;
    /// The longest link that ext4 keeps in an inode.
    const SHORT: u64 = 59;
    match kind {
        Kind::Directory => BLOCK,
        Kind::File => size.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX),
        Kind::Symlink if size > SHORT => BLOCK,
        Kind::Symlink | Kind::Special => 0,
    }
}

/// An inode of no particular file system, with the mode `mode`.
#[must_use]
pub fn inode(mode: u32) -> Inode {
    let kind = match FileType::from_raw_mode(mode) {
        FileType::Directory => Kind::Directory,
        FileType::RegularFile => Kind::File,
        FileType::Symlink => Kind::Symlink,
        _ => Kind::Special,
    };
    let size = if kind == Kind::Directory { 4096 } else { 0 };
    let (number, user, group, links) = (0, 0, 0, 1);
    Inode { number, kind, mode, user, group, links, size, allocated: allocated(kind, size), modified: (0, 0), device: (0, 0) }
}
