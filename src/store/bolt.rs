//! A read-only reader of bolt databases (bbolt's file format 2), in which dockerd keeps BuildKit's state, volumes and networks.
//!
//! ```text
//! page 0, 1    meta         magic, version, page size, root page, high-water mark, transaction number, checksum;
//!                           transaction n writes page n % 2, so the other one still describes transaction n - 1
//! page n       branch       first key and page number of every child
//!              leaf         keys with their values; a value may be a bucket: the page number of another tree's root,
//!                           or, for a small bucket, a leaf page in itself (inline)
//!              freelist     of no use to a reader
//! ```
//!
//! A page starts with its own number, its kind, its number of elements, and how many of the following pages it runs on over
//! (*overflow*). The elements follow, and behind them, without gaps, the keys and values that they point to.
//!
//! **No lock, and still one consistent state.** dockerd holds the file's lock for its whole life. A writer never changes a page that the
//! last committed transaction can reach: it writes new pages, syncs, and then replaces the older meta page; pages freed by
//! transaction n + 1 are used again by n + 2 at the earliest. So whoever reads everything reachable from the newest meta page,
//! and then finds the same meta page to be still the newest, has seen exactly that transaction. Otherwise [`view`] starts over.
//! Nothing is mapped into memory, so that a file that shrinks under us is an error and not a signal.
//!
//! **Nothing is believed.** bolt checksums only its meta pages, so every other number is checked against what surrounds it: pages lie
//! below the high-water mark and inside the file, know their own number, and have one parent each, so that there are no cycles;
//! elements and their data fill a page in order, so that a wrong count or length shows; keys ascend through the whole bucket and stay
//! within what the branches announce. What is not found is therefore known to be absent, and everything else is an [`Error`]. Time and
//! memory are bounded by the size of the file, whatever it says.

mod bucket;
mod error;
#[cfg(test)]
pub(crate) mod forge;
#[cfg(test)]
mod hostile_tests;
mod meta;
mod page;
mod pages;
mod slice;
mod source;

pub use bucket::{Bucket, Entries, Entry};
pub use error::Error;
pub use slice::Slice;
pub use source::Source;

use crate::dir::{Cause, Dir, Operation, ReadError};
use meta::Meta;
use pages::Pages;
use std::path::Path;

/// How often a database is read before it is called busy.
///
/// One reading takes about a millisecond and a transaction of dockerd, which syncs twice, several.
const ATTEMPTS: u32 = 20;

