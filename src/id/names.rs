//! The names of layer directories and of read-write layers: each of several forms.

use super::text::{Chars, Hex32, build_chars, hex_digit};
use super::{ContainerId, IdError};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A layer directory in `overlay2/`: a *cache-id* or a *mount-id*.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DirId {
    /// Made by the layer store: 64 hexadecimal digits.
    Hex(Hex32),
    /// The init layer that belongs to the RW layer of the same digits: `<64 hex>-init`.
    Init(Hex32),
    /// Made by BuildKit: 25 characters of `[0-9a-z]`.
    Build(Chars<25>),
}

impl DirId {
    fn parse(text: &[u8]) -> Option<Self> {
        text.strip_suffix(b"-init")
            .map_or_else(|| Hex32::parse(text).map(Self::Hex), |digits| Hex32::parse(digits).map(Self::Init))
            .or_else(|| build_chars(text).map(Self::Build))
    }
}

impl fmt::Display for DirId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hex(digits) => fmt::Display::fmt(digits, f),
            Self::Init(digits) => write!(f, "{digits}-init"),
            Self::Build(chars) => fmt::Display::fmt(chars, f),
        }
    }
}

impl fmt::Debug for DirId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl DirId {
    /// The RW directory of a container whose init layer this is.
    #[must_use]
    pub fn without_init(&self) -> Option<Self> {
        if let Self::Init(digits) = self { Some(Self::Hex(*digits)) } else { None }
    }
}

text_form!(DirId, "the name of a layer directory (64 hexadecimal digits, the same with -init, or 25 of [0-9a-z])");

/// A record of a read-write layer in `layerdb/mounts/`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MountName {
    /// A container, a classic builder's step, or an image mount of 29 on.
    Hex(Hex32),
    /// A view that BuildKit took of an image layer.
    Build(Chars<25>),
    /// An image mount of 28: `<container>-<image as it was typed>`, so that it may be a path of several components, or the hexadecimal
    /// digits of all that.
    ImageMount(Arc<str>),
    /// A name that no dockerd gives, of a record that a person has renamed or copied. No text is parsed as one.
    Other(Arc<str>),
}

impl MountName {
    fn parse(text: &[u8]) -> Option<Self> {
        Hex32::parse(text).map(Self::Hex).or_else(|| build_chars(text).map(Self::Build)).or_else(|| Self::parse_image_mount(text))
    }

    /// The names in whose directories this one's lies, if they are names: image mounts may be called by paths.
    pub fn around(&self) -> impl Iterator<Item = Self> + use<> {
        let name = if let Self::ImageMount(name) = self { Some(Arc::clone(name)) } else { None };
        let slashes: Vec<usize> = name.iter().flat_map(|name| name.match_indices('/').map(|(at, _)| at)).collect();
        slashes.into_iter().filter_map(move |at| Self::parse(name.as_deref()?.as_bytes().get(..at)?))
    }

    fn parse_image_mount(text: &[u8]) -> Option<Self> {
        const LONGEST: usize = 4096;
        let (container, rest) = text.split_at_checked(64)?;
        Hex32::parse(container)?;
        let named = rest.strip_prefix(b"-").is_some_and(|image| !image.is_empty());
        let encoded = rest.len() % 2 == 0 && !rest.is_empty() && rest.iter().all(|&digit| hex_digit(digit).is_some());
        let text = std::str::from_utf8(text).ok()?;
        let plain = text.split('/').all(|component| !matches!(component, "" | "." | "..") && !component.contains('\0'));
        ((named || encoded) && plain && text.len() <= LONGEST).then(|| Self::ImageMount(text.into()))
    }
}

impl From<ContainerId> for MountName {
    fn from(container: ContainerId) -> Self {
        Self::Hex(container.0)
    }
}

impl fmt::Display for MountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hex(digits) => fmt::Display::fmt(digits, f),
            Self::Build(chars) => fmt::Display::fmt(chars, f),
            Self::ImageMount(name) | Self::Other(name) => f.write_str(name),
        }
    }
}

impl fmt::Debug for MountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

text_form!(MountName, "the name of a read-write layer (64 hexadecimal digits, 25 of [0-9a-z], or a container and an image)");
