//! Databases that lie: each is refused, in little time and memory, and an honest one is read to the last byte.

use super::forge::{Database, Item, Raw, bucket, page, value};
use super::{Bucket, Entry, Error, view};

const PAGE: usize = 4096;

/// Everything in a bucket, one line for each value, with the names of the buckets around it.
fn listing(bucket: &Bucket<'_>, prefix: &str, lines: &mut Vec<String>) -> Result<(), Error> {
    for entry in bucket.entries() {
        match entry? {
            Entry::Value { key, value } => lines.push(format!("{prefix}{}={}", key.escape_ascii(), value.escape_ascii())),
            Entry::Bucket { key, bucket } => listing(&bucket, &format!("{prefix}{}/", key.escape_ascii()), lines)?,
        }
    }
    Ok(())
}

fn read(file: &Vec<u8>) -> Result<Vec<String>, Error> {
    view(file, |root| {
        let mut lines = Vec::new();
        listing(root, "", &mut lines).map(|()| lines)
    })
}

fn refusal(file: &Vec<u8>) -> String {
    read(file).unwrap_err().to_string()
}

/// A file whose root, page 3, and following pages are the given ones, as they are.
fn raw(pages: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Database::new(vec![("x", value(vec![0; PAGE * pages.len().saturating_sub(1)]))]).bytes();
    for (number, page) in (3_u64..).zip(pages) {
        let start = usize::try_from(number).unwrap() * PAGE;
        file[start..start + PAGE].fill(0);
        file[start..start + page.len()].copy_from_slice(page);
        file[start..start + 8].copy_from_slice(&number.to_le_bytes());
    }
    file
}

fn element(head: u32, key: &str, value: &[u8]) -> Raw {
    Raw { head: [head, 0], key: key.into(), value: value.to_vec() }
}

/// Values and buckets of both kinds on many pages, one of which runs on over others.
fn varied() -> Vec<u8> {
    let many = |count: u32| (0..count).map(|n| (format!("key{n:04}"), value(format!("value {n}")))).collect::<Vec<_>>();
    let items: Vec<(&str, Item)> = vec![
        ("empty", bucket::<&str>(vec![]).on_its_own_page()),
        ("large", value("x".repeat(3 * PAGE))),
        ("nested", bucket(vec![("inner", bucket(vec![("innermost", bucket(many(3)))])), ("w", value(""))])),
        ("tree", bucket(many(300)).on_its_own_page()),
    ];
    Database { fanout: 5, ..Database::new(items) }.bytes()
}

#[test]
fn an_honest_database_is_read_whole_and_in_order() {
    let lines = read(&varied()).unwrap();
    assert_eq!(lines.len(), 1 + 3 + 1 + 300);
    assert_eq!(lines[0].len(), "large=".len() + 3 * PAGE);
    assert_eq!(
        lines[1..5],
        [
            "nested/inner/innermost/key0000=value 0",
            "nested/inner/innermost/key0001=value 1",
            "nested/inner/innermost/key0002=value 2",
            "nested/w=",
        ]
    );
    assert_eq!(lines[5], "tree/key0000=value 0");
    assert_eq!(lines[304], "tree/key0299=value 299");
    assert!(read(&Database::new::<&str>(vec![]).bytes()).unwrap().is_empty());
}

#[test]
fn keys_are_looked_up_by_kind() {
    view(&varied(), |root| {
        assert!(root.bucket(b"absent")?.is_none() && root.get(b"absent")?.is_none());
        assert_eq!(root.bucket(b"large").unwrap_err().to_string(), "\"large\" is a value and not a bucket");
        assert_eq!(root.get(b"nested").unwrap_err().to_string(), "\"nested\" is a bucket and not a value");
        let tree = root.bucket(b"tree")?.unwrap();
        assert_eq!(*tree.get(b"key0123")?.unwrap(), *b"value 123");
        Ok(())
    })
    .unwrap();
}

