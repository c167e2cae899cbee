//! Read-write layers: which directories a container, an image mount or a build step writes to.
//!
//! ```text
//! image/overlay2/layerdb/mounts/<name>/
//! ├── mount-id        the directory of the RW layer
//! ├── init-id         the directory of the init layer below it; absent for builders and image mounts
//! └── parent          the ChainID of the layer below both; absent for containers from scratch
//! ```
//!
//! `<name>` is a container, an image mount, or a BuildKit view. Docker 28 calls an image mount by what was typed, so that a slash in it makes
//! directories in directories: `mounts/<container>-registry.example/team/app:1/mount-id`; it does not find those again itself, and leaves them
//! behind when the container is removed. The three files are written without a sync, so after a power
//! cut they may be empty. A missing `parent` is legal, so that a lost one shows only in the `lower` file of the directory.

use super::containers::Container;
use super::overlay2;
use super::{Told, read_each, read_id, told, told_by_required};
use crate::dir::{Cause, Dir, Entry, Kind, Operation, ReadError, Stamp};
use crate::id::{ChainId, ContainerId, DirId, MountName};
use crate::unreadable::{Pins, Unreadable, keep};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

const PATH: &str = "image/overlay2/layerdb/mounts";

/// The record of a read-write layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Its name.
    pub name: MountName,
    /// The directory of the RW layer.
    pub mount_id: Told<DirId>,
    /// The directory of the init layer.
    pub init_id: Told<DirId>,
    /// The layer below.
    pub parent: Told<ChainId>,
    /// When the record was made.
    pub stamp: Option<Stamp>,
}

impl Mount {
    /// Whether its directories have the names that dockerd gives them: the init layer that of the RW layer, and no other kind of name.
    #[must_use]
    pub fn belongs_together(&self) -> bool {
        match (self.mount_id.value(), self.init_id.value()) {
            (Some(DirId::Hex(own)), Some(DirId::Init(of))) => own == of,
            (Some(DirId::Build(_)), _) | (Some(_), Some(_)) => false,
            _ => true,
        }
    }

    /// Its directories, as far as the record tells: RW, then init.
    pub fn dirs(&self) -> impl Iterator<Item = DirId> + use<> {
        [self.mount_id.value(), self.init_id.value()].map(Option::<&DirId>::copied).into_iter().flatten()
    }
}

/// Reads every record of a read-write layer.
pub fn read(root: &Dir, unreadable: &mut Vec<Unreadable>) -> BTreeMap<MountName, Mount> {
    let Some(dir) = keep(root.dir(PATH), Pins::Everything, unreadable).flatten() else { return BTreeMap::new() };
    let mut names = keep(dir.entries(), Pins::Everything, unreadable).unwrap_or_default();
    let nested: Vec<Entry> = names.extract_if(.., |entry| !is_plain(entry)).collect();
    names.extend(keep(find_nested(&dir, nested), Pins::Everything, unreadable).unwrap_or_default());
    let mounts = read_each(&names, unreadable, |entry, unreadable| {
        let name = name_of(&dir, entry, unreadable)?;
        Some(read_one(&dir, name, unreadable))
    });
    mounts.into_iter().map(|mount| (mount.name.clone(), mount)).collect()
}

/// The name of a record. One that no dockerd gives still names directories, if it is a directory with something in it: then it is kept with them.
fn name_of(dir: &Dir, entry: &Entry, unreadable: &mut Vec<Unreadable>) -> Option<MountName> {
    let error = match MountName::try_from(entry.name.as_bytes()) {
        Ok(name) => return Some(name),
        Err(error) => error.to_string(),
    };
    let is_empty = match entry.kind {
        Kind::Directory => dir.entries_of(&entry.name).is_ok_and(|entries| entries.is_empty()),
        Kind::File => true,
        _ => false,
    };
    let (pins, name) = match entry.name.to_str() {
        _ if is_empty => (Pins::Nothing, None),
        Some(name) if entry.kind == Kind::Directory => (Pins::Nothing, Some(MountName::Other(name.into()))),
        _ => (Pins::Everything, None),
    };
    unreadable.push(Unreadable::malformed(dir.path().join(&entry.name), error, pins));
    name
}

/// Whether a name is one that has no directories in it.
fn is_plain(entry: &Entry) -> bool {
    matches!(MountName::try_from(entry.name.as_bytes()), Ok(MountName::Hex(_) | MountName::Build(_)))
}

