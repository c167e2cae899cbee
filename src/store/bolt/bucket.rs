//! Buckets: keys in ascending order, each with a value or a bucket of its own.

use super::meta::Meta;
use super::page::{Element, HEADER, Page};
use super::pages::{Pages, Parent};
use super::{Error, Slice};
use std::fmt;

/// How deep buckets may lie in one another, and branches below one another; a hundredth of it would do for dockerd.
const DEEPEST: usize = 64;

/// The root page and sequence number at the beginning of a nested bucket.
const BUCKET_HEADER: usize = 16;

/// A bucket of a database that is being visited.
#[derive(Clone)]
pub struct Bucket<'a> {
    pages: &'a Pages<'a>,
    depth: usize,
    content: Content,
}

/// Where the keys of a bucket are.
#[derive(Debug, Clone)]
enum Content {
    /// In the tree below that page, which that parent refers to.
    Tree(u64, Parent),
    /// In these bytes on that page.
    Inline(u64, Slice),
}

/// A key of a bucket, and what it leads to.
#[derive(Debug)]
pub enum Entry<'a> {
    /// A value.
    Value {
        /// The key; never empty.
        key: Slice,
        /// The value.
        value: Slice,
    },
    /// A bucket in the bucket.
    Bucket {
        /// The key; never empty.
        key: Slice,
        /// The bucket.
        bucket: Bucket<'a>,
    },
}

/// The entries of a bucket in ascending order of their keys; ends after the first error.
pub struct Entries<'a> {
    pages: &'a Pages<'a>,
    depth: usize,
    /// The way from the root to the page whose elements are being taken.
    path: Vec<Page>,
    /// The root, before it is read.
    root: Option<Content>,
    /// The last key, and what no key to come may be below.
    last: Option<Slice>,
    floor: Option<Slice>,
}

impl<'a> Bucket<'a> {
    /// The bucket that holds all others.
    pub(super) const fn root(pages: &'a Pages<'a>, meta: &Meta) -> Self {
        Self { pages, depth: 0, content: Content::Tree(meta.root, None) }
    }

    /// Every entry in ascending order of the keys.
    #[must_use]
    pub fn entries(&self) -> Entries<'a> {
        Entries { pages: self.pages, depth: self.depth, path: Vec::new(), root: Some(self.content.clone()), last: None, floor: None }
    }

    /// The value of `key`; nothing when there is no such key.
    ///
    /// Goes through the whole bucket: where damage has put keys in disorder, a search would take a key for absent.
    ///
    /// # Errors
    /// When any part of the bucket cannot be read, or the key leads to a bucket.
    pub fn get(&self, key: &[u8]) -> Result<Option<Slice>, Error> {
        match self.find(key)? {
            Some(Entry::Value { value, .. }) => Ok(Some(value)),
            Some(Entry::Bucket { key, .. }) => Err(Error::Content(format!("{key:?} is a bucket and not a value"))),
            None => Ok(None),
        }
    }

    /// The bucket `name`; nothing when there is no such key.
    ///
    /// # Errors
    /// When any part of the bucket around it cannot be read, as for [`Bucket::get`], or the key leads to a value.
    pub fn bucket(&self, name: &[u8]) -> Result<Option<Self>, Error> {
        match self.find(name)? {
            Some(Entry::Bucket { bucket, .. }) => Ok(Some(bucket)),
            Some(Entry::Value { key, .. }) => Err(Error::Content(format!("{key:?} is a value and not a bucket"))),
            None => Ok(None),
        }
    }

    fn find(&self, wanted: &[u8]) -> Result<Option<Entry<'a>>, Error> {
        let mut found = None;
        for entry in self.entries() {
            let entry = entry?;
            let (Entry::Value { key, .. } | Entry::Bucket { key, .. }) = &entry;
            if **key == *wanted {
                found = Some(entry);
            }
        }
        Ok(found)
    }
}

impl<'a> Entries<'a> {
    /// The next entry, or nothing when the last page on the path is exhausted and was the root.
    fn advance(&mut self) -> Result<Option<Entry<'a>>, Error> {
        match self.root.take() {
            Some(Content::Tree(number, parent)) => self.path.push(self.pages.get(number, parent)?),
            Some(Content::Inline(number, bytes)) => self.path.push(Page::parse_inline(number, bytes)?),
            None => {}
        }
        while let Some(page) = self.path.last() {
            let number = page.number;
            match page.next().transpose()? {
                None => drop(self.path.pop()),
                Some(Element::Child { key, page }) => self.descend(number, key, page)?,
                Some(Element::Value { key, value }) => {
                    self.ascend(number, &key)?;
                    return Ok(Some(Entry::Value { key, value }));
                }
                Some(Element::Bucket { key, header }) => {
                    self.ascend(number, &key)?;
                    let bucket = self.nested((number, key.start()), &header)?;
                    return Ok(Some(Entry::Bucket { key, bucket }));
                }
            }
        }
        Ok(None)
    }

    /// Goes on with page `child`, in which `page` says that all keys are at least `key`.
    fn descend(&mut self, page: u64, key: Slice, child: u64) -> Result<(), Error> {
        self.ascend(page, &key)?;
        if self.path.len() >= DEEPEST {
            return Err(Error::Page { page: child, fault: "lies too deep" });
        }
        let child = self.pages.get(child, Some((page, key.start())))?;
        if child.is_empty() {
            return Err(child.error("is empty"));
        }
        // Taken back by the page's own first key, which may be the same.
        self.last = None;
        self.floor = Some(key);
        self.path.push(child);
        Ok(())
    }

    /// Notes that `key` comes next, on `page`, which must be in ascending order.
    fn ascend(&mut self, page: u64, key: &Slice) -> Result<(), Error> {
        let above_last = self.last.as_ref().is_none_or(|last| **last < **key);
        let above_floor = self.floor.as_ref().is_none_or(|floor| **floor <= **key);
        if !(above_last && above_floor) {
            return Err(Error::Page { page, fault: "has keys out of order" });
        }
        self.last = Some(key.clone());
        Ok(())
    }

    /// The bucket that `header` describes, at that place on that page.
    fn nested(&self, place: (u64, usize), header: &Slice) -> Result<Bucket<'a>, Error> {
        let (page, _) = place;
        let error = |fault| Error::Page { page, fault };
        if self.depth >= DEEPEST {
            return Err(error("has a bucket that lies too deep"));
        }
        let content = match header.u64(0) {
            Some(0) => {
                let inline = header.len().checked_sub(BUCKET_HEADER).filter(|&size| size >= HEADER);
                let inline = inline.and_then(|size| header.part(BUCKET_HEADER, size));
                Content::Inline(page, inline.ok_or(error("has a bucket that is too short"))?)
            }
            Some(root) if header.len() == BUCKET_HEADER => Content::Tree(root, Some(place)),
            _ => return Err(error("has a bucket of the wrong size")),
        };
        Ok(Bucket { pages: self.pages, depth: self.depth + 1, content })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.advance();
        if entry.is_err() {
            self.path.clear();
        }
        entry.transpose()
    }
}

impl fmt::Debug for Bucket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("depth", &self.depth).field("content", &self.content).finish_non_exhaustive()
    }
}

impl fmt::Debug for Entries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries").field("path", &self.path).finish_non_exhaustive()
    }
}
