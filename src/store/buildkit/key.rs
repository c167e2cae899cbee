//! The names of snapshots.

use crate::id::{ChainId, Chars, DirId};
use std::fmt;

/// The key of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SnapshotKey {
    /// One that BuildKit made: 25 characters of `[0-9a-z]`.
    Build(Chars<25>),
    /// A layer of the layer store.
    Chain(ChainId),
    /// Anything else, such as a temporary lease's id. It may be in use as well as any other.
    Other(Box<[u8]>),
}

impl SnapshotKey {
    /// The key that is written as `text`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        match (DirId::try_from(text), ChainId::try_from(text)) {
            (Ok(DirId::Build(chars)), _) => Self::Build(chars),
            (_, Ok(chain)) => Self::Chain(chain),
            _ => Self::Other(text.into()),
        }
    }

    /// The directory that has this name, if one can.
    #[must_use]
    pub fn dir(&self) -> Option<DirId> {
        match self {
            Self::Build(chars) => Some(DirId::Build(*chars)),
            Self::Chain(_) => None,
            Self::Other(text) => DirId::try_from(&**text).ok(),
        }
    }

    /// Whether it should be a layer but is not: it may have been any.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self, Self::Other(text) if text.starts_with(b"sha256:"))
    }
}

impl fmt::Display for SnapshotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(chars) => write!(f, "{chars}"),
            Self::Chain(chain) => write!(f, "{chain}"),
            Self::Other(text) => write!(f, "{}", text.escape_ascii()),
        }
    }
}

impl serde::Serialize for SnapshotKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "b1f2e5a0c4d3978685746352413021f0e1d2c3b4a5968778695a4b3c2d1e0f10";

    #[test]
    fn a_key_is_told_by_its_form() {
        let chain = format!("sha256:{HEX}");
        for (text, dir, broken) in [
            ("26whido74nhy99hv7v3gsiqci", true, false),
            (&*chain, false, false),
            (&chain[..70], false, true),
            (HEX, true, false),
            ("1795447256091236082-AbC_", false, false),
            ("", false, false),
        ] {
            let key = SnapshotKey::parse(text.as_bytes());
            assert_eq!(key.to_string(), text);
            assert_eq!((key.dir().is_some(), key.is_broken()), (dir, broken), "{text}");
        }
        assert_eq!(SnapshotKey::parse(b"a\nb\xff").to_string(), r"a\nb\xff");
    }
}
