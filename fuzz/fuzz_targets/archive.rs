//! Any bytes as a layer of an archive, and the same as headers with right sums, plain and in gzip.
#![no_main]

use layerwise::archive::read_layer;
use layerwise::union::index::Index;
use layerwise::union::{Layer, join};
use layerwise_fuzz::gzip;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;
use std::sync::Arc;

fuzz_target!(|data: &[u8]| {
    // What it inflates to may be of any length.
    check(data, usize::MAX / 4096);
    let tar = tar(data);
    // A name may be the beginning of a compressed file.
    if tar.first().is_none_or(|&byte| byte == b'.') {
        assert_eq!(read_layer(tar.as_slice()).is_ok(), read_layer(gzip(&tar).as_slice()).is_ok());
    }
    check(&tar, tar.len() / 512);
});

/// Reads a layer of at most so many members.
fn check(layer: &[u8], members: usize) {
    if let Ok((_, index)) = read_layer(layer) {
        look(index, members);
    }
}

/// Walks the tree, whose names lead nowhere but down, and whose inodes are those that it says it has.
fn look(index: Index, members: usize) {
    let usage = index.usage();
    // A member has a header of 512 bytes and a path of at most 4096, every second byte of which may begin a directory, and so may those of the links
    // that it goes through.
    assert!(usize::try_from(usage.inodes).expect("a number") <= members.saturating_mul(2049 * 41).saturating_add(1));
    let layer = Layer::of(Arc::new(index), "layer".into());
    let mut inodes = BTreeSet::from([layer.look(b"").expect("a root").inode.number]);
    let mut open = vec![Vec::new()];
    while let Some(path) = open.pop() {
        for (name, entry) in layer.list(&path).iter() {
            assert!(!matches!(name, b"" | b"." | b"..") && !name.contains(&b'/') && !name.contains(&0));
            let below = join(&path, name);
            assert_eq!(layer.look(&below).as_ref(), Some(entry));
            inodes.insert(entry.inode.number);
            if entry.is_directory() {
                open.push(below);
            }
        }
    }
    assert_eq!(u64::try_from(inodes.len()), Ok(usage.inodes));
}

/// Makes members of `data`: a type, the lengths of a name, a link and a content, and these.
fn tar(mut data: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    while let Some((flag, name, link, content)) = member(&mut data) {
        let mut block = [0; 512];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &name[..name.len().min(100)]);
        put(100, b"0000644\0");
        put(124, format!("{:011o}\0", content.len()).as_bytes());
        put(148, b"        ");
        put(156, &[flag]);
        put(157, &link[..link.len().min(100)]);
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar.extend(block);
        tar.extend(content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar
}

type Member<'a> = (u8, &'a [u8], &'a [u8], &'a [u8]);

fn member<'a>(data: &mut &'a [u8]) -> Option<Member<'a>> {
    let mut take = |length: u8| {
        let (taken, rest) = data.split_at_checked(length.into())?;
        *data = rest;
        Some(taken)
    };
    let [flag, name, link, content] = *take(4)? else { return None };
    Some((flag, take(name)?, take(link)?, take(content)?))
}
