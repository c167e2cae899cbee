//! What dockerd would unpack a layer's tar to, as an [`Index`]: nothing is written.
//!
//! ```text
//! .wh.<name>        a whiteout: lower layers' <name> is hidden
//! .wh..wh..opq      its directory hides all that lower layers have in it
//! .wh..wh.<other>   aufs' own, and left out
//! ```
//! The last of several members of one name counts, but directories are merged. What is above a member is made if no member did. A name may go through a
//! symbolic link that the same tar made: it is followed here, among the members, and never on a disk.

use crate::store::tar_split::{Header, Kind};
use crate::union::index::{Content, Index, Node, NodeId, allocated, inode};
use crate::union::{Entry, Nature};
use std::collections::{BTreeMap, VecDeque};

/// How many inodes a layer may have here; what claims more is no honest layer.
const MOST_NODES: usize = 8 << 20;

/// The longest path, and the longest name, that the kernel takes.
const LONGEST_PATH: usize = 4095;
const LONGEST_NAME: usize = 255;

/// How many links one name may go through: as many as the kernel follows.
const MOST_LINKS: usize = 40;

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
const AUFS: &[u8] = b".wh..wh.";

/// Why a member cannot be unpacked: dockerd would not load the layer either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("leads out of the layer")]
    Outside,
    #[error("is a path that no file system takes")]
    TooLong,
    #[error("goes through links that lead in a circle")]
    Circular,
    #[error("lies below something that is no directory")]
    Blocked,
    #[error("is another name of a file that is not in the layer")]
    NoTarget,
    #[error("is a sparse file, which cannot be read here")]
    Sparse,
    #[error("is of a kind that cannot be unpacked")]
    Kind,
    #[error("has an owner, or the numbers of a device, that no file system takes")]
    Number,
    #[error("is one inode too many: a layer has at most {MOST_NODES} here")]
    TooMany,
}

/// A layer that is being unpacked.
#[derive(Debug)]
pub(super) struct Builder {
    nodes: Vec<Node>,
}

/// What to do about directories that are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Above {
    Make,
    Find,
}

impl Builder {
    /// A layer with nothing in it.
    pub(super) fn new() -> Self {
        Self { nodes: vec![directory(0o755)] }
    }

    /// Adds a member, whose content has the SHA-256 `digest`.
    pub(super) fn add(&mut self, header: &Header, digest: [u8; 32]) -> Result<(), Refused> {
        if header.is_sparse {
            return Err(Refused::Sparse);
        }
        if components(&header.name).any(|component| component.starts_with(AUFS) && component != OPAQUE) {
            return Ok(());
        }
        // dockerd leaves the root as it made it.
        let Some((above, name)) = self.place(&header.name, Above::Make)? else { return Ok(()) };
        if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            return self.hide((above, &name), hidden, header);
        }
        let node = match header.kind {
            Kind::Global => return Ok(()),
            Kind::HardLink => {
                let target = self.target(&header.link)?;
                self.name(above, name, target);
                return Ok(());
            }
            Kind::Other(_) => return Err(Refused::Kind),
            _ => node(header, digest)?,
        };
        self.put(above, name, node)
    }

    /// The layer.
    pub(super) fn finish(self) -> Index {
        Index::new(self.nodes)
    }

    /// Marks that a name of lower layers, or everything in the directory, is hidden.
    fn hide(&mut self, (above, name): (NodeId, &[u8]), hidden: &[u8], header: &Header) -> Result<(), Refused> {
        if name == OPAQUE {
            // Roots are merged whatever their marks say.
            if above != 0 {
                self.renew(above);
            }
            return Ok(());
        }
        if matches!(hidden, b"" | b"." | b"..") {
            return Err(Refused::Outside);
        }
        if let Some(id) = self.child(above, hidden) {
            // What is there is newer than what the mark is about.
            self.renew(id);
            return Ok(());
        }
        let mut entry = Entry { inode: inode(CHARACTER_DEVICE), nature: Nature::Whiteout, redirect: None };
        (entry.inode.user, entry.inode.group) = owner(header)?;
        self.put(above, hidden.to_vec(), Node { entry, content: Content::Nothing, capabilities: None })
    }

    /// Makes a directory hide what lies below it.
    fn renew(&mut self, id: NodeId) {
        if let Some(node) = self.node_mut(id)
            && node.entry.nature == Nature::Merged
        {
            node.entry.nature = Nature::Opaque;
        }
    }

    /// Puts something under a name, in the place of what was there; a directory keeps what is in it.
    fn put(&mut self, above: NodeId, name: Vec<u8>, mut node: Node) -> Result<(), Refused> {
        let before = self.child(above, &name);
        if let Some(id) = before
            && let Some(there) = self.node_mut(id)
            && node.entry.nature == Nature::Merged
        {
            match there.entry.nature {
                Nature::Merged | Nature::Opaque => {
                    node.entry.inode.number = there.entry.inode.number;
                    there.entry.inode = node.entry.inode;
                    return Ok(());
                }
                Nature::Whiteout => node.entry.nature = Nature::Opaque,
                Nature::Plain | Nature::Stub => {}
            }
        }
        let id = self.push(node)?;
        self.name(above, name, id);
        Ok(())
    }

    fn push(&mut self, mut node: Node) -> Result<NodeId, Refused> {
        let number = self.nodes.len();
        let id = NodeId::try_from(number).ok().filter(|_| number < MOST_NODES).ok_or(Refused::TooMany)?;
        node.entry.inode.number = u64::from(id) + 1;
        self.nodes.push(node);
        Ok(id)
    }

    fn name(&mut self, above: NodeId, name: Vec<u8>, id: NodeId) {
        if let Some(Node { content: Content::Names(names), .. }) = self.node_mut(above) {
            names.insert(name.into(), id);
        }
    }

    /// The file that another name is given to.
    fn target(&mut self, link: &[u8]) -> Result<NodeId, Refused> {
        let (above, name) = self.place(link, Above::Find)?.ok_or(Refused::NoTarget)?;
        let id = self.child(above, &name).ok_or(Refused::NoTarget)?;
        self.node(id).filter(|node| node.names().is_none()).map(|_| id).ok_or(Refused::NoTarget)
    }

    /// The directory that a name is in, and the last component of the name; nothing for the root itself.
    fn place(&mut self, name: &[u8], missing: Above) -> Result<Option<(NodeId, Vec<u8>)>, Refused> {
        let mut open = clean(name)?;
        let Some(last) = open.pop_back() else { return Ok(None) };
        let mut above: Vec<NodeId> = vec![0];
        let mut followed = 0;
        while let Some(component) = open.pop_front() {
            if component == b".." {
                // Above the root is the root.
                above.truncate(above.len().saturating_sub(1).max(1));
                continue;
            }
            let here = above.last().copied().unwrap_or_default();
            let id = match self.child(here, &component) {
                Some(id) => id,
                None if missing == Above::Find => return Err(Refused::NoTarget),
                None => {
                    let id = self.push(directory(0o755))?;
                    self.name(here, component, id);
                    id
                }
            };
            match self.node(id).map(|node| (&node.content, node.entry.nature)) {
                Some((Content::Names(_), _)) => above.push(id),
                Some((Content::Link(target), _)) => {
                    followed += 1;
                    if followed > MOST_LINKS {
                        return Err(Refused::Circular);
                    }
                    if target.starts_with(b"/") {
                        above.truncate(1);
                    }
                    components(target).rev().for_each(|component| open.push_front(component.to_vec()));
                }
                _ => return Err(Refused::Blocked),
            }
        }
        Ok(above.last().map(|&above| (above, last)))
    }

    fn child(&self, directory: NodeId, name: &[u8]) -> Option<NodeId> {
        self.node(directory)?.names()?.get(name).copied()
    }

    fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(usize::try_from(id).ok()?)
    }

    fn node_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(usize::try_from(id).ok()?)
    }
}

