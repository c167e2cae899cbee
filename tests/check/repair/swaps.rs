//! Two files or links that got each other's content: whatever they say reads well. What a container or an image sees is never worse afterwards.
//!
//! What is seen is looked up here in the plainest way, as dockerd and the kernel do: a record names a directory, its `lower` names links, each
//! link leads to a directory.

use super::run;
use crate::world::World;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// What every layer and every container of a data-root sees: the directories, by the inodes of their `diff`, topmost first; nothing where dockerd fails.
type Views = BTreeMap<String, Option<Vec<u64>>>;

fn views(root: &Path) -> Views {
    let mut views = Views::new();
    let database = root.join("image/overlay2/layerdb");
    for (place, file) in [("sha256", "cache-id"), ("mounts", "mount-id"), ("mounts", "init-id")] {
        for record in fs::read_dir(database.join(place)).unwrap() {
            let record = record.unwrap().path();
            let seen = fs::read_to_string(record.join(file)).ok().and_then(|directory| stack(root, directory.trim()));
            if record.join(file).exists() {
                views.insert(format!("{} {file}", record.file_name().unwrap().to_str().unwrap()), seen);
            }
        }
    }
    views
}

fn stack(root: &Path, directory: &str) -> Option<Vec<u64>> {
    use std::os::unix::fs::MetadataExt as _;
    let home = root.join("overlay2");
    let inode = |path: PathBuf| fs::metadata(path).ok().map(|metadata| metadata.ino());
    let mut seen = vec![inode(home.join(directory).join("diff"))?];
    if let Ok(lower) = fs::read_to_string(home.join(directory).join("lower")) {
        for link in lower.split(':') {
            seen.push(inode(home.join(link))?);
        }
    }
    Some(seen)
}

/// What a file or a symbolic link says.
fn said(path: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStringExt as _;
    fs::read_link(path).map_or_else(|_| fs::read(path).unwrap(), |text| text.into_os_string().into_vec())
}

fn say(path: &Path, text: &[u8]) {
    use std::os::unix::ffi::OsStrExt as _;
    let is_link = path.is_symlink();
    fs::remove_file(path).unwrap();
    if is_link {
        symlink(std::ffi::OsStr::from_bytes(text), path).unwrap();
    } else {
        fs::write(path, text).unwrap();
    }
}

fn swap(one: &Path, other: &Path) {
    let (first, second) = (said(one), said(other));
    say(one, &second);
    say(other, &first);
}

/// The files of each kind, sorted: what is swapped is of one kind.
fn kinds(root: &Path) -> Vec<Vec<PathBuf>> {
    let mut kinds: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
        let path = entry.unwrap().into_path();
        let below = path.strip_prefix(root).unwrap().to_str().unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let parts = below.split('/').count();
        let kind = match name {
            _ if below.starts_with("overlay2/l/") => "l",
            "link" | "lower" if below.starts_with("overlay2/") && parts == 3 => name,
            "cache-id" | "parent" | "diff" | "mount-id" | "init-id" if below.contains("/layerdb/") => name,
            _ => continue,
        };
        kinds.entry(kind.to_owned()).or_default().push(path);
    }
    kinds.into_values().collect()
}

/// Repairs, and says what is seen less truly than before.
fn worse(root: &Path, truth: &Views, what: &str) -> Vec<String> {
    let before = views(root);
    let ran = run(root, &["repair", "--force"]);
    assert!(matches!(ran.status, Some(0 | 1 | 4 | 5)), "{what}: {ran:?}");
    let after = views(root);
    let is_worse = |name: &&String| {
        let (truth, before, after) = (truth.get(*name), before.get(*name), after.get(*name));
        before != after && truth != after
    };
    let names: Vec<&String> = truth.keys().chain(before.keys()).filter(is_worse).collect();
    names
        .into_iter()
        .map(|name| format!("{what}: {name} saw {:?}, sees {:?}, was {:?}", before.get(name), after.get(name), truth.get(name)))
        .collect()
}

/// A copy of a data-root beside it, for one try.
fn copy(root: &Path, name: &str) -> PathBuf {
    let copy = root.parent().unwrap().join(name);
    let status = std::process::Command::new("cp").arg("-a").arg(root).arg(&copy).status().unwrap();
    assert!(status.success());
    copy
}

#[test]
fn after_any_swap_nothing_is_seen_that_is_less_true() {
    let world = World::new();
    let root = world.root.path();
    let mut wrong = Vec::new();
    let mut tried = 0;
    for files in kinds(root) {
        let pairs = files.iter().enumerate().flat_map(|(at, one)| files[at + 1..].iter().map(move |other| (one, other)));
        for (one, other) in pairs.filter(|(one, other)| said(one) != said(other)) {
            tried += 1;
            let copy = copy(root, "copy");
            // The copies are other inodes.
            let truth = views(&copy);
            let [here, there] = [one, other].map(|path| copy.join(path.strip_prefix(root).unwrap()));
            swap(&here, &there);
            wrong.extend(worse(&copy, &truth, &format!("{} and {}", one.display(), other.display())));
            fs::remove_dir_all(&copy).unwrap();
        }
    }
    assert!(tried > 200, "{tried}");
    assert!(wrong.is_empty(), "{} of {tried}: {wrong:#?}", wrong.len());
}
