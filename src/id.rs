//! The validated names of things in Docker's storage.
//!
//! A name read from the disk is hostile until it has been parsed into one of these types; nothing above this module passes
//! identifiers around as bare strings, so an image can never be looked up by a layer's name, nor a path be built from `../..`.
//!
//! | type | grammar | where it stands |
//! |---|---|---|
//! | [`Digest`] | `sha256:` + 64 hex | blobs, image configs |
//! | [`ImageId`], [`DiffId`], [`ChainId`] | a digest with a meaning | imagedb, layerdb |
//! | [`ContainerId`] | 64 hex | `containers/` |
//! | [`DirId`] | 64 hex, 64 hex `-init`, or 25 of `[0-9a-z]` | directories in `overlay2/` |
//! | [`MountName`] | 64 hex, 25 of `[0-9a-z]`, or a container and what it mounts | `layerdb/mounts/` |
//! | [`LinkId`] | 26 of `[A-Z2-7]` | `overlay2/l/` |

pub mod lookup;
#[macro_use]
mod form;
mod names;
mod text;

pub use names::{DirId, MountName};
pub use text::{Chars, Hex32};

use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// Why a text is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct IdError {
    text: String,
    expected: &'static str,
}

impl IdError {
    /// Reports `text`, shortened, as not being `expected`.
    fn new(text: &[u8], expected: &'static str) -> Self {
        const SHOWN: usize = 80;
        let cut = text.get(..SHOWN).unwrap_or(text);
        let mut shown = String::from_utf8_lossy(cut).into_owned();
        if cut.len() < text.len() {
            shown.push('…');
        }
        Self { text: shown, expected }
    }
}

