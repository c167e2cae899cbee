use super::super::made::{Made, gzip, header, zstd};
use super::*;

fn tar() -> Vec<u8> {
    Made::default().directory("etc").file("etc/passwd", &"root:x:0:0\n".repeat(500)).finish()
}

/// The layer `tar`, read from what is stored under the digest of `expected`.
fn read_as(tar: &[u8], stored: &[u8], expected: &[u8]) -> Result<Arc<Index>, String> {
    read(stored).unwrap().of(DiffId::of(tar), Some(Digest::of(expected)))
}

#[test]
fn a_layer_is_the_same_however_it_is_compressed() {
    let tar = tar();
    let plain = read_as(&tar, &tar, &tar).unwrap();
    let (first, second) = tar.split_at(1000);
    let skipped = [&b"\x5a\x2a\x4d\x18\x04\0\0\0abcd"[..], &zstd(first), b"\x50\x2a\x4d\x18\0\0\0\0", &zstd(second)].concat();
    for stored in [gzip(&tar), [gzip(first), gzip(second)].concat(), zstd(&tar), skipped] {
        assert_eq!(read_as(&tar, &stored, &stored).unwrap(), plain);
    }
    let digest: [u8; 32] = Sha256::digest("root:x:0:0\n".repeat(500)).into();
    assert_eq!(plain.find(b"etc/passwd").unwrap().content, crate::union::index::Content::File(digest));
}

#[test]
fn what_is_not_what_it_is_called_is_not_trusted() {
    let tar = tar();
    let other = Made::default().file("etc/other", "").finish();
    for stored in [tar.clone(), gzip(&tar), zstd(&tar)] {
        let mut damaged = stored.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        // The cause is told and not that nothing can be inflated, or that a header makes no sense.
        let error = read_as(&tar, &damaged, &stored).unwrap_err();
        assert!(error.contains("by which it is stored") && error.contains(&Digest::of(&damaged).to_string()), "{error}");
        let error = read_as(&other, &stored, &stored).unwrap_err();
        let (found, expected) = (DiffId::of(&tar).to_string(), DiffId::of(&other).to_string());
        assert!(error.contains(&found) && error.contains(&expected) && error.contains("config says"), "{error}");
        // Nothing is stored under a digest in what `docker save` wrote first.
        assert!(read(stored.as_slice()).unwrap().of(DiffId::of(&tar), None).is_ok());
    }
}

#[test]
fn what_follows_the_end_counts_for_the_digest_and_for_nothing_else() {
    let tar = [tar(), b"anything".to_vec(), vec![7; 5000]].concat();
    for stored in [tar.clone(), gzip(&tar), zstd(&tar)] {
        let index = read_as(&tar, &stored, &stored).unwrap();
        assert_eq!(index.usage().inodes, 3);
    }
}

#[test]
fn what_is_no_layer_is_told_and_never_more() {
    let whole = tar();
    let huge = header(b'0', b"huge", b"", 0o77_777_777_777);
    let claims = header(b'x', b"claims", b"", 1 << 30);
    let half = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    for (stored, why) in [
        (b"certainly not a tar, although it is long enough".repeat(20), "this is not the header of a tar, at byte 0"),
        (half(&whole), "it ends in the middle of a member"),
        (huge.to_vec(), "it ends in the middle of a member, at byte 512"),
        (claims.to_vec(), "an extension that makes no sense"),
        (Made::default().records(&[]).file("x", "").open()[..700].to_vec(), "it ends in the middle"),
        (Made::default().member(b'x', "x", "", b"999 path=a\n").file("x", "").finish(), "a header that makes no sense"),
        ([vec![0; 512], whole.clone()].concat(), "a block of zeros stands before a header"),
        (b"BZh91AY&SY".to_vec(), "it is compressed with bzip2"),
        (b"\xfd7zXZ\0\0".to_vec(), "it is compressed with xz"),
        (half(&gzip(&whole)), "incomplete deflate stream"),
        ([gzip(&whole), b"more".to_vec()].concat(), "unexpected end of file"),
    ] {
        let error = crate::archive::read_layer(stored.as_slice()).unwrap_err();
        assert!(error.contains(why), "{error}, not {why}");
    }
    assert!(crate::archive::read_layer(half(&zstd(&whole)).as_slice()).is_err());
    let (_, empty) = crate::archive::read_layer([].as_slice()).unwrap();
    assert_eq!(empty.usage().inodes, 1, "nothing at all is a tar without members");
}
