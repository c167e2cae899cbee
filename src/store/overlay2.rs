//! Layer directories and their links.
//!
//! ```text
//! overlay2/
//! ├── <id>/               one for each layer
//! │   ├── diff/           what the layer adds, in overlayfs' own form
//! │   ├── link            its short name, 26 characters
//! │   ├── lower           the short names of all below, `l/<link>` joined by `:`, the nearest first; absent for a base layer
//! │   ├── work/           for the kernel; absent for a base layer
//! │   ├── merged/         while it is mounted
//! │   ├── committed       once something was put on top of it
//! │   └── .tmp-*          see [`super::leftovers`]
//! └── l/<link>            a symbolic link to ../<id>/diff
//! ```
//!
//! dockerd never lists these directories: what nothing names stays for ever. A directory made by an operation that was cut off may lack
//! `link` or `lower`, so a missing `lower` proves nothing about what lies below.

use super::{Told, id_of_name, leftovers, parse_id, read_each, read_id, told};
use crate::dir::{Cause, Dir, Entry, Kind, Operation, ReadError, Stamp};
use crate::id::{DirId, LinkId};
use crate::unreadable::{Pins, Unreadable, keep};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Where layer directories lie.
pub const PATH: &str = "overlay2";

/// Where their links lie.
pub const LINKS: &str = "overlay2/l";

/// The most bytes that a `lower` can have: 128 entries of 29 bytes, with room to spare.
const LOWER: u64 = 64 << 10;

/// What is in `overlay2/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overlay2 {
    /// Every layer directory.
    pub dirs: BTreeMap<DirId, LayerDir>,
    /// Every link and the directory that it leads to, if it leads to one.
    pub links: BTreeMap<LinkId, Option<DirId>>,
    /// The names of all else: probe directories, the block device of the quota probe, and what is not Docker's.
    pub others: Vec<Entry>,
    /// The links by which directories call themselves that no dockerd gave their name: a person has renamed or copied a layer.
    pub borne_by_others: BTreeSet<LinkId>,
}

/// A layer directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerDir {
    /// Its name.
    pub id: DirId,
    /// Its short name, where it has one that can be read.
    pub link: Option<LinkId>,
    /// The short names of all below, the nearest first.
    pub lower: Told<Vec<LinkId>>,
    /// Whether `diff/` is there.
    pub diff: bool,
    /// The names of files in it that were being written.
    pub temporary: Vec<OsString>,
    /// When it was made, and which inode it is.
    pub stamp: Option<Stamp>,
}

/// Reads every link, then every layer directory: in this order a directory that dockerd makes meanwhile leaves no link without one.
pub fn read(root: &Dir, unreadable: &mut Vec<Unreadable>) -> Overlay2 {
    let links = read_links(root, unreadable);
    let Some(dir) = keep(root.dir(PATH), Pins::Everything, unreadable).flatten() else {
        return Overlay2 { links, ..Overlay2::default() };
    };
    let mut entries = keep(dir.entries(), Pins::Everything, unreadable).unwrap_or_default();
    entries.retain(|entry| entry.name != "l");
    let is_layer = |entry: &Entry| entry.kind == Kind::Directory && DirId::try_from(entry.name.as_bytes()).is_ok();
    let (layers, others): (Vec<_>, Vec<_>) = entries.into_iter().partition(is_layer);
    for other in others.iter().filter(|other| DirId::try_from(other.name.as_bytes()).is_ok()) {
        // dockerd follows a symbolic link here, which an administrator leaves who moves a layer to another disk. Anything else holds no layer;
        // if a record names it, that record lacks its directory.
        let pins = if other.kind == Kind::Symlink { Pins::Directories } else { Pins::Nothing };
        let path = dir.path().join(&other.name);
        unreadable.push(Unreadable::malformed(path, "it has the name of a layer directory but is none", pins));
    }
    let dirs = read_each(&layers, unreadable, |entry, unreadable| {
        let id = id_of_name(&dir, entry, Pins::Directories, unreadable)?;
        keep(read_dir(&dir, id, unreadable), Pins::Directories, unreadable)
    });
    let directories = others.iter().filter(|other| other.kind == Kind::Directory);
    let borne_by_others = directories.filter_map(|other| read_id(&dir, Path::new(&other.name).join("link")).ok().flatten()).collect();
    Overlay2 { dirs: dirs.into_iter().map(|dir| (dir.id, dir)).collect(), links, others, borne_by_others }
}

