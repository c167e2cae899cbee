//! What a real dockerd makes of tars that are unlike those it writes, beside what is made of them here.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use ::layerwise::archive::read_layer;
use ::layerwise::dir::Dir;
use ::layerwise::id::Digest;
use ::layerwise::union::{Layer, Marks, Nature};
use serde_json::json;

use crate::engine::Engine;
use made::Made;

#[path = "../../src/archive/made.rs"]
#[expect(dead_code, reason = "layers need not be compressed here")]
mod made;

/// What each path of a layer is.
fn paths(layer: &Layer) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![Vec::new()];
    while let Some(above) = open.pop() {
        for (name, entry) in layer.list(&above).iter() {
            let path = if above.is_empty() { name.to_vec() } else { [&above, &b"/"[..], name].concat() };
            let inode = entry.inode;
            let link = (inode.mode & 0o170_000 == 0o120_000).then(|| layer.read_link(&path));
            // When dockerd made what is not in the tar, and what whiteouts are of, is nobody's business.
            let links = if entry.is_directory() { 0 } else { inode.links };
            let modified = if entry.is_directory() || entry.nature == Nature::Whiteout { (0, 0) } else { inode.modified };
            let about = (inode.user, inode.group, links, modified, inode.device, layer.capabilities(&path), link);
            let of = format!("{:?} {:o} {about:?}", entry.nature, inode.mode);
            found.insert(String::from_utf8_lossy(&path).into_owned(), of);
            if entry.is_directory() {
                open.push(path);
            }
        }
    }
    found
}

/// Who unpacks a layer.
#[derive(Debug, PartialEq, Eq)]
enum Taken {
    /// Both, to the same.
    Alike,
    /// Nobody.
    Never,
    /// Only `layerwise`: there are stores and versions that take it.
    Here,
    /// Only dockerd: an honest layer never leads out of it, or through a link to nothing.
    There,
}

/// The tars.
fn layers() -> Vec<(Taken, &'static str, Made)> {
    use Taken::{Alike, Here, Never, There};
    let made = Made::default;
    let attribute = |name: &str, value: &[u8]| made().records(&[(&format!("SCHILY.xattr.{name}"), value)]);
    vec![
        (Alike, "aufs at the root", made().file(".wh..wh.plnk/1", "x").file(".wh..wh.aufs", "").directory(".wh..wh.orph")),
        (Alike, "aufs below", made().file("d/.wh..wh.x/suid", "x").file("d/.wh..wh.y", "")),
        (Alike, "whiteout, then a directory", made().file(".wh.d", "").directory("d").file("d/x", "")),
        (Never, "whiteout, then an implied directory", made().file(".wh.d", "").file("d/x", "")),
        (Alike, "whiteout, then a file", made().file(".wh.f", "").file("f", "1")),
        (Here, "directory, then whiteout", made().directory("d").file(".wh.d", "")),
        (Here, "two whiteouts", made().file(".wh.d", "").file(".wh.d", "")),
        (Alike, "opaque after siblings", made().directory("d").file("d/x", "").file("d/.wh..wh..opq", "")),
        (Alike, "opaque root", made().file(".wh..wh..opq", "").file("a", "")),
        (Never, "hard link to itself", made().file("a", "1").hard_link("a", "a")),
        (Never, "hard link over what it leads to", made().file("d/x", "1").hard_link("d", "d/x")),
        (Here, "hard link to a file that is replaced", made().file("a", "1").hard_link("b", "a").file("a", "22")),
        (Alike, "hard link to a symlink", made().symlink("a", "x").records(&[("uid", b"70")]).hard_link("b", "a")),
        (
            Alike,
            "hard link of another owner",
            attribute("security.capability", CAPABILITY).file("a", "1").records(&[("uid", b"70")]).hard_link("b", "a"),
        ),
        (Alike, "hard link to a whiteout", made().file(".wh.a", "").hard_link("b", "a")),
        (Never, "hard link to the name of a whiteout", made().file(".wh.a", "").hard_link("b", ".wh.a")),
        (Never, "hard link to what comes", made().hard_link("b", "a").file("a", "")),
        (There, "out", made().file("../x", "1")),
        (There, "hard link out", made().file("x", "1").hard_link("y", "../../x")),
        (Never, "through a link to nothing", made().symlink("l", "nowhere").file("l/x", "1")),
        (Never, "far through a link to nothing", made().symlink("l", "nowhere").file("l/a/b", "1")),
        (Alike, "through a link, implied", made().directory("d").symlink("l", "d").file("l/a/b", "1")),
        (Never, "below a file", made().file("a", "").file("a/b", "")),
        (Here, "directory, file, directory", made().file("d/x", "").file("d", "").directory("d").file("d/y", "")),
        (Alike, "absolute root", made().directory("/").file("/a", "")),
        (Alike, "records twice", made().records(&[("path", b"other")]).records(&[("uid", b"5")]).file("f", "")),
        (Alike, "a mark of overlayfs", attribute("trusted.overlay.opaque", b"y").directory("d").file("d/x", "")),
        (Alike, "a device of nothing", made().member(b'3', "c", "", b"")),
        (Alike, "capabilities", attribute("security.capability", CAPABILITY).file("f", "")),
        (Never, "long capabilities", attribute("security.capability", &[b'x'; 100]).file("f", "")),
        (Never, "whiteout of what is above", made().file("d/.wh...", "")),
        (Alike, "a file with a slash", made().member(b'0', "f/", "", b"x")),
    ]
}

