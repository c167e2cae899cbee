//! Layers that the kernel wrote, as the tars that dockerd makes of them, beside their directories.

use crate::kernel::each_case;
use crate::machine;
use crate::world::{Renames, World, shown};
use layerwise::archive::read_layer;
use layerwise::dir::tree::Inode;
use layerwise::union::changes::{self, Change};
use layerwise::union::{Found, Layer, Part, Union, join};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::Arc;

#[test]
fn a_layer_from_a_tar_is_the_layer_from_its_directory() {
    if !machine::can_mount("archived::a_layer_from_a_tar_is_the_layer_from_its_directory") {
        return;
    }
    each_case(100, Renames::Copy, |world| {
        let (directories, archived) = (world.union(), archived(world));
        let (expected, found) = (seen(&directories), seen(&archived));
        for (path, expected) in &expected {
            assert_eq!(found.get(path), Some(expected), "{}", shown(path));
        }
        assert_eq!(found.len(), expected.len());
        let changed = |union: &Union| changes::find(union, (0, 1)).iter().map(told).collect::<Vec<_>>();
        assert_eq!(changed(&archived), changed(&directories));
    });
}

/// The layers as they come out of tars.
fn archived(world: &World) -> Union {
    let layer = |from_top| {
        let (_, index) = read_layer(tar(&world.layer(from_top)).as_slice()).unwrap();
        Layer::of(Arc::new(index), "archived".into())
    };
    Union::new((0..world.layers()).map(layer).collect())
}

/// What is told of an inode, whatever it is on.
fn of_inode(inode: &Inode, is_directory: bool) -> impl PartialEq + std::fmt::Debug + use<> {
    let Inode { mode, user, group, links, size, modified, device, .. } = *inode;
    let (links, size) = if is_directory { (0, 0) } else { (links, size) };
    (mode, (user, group), links, size, modified, device)
}

/// What a change is, but for what the layers have set aside.
fn told(change: &Change) -> impl PartialEq + std::fmt::Debug + use<> {
    let of = |found: &Option<Found>| found.as_ref().map(|found| format!("{:?}", of_inode(&found.entry.inode, found.entry.is_directory())));
    let Change { path, how, letter, now, before, fields, content, hidden } = change;
    (shown(path), *how, *letter, of(now), of(before), fields.clone(), *content, hidden.inodes)
}

/// Everything that a union shows: what it is, where it leads, what it has in it, and what it is made of.
fn seen(union: &Union) -> BTreeMap<Vec<u8>, impl PartialEq + std::fmt::Debug + use<>> {
    let mut seen = BTreeMap::new();
    let mut open: Vec<(Vec<u8>, Vec<Part>)> = vec![(Vec::new(), union.root(0))];
    while let Some((path, parts)) = open.pop() {
        for (name, found) in union.list(&parts) {
            assert_eq!(union.open(&parts).find(&name).as_ref(), Some(&found), "the name alone and in a list");
            let path = join(&path, &name);
            let (layer, at) = (union.layer(found.top.layer).unwrap(), &found.top.path);
            let content = match found.entry.word() {
                "file" => layer.digest(at).map(Vec::from),
                "symlink" => layer.read_link(at),
                _ => None,
            };
            let inode = of_inode(&found.entry.inode, found.entry.is_directory());
            seen.insert(path.clone(), (inode, found.entry.nature, content, layer.capabilities(at), found.parts.clone()));
            if found.entry.is_directory() {
                open.push((path, found.parts));
            }
        }
    }
    seen
}

/// The tar that dockerd makes of a layer's directory.
fn tar(layer: &Path) -> Vec<u8> {
    let mut tar = Vec::new();
    let mut linked: HashMap<u64, Vec<u8>> = HashMap::new();
    for entry in walkdir::WalkDir::new(layer).min_depth(1).sort_by_file_name().into_iter().map(Result::unwrap) {
        let stat = fs::symlink_metadata(entry.path()).unwrap();
        let name = entry.path().strip_prefix(layer).unwrap().as_os_str().as_bytes().to_vec();
        let kind = stat.file_type();
        let mut link = Vec::new();
        let mut content = Vec::new();
        let (above, last) = layerwise::union::split(&name);
        let (flag, name) = match stat.rdev() {
            0 if kind.is_char_device() => (b'0', join(above, &[b".wh.", last].concat())),
            _ if !kind.is_dir() && linked.contains_key(&stat.ino()) => {
                link.clone_from(&linked[&stat.ino()]);
                (b'1', name)
            }
            _ if kind.is_symlink() => {
                link = fs::read_link(entry.path()).unwrap().as_os_str().as_bytes().to_vec();
                (b'2', name)
            }
            _ if kind.is_char_device() => (b'3', name),
            _ if kind.is_block_device() => (b'4', name),
            _ if kind.is_dir() => (b'5', name),
            _ if kind.is_fifo() => (b'6', name),
            _ => {
                content = fs::read(entry.path()).unwrap();
                (b'0', name)
            }
        };
        let is_whiteout = kind.is_char_device() && stat.rdev() == 0;
        if !kind.is_dir() && !is_whiteout {
            linked.entry(stat.ino()).or_insert_with(|| name.clone());
        }
        member(&mut tar, flag, (&name, &link), (&stat, &content));
        let opaque = rustix::fs::lgetxattr(entry.path(), "trusted.overlay.opaque", &mut [0; 8]);
        if kind.is_dir() && opaque.is_ok() {
            member(&mut tar, b'0', (&join(&name, b".wh..wh..opq"), b""), (&stat, b""));
        }
    }
    tar.extend([0; 1024]);
    tar
}

/// Appends a member with all that may be long, or exact, in records.
fn member(tar: &mut Vec<u8>, flag: u8, (name, link): (&[u8], &[u8]), (stat, content): (&fs::Metadata, &[u8])) {
    let record = |key: &str, value: &[u8]| {
        let rest = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
        let length = (1..9).map(|digits| rest.len() + digits).find(|length| length.to_string().len() == length - rest.len()).unwrap();
        [length.to_string().as_bytes(), &rest].concat()
    };
    let mut records = record("path", name);
    records.extend(record("mtime", format!("{}.{:09}", stat.mtime(), stat.mtime_nsec()).as_bytes()));
    if !link.is_empty() {
        records.extend(record("linkpath", link));
    }
    let mut block = |flag: u8, content: &[u8]| {
        let mut block = [0; 512];
        let mut put = |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(100, &format!("{:07o}", stat.mode() & 0o7777));
        put(108, &format!("{:07o}", stat.uid()));
        put(116, &format!("{:07o}", stat.gid()));
        put(124, &format!("{:011o}", content.len()));
        put(148, "        ");
        put(329, &format!("{:07o}", rustix::fs::major(stat.rdev())));
        put(337, &format!("{:07o}", rustix::fs::minor(stat.rdev())));
        block[156] = flag;
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        tar.extend(block);
        tar.extend(content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    };
    block(b'x', &records);
    block(flag, content);
}
