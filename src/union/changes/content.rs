//! Whether two files have the same content.

use crate::union::{Found, Union};

/// How the contents of two files compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// They are the same to the byte.
    Same,
    /// They differ.
    Changed,
}

impl Content {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Changed => "changed",
        }
    }
}

/// Compares the contents of two files; nothing if one of them cannot be read.
pub(super) fn compare(union: &Union, now: &Found, before: &Found) -> Option<Content> {
    let size = now.entry.inode.size;
    if size != before.entry.inode.size {
        return Some(Content::Changed);
    }
    let (own, former) = (now.parts.last()?, before.parts.last()?);
    if size == 0 || own == former {
        return Some(Content::Same);
    }
    let is_same = union.layer(own.layer)?.is_same(&own.path, (union.layer(former.layer)?, &former.path))?;
    Some(if is_same { Content::Same } else { Content::Changed })
}