/// What `visit` makes of the database `name` in `dir`, or nothing when there is no such file.
///
/// `visit` is called again when dockerd has written meanwhile; only what it returned for one consistent state is kept.
///
/// # Errors
/// When the file cannot be read, is no sound database, is written to all the time, or `visit` fails.
pub fn read<T>(dir: &Dir, name: impl AsRef<Path>, visit: impl Fn(&Bucket<'_>) -> Result<T, Error>) -> Result<Option<T>, ReadError> {
    let name = name.as_ref();
    let Some(file) = dir.file(name)? else { return Ok(None) };
    view(&file, visit).map(Some).map_err(|error| {
        let operation = if matches!(error, Error::Io(_) | Error::Busy(_)) { Operation::Read } else { Operation::Parse };
        let cause = if let Error::Io(error) = error { error.into() } else { Cause::Malformed(error.to_string()) };
        dir.error(name, operation, cause)
    })
}

/// What `visit` makes of the root bucket of one consistent state of `source`.
///
/// # Errors
/// As [`read`].
pub fn view<T>(source: &dyn Source, visit: impl Fn(&Bucket<'_>) -> Result<T, Error>) -> Result<T, Error> {
    for _ in 0..ATTEMPTS {
        let meta = Meta::newest(source)?;
        let pages = Pages::new(source, &meta)?;
        let visited = visit(&Bucket::root(&pages, &meta));
        // A failure counts no more than a success if pages were overwritten under it.
        if Meta::newest(source)? == meta {
            return visited;
        }
    }
    Err(Error::Busy(ATTEMPTS))
}

#[cfg(test)]
mod tests {
    use super::forge::{Item, bucket, value};
    use super::*;
    use std::cell::Cell;
    use std::io;

    /// A database that a writer changes just before the `when`th access to it.
    struct Written {
        states: [Vec<u8>; 2],
        accesses: Cell<u32>,
        when: u32,
    }

    impl Source for Written {
        fn length(&self) -> io::Result<u64> {
            self.states[0].length()
        }

        fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
            let access = self.accesses.replace(self.accesses.get() + 1);
            self.states[usize::from(access >= self.when)].read_exact_at(buffer, offset)
        }
    }

    /// A database that is in another transaction at every access.
    struct Restless(Cell<u64>);

    impl Source for Restless {
        fn length(&self) -> io::Result<u64> {
            state(0, "x").length()
        }

        fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
            self.0.set(self.0.get() + 2);
            state(self.0.get(), "x").read_exact_at(buffer, offset)
        }
    }

    /// The two buckets `a` and `b`, both telling `content`, in transaction `txid`.
    fn state(txid: u64, content: &str) -> Vec<u8> {
        let items: Vec<(&str, Item)> = vec![
            ("a", bucket(vec![("told", value(content))]).on_its_own_page()),
            ("b", bucket(vec![("told", value(content))]).on_its_own_page()),
        ];
        forge::Database { txid, ..forge::Database::new(items) }.bytes()
    }

    fn told(root: &Bucket<'_>) -> Result<Vec<String>, Error> {
        let mut told = Vec::new();
        for name in [b"a", b"b"] {
            let bucket = root.bucket(name)?.ok_or_else(|| Error::Content("no bucket".to_owned()))?;
            let value = bucket.get(b"told")?.ok_or_else(|| Error::Content("no value".to_owned()))?;
            told.push(String::from_utf8_lossy(&value).into_owned());
        }
        Ok(told)
    }

    #[test]
    fn a_writer_is_never_seen_half_way() {
        let quiet = Written { states: [state(4, "old"), state(6, "new")], accesses: Cell::new(0), when: u32::MAX };
        assert_eq!(view(&quiet, told).unwrap(), ["old", "old"]);
        let mut outcomes = Vec::new();
        for when in 0..quiet.accesses.get() {
            let source = Written { states: [state(4, "old"), state(6, "new")], accesses: Cell::new(0), when };
            let seen = view(&source, told).unwrap();
            assert_eq!(seen[0], seen[1], "written before access {when}");
            outcomes.push(seen[0].clone());
        }
        // Written before the last check of the meta pages: read again. After it: what was read stands.
        assert!(outcomes.iter().all(|told| told == "new"), "{outcomes:?}");
    }

    #[test]
    fn what_fails_while_it_is_written_to_is_read_again() {
        let mut torn = state(4, "old");
        let length = torn.len();
        torn[2 * 4096..length].fill(0xff);
        for when in 3..10 {
            let source = Written { states: [torn.clone(), state(6, "new")], accesses: Cell::new(0), when };
            match view(&source, told) {
                Ok(seen) => assert_eq!(seen, ["new", "new"], "written before access {when}"),
                Err(error) => assert!(source.accesses.get() <= when, "{error} although it was written before access {when}"),
            }
        }
    }

    #[test]
    fn a_database_that_is_never_at_rest_is_busy() {
        assert!(matches!(view(&Restless(Cell::new(0)), |_| Ok(())), Err(Error::Busy(ATTEMPTS))));
    }

    #[test]
    fn an_error_says_which_file_and_why() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Dir::root(temp.path()).unwrap();
        assert!(read(&dir, "absent.db", |_| Ok(())).unwrap().is_none());
        std::fs::write(temp.path().join("some.db"), state(1, "x")).unwrap();
        assert_eq!(read(&dir, "some.db", told).unwrap().unwrap(), ["x", "x"]);
        std::fs::write(temp.path().join("some.db"), "").unwrap();
        let error = read(&dir, "some.db", told).unwrap_err().to_string();
        assert_eq!(error, format!("cannot parse {}: an empty file is no bolt database", dir.path().join("some.db").display()));
    }
}