const CHARACTER_DEVICE: u32 = 0o020_000;

fn directory(permissions: u32) -> Node {
    let entry = Entry { inode: inode(0o040_000 | permissions), nature: Nature::Merged, redirect: None };
    Node { entry, content: Content::Names(BTreeMap::new()), capabilities: None }
}

fn owner(header: &Header) -> Result<(u32, u32), Refused> {
    let number = |id: u64| u32::try_from(id).map_err(|_| Refused::Number);
    Ok((number(header.user)?, number(header.group)?))
}

/// The inode that a header describes.
fn node(header: &Header, digest: [u8; 32]) -> Result<Node, Refused> {
    let (file_type, content) = match header.kind {
        Kind::Directory => (0o040_000, Content::Names(BTreeMap::new())),
        Kind::Symlink if header.link.is_empty() || header.link.len() > LONGEST_PATH => return Err(Refused::TooLong),
        Kind::Symlink => (0o120_000, Content::Link(header.link.as_slice().into())),
        Kind::Character => (CHARACTER_DEVICE, Content::Nothing),
        Kind::Block => (0o060_000, Content::Nothing),
        Kind::Fifo => (0o010_000, Content::Nothing),
        Kind::File | Kind::HardLink | Kind::Global | Kind::Other(_) => (0o100_000, Content::File(digest)),
    };
    // Links have no permissions of their own.
    let permissions = if header.kind == Kind::Symlink { 0o777 } else { header.mode };
    let mut inode = inode(file_type | permissions);
    (inode.user, inode.group) = owner(header)?;
    inode.modified = (header.modified.0, header.modified.1.unwrap_or_default());
    let device = |number: u64| u32::try_from(number).map_err(|_| Refused::Number);
    inode.device = (device(header.device.0)?, device(header.device.1)?);
    match header.kind {
        Kind::File => inode.size = header.length,
        Kind::Symlink => inode.size = u64::try_from(header.link.len()).unwrap_or_default(),
        _ => {}
    }
    inode.allocated = allocated(inode.kind, inode.size);
    let nature = match header.kind {
        Kind::Directory => Nature::Merged,
        _ if inode.is_whiteout() => Nature::Whiteout,
        _ => Nature::Plain,
    };
    let capabilities = header.attributes.iter().find(|(name, _)| name == b"security.capability");
    let capabilities = capabilities.map(|(_, value)| value.as_slice().into());
    Ok(Node { entry: Entry { inode, nature, redirect: None }, content, capabilities })
}

/// The components of a path that say something.
fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|component| !matches!(*component, b"" | b"."))
}

/// The components of a name after it was cleaned by its text alone, as dockerd does before it unpacks.
fn clean(name: &[u8]) -> Result<VecDeque<Vec<u8>>, Refused> {
    let mut clean = VecDeque::new();
    if name.len() > LONGEST_PATH {
        return Err(Refused::TooLong);
    }
    for component in components(name) {
        if component == b".." {
            // Above an absolute name's root is the root.
            if clean.pop_back().is_none() && !name.starts_with(b"/") {
                return Err(Refused::Outside);
            }
        } else if component.len() > LONGEST_NAME || component.contains(&0) {
            return Err(Refused::TooLong);
        } else {
            clean.push_back(component.to_vec());
        }
    }
    Ok(clean)
}

#[cfg(test)]
mod tests;
