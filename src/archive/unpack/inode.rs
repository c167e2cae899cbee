//! The inodes that headers describe.

use super::{LONGEST_PATH, Refused};
use crate::store::tar_split::{Header, Kind};
use crate::union::index::{Content, Node, allocated, inode};
use crate::union::{Entry, Nature};
use std::collections::BTreeMap;

const CHARACTER_DEVICE: u32 = 0o020_000;

pub(super) fn directory(permissions: u32) -> Node {
    let entry = Entry { inode: inode(0o040_000 | permissions), nature: Nature::Merged, redirect: None };
    Node { entry, content: Content::Names(BTreeMap::new()), capabilities: None }
}

fn owner(header: &Header) -> Result<(u32, u32), Refused> {
    let number = |id: u64| u32::try_from(id).map_err(|_| Refused::Number);
    Ok((number(header.user)?, number(header.group)?))
}

/// The inode that a header describes.
pub(super) fn node(header: &Header, digest: [u8; 32]) -> Result<Node, Refused> {
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
        Kind::Directory if is_marked(header)? => Nature::Opaque,
        Kind::Directory => Nature::Merged,
        _ if inode.is_whiteout() => Nature::Whiteout,
        _ => Nature::Plain,
    };
    is_marked(header)?;
    Ok(Node { entry: Entry { inode, nature, redirect: None }, content, capabilities: capabilities(header)? })
}

/// What hides a name of lower layers.
pub(super) fn whiteout(header: &Header) -> Result<Node, Refused> {
    let mut inode = inode(CHARACTER_DEVICE);
    (inode.user, inode.group) = owner(header)?;
    Ok(Node { entry: Entry { inode, nature: Nature::Whiteout, redirect: None }, content: Content::Nothing, capabilities: None })
}

/// Makes a file what the header of another name says of it: dockerd changes owner, permissions, time and capabilities for that too.
pub(super) fn restate(node: &mut Node, header: &Header) -> Result<(), Refused> {
    is_marked(header)?;
    node.capabilities = capabilities(header)?;
    let inode = &mut node.entry.inode;
    (inode.user, inode.group) = owner(header)?;
    if !matches!(node.content, Content::Link(_)) {
        inode.mode = inode.mode & !0o7777 | header.mode;
        inode.modified = (header.modified.0, header.modified.1.unwrap_or_default());
    }
    Ok(())
}

/// The capabilities of a file, which have one of two lengths.
fn capabilities(header: &Header) -> Result<Option<Box<[u8]>>, Refused> {
    /// Those with the user that is root.
    const LONGEST: usize = 24;
    match attribute(header, b"security.capability") {
        Some(value) if value.len() > LONGEST => Err(Refused::Capabilities),
        value => Ok(value.map(Into::into)),
    }
}

/// Whether the header itself marks a directory as opaque, as no dockerd writes it, but each unpacks it.
fn is_marked(header: &Header) -> Result<bool, Refused> {
    let is_beyond = |mark: &[u8]| attribute(header, &[b"trusted.overlay.", mark].concat()).is_some();
    if [&b"redirect"[..], b"metacopy", b"whiteout"].into_iter().any(is_beyond) {
        return Err(Refused::Marked);
    }
    Ok(attribute(header, b"trusted.overlay.opaque").is_some_and(|value| value == b"y"))
}

/// The last that is said of an attribute.
fn attribute<'h>(header: &'h Header, wanted: &[u8]) -> Option<&'h [u8]> {
    header.attributes.iter().rev().find(|(name, _)| name == wanted).map(|(_, value)| value.as_slice())
}
