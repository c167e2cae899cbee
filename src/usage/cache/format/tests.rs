use super::*;

fn stamp(inode: u64) -> Stamp {
    Stamp { kind: Kind::Directory, device: (8, 1), inode, born: Some((-5, 7)), changed: (1_700_000_000, 999_999_999), modified: (3, 4) }
}

fn content() -> Content {
    let root = Root { path: "/var/lib/docker".into(), user: 0, sees_marks: true, kind: 0xEF53, device: (8, 1), inode: 2, born: None };
    let hex = "0123456789abcdef".repeat(4);
    let open = Open::from_words([1, 2, 0o100_644, 3, 4, 5, 6, 1, 7]).unwrap();
    let layer = |number| {
        Arc::new(Layer {
            stamps: Stamps { dir: stamp(number), diff: stamp(number + 1), work: (number > 9).then(|| stamp(number + 2)) },
            measured: 1_700_000_000,
            usage: [Usage { bytes: number, set_ids: u64::MAX, ..Usage::default() }, Usage { inodes: 7, ..Usage::default() }],
            open: vec![open; usize::try_from(number % 3).unwrap()],
        })
    };
    let diff = format!("sha256:{hex}").parse().ok();
    let identity = |diff| Identity { diff, link: "ABCDEFGHIJKLMNOPQRSTUVWXYZ".parse().unwrap(), recorded: None };
    let layers = [
        (hex.parse().unwrap(), Remembered { identity: identity(diff), layer: layer(5) }),
        ("26whido74nhy99hv7v3gsiqci".parse().unwrap(), Remembered { identity: identity(None), layer: layer(11) }),
    ];
    Content { root, layers: layers.into(), outside: [Outside { number: 1, links: 3, met: 2, changed: (5, 6) }].into() }
}

/// The same bytes with a checksum that fits.
fn resealed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes[..bytes.len().saturating_sub(CHECKSUM)].to_vec();
    bytes.extend(Sha256::digest(&bytes));
    bytes
}

#[test]
fn what_is_written_is_read_back() {
    let content = content();
    assert_eq!(Content::decode(&content.encode()), Ok(content.clone()));
    assert_eq!(content.clone().of(&content.root), Ok(content.clone()));
    let root = &content.root;
    for other in [Root { inode: 3, ..root.clone() }, Root { user: 1, ..root.clone() }, Root { sees_marks: false, ..root.clone() }] {
        assert_eq!(content.clone().of(&other), Err(Damage::Other));
    }
}

#[test]
fn whatever_is_cut_off_or_changed_is_noticed() {
    let bytes = content().encode();
    for length in 0..bytes.len() {
        assert!(Content::decode(&bytes[..length]).is_err(), "{length} of {}", bytes.len());
        let mut changed = bytes.clone();
        changed[length] ^= 0x10;
        assert!(Content::decode(&changed).is_err(), "byte {length}");
    }
}

#[test]
fn nonsense_with_a_fitting_checksum_is_no_danger() {
    let bytes = content().encode();
    let mut refused = 0;
    for place in 0..bytes.len() - CHECKSUM {
        assert!(Content::decode(&resealed(&bytes[..place + CHECKSUM])).is_err(), "{place}");
        for value in [0, 1, 0x7f, 0xff] {
            let mut changed = bytes.clone();
            changed[place] = value;
            refused += u32::from(Content::decode(&resealed(&changed)).is_err());
        }
    }
    assert!(refused > 1000, "{refused} changes were refused");
    let mut longer = bytes[..bytes.len() - CHECKSUM].to_vec();
    longer.extend([0; 1 + CHECKSUM]);
    assert_eq!(Content::decode(&resealed(&longer)), Err(Damage::Malformed));
}

#[test]
fn a_number_takes_as_many_bytes_as_it_needs_and_no_more_than_it_can() {
    for (number, length) in [(0, 1), (127, 1), (128, 2), (16_384, 3), (u64::MAX >> 1, 9), (u64::MAX, 10)] {
        let mut writer = Writer(Vec::new());
        writer.word(number);
        assert_eq!((writer.0.len(), Reader(&writer.0).word()), (length, Some(number)));
    }
    for bytes in [&[0x80][..], &[0xff; 10], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2], &[0x80; 11]] {
        assert_eq!(Reader(bytes).word(), None, "{bytes:?}");
    }
}

#[test]
fn other_files_and_other_versions_are_told_apart() {
    let bytes = content().encode();
    let mut newer = bytes.clone();
    newer[MAGIC.len()] += 1;
    for (bytes, damage) in [
        (&b""[..], Damage::Foreign),
        (&[0; 100], Damage::Foreign),
        (&bytes[..bytes.len() - 1], Damage::Checksum),
        (&resealed(&newer), Damage::Version),
    ] {
        assert_eq!(Content::decode(bytes), Err(damage));
    }
}
