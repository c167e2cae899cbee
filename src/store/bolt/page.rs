//! One page: a header, elements, and behind them the keys and values in the same order.

use super::{Error, Slice};
use std::cell::Cell;

/// The size of a page's header, and of an element of either kind.
pub(super) const HEADER: usize = 16;
const ELEMENT: usize = 16;

/// What the elements of a page are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Children.
    Branch,
    /// Keys with values and buckets.
    Leaf,
}

/// A page, with all the pages that it runs on over; or the leaf page inside an inline bucket.
#[derive(Debug)]
pub(super) struct Page {
    /// Its number; an inline page's is that of the page around it.
    pub(super) number: u64,
    pub(super) kind: Kind,
    bytes: Slice,
    count: usize,
    /// How many elements were taken, and where the data of the next one begins.
    next: Cell<(usize, usize)>,
}

/// One element of a page.
#[derive(Debug)]
pub(super) enum Element {
    /// The subtree of the keys from `key` on.
    Child { key: Slice, page: u64 },
    /// A key and its value.
    Value { key: Slice, value: Slice },
    /// A bucket, described by `header`.
    Bucket { key: Slice, header: Slice },
}

impl Page {
    /// Makes sense of page `number`.
    pub(super) fn parse(number: u64, bytes: Slice) -> Result<Self, Error> {
        if bytes.u64(0) != Some(number) {
            return Err(Error::Page { page: number, fault: "has another page's number" });
        }
        Self::with_header(number, bytes)
    }

    /// Makes sense of the leaf page in an inline bucket on page `number`.
    pub(super) fn parse_inline(number: u64, bytes: Slice) -> Result<Self, Error> {
        match Self::with_header(number, bytes)? {
            page if page.kind == Kind::Leaf => Ok(page),
            page => Err(page.error("has an inline bucket that is no leaf")),
        }
    }

    fn with_header(number: u64, bytes: Slice) -> Result<Self, Error> {
        let error = |fault| Error::Page { page: number, fault };
        let kind = match bytes.u16(8) {
            Some(1) => Kind::Branch,
            Some(2) => Kind::Leaf,
            _ => return Err(error("is neither branch nor leaf")),
        };
        let count = bytes.u16(10).map(usize::from).ok_or(error("is too short"))?;
        let data = HEADER + count * ELEMENT;
        if data > bytes.len() {
            return Err(error("has more elements than fit"));
        }
        // bolt clears its buffers, so anything behind an empty page's header is what a lost count should have led to.
        if count == 0 && bytes.iter().skip(HEADER).any(|&byte| byte != 0) {
            return Err(error("is not as empty as it says"));
        }
        Ok(Self { number, kind, bytes, count, next: Cell::new((0, data)) })
    }

    /// Whether there is no element at all.
    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Takes the next element.
    pub(super) fn next(&self) -> Option<Result<Element, Error>> {
        let (index, data) = self.next.get();
        (index < self.count).then(|| {
            let (element, end) = self.element(HEADER + index * ELEMENT, data)?;
            self.next.set((index + 1, end));
            Ok(element)
        })
    }

    /// The element that starts at `start` and has its data at `data`, and where that data ends.
    fn element(&self, start: usize, data: usize) -> Result<(Element, usize), Error> {
        let number = |at: usize| self.bytes.u32(start + at).and_then(|number| usize::try_from(number).ok());
        let outside = || self.error("has an element that reaches outside");
        let (position, key_size, value_size) = match self.kind {
            Kind::Branch => (number(0), number(4), Some(0)),
            Kind::Leaf => (number(4), number(8), number(12)),
        };
        if position.and_then(|position| position.checked_add(start)) != Some(data) {
            return Err(self.error("has elements that do not follow one another"));
        }
        let key = key_size.and_then(|size| self.bytes.part(data, size)).ok_or_else(outside)?;
        if key.is_empty() {
            return Err(self.error("has an empty key"));
        }
        let end = data + key.len();
        let value = value_size.and_then(|size| self.bytes.part(end, size)).ok_or_else(outside)?;
        let end = end + value.len();
        let element = match (self.kind, self.bytes.u32(start)) {
            (Kind::Branch, _) => Element::Child { key, page: self.bytes.u64(start + 8).ok_or_else(outside)? },
            (Kind::Leaf, Some(0)) => Element::Value { key, value },
            (Kind::Leaf, Some(1)) => Element::Bucket { key, header: value },
            (Kind::Leaf, _) => return Err(self.error("has an element of an unknown kind")),
        };
        Ok((element, end))
    }

    /// The error that this page has `fault`.
    pub(super) const fn error(&self, fault: &'static str) -> Error {
        Error::Page { page: self.number, fault }
    }
}
