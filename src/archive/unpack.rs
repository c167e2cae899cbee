//! What dockerd would unpack a layer's tar to, as an [`Index`]: nothing is written.
//!
//! ```text
//! .wh.<name>        a whiteout: lower layers' <name> is hidden
//! .wh..wh..opq      its directory hides all that lower layers have in it
//! ```
//! The last of several members of one name counts, but directories are merged. What is above a member is made if no member did. A name may go through a
//! symbolic link that the same tar made: it is followed here, among the members, and never on a disk. Names of aufs' own (`.wh..wh.plnk`) mean nothing more:
//! whoever left them out would not see what a container does.

use crate::store::tar_split::{Header, Kind};
use crate::union::Nature;
use crate::union::index::{Content, Index, Node, NodeId};
use std::collections::VecDeque;

mod inode;

/// How many inodes a layer may have here, and how many names; what claims more is no honest layer.
const MOST_NODES: usize = 8 << 20;

/// How many bytes its names and links may have together: 128 for each, of which honest ones need a quarter.
const MOST_TEXT: usize = 1 << 30;

/// The longest path, and the longest name, that the kernel takes.
const LONGEST_PATH: usize = 4095;
const LONGEST_NAME: usize = 255;

/// How many links one name may go through: as many as the kernel follows.
const MOST_LINKS: usize = 40;

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// Why a member is not unpacked: as a rule because dockerd could not do so either.
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
    #[error("goes through a link that leads to nothing in the layer")]
    Dangling,
    #[error("is another name of a file that is not in the layer")]
    NoTarget,
    #[error("is a sparse file, which cannot be read here")]
    Sparse,
    #[error("is of a kind that cannot be unpacked")]
    Kind,
    #[error("has an owner, or the numbers of a device, that no file system takes")]
    Number,
    #[error("has capabilities that no kernel takes")]
    Capabilities,
    #[error("bears a mark of overlayfs that cannot be followed here")]
    Marked,
    #[error("is one too many: a layer has at most {MOST_NODES} inodes and as many names here")]
    TooMany,
    #[error("is too much: the names and links of a layer have at most {MOST_TEXT} bytes here")]
    TooMuch,
}

/// A layer that is being unpacked.
#[derive(Debug)]
pub(super) struct Builder {
    nodes: Vec<Node>,
    room: Room,
}

/// What may still be added.
#[derive(Debug)]
struct Room {
    inodes: usize,
    names: usize,
    text: usize,
}

impl Room {
    fn take_text(&mut self, length: usize) -> Result<(), Refused> {
        self.text = self.text.checked_sub(length).ok_or(Refused::TooMuch)?;
        Ok(())
    }
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
        Self { nodes: vec![inode::directory(0o755)], room: Room { inodes: MOST_NODES, names: MOST_NODES, text: MOST_TEXT } }
    }

    /// Adds a member, whose content has the SHA-256 `digest`.
    pub(super) fn add(&mut self, header: &Header, digest: [u8; 32]) -> Result<(), Refused> {
        if header.is_sparse {
            return Err(Refused::Sparse);
        }
        // dockerd leaves the root as it made it.
        let Some((above, name)) = self.place(&header.name, Above::Make)? else { return Ok(()) };
        if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            return self.hide((above, &name), hidden, header);
        }
        let node = match header.kind {
            Kind::Global => return Ok(()),
            Kind::HardLink => {
                // What has the name is taken away first, even if it is what the link leads to.
                self.unname(above, &name);
                let target = self.target(&header.link)?;
                self.node_mut(target).map_or(Ok(()), |node| inode::restate(node, header))?;
                return self.name(above, name, target);
            }
            Kind::Other(_) => return Err(Refused::Kind),
            _ => inode::node(header, digest)?,
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
        self.put(above, hidden.to_vec(), inode::whiteout(header)?)
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
    ///
    /// One that takes the place of a whiteout hides nothing any more, for dockerd takes the whiteout away.
    fn put(&mut self, above: NodeId, name: Vec<u8>, node: Node) -> Result<(), Refused> {
        if node.names().is_some()
            && let Some(there) = self.child(above, &name).and_then(|id| self.node_mut(id))
            && there.names().is_some()
        {
            let number = there.entry.inode.number;
            there.entry.inode = node.entry.inode;
            there.entry.inode.number = number;
            if node.entry.nature == Nature::Opaque {
                there.entry.nature = Nature::Opaque;
            }
            return Ok(());
        }
        let id = self.push(node)?;
        self.name(above, name, id)
    }

    fn push(&mut self, mut node: Node) -> Result<NodeId, Refused> {
        self.room.inodes = self.room.inodes.checked_sub(1).ok_or(Refused::TooMany)?;
        if let Content::Link(target) = &node.content {
            self.room.take_text(target.len())?;
        }
        let id = NodeId::try_from(self.nodes.len()).map_err(|_| Refused::TooMany)?;
        node.entry.inode.number = u64::from(id) + 1;
        self.nodes.push(node);
        Ok(id)
    }

    fn name(&mut self, above: NodeId, name: Vec<u8>, id: NodeId) -> Result<(), Refused> {
        self.room.names = self.room.names.checked_sub(1).ok_or(Refused::TooMany)?;
        self.room.take_text(name.len())?;
        if let Some(Node { content: Content::Names(names), .. }) = self.node_mut(above) {
            names.insert(name.into(), id);
        }
        Ok(())
    }

    fn unname(&mut self, above: NodeId, name: &[u8]) {
        if let Some(Node { content: Content::Names(names), .. }) = self.node_mut(above) {
            names.remove(name);
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
        let mut own = open.len();
        while let Some(component) = open.pop_front() {
            let is_own = open.len() < own;
            own = own.min(open.len());
            if component == b".." {
                // Above the root is the root.
                above.truncate(above.len().saturating_sub(1).max(1));
                continue;
            }
            let here = above.last().copied().unwrap_or_default();
            let id = match self.child(here, &component) {
                Some(id) => id,
                None if missing == Above::Find => return Err(Refused::NoTarget),
                None if !is_own => return Err(Refused::Dangling),
                None => {
                    let id = self.push(inode::directory(0o755))?;
                    self.name(here, component, id)?;
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
