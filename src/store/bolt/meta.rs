//! The meta pages, which say where a database begins.

use super::{Error, Slice, Source};

/// The page sizes that a machine can have.
const PAGE_SIZES: [u64; 7] = [1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15, 1 << 16];

/// A page's header and the meta data behind it.
const SIZE: usize = 80;

/// What a sound meta page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) page_size: u64,
    pub(super) root: u64,
    pub(super) high_water: u64,
    txid: u64,
}

impl Meta {
    /// The meta page of the last transaction that was wholly committed.
    pub(super) fn newest(source: &dyn Source) -> Result<Self, Error> {
        if source.length()? == 0 {
            return Err(Error::Empty);
        }
        match Self::at(source, 0) {
            Err(Error::Io(error)) => Err(error.into()),
            Ok(first) => match Self::at(source, first.page_size) {
                Err(Error::Io(error)) => Err(error.into()),
                Ok(second) if second.page_size == first.page_size && second.txid > first.txid => Ok(second),
                _ => Ok(first),
            },
            // The first page is being written or was torn, and with it went the size that says where the second one is.
            Err(damage) => Self::second(source)?.ok_or(damage),
        }
    }

    /// The second meta page, looked for at every offset at which it can be.
    fn second(source: &dyn Source) -> Result<Option<Self>, Error> {
        for size in PAGE_SIZES {
            match Self::at(source, size) {
                Ok(meta) if meta.page_size == size => return Ok(Some(meta)),
                Err(Error::Io(error)) => return Err(error.into()),
                _ => {}
            }
        }
        Ok(None)
    }

    /// The meta page at `offset`.
    fn at(source: &dyn Source, offset: u64) -> Result<Self, Error> {
        if offset.saturating_add(SIZE.try_into().unwrap_or(u64::MAX)) > source.length()? {
            return Err(Error::NotBolt);
        }
        let mut bytes = vec![0; SIZE];
        source.read_exact_at(&mut bytes, offset)?;
        Self::parse(&bytes.into())
    }

    fn parse(page: &Slice) -> Result<Self, Error> {
        if page.u32(16) != Some(0xED0C_DAED) {
            return Err(Error::NotBolt);
        }
        match page.u32(20) {
            Some(2) => {}
            version => return Err(Error::Version(version.unwrap_or_default())),
        }
        let checksum = page.get(16..72).map(fnv1a);
        if checksum.is_none() || checksum != page.u64(72) {
            return Err(Error::Meta);
        }
        let page_size = page.u32(24).map(u64::from).filter(|size| PAGE_SIZES.contains(size));
        let meta = || Some(Self { page_size: page_size?, root: page.u64(32)?, high_water: page.u64(56)?, txid: page.u64(64)? });
        meta().ok_or(Error::Meta)
    }
}

/// The 64-bit FNV-1a hash of `bytes`.
pub(super) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::super::forge::{Database, value};
    use super::*;

    fn database() -> Vec<u8> {
        Database { txid: 7, ..Database::new(vec![("key", value("value"))]) }.bytes()
    }

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn the_higher_transaction_counts() {
        for txid in [6, 7] {
            let bytes = Database { txid, ..Database::new(vec![("key", value("value"))]) }.bytes();
            let meta = Meta::newest(&bytes).unwrap();
            assert_eq!((meta.txid, meta.page_size), (txid, 4096));
        }
    }

    #[test]
    fn a_torn_page_leaves_the_other() {
        for page_size in PAGE_SIZES {
            for (torn, txid) in [(0, 7), (page_size, 6)] {
                let forged = Database { txid: 7, page_size, ..Database::new(vec![("key", value("value"))]) };
                let mut bytes = forged.bytes();
                bytes[usize::try_from(torn).unwrap() + 70] ^= 1;
                assert_eq!(Meta::newest(&bytes).unwrap().txid, txid, "page size {page_size}, torn at {torn}");
            }
        }
    }

    #[test]
    fn what_is_no_database_is_told_apart() {
        let damage = |at: usize| {
            let mut bytes = database();
            bytes[at] ^= 1;
            bytes[4096 + at] ^= 1;
            Meta::newest(&bytes).unwrap_err().to_string()
        };
        assert_eq!(damage(16), "not a bolt database");
        assert_eq!(damage(20), "version 3 of the bolt format is unknown");
        assert_eq!(damage(40), "both meta pages are damaged");
        assert_eq!(Meta::newest(&vec![0; 40]).unwrap_err().to_string(), "not a bolt database");
    }
}
