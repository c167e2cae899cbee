//! Fetching pages, one when it is needed.

use super::page::{HEADER, Kind, Page};
use super::{Error, Slice, Source, meta::Meta};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

/// How many bytes an honest page takes with all that it runs on over: its keys and values, or its children's keys.
const LARGEST_LEAF: u64 = 16 << 20;
const LARGEST_BRANCH: u64 = 1 << 20;

/// Where a page is referred to: the page that does it and the offset of the key there; nothing for the root.
pub(super) type Parent = Option<(u64, usize)>;

/// The pages of a database in one transaction.
pub(super) struct Pages<'a> {
    source: &'a dyn Source,
    page_size: u64,
    /// Where the last page ends.
    end: u64,
    /// Who refers to each page read so far: nothing else may, or the ways through the file would multiply, and one content stand
    /// for another.
    parents: RefCell<HashMap<u64, Parent>>,
}

impl<'a> Pages<'a> {
    /// The pages of `source` that `meta` knows.
    pub(super) fn new(source: &'a dyn Source, meta: &Meta) -> Result<Self, Error> {
        let length = source.length()?;
        let end = meta.high_water.saturating_mul(meta.page_size).min(length);
        Ok(Self { source, page_size: meta.page_size, end, parents: RefCell::default() })
    }

    /// Reads page `number`, to which `parent` refers, with all the pages that it runs on over.
    pub(super) fn get(&self, number: u64, parent: Parent) -> Result<Page, Error> {
        let error = |fault| Error::Page { page: number, fault };
        let start = number.checked_mul(self.page_size).ok_or(error("lies outside the file"))?;
        let mut header = [0; HEADER];
        self.check(start, self.page_size).ok_or(error("lies outside the file"))?;
        self.source.read_exact_at(&mut header, start)?;
        let [.., a, b, c, d] = header;
        let pages = u64::from(u32::from_le_bytes([a, b, c, d])) + 1;
        let size = pages.saturating_mul(self.page_size);
        if size > LARGEST_LEAF {
            return Err(error("runs on over too many pages"));
        }
        self.check(start, size).ok_or(error("runs on outside the file"))?;
        self.claim(number..number.saturating_add(pages), parent)?;
        let mut bytes = vec![0; usize::try_from(size).map_err(|_| error("is too large"))?];
        self.source.read_exact_at(&mut bytes, start)?;
        match Page::parse(number, Slice::from(bytes))? {
            page if page.kind == Kind::Branch && size > LARGEST_BRANCH => Err(page.error("is a branch of too many pages")),
            page => Ok(page),
        }
    }

    /// Notes that `parent` refers to `pages`, as nothing else does.
    fn claim(&self, pages: Range<u64>, parent: Parent) -> Result<(), Error> {
        let mut parents = self.parents.borrow_mut();
        for page in pages {
            if *parents.entry(page).or_insert(parent) != parent {
                return Err(Error::Page { page, fault: "has two parents" });
            }
        }
        Ok(())
    }

    /// Says whether `size` bytes from `start` on are inside.
    fn check(&self, start: u64, size: u64) -> Option<()> {
        (start.checked_add(size)? <= self.end).then_some(())
    }
}
