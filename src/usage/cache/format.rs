//! How figures are written down.
//!
//! ```text
//! "layerwise cache\n"  version
//! data-root: path, user, whether marks were seen, kind of file system, device, inode, birth
//! layers:    how many; each: name, DiffID, link, three stamps, when measured, 36 figures, inodes with names elsewhere
//! outside:   how many; each: number, links, met, change
//! SHA-256 of all that
//! ```
//! Numbers have seven bits in each byte, the least first, and another byte behind it where the eighth bit is set; texts have their length before them; what may be absent begins with 0 or 1. Everything
//! is checked before it is believed, and nothing is allocated that the bytes at hand cannot fill.

#[cfg(test)]
mod tests;

use super::committed::Identity;
use crate::dir::{Kind, Stamp};
use crate::id::DirId;
use crate::usage::scan::{Layer, Open, Outside, Stamps, Usage};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;

const MAGIC: &[u8] = b"layerwise cache\n";
/// To be counted up whenever anything here, or what a figure means, is changed.
const VERSION: u64 = 3;
const CHECKSUM: usize = 32;
/// The longest text: a path.
const LONGEST: u64 = 4096;

/// Everything that is remembered of a data-root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Whose figures these are.
    pub root: Root,
    /// What is remembered of each layer directory.
    pub layers: BTreeMap<DirId, Remembered>,
    /// The inodes with names outside.
    pub outside: BTreeSet<Outside>,
}

/// A layer directory that is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// Which layer it is.
    pub identity: Identity,
    /// What it weighs.
    pub layer: Arc<Layer>,
}

/// A data-root, and who measured it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Where it is.
    pub path: PathBuf,
    /// Not everybody sees the same.
    pub user: u32,
    /// Whether the kernel showed the marks of overlayfs: root in a container may not see them.
    pub sees_marks: bool,
    /// The kind of its file system, as the kernel numbers them.
    pub kind: u64,
    /// The device of its file system, major and minor.
    pub device: (u32, u32),
    /// Its inode.
    pub inode: u64,
    /// When it was made.
    pub born: Option<(i64, u32)>,
}

/// Why what is remembered is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It is no cache.
    #[error("not a cache of layerwise")]
    Foreign,
    /// It is a cache, but of another version.
    #[error("written by another version of layerwise")]
    Version,
    /// The checksum is not that of the content.
    #[error("damaged")]
    Checksum,
    /// The content makes no sense in spite of its checksum.
    #[error("malformed")]
    Malformed,
    /// It is about something else.
    #[error("about another data-root, file system or user, or by one with other rights")]
    Other,
}

