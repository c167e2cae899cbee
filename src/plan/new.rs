//! What is put in a place: exactly as dockerd would have written it.

use serde::{Deserialize, Serialize};

/// Something to be put in a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct New {
    /// What it is, and what is in it.
    #[serde(flatten)]
    pub content: Content,
    /// Its permissions; those of a link mean nothing.
    pub mode: u32,
    /// Its user and group.
    pub owner: (u32, u32),
}

/// What something is, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "text", rename_all = "kebab-case")]
pub enum Content {
    /// A regular file with this text.
    File(String),
    /// A symbolic link that says this.
    Link(String),
    /// An empty directory.
    Directory,
}

/// To whom belongs what is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owners {
    /// What dockerd writes as itself: its own user and group.
    pub dockerd: (u32, u32),
    /// What is to belong to root in containers: that one's user and group.
    pub containers: (u32, u32),
}

impl New {
    /// A file of dockerd's own.
    pub(super) fn file(text: impl Into<String>, mode: u32, owners: Owners) -> Self {
        Self { content: Content::File(text.into()), mode, owner: owners.dockerd }
    }

    /// A symbolic link of dockerd's own.
    pub(super) fn link(text: impl Into<String>, owners: Owners) -> Self {
        Self { content: Content::Link(text.into()), mode: 0o777, owner: owners.dockerd }
    }

    /// An empty directory for what containers see.
    pub(super) const fn directory(mode: u32, owners: Owners) -> Self {
        Self { content: Content::Directory, mode, owner: owners.containers }
    }
}