#[test]
fn what_contradicts_itself_is_refused() {
    let child = |key: &str, page: u32| element(page, key, b"");
    let leaf = |key: &str| page(2, &[element(0, key, b"")]);
    let header = |root: u64| [root.to_le_bytes(), [0; 8]].concat();
    let with = |at: usize, bytes: &[u8]| {
        let mut page = leaf("k");
        page[at..at + bytes.len()].copy_from_slice(bytes);
        page
    };
    for (pages, expected) in [
        (vec![page(1, &[child("a", 3)])], "page 3 has two parents"),
        (vec![page(1, &[child("a", 4)]), page(1, &[child("a", 3)])], "page 3 has two parents"),
        (vec![page(1, &[child("a", 9)])], "page 9 lies outside the file"),
        (vec![page(1, &[child("a", 1)])], "page 1 is neither branch nor leaf"),
        (vec![page(1, &[child("a", 2)])], "page 2 is neither branch nor leaf"),
        (vec![page(1, &[child("a", 4)]), page(2, &[])], "page 4 is empty"),
        (vec![page(1, &[child("a", 4), child("b", 4)]), leaf("a")], "page 4 has two parents"),
        (vec![page(1, &[child("b", 4)]), leaf("a")], "page 4 has keys out of order"),
        (vec![page(1, &[child("a", 4), child("b", 5)]), leaf("c"), leaf("d")], "page 3 has keys out of order"),
        (vec![page(2, &[element(0, "b", b""), element(0, "a", b"")])], "page 3 has keys out of order"),
        (vec![page(2, &[element(0, "a", b""), element(0, "a", b"")])], "page 3 has keys out of order"),
        (vec![page(3, &[])], "page 3 is neither branch nor leaf"),
        (vec![page(2, &[element(2, "a", b"")])], "page 3 has an element of an unknown kind"),
        (vec![page(2, &[element(0, "", b"v")])], "page 3 has an empty key"),
        (vec![with(10, &[0xff, 0xff])], "page 3 has more elements than fit"),
        (vec![with(10, &[0, 0])], "page 3 is not as empty as it says"),
        (vec![with(10, &[2, 0])], "page 3 has elements that do not follow one another"),
        (vec![with(12, &[0xff; 4])], "page 3 runs on over too many pages"),
        (vec![with(12, &[1])], "page 3 runs on outside the file"),
        (vec![with(20, &[0xff; 4])], "page 3 has elements that do not follow one another"),
        (vec![with(24, &[0xff; 4])], "page 3 has an element that reaches outside"),
        (vec![with(28, &[0xff; 4])], "page 3 has an element that reaches outside"),
        (vec![page(2, &[element(1, "a", &[1; 15])])], "page 3 has a bucket of the wrong size"),
        (vec![page(2, &[element(1, "a", &[0; 31])])], "page 3 has a bucket that is too short"),
        (vec![page(2, &[element(1, "a", &[[0; 16].to_vec(), page(1, &[])].concat())])], "page 3 has an inline bucket that is no leaf"),
        (vec![page(2, &[element(1, "a", &header(u64::MAX))])], "page 18446744073709551615 lies outside the file"),
        (vec![page(2, &[element(1, "a", &header(3))])], "page 3 has two parents"),
    ] {
        assert_eq!(refusal(&raw(&pages)), expected);
    }
    let mut overlapping = raw(&[page(1, &[child("a", 4), child("b", 5)]), leaf("a"), leaf("b")]);
    overlapping[4 * PAGE + 12] = 1;
    assert_eq!(refusal(&overlapping), "page 5 has two parents");
    let mut elsewhere = raw(&[leaf("k")]);
    elsewhere[3 * PAGE] = 9;
    assert_eq!(refusal(&elsewhere), "page 3 has another page's number");
}