fn read_dir(parent: &Dir, id: DirId, unreadable: &mut Vec<Unreadable>) -> Result<LayerDir, ReadError> {
    let Some(mut dir) = parent.dir(id.to_string())? else {
        // Gone since `overlay2/` was listed.
        return Ok(LayerDir { id, link: None, lower: Told::Absent, diff: false, temporary: Vec::new(), stamp: None });
    };
    let link = keep(read_id(&dir, "link"), Pins::Nothing, unreadable).flatten();
    let lower = dir.read("lower", LOWER).and_then(|content| {
        let parsed = content.map(|content| parse_lower(&content)).transpose();
        parsed.map_err(|cause| dir.error("lower", Operation::Parse, cause))
    });
    let entries = entries_of(&mut dir)?;
    let diff = entries.iter().any(|entry| entry.kind == Kind::Directory && entry.name == "diff");
    let is_temporary = |entry: &Entry| entry.kind == Kind::File && leftovers::is_temporary_of_layer(&entry.name);
    let temporary = entries.into_iter().filter(is_temporary).map(|entry| entry.name).collect();
    Ok(LayerDir { id, link, lower: told(lower, unreadable), diff, temporary, stamp: dir.stamp("")? })
}

/// What lies in a layer directory; nothing in one that was removed since it was opened.
fn entries_of(dir: &mut Dir) -> Result<Vec<Entry>, ReadError> {
    match dir.entries_in_place() {
        Err(ReadError { cause: Cause::Io(error), .. }) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed,
    }
}

/// Parses a `lower` file: the links of all layers below, the nearest first.
///
/// # Errors
/// When any entry is not `l/` and a link: leaving one out would leave a layer without its user.
pub fn parse_lower(content: &[u8]) -> Result<Vec<LinkId>, Cause> {
    let entries = content.trim_ascii().split(|&byte| byte == b':');
    entries
        .map(|entry| match entry.strip_prefix(b"l/") {
            Some(link) => parse_id(link),
            None if content.trim_ascii().is_empty() => Err(Cause::Malformed("the file is empty".to_owned())),
            None => {
                Err(Cause::Malformed(format!("{:?} is not a lower entry (l/…)", String::from_utf8_lossy(entry.get(..40).unwrap_or(entry)))))
            }
        })
        .collect()
}

fn read_links(root: &Dir, unreadable: &mut Vec<Unreadable>) -> BTreeMap<LinkId, Option<DirId>> {
    let Some(dir) = keep(root.dir(LINKS), Pins::Directories, unreadable).flatten() else { return BTreeMap::new() };
    let names = keep(dir.entries(), Pins::Directories, unreadable).unwrap_or_default();
    let links = read_each(&names, unreadable, |entry, unreadable| {
        let id: LinkId = id_of_name(&dir, entry, Pins::Nothing, unreadable)?;
        let target = dir.read_link(&entry.name).and_then(|text| {
            let parsed = text.map(|text| parse_target(text.as_bytes())).transpose();
            parsed.map_err(|cause| dir.error(&entry.name, Operation::Parse, cause))
        });
        Some((id, keep(target, Pins::Directories, unreadable).flatten()))
    });
    links.into_iter().collect()
}

/// Parses the text of a link: `../<id>/diff`.
///
/// # Errors
/// When it leads anywhere else.
pub fn parse_target(text: &[u8]) -> Result<DirId, Cause> {
    let id = text.strip_prefix(b"../").and_then(|rest| rest.strip_suffix(b"/diff"));
    let id = id.and_then(|id| DirId::try_from(id).ok());
    id.ok_or_else(|| {
        Cause::Malformed(format!(
            "leads to {:?}, not to ../<layer directory>/diff",
            String::from_utf8_lossy(text.get(..80).unwrap_or(text))
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const B: &str = "ZYXWVUTSRQPONMLKJIHGFEDCBA";

    #[test]
    fn reads_a_lower_in_order() {
        let lower = parse_lower(format!("l/{A}:l/{B}").as_bytes()).unwrap();
        assert_eq!(lower, [A.parse().unwrap(), B.parse().unwrap()]);
    }

    #[test]
    fn a_lower_is_whole_or_an_error() {
        let absolute = format!("l/{A}:/var/lib/containers/l/{B}");
        let short = format!("l/{A}:l/{}", &B[..25]);
        for content in ["", "l/", ":", &absolute, &short, &format!("l/{A}:"), "../../etc", "\u{0}"] {
            assert!(parse_lower(content.as_bytes()).is_err(), "{content:?}");
        }
    }

    #[test]
    fn a_link_leads_to_a_layer_directory_or_nowhere() {
        let hex = "0123456789abcdef".repeat(4);
        assert_eq!(parse_target(format!("../{hex}/diff").as_bytes()).unwrap().to_string(), hex);
        for text in ["", "../../etc/diff", "/etc", "../l/diff", &format!("../{hex}"), &format!("../{hex}/../x/diff")] {
            assert!(parse_target(text.as_bytes()).is_err(), "{text}");
        }
    }
}