/// What 28.5 does otherwise than 20.10 and 26.1: it takes no name that leads out, and makes the directory that a link leads to.
fn since_28(name: &str) -> Option<Taken> {
    match name {
        "out" | "hard link out" => Some(Taken::Never),
        "through a link to nothing" | "far through a link to nothing" => Some(Taken::There),
        _ => None,
    }
}

/// `cap_net_raw=ep`, as the kernel keeps it.
const CAPABILITY: &[u8] = &[1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

#[test]
fn odd_layers_are_unpacked_as_dockerd_does() {
    let Some(engine) = Engine::start("odd_layers_are_unpacked_as_dockerd_does") else { return };
    for (taken, name, tar) in layers() {
        let tar = tar.finish();
        let ours = read_layer(tar.as_slice()).map(|(_, index)| paths(&Layer::of(Arc::new(index), "archived".into())));
        let theirs = loaded(&engine, &tar);
        let found = match (&theirs, &ours) {
            (Ok(theirs), Ok(ours)) => {
                assert_eq!(ours, theirs, "{name}");
                Taken::Alike
            }
            (Err(_), Err(_)) => Taken::Never,
            (Err(_), Ok(_)) => Taken::Here,
            (Ok(_), Err(_)) => Taken::There,
        };
        let taken = if engine.major_version() < 28 { taken } else { since_28(name).unwrap_or(taken) };
        assert_eq!(found, taken, "{name}: {theirs:?}, and here {ours:?}");
    }
}

/// What dockerd makes of a layer, or why it does not.
fn loaded(engine: &Engine, tar: &[u8]) -> Result<BTreeMap<String, String>, String> {
    let diff = Digest::of(tar).to_string();
    let rootfs = json!({ "type": "layers", "diff_ids": [diff] });
    let config = json!({ "architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs }).to_string();
    let member = format!("{}.json", Digest::of(config.as_bytes()).hex());
    let manifest = json!([{ "Config": member, "RepoTags": null, "Layers": ["l/layer.tar"] }]).to_string();
    let archive = Made::default().file(&member, &config).member(b'0', "l/layer.tar", "", tar).file("manifest.json", &manifest);
    let path = engine.work().join("odd.tar");
    fs::write(&path, archive.finish()).unwrap();
    let output = engine.docker_command(&format!("load -i {}", path.display())).output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let root = Dir::root(&engine.data_root()).unwrap();
    let record = root.path().join("image/overlay2/layerdb").join(diff.replace(':', "/"));
    let cache = fs::read_to_string(record.join("cache-id")).unwrap();
    Ok(paths(&Layer::open(&root, &format!("overlay2/{cache}/diff"), Marks::Trusted).unwrap().unwrap()))
}
