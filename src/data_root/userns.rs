//! Which store of a data-root is meant where dockerd remaps users: each mapping has a whole data-root of its own below the plain one.
//!
//! ```text
//! /var/lib/docker/                   what --data-root says; may hold a store from before users were remapped
//! ├── 100000.100000/                 where a dockerd with userns-remap keeps everything
//! └── 165536.165536/                 and with another mapping
//! ```

use super::find::FindError;
use super::{DataRoot, Reason};
use crate::store::live::LockState;
use crate::store::live::locks::probe;
use std::path::PathBuf;

/// Chooses the store that is meant by `root`: the one that a dockerd holds, else its own, else the only one below it.
///
/// # Errors
/// When several could be meant, or the one that is may not be read.
pub fn choose(root: DataRoot) -> Result<DataRoot, FindError> {
    if root.kind.sub_roots.is_empty() {
        return Ok(root);
    }
    let subs: Vec<PathBuf> = root.kind.sub_roots.iter().map(|name| root.dir.path().join(name)).collect();
    let mut opened = Vec::new();
    for path in &subs {
        opened.push(DataRoot::open(path, root.reason.clone())?);
    }
    let is_held = |root: &DataRoot| matches!(probe(&root.dir), Ok(LockState::Held { .. }));
    let mut held: Vec<DataRoot> = Vec::new();
    let mut free: Vec<DataRoot> = Vec::new();
    for sub in opened {
        if is_held(&sub) { held.push(sub) } else { free.push(sub) }
    }
    if is_held(&root) || (held.is_empty() && root.kind.has_store()) {
        return Ok(root);
    }
    let candidates = if held.is_empty() { free } else { held };
    let mut with_store: Vec<DataRoot> = candidates.into_iter().filter(|sub| sub.kind.has_store()).collect();
    match (with_store.pop(), with_store.is_empty()) {
        (None, _) => Ok(root),
        (Some(sub), true) => Ok(sub),
        (Some(_), false) => Err(FindError::SeveralSubRoots { root: root.dir.path().to_owned(), sub_roots: subs }),
    }
}

/// The data-roots below `root`, each with why it is one.
#[must_use]
pub fn below(root: &DataRoot) -> Vec<(PathBuf, Reason)> {
    let path = root.dir.path();
    root.kind.sub_roots.iter().map(|name| (path.join(name), Reason::UsernsRemap(path.to_owned()))).collect()
}