#[test]
fn ways_that_multiply_are_not_all_walked() {
    let to = |root: u64| [root.to_le_bytes(), [0; 8]].concat();
    let mut pages: Vec<_> = (4..44).map(|next| page(2, &[element(1, "a", &to(next)), element(1, "b", &to(next))])).collect();
    pages.push(page(2, &[element(0, "a", b"")]));
    assert_eq!(refusal(&raw(&pages)), "page 43 has two parents");
}

#[test]
fn buckets_nested_without_end_are_refused() {
    let depth = 10_000;
    let mut inline = Vec::new();
    for below in (0..depth).rev() {
        // What is around each bucket: a header, an element, its key, and the bucket's own header.
        let mut around = page(2, &[element(1, "a", &[0; 16])]);
        let size = 16 + below * around.len() + 16;
        around[28..32].copy_from_slice(&u32::try_from(size).unwrap().to_le_bytes());
        inline.extend(around);
    }
    inline.extend(page(2, &[]));
    let pages: Vec<_> = inline.chunks(PAGE).map(<[u8]>::to_vec).collect();
    let mut file = Database::new(vec![("x", value(&inline))]).bytes();
    file[3 * PAGE..3 * PAGE + inline.len()].copy_from_slice(&inline);
    file[3 * PAGE..3 * PAGE + 8].copy_from_slice(&3_u64.to_le_bytes());
    file[3 * PAGE + 12..3 * PAGE + 16].copy_from_slice(&u32::try_from(pages.len() - 1).unwrap().to_le_bytes());
    assert_eq!(refusal(&file), "page 3 has a bucket that lies too deep");
}

#[test]
fn a_file_cut_short_is_never_read_as_whole() {
    let whole = varied();
    for length in (0..whole.len()).step_by(PAGE).chain([1, 79, 80, PAGE + 79, whole.len() - 1]) {
        assert!(read(&whole[..length].to_vec()).is_err(), "{length} of {} bytes", whole.len());
    }
}

/// How many keys the root bucket has, if everything below them can be read.
fn names(file: &Vec<u8>) -> Result<usize, Error> {
    fn walk(bucket: &Bucket<'_>) -> Result<usize, Error> {
        let mut count = 0;
        for entry in bucket.entries() {
            if let Entry::Bucket { bucket, .. } = entry? {
                walk(&bucket)?;
            }
            count += 1;
        }
        Ok(count)
    }
    view(file, walk)
}

/// Flips `mask` in every byte of `whole` in turn: whatever comes of it, no key vanishes without a word. Returns how often it was refused.
fn flip_each_byte(whole: &[u8], mask: u8) -> usize {
    let mut file = whole.to_vec();
    let all = names(&file).unwrap();
    let mut refused = 0;
    for at in 0..whole.len() {
        file[at] ^= mask;
        match names(&file) {
            Ok(count) => assert_eq!(count, all, "byte {at} ^ {mask:#x}"),
            Err(_) => refused += 1,
        }
        file[at] ^= mask;
    }
    refused
}

#[test]
fn any_flipped_byte_leads_to_an_error_or_an_answer() {
    let leaf = || vec![("a", value("1")), ("b", value("2")), ("c", value("3"))];
    let tree = || bucket(leaf()).on_its_own_page();
    let items = vec![("inline", bucket(leaf())), ("k1", value("v")), ("k2", value("v")), ("t1", tree()), ("t2", tree())];
    let whole = Database { fanout: 3, page_size: 1024, ..Database::new(items) }.bytes();
    for mask in [0x01, 0x02, 0x80, 0xff] {
        assert!(flip_each_byte(&whole, mask) > 200, "mask {mask:#x}");
    }
}

#[test]
fn any_flipped_byte_of_a_real_database_leads_to_an_error_or_an_answer() {
    let real = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/buildkit/built/snapshots.db");
    assert!(flip_each_byte(&std::fs::read(real).unwrap(), 0xff) > 1000);
}