/// The read-write layers of containers that are not there any more in which something was written, or of which that is not known: what is in
/// them is somebody's data, which no image has.
pub(crate) fn unowned_data(
    root: &Dir,
    mounts: &BTreeMap<MountName, Mount>,
    containers: &BTreeMap<ContainerId, Container>,
) -> BTreeSet<MountName> {
    let owned: BTreeSet<MountName> = containers.keys().map(|&id| id.into()).collect();
    let exists = |dir: DirId| !matches!(root.dir(format!("{}/{dir}", overlay2::PATH)), Ok(None));
    // Where the record has lost its init layer, that still lies beside the other.
    let has_init_beside = |mount: &Mount| mount.dirs().any(|dir| matches!(dir, DirId::Hex(digits) if exists(DirId::Init(digits))));
    let is_containers =
        |mount: &&Mount| matches!(mount.name, MountName::Hex(_)) && (!matches!(mount.init_id, Told::Absent) || has_init_beside(mount));
    let is_written = |mount: &Mount, dir: DirId| match root.dir(format!("{}/{dir}/diff", overlay2::PATH)) {
        Ok(Some(diff)) => !diff.is_empty().is_ok_and(|is_empty| is_empty),
        // dockerd takes this directory first, and what is left of a container then is marked as dead: another name hides the data.
        Ok(None) => mount.init_id.value().is_some_and(|&init| exists(init)),
        Err(_) => true,
    };
    let has_data = |mount: &&Mount| {
        // The init layer bears the name of the RW layer: `mount-id` may say another.
        let named = [mount.mount_id.value().copied(), mount.init_id.value().and_then(DirId::without_init)];
        let mut dirs = named.into_iter().flatten().peekable();
        dirs.peek().is_none() || dirs.any(|dir| is_written(mount, dir))
    };
    let unowned = mounts.values().filter(|mount| !owned.contains(&mount.name));
    unowned.filter(is_containers).filter(has_data).map(|mount| mount.name.clone()).collect()
}

/// Finds the records in and below `open`, by what only a record has in it; their names are paths.
fn find_nested(dir: &Dir, mut open: Vec<Entry>) -> Result<Vec<Entry>, ReadError> {
    // An image's name has at most 255 characters, so honest ones are shallow and few.
    const MOST: usize = 100_000;
    const DEEPEST: usize = 128;
    let mut records = Vec::new();
    let mut seen = 0;
    while let Some(entry) = open.pop() {
        seen += 1;
        let depth = Path::new(&entry.name).components().count();
        if seen > MOST || depth > DEEPEST {
            return Err(dir.error(
                &entry.name,
                Operation::List,
                Cause::Malformed("more directories than image mounts can make".to_owned()),
            ));
        }
        let children = if entry.kind == Kind::Directory { dir.entries_of(&entry.name)? } else { Vec::new() };
        let files = children.iter().map(|child| is_file(dir, &entry, child)).collect::<Result<Vec<_>, _>>()?;
        let is_record = files.contains(&true);
        let directories = children.iter().zip(&files).filter(|(child, is_file)| child.kind == Kind::Directory && !**is_file);
        for (child, _) in directories {
            open.push(Entry { name: Path::new(&entry.name).join(&child.name).into_os_string(), kind: child.kind });
        }
        if is_record || children.is_empty() {
            records.push(entry);
        }
    }
    Ok(records)
}

/// Whether `child` of `entry` is a file of a record, or stands in the place of one; of a directory with something in it, `parent` is
/// a part of an image's name.
fn is_file(dir: &Dir, entry: &Entry, child: &Entry) -> Result<bool, ReadError> {
    let is_named = matches!(child.name.as_bytes(), b"mount-id" | b"parent" | b"init-id");
    let is_directory = child.kind == Kind::Directory;
    Ok(is_named && (!is_directory || dir.entries_of(Path::new(&entry.name).join(&child.name))?.is_empty()))
}

fn read_one(dir: &Dir, name: MountName, unreadable: &mut Vec<Unreadable>) -> Mount {
    let file = |file: &str| format!("{name}/{file}");
    Mount {
        stamp: keep(dir.stamp(name.to_string()), Pins::Nothing, unreadable).flatten(),
        mount_id: told_by_required(dir.path().join(file("mount-id")), read_id(dir, file("mount-id")), unreadable),
        init_id: told(read_id(dir, file("init-id")), unreadable),
        parent: told(read_id(dir, file("parent")), unreadable),
        name,
    }
}
