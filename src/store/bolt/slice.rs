//! Parts of what was read, shared and not copied.

use std::fmt;
use std::ops::{Deref, Range};
use std::rc::Rc;

/// A part of a page: a key, a value, or an inline bucket.
///
/// It keeps the page in memory, but however many parts of a page there are, the page is there once.
#[derive(Clone)]
pub struct Slice {
    page: Rc<[u8]>,
    range: Range<usize>,
}

impl Slice {
    /// The part of `length` bytes that begins at `start`, or nothing when it is not wholly inside.
    pub(super) fn part(&self, start: usize, length: usize) -> Option<Self> {
        let start = self.range.start.checked_add(start)?;
        let end = start.checked_add(length).filter(|&end| end <= self.range.end)?;
        Some(Self { page: Rc::clone(&self.page), range: start..end })
    }

    /// Where in the page it begins.
    pub(super) const fn start(&self) -> usize {
        self.range.start
    }

    /// The 16-bit number at `at`.
    pub(super) fn u16(&self, at: usize) -> Option<u16> {
        self.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
    }

    /// The 32-bit number at `at`.
    pub(super) fn u32(&self, at: usize) -> Option<u32> {
        self.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
    }

    /// The 64-bit number at `at`.
    pub(super) fn u64(&self, at: usize) -> Option<u64> {
        self.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
    }
}

impl From<Vec<u8>> for Slice {
    fn from(bytes: Vec<u8>) -> Self {
        Self { range: 0..bytes.len(), page: bytes.into() }
    }
}

impl Deref for Slice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.page.get(self.range.clone()).unwrap_or_default()
    }
}

impl fmt::Debug for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}
