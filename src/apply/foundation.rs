//! What a part of a layer that lies in the trash needs to find in its place when it comes back.

use super::journal::Slot;
use super::top::open_dir;
use crate::id::{ChainId, DirId};
use crate::plan::{Kind, RelPath};
use crate::store::{layerdb, overlay2};
use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd, OwnedFd};

/// The most bytes that a `lower` or a `parent` is read with.
const LIMIT: u64 = 64 << 10;

/// The names that `object`, which lies in `run`, needs: a layer's record that of its parent and its directory, a directory the links in its
/// `lower`.
pub(super) fn of(run: &OwnedFd, object: &Slot) -> Result<Vec<RelPath>, String> {
    if object.evidence.kind != Kind::Directory {
        return Ok(Vec::new());
    }
    let dir = open_dir(run, object.number.to_string()).map_err(|errno| errno.to_string())?;
    let below = match object.path.split().0 {
        layerdb::LAYERS => {
            let parent = read(&dir, "parent")?.map(|text| ChainId::try_from(text.trim_ascii())).transpose();
            let parent = parent.map_err(|error| error.to_string())?;
            let directory = read(&dir, "cache-id")?.map(|text| DirId::try_from(text.trim_ascii())).transpose();
            let directory = directory.map_err(|error| error.to_string())?;
            let parent = parent.map(|chain| format!("{}/{}", layerdb::LAYERS, chain.hex()));
            parent.into_iter().chain(directory.map(|id| format!("{}/{id}", overlay2::PATH))).collect()
        }
        overlay2::PATH => {
            let lower = read(&dir, "lower")?.map(|text| overlay2::parse_lower(&text)).transpose().map_err(|error| error.to_string())?;
            lower.into_iter().flatten().map(|link| format!("{}/l/{link}", overlay2::PATH)).collect()
        }
        _ => Vec::new(),
    };
    below.into_iter().map(|path: String| RelPath::new(path).map_err(|error| error.to_string())).collect()
}

/// The content of a small file, if there is one.
fn read(dir: impl AsFd, name: &str) -> Result<Option<Vec<u8>>, String> {
    let file = match openat(dir, name, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty()) {
        Ok(fd) => File::from(fd),
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(format!("{name}: {errno}")),
    };
    let mut content = Vec::new();
    file.take(LIMIT).read_to_end(&mut content).map_err(|error| format!("{name}: {error}"))?;
    Ok(Some(content))
}
