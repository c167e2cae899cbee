//! Layer directories in `overlay2/`, made in the order in which the driver makes them.

use super::builder::Builder;
use super::tree::Tree;
use super::write::{self, Result};
use super::{names, unpack::unpack};
use crate::id::{DirId, LinkId};
use std::path::{Path, PathBuf};

/// A layer directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Its name.
    pub id: DirId,
    /// Its short name in `overlay2/l/`.
    pub link: LinkId,
    /// The links of the layers below it, topmost first.
    pub lower: Vec<LinkId>,
}

impl Directory {
    /// Where it is below a data-root.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        Path::new("overlay2").join(self.id.to_string())
    }

    /// Where its link is below a data-root.
    #[must_use]
    pub fn link_path(&self) -> PathBuf {
        Path::new("overlay2/l").join(self.link.to_string())
    }

    /// What `lower` says of a directory on top of this one.
    fn lower_of_child(&self) -> Vec<LinkId> {
        std::iter::once(self.link).chain(self.lower.iter().copied()).collect()
    }
}

impl Builder {
    /// Makes the layer directory `id` on top of `below`, with `tree` in it.
    pub(super) fn overlay(&self, id: DirId, below: Option<&Directory>, tree: &Tree) -> Result<Directory> {
        let made = Directory { id, link: names::link(&id, 0)?, lower: below.map(Directory::lower_of_child).unwrap_or_default() };
        let dir = self.directory(made.path(), 0o710)?;
        write::directory(&dir.join("diff"), 0o755)?;
        write::symlink(&self.at(made.link_path()), &Path::new("..").join(id.to_string()).join("diff"))?;
        write::file(&dir.join("link"), 0o644, made.link.to_string())?;
        if let Some(below) = below {
            write::directory(&dir.join("work"), 0o700)?;
            let committed = self.at(below.path()).join("committed");
            if !committed.exists() {
                write::file(&committed, 0o600, "")?;
            }
            write::file(&dir.join("lower"), 0o644, lower_text(&made.lower))?;
        }
        unpack(tree, &dir.join("diff"))?;
        Ok(made)
    }

    /// Leaves in `dir` what mounting it left there: the kernel's `work/work`, which not even its owner may enter.
    pub(super) fn mounted_once(&self, dir: &Directory) -> Result<()> {
        // Whoever is not root could not look into it, nor remove it, afterwards.
        let mode = if nix::unistd::geteuid().is_root() { 0 } else { 0o700 };
        write::directory(&self.at(dir.path()).join("work/work"), mode)
    }
}

/// The content of a `lower` file.
fn lower_text(lower: &[LinkId]) -> String {
    lower.iter().map(|link| format!("l/{link}")).collect::<Vec<_>>().join(":")
}
