//! Writing a bbolt database (file format 2) from nested maps, from nothing and in one transaction.
//!
//! ```text
//! page 0, 1   meta       magic, version, page size, root, freelist, high-water mark, transaction, checksum
//! page 2      freelist   empty: nothing was ever freed
//! page 3 …    leaf       keys with their values, sorted; a page whose only value is larger runs on into the pages after it
//!             branch     first key and number of each page below, where a bucket has more than one
//! ```
//!
//! A bucket is a value of 16 bytes (its root page, its sequence); a small one without buckets in it has root 0, and its only page follows
//! inline. Both meta pages are valid; the one with the higher transaction counts.

use std::collections::BTreeMap;
use std::num::TryFromIntError;

/// The page size of nearly every machine.
const PAGE: usize = 4096;
/// The size of a page's header, and of each element after it.
const ELEMENT: usize = 16;
const BRANCH: u16 = 1;
const LEAF: u16 = 2;
const META: u16 = 4;
const FREELIST: u16 = 16;

type Result<T> = std::result::Result<T, TryFromIntError>;

/// A bucket, in which names stand for values and for buckets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bucket {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    buckets: BTreeMap<Vec<u8>, Bucket>,
}

impl Bucket {
    /// Sets `key` to `value`.
    pub fn put(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.values.insert(key.as_ref().to_vec(), value.as_ref().to_vec());
    }

    /// The bucket called `key`, made if there is none.
    pub fn bucket(&mut self, key: impl AsRef<[u8]>) -> &mut Self {
        self.buckets.entry(key.as_ref().to_vec()).or_default()
    }

    /// Removes what is called `key`.
    pub fn remove(&mut self, key: impl AsRef<[u8]>) {
        self.values.remove(key.as_ref());
        self.buckets.remove(key.as_ref());
    }

    /// The database of which this is the root.
    ///
    /// # Errors
    /// When a length does not fit its field: four gigabytes in one value.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut file = File { pages: vec![0; 3 * PAGE] };
        let root = file.tree(self)?;
        let end = file.next()?;
        let mut pages = file.pages;
        for (page, bytes) in [meta(0, root, end)?, meta(1, root, end)?, image(2, FREELIST, &[])?].into_iter().enumerate() {
            pages.splice(page * PAGE..page * PAGE + bytes.len(), bytes);
        }
        Ok(pages)
    }
}

/// The pages written so far.
struct File {
    pages: Vec<u8>,
}

/// An element of a page, with what the page stores for it.
struct Element {
    key: Vec<u8>,
    value: Vec<u8>,
    kind: Kind,
}

enum Kind {
    Value,
    Bucket,
    Child(u64),
}

impl Element {
    fn length(&self) -> usize {
        ELEMENT + self.key.len() + self.value.len()
    }
}

impl File {
    /// The number of the next page.
    fn next(&self) -> Result<u64> {
        u64::try_from(self.pages.len() / PAGE)
    }

    /// Writes the pages of a bucket and returns its root.
    fn tree(&mut self, bucket: &Bucket) -> Result<u64> {
        let elements = self.elements(bucket)?;
        let mut level = self.level(LEAF, elements)?;
        loop {
            match level.as_slice() {
                [Element { kind: Kind::Child(root), .. }] => return Ok(*root),
                _ => level = self.level(BRANCH, level)?,
            }
        }
    }

    /// What the leaves of a bucket hold, sorted.
    fn elements(&mut self, bucket: &Bucket) -> Result<Vec<Element>> {
        let mut elements = Vec::new();
        for (key, value) in &bucket.values {
            elements.push(Element { key: key.clone(), value: value.clone(), kind: Kind::Value });
        }
        for (key, nested) in &bucket.buckets {
            elements.push(Element { key: key.clone(), value: self.nested(nested)?, kind: Kind::Bucket });
        }
        elements.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(elements)
    }

    /// The value that stands for a bucket in a bucket.
    fn nested(&mut self, bucket: &Bucket) -> Result<Vec<u8>> {
        if bucket.buckets.is_empty() {
            let page = image(0, LEAF, &self.elements(bucket)?)?;
            if page.len() <= PAGE / 4 {
                return Ok([vec![0; 16], page].concat());
            }
        }
        let root = self.tree(bucket)?;
        Ok([root.to_le_bytes(), [0; 8]].concat())
    }