impl Content {
    /// The bytes that say all this.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer(MAGIC.to_vec());
        writer.word(VERSION);
        writer.root(&self.root);
        writer.list(self.layers.iter(), |writer, (id, remembered)| {
            writer.text(id.to_string().as_bytes());
            writer.remembered(remembered);
        });
        writer.list(self.outside.iter(), Writer::outside);
        let checksum = Sha256::digest(&writer.0);
        writer.0.extend(checksum);
        writer.0
    }

    /// What `bytes` say.
    ///
    /// # Errors
    /// When they are not what [`Content::encode`] makes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let (content, checksum) = bytes.split_at_checked(bytes.len().saturating_sub(CHECKSUM)).ok_or(Damage::Foreign)?;
        let mut reader = Reader(content.strip_prefix(MAGIC).ok_or(Damage::Foreign)?);
        if Sha256::digest(content).as_slice() != checksum {
            return Err(Damage::Checksum);
        }
        if reader.word().ok_or(Damage::Malformed)? != VERSION {
            return Err(Damage::Version);
        }
        reader.content().filter(|_| reader.0.is_empty()).ok_or(Damage::Malformed)
    }

    /// The content itself, if it is about `root`.
    ///
    /// # Errors
    /// When it is not.
    pub fn of(self, root: &Root) -> Result<Self, Damage> {
        if self.root == *root { Ok(self) } else { Err(Damage::Other) }
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn word(&mut self, mut word: u64) {
        while word >= 0x80 {
            self.0.push(0x80 | word.to_le_bytes()[0]);
            word >>= 7;
        }
        self.0.push(word.to_le_bytes()[0]);
    }

    fn words(&mut self, words: &[u64]) {
        for &word in words {
            self.word(word);
        }
    }

    fn text(&mut self, text: &[u8]) {
        self.word(count(text.len()));
        self.0.extend(text);
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.word(value.is_some().into());
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn list<T>(&mut self, list: impl ExactSizeIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        self.word(count(list.len()));
        list.for_each(|item| write(self, item));
    }

    fn time(&mut self, (seconds, nanoseconds): (i64, u32)) {
        self.words(&[seconds.cast_unsigned(), nanoseconds.into()]);
    }

    fn root(&mut self, root: &Root) {
        self.text(root.path.as_os_str().as_bytes());
        self.words(&[root.user.into(), root.sees_marks.into(), root.kind, root.device.0.into(), root.device.1.into(), root.inode]);
        self.option(root.born, Self::time);
    }

    fn stamp(&mut self, stamp: Stamp) {
        self.words(&[stamp.device.0.into(), stamp.device.1.into(), stamp.inode]);
        self.option(stamp.born, Self::time);
        self.time(stamp.changed);
        self.time(stamp.modified);
    }

    fn remembered(&mut self, Remembered { identity, layer }: &Remembered) {
        self.option(identity.diff, |writer, diff| writer.text(diff.to_string().as_bytes()));
        self.text(identity.link.to_string().as_bytes());
        self.stamp(layer.stamps.dir);
        self.stamp(layer.stamps.diff);
        self.option(layer.stamps.work, Self::stamp);
        self.word(layer.measured.cast_unsigned());
        layer.usage.iter().for_each(|usage| self.words(&usage.to_words()));
        self.list(layer.open.iter(), |writer, open| writer.words(&open.to_words()));
    }

    fn outside(&mut self, outside: &Outside) {
        self.words(&[outside.number, outside.links.into(), outside.met.into()]);
        self.time(outside.changed);
    }
}

/// What is left to read.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn word(&mut self) -> Option<u64> {
        let mut word = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            // What does not fit is no number.
            word |= bits.checked_shl(shift).filter(|shifted| shifted >> shift == bits)?;
            if byte < 0x80 {
                return Some(word);
            }
        }
        None
    }

    fn words<const N: usize>(&mut self) -> Option<[u64; N]> {
        let mut words = [0; N];
        for word in &mut words {
            *word = self.word()?;
        }
        Some(words)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.word()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn small(&mut self) -> Option<u32> {
        self.word()?.try_into().ok()
    }

    fn text(&mut self) -> Option<&'b [u8]> {
        let length = self.word().filter(|&length| length <= LONGEST)?;
        let (text, rest) = self.0.split_at_checked(length.try_into().ok()?)?;
        self.0 = rest;
        Some(text)
    }

    #[expect(clippy::option_option, reason = "the inner one is what was written, the outer one whether it makes sense")]
    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Some(None) }
    }

    /// A list, which ends early where it says that it has more than there is.
    fn list<T, L: FromIterator<T>>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<L> {
        let length = self.word()?;
        (0..length).map(|_| read(self)).collect()
    }

    fn time(&mut self) -> Option<(i64, u32)> {
        Some((self.word()?.cast_signed(), self.small()?))
    }

    fn content(&mut self) -> Option<Content> {
        let root = self.root()?;
        let layers = self.list(|reader| Some((DirId::try_from(reader.text()?).ok()?, reader.remembered()?)))?;
        Some(Content { root, layers, outside: self.list(Self::outside)? })
    }

    fn root(&mut self) -> Option<Root> {
        let path = OsStr::from_bytes(self.text()?).into();
        let (user, sees_marks, kind) = (self.small()?, self.flag()?, self.word()?);
        let (device, inode) = ((self.small()?, self.small()?), self.word()?);
        Some(Root { path, user, sees_marks, kind, device, inode, born: self.option(Self::time)? })
    }

    fn stamp(&mut self) -> Option<Stamp> {
        let (device, inode) = ((self.small()?, self.small()?), self.word()?);
        // Only directories are remembered.
        Some(Stamp { kind: Kind::Directory, device, inode, born: self.option(Self::time)?, changed: self.time()?, modified: self.time()? })
    }

    fn remembered(&mut self) -> Option<Remembered> {
        let diff = self.option(|reader| reader.text()?.try_into().ok())?;
        let identity = Identity { diff, link: self.text()?.try_into().ok()?, recorded: None };
        let stamps = Stamps { dir: self.stamp()?, diff: self.stamp()?, work: self.option(Self::stamp)? };
        let measured = self.word()?.cast_signed();
        let usage = [Usage::from_words(self.words()?), Usage::from_words(self.words()?)];
        let open = self.list(|reader| Open::from_words(reader.words()?))?;
        Some(Remembered { identity, layer: Arc::new(Layer { stamps, measured, usage, open }) })
    }

    fn outside(&mut self) -> Option<Outside> {
        Some(Outside { number: self.word()?, links: self.small()?, met: self.small()?, changed: self.time()? })
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
