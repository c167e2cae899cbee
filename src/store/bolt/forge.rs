//! Makes databases for tests, honest unless the test damages them afterwards.

use super::meta::fnv1a;

/// What a key leads to.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    Value(Vec<u8>),
    Bucket { items: Vec<(Vec<u8>, Self)>, inline: bool },
}

/// A value.
pub(crate) fn value(value: impl AsRef<[u8]>) -> Item {
    Item::Value(value.as_ref().to_vec())
}

/// An inline bucket.
pub(crate) fn bucket<K: AsRef<[u8]>>(items: Vec<(K, Item)>) -> Item {
    Item::Bucket { items: owned(items), inline: true }
}

fn owned<K: AsRef<[u8]>>(items: Vec<(K, Item)>) -> Vec<(Vec<u8>, Item)> {
    let mut items: Vec<_> = items.into_iter().map(|(key, item)| (key.as_ref().to_vec(), item)).collect();
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    items
}

impl Item {
    /// The same bucket as a tree of its own.
    pub(crate) fn on_its_own_page(self) -> Self {
        match self {
            Self::Bucket { items, .. } => Self::Bucket { items, inline: false },
            value @ Self::Value(_) => value,
        }
    }
}

/// A database to be made.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) items: Vec<(Vec<u8>, Item)>,
    pub(crate) txid: u64,
    pub(crate) page_size: u64,
    /// How many elements a page takes.
    pub(crate) fanout: usize,
}

impl Database {
    pub(crate) fn new<K: AsRef<[u8]>>(items: Vec<(K, Item)>) -> Self {
        Self { items: owned(items), txid: 1, page_size: 4096, fanout: 64 }
    }

    /// The file: two meta pages, an empty free list, and the tree.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let page_size = usize::try_from(self.page_size).unwrap();
        let mut writer = Writer { page_size, fanout: self.fanout, file: vec![0; 2 * page_size] };
        writer.allocate(page(0x10, &[]));
        let root = writer.tree(&self.items);
        let high_water = u64::try_from(writer.file.len()).unwrap() / self.page_size;
        for txid in [self.txid.saturating_sub(1), self.txid] {
            let number = txid % 2;
            let start = usize::try_from(number).unwrap() * page_size;
            let meta = self.meta(number, txid, [root, high_water]);
            writer.file[start..start + meta.len()].copy_from_slice(&meta);
        }
        writer.file
    }

    fn meta(&self, number: u64, txid: u64, [root, high_water]: [u64; 2]) -> Vec<u8> {
        let mut meta = [number.to_le_bytes(), 4_u64.to_le_bytes()].concat();
        for field in [0xED0C_DAED, 2, u32::try_from(self.page_size).unwrap(), 0] {
            meta.extend(field.to_le_bytes());
        }
        for field in [root, 0, 2, high_water, txid] {
            meta.extend(u64::to_le_bytes(field));
        }
        meta.extend(fnv1a(&meta[16..]).to_le_bytes());
        meta
    }
}

/// One element: its flags or child, its key and its value.
pub(crate) struct Raw {
    pub(crate) head: [u32; 2],
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

/// A page without a number: header, elements, data.
pub(crate) fn page(flags: u16, elements: &[Raw]) -> Vec<u8> {
    let mut page = vec![0; 8];
    page.extend(flags.to_le_bytes());
    page.extend(u16::try_from(elements.len()).unwrap().to_le_bytes());
    page.extend([0; 4]);
    let mut position = 16 * elements.len();
    for (index, Raw { head, key, value }) in elements.iter().enumerate() {
        let here = u32::try_from(position - 16 * index).unwrap();
        let key_size = u32::try_from(key.len()).unwrap();
        let fields = match flags {
            1 => [here, key_size, head[0], head[1]],
            _ => [head[0], here, key_size, u32::try_from(value.len()).unwrap()],
        };
        page.extend(fields.into_iter().flat_map(u32::to_le_bytes));
        position += key.len() + value.len();
    }
    for Raw { key, value, .. } in elements {
        page.extend_from_slice(key);
        page.extend_from_slice(value);
    }
    page
}

struct Writer {
    page_size: usize,
    fanout: usize,
    file: Vec<u8>,
}

impl Writer {
    /// Appends `page` on as many pages as it takes and numbers it.
    fn allocate(&mut self, mut page: Vec<u8>) -> u64 {
        let number = u64::try_from(self.file.len() / self.page_size).unwrap();
        let pages = page.len().div_ceil(self.page_size);
        page[..8].copy_from_slice(&number.to_le_bytes());
        page[12..16].copy_from_slice(&u32::try_from(pages - 1).unwrap().to_le_bytes());
        page.resize(pages * self.page_size, 0);
        self.file.extend(page);
        number
    }

    /// Writes `items` and says where their root is.
    fn tree(&mut self, items: &[(Vec<u8>, Item)]) -> u64 {
        let mut level = Vec::new();
        for items in items.chunks(self.fanout) {
            let leaf = self.leaf(items);
            level.push((items[0].0.clone(), self.allocate(leaf)));
        }
        while level.len() > 1 {
            level = level.chunks(self.fanout).map(|children| self.branch(children)).collect();
        }
        level.pop().map_or_else(|| self.allocate(page(2, &[])), |(_, root)| root)
    }

    fn branch(&mut self, children: &[(Vec<u8>, u64)]) -> (Vec<u8>, u64) {
        let element =
            |(key, child): &(Vec<u8>, u64)| Raw { head: [u32::try_from(*child).unwrap(), 0], key: key.clone(), value: Vec::new() };
        let elements: Vec<_> = children.iter().map(element).collect();
        (children[0].0.clone(), self.allocate(page(1, &elements)))
    }

    fn leaf(&mut self, items: &[(Vec<u8>, Item)]) -> Vec<u8> {
        let elements: Vec<_> = items
            .iter()
            .map(|(key, item)| match item {
                Item::Value(value) => Raw { head: [0, 0], key: key.clone(), value: value.clone() },
                Item::Bucket { items, inline: true } => {
                    Raw { head: [1, 0], key: key.clone(), value: [vec![0; 16], self.leaf(items)].concat() }
                }
                Item::Bucket { items, inline: false } => {
                    Raw { head: [1, 0], key: key.clone(), value: [self.tree(items).to_le_bytes(), [0; 8]].concat() }
                }
            })
            .collect();
        page(2, &elements)
    }
}