    /// Writes as many pages as `elements` need, and returns what the level above says of them.
    fn level(&mut self, flags: u16, elements: Vec<Element>) -> Result<Vec<Element>> {
        let mut groups = vec![Vec::new()];
        let mut filled = ELEMENT;
        for element in elements {
            if filled + element.length() > PAGE && filled > ELEMENT {
                groups.push(Vec::new());
                filled = ELEMENT;
            }
            filled += element.length();
            if let Some(group) = groups.last_mut() {
                group.push(element);
            }
        }
        let mut above = Vec::new();
        for group in groups {
            let id = self.next()?;
            let key = group.first().map(|first| first.key.clone()).unwrap_or_default();
            self.pages.extend(image(id, flags, &group)?);
            self.pages.resize(self.pages.len().next_multiple_of(PAGE), 0);
            above.push(Element { key, value: Vec::new(), kind: Kind::Child(id) });
        }
        Ok(above)
    }
}

/// A page with its header: the elements one after the other, then their keys and values in the same order.
fn image(id: u64, flags: u16, elements: &[Element]) -> Result<Vec<u8>> {
    let length = ELEMENT + elements.iter().map(Element::length).sum::<usize>();
    let mut page = header(id, flags, u16::try_from(elements.len())?, u32::try_from(length.saturating_sub(1) / PAGE)?);
    let mut position = ELEMENT * elements.len();
    for element in elements {
        let key = u32::try_from(element.key.len())?.to_le_bytes();
        let value = u32::try_from(element.value.len())?.to_le_bytes();
        let at = u32::try_from(position)?.to_le_bytes();
        match element.kind {
            Kind::Value => page.extend([[0; 4], at, key, value].concat()),
            Kind::Bucket => page.extend([[1, 0, 0, 0], at, key, value].concat()),
            Kind::Child(child) => page.extend([&at[..], &key, &child.to_le_bytes()].concat()),
        }
        // Positions are counted from the element itself, and the next one is 16 bytes further on.
        position = position + element.key.len() + element.value.len() - ELEMENT;
    }
    for element in elements {
        page.extend(&element.key);
        page.extend(&element.value);
    }
    Ok(page)
}

fn header(id: u64, flags: u16, count: u16, overflow: u32) -> Vec<u8> {
    [&id.to_le_bytes()[..], &flags.to_le_bytes(), &count.to_le_bytes(), &overflow.to_le_bytes()].concat()
}

/// The meta page of transaction `number`.
fn meta(number: u64, root: u64, end: u64) -> Result<Vec<u8>> {
    const MAGIC: u32 = 0xED0C_DAED;
    const VERSION: u32 = 2;
    let mut fields = Vec::new();
    for field in [MAGIC, VERSION, u32::try_from(PAGE)?, 0] {
        fields.extend(field.to_le_bytes());
    }
    for field in [root, 0, 2, end, number] {
        fields.extend(field.to_le_bytes());
    }
    let checksum = fields.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    fields.extend(checksum.to_le_bytes());
    Ok([header(number, META, 0, 0), fields].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(bytes: &[u8], at: usize, width: usize) -> usize {
        bytes[at..at + width].iter().rev().fold(0, |number, &byte| number << 8 | usize::from(byte))
    }

    /// Reads a database back, trusting it.
    fn decode(file: &[u8]) -> Bucket {
        let mut root = Bucket::default();
        decode_page(file, &file[number(file, PAGE + 32, 8) * PAGE..], &mut root);
        root
    }

    fn decode_page(file: &[u8], page: &[u8], into: &mut Bucket) {
        let (flags, count) = (number(page, 8, 2), number(page, 10, 2));
        for element in (0..count).map(|index| &page[16 + 16 * index..]) {
            if flags == usize::from(BRANCH) {
                decode_page(file, &file[number(element, 8, 8) * PAGE..], into);
                continue;
            }
            let (at, key, value) = (number(element, 4, 4), number(element, 8, 4), number(element, 12, 4));
            let (key, value) = (&element[at..at + key], &element[at + key..at + key + value]);
            match (number(element, 0, 4), number(value, 0, value.len().min(8))) {
                (0, _) => into.put(key, value),
                (_, 0) => decode_page(file, &value[16..], into.bucket(key)),
                (_, root) => decode_page(file, &file[root * PAGE..], into.bucket(key)),
            }
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        let mut root = Bucket::default();
        root.bucket("empty");
        root.bucket("inline").put("key", "value");
        root.bucket("large").put("one", vec![7; 3 * PAGE]);
        root.bucket("deep").bucket("er").bucket("est").put("k", "bottom");
        for index in 0..2000 {
            root.bucket("many").put(format!("{index:05}"), format!("value {index}"));
        }
        let file = root.encode().unwrap();
        assert_eq!(file.len() % PAGE, 0);
        assert_eq!(decode(&file), root);
    }

    #[test]
    fn both_metas_are_sound_and_the_newer_is_the_second() {
        let file = Bucket::default().encode().unwrap();
        for page in [0, 1] {
            let meta = &file[page * PAGE + 16..][..64];
            let sum =
                meta[..56].iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
            assert_eq!(meta[56..], sum.to_le_bytes());
            assert_eq!(number(meta, 48, 8), page);
        }
    }
}