/// Declares a digest with a meaning of its own, so that no two kinds can be mixed up.
macro_rules! digest_type {
    ($(#[$doc:meta])* $name:ident, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Hex32);

        impl $name {
            /// Parses `sha256:` and 64 hexadecimal digits.
            fn parse(text: &[u8]) -> Option<Self> {
                text.strip_prefix(b"sha256:").and_then(Hex32::parse).map(Self)
            }

            /// Parses the 64 hexadecimal digits alone, as they stand in file names.
            ///
            /// # Errors
            /// When `name` is anything else.
            pub fn from_hex(name: &[u8]) -> Result<Self, IdError> {
                Hex32::parse(name).map(Self).ok_or_else(|| IdError::new(name, "64 hexadecimal digits"))
            }

            /// The digits without `sha256:`, as they stand in file names.
            #[must_use]
            pub const fn hex(&self) -> Hex32 {
                self.0
            }

            /// The digest that was computed.
            #[must_use]
            pub fn from_bytes(digest: [u8; 32]) -> Self {
                Self(Hex32(digest))
            }

            /// The digest of `bytes`.
            #[must_use]
            pub fn of(bytes: &[u8]) -> Self {
                Self(Hex32(Sha256::digest(bytes).into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("sha256:")?;
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        text_form!($name, $expected);

        impl TryFrom<&[u8]> for FileName<$name> {
            type Error = IdError;

            fn try_from(name: &[u8]) -> Result<Self, IdError> {
                $name::from_hex(name).map(Self)
            }
        }
    };
}

/// A digest as it stands in a file name: its digits alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName<T>(pub T);

digest_type! {
    /// The SHA-256 of some content.
    Digest, "a sha256 digest"
}
digest_type! {
    /// An image: the digest of its config.
    ImageId, "an image ID (sha256:…)"
}
digest_type! {
    /// A layer's content: the digest of its uncompressed tar.
    DiffId, "a DiffID (sha256:…)"
}
digest_type! {
    /// A layer on top of all the layers below it.
    ChainId, "a ChainID (sha256:…)"
}

impl ChainId {
    /// The chain of a base layer, which is its DiffID.
    #[must_use]
    pub const fn base(diff: DiffId) -> Self {
        Self(diff.0)
    }

    /// The chain of layer `diff` on top of `self`.
    #[must_use]
    pub fn child(self, diff: DiffId) -> Self {
        Self::of(format!("{self} {diff}").as_bytes())
    }

    /// The chain of every prefix of `diffs`, base first.
    pub fn chain(diffs: &[DiffId]) -> impl Iterator<Item = Self> {
        diffs.iter().scan(None, |below: &mut Option<Self>, &diff| {
            let chain = below.map_or_else(|| Self::base(diff), |below| below.child(diff));
            *below = Some(chain);
            Some(chain)
        })
    }
}

/// A container.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(Hex32);

impl ContainerId {
    fn parse(text: &[u8]) -> Option<Self> {
        Hex32::parse(text).map(Self)
    }

    /// The digits.
    #[must_use]
    pub const fn hex(&self) -> Hex32 {
        self.0
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

text_form!(ContainerId, "a container ID (64 hexadecimal digits)");

/// A link: the short name of a layer directory in `overlay2/l/`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(Chars<26>);

impl LinkId {
    fn parse(text: &[u8]) -> Option<Self> {
        Chars::parse(text, |c| c.is_ascii_uppercase() || (b'2'..=b'7').contains(&c)).map(Self)
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

text_form!(LinkId, "a link (26 of [A-Z2-7])");

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "b1f2e5a0c4d3978685746352413021f0e1d2c3b4a5968778695a4b3c2d1e0f10";

    #[test]
    fn a_directory_name_is_read_back_as_it_was_written() {
        for name in [HEX.to_owned(), format!("{HEX}-init"), "83xgdyxoeteyfuvuzdjel9zuw".to_owned()] {
            assert_eq!(name.parse::<DirId>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn names_that_could_lead_elsewhere_are_refused() {
        let upper = HEX.to_uppercase();
        let long = format!("{HEX}0");
        for name in ["", ".", "..", "../../etc", "l", "-init", &upper, &long, &format!("{HEX}-init-init"), &format!("{HEX}\n")] {
            assert!(name.parse::<DirId>().is_err(), "{name:?} was taken for a directory");
        }
    }

    #[test]
    fn a_mount_may_be_called_by_the_image_that_a_container_mounts() {
        for name in [HEX.to_owned(), format!("{HEX}-app:1"), format!("{HEX}-registry.example/team/app:1"), format!("{HEX}2d6170703a31")] {
            assert_eq!(name.parse::<MountName>().unwrap().to_string(), name);
        }
        for name in
            [format!("{HEX}-"), format!("{HEX}-a/../x"), format!("{HEX}-a//b"), format!("{HEX}-a/"), format!("{HEX}x"), "app".to_owned()]
        {
            assert!(name.parse::<MountName>().is_err(), "{name:?} was taken for a mount");
        }
    }

    #[test]
    fn a_link_has_26_characters_of_base_32() {
        assert!("ABCDEFGHIJKLMNOPQRSTUVWXYZ".parse::<LinkId>().is_ok());
        for name in ["", "ABCDEFGHIJKLMNOPQRSTUVWXY", "ABCDEFGHIJKLMNOPQRSTUVWXY1", "abcdefghijklmnopqrstuvwxyz"] {
            assert!(name.parse::<LinkId>().is_err(), "{name:?} was taken for a link");
        }
    }

    #[test]
    fn a_chain_hashes_the_parent_a_space_and_the_diff() {
        let diffs = [DiffId::of(b"base"), DiffId::of(b"top")];
        let chain: Vec<_> = ChainId::chain(&diffs).collect();
        assert_eq!(chain[0].hex(), diffs[0].hex());
        assert_eq!(chain[1], ChainId::of(format!("{} {}", chain[0], diffs[1]).as_bytes()));
    }

    #[test]
    fn an_error_quotes_the_text_and_cuts_it() {
        let error = "x".repeat(200).parse::<ImageId>().unwrap_err().to_string();
        assert!(error.len() < 200, "{error}");
        assert!(error.contains("image ID"), "{error}");
    }
}
