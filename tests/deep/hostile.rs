//! Tar-split files that somebody wrote who means harm, and tars that nobody can put together again.

use crate::world::{World, outcomes, owners};
use flate2::Compression;
use flate2::write::GzEncoder;
use layerwise::deep::{Control, Status};
use layerwise::demo::{Builder, Harm, ImageSpec, MODIFIED, Target, Tree};
use layerwise::store::tar_split::Crc64;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;

/// A header block for a member of this kind, with these fields.
fn header(flag: u8, size: u64, link: &str) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[156] = flag;
    for (at, field) in [(100, "0000644\0"), (108, "0000000\0"), (116, "0000000\0"), (136, &format!("{MODIFIED:011o}"))] {
        block[at..at + field.len()].copy_from_slice(field.as_bytes());
    }
    block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    block[157..157 + link.len()].copy_from_slice(link.as_bytes());
    block
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let group = three.iter().fold(0_usize, |group, &byte| group << 8 | usize::from(byte)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            text.push(if digit > three.len() { '=' } else { char::from(LETTERS[group >> (18 - 6 * digit) & 63]) });
        }
    }
    text
}

/// A tar-split file of these members: their headers, names and sizes.
fn tar_split(members: &[(Vec<u8>, &str, u64)]) -> Vec<u8> {
    let mut lines = GzEncoder::new(Vec::new(), Compression::default());
    let mut position = 0;
    let mut line = |line: serde_json::Value| {
        let mut line = line;
        line["position"] = position.into();
        position += 1;
        writeln!(lines, "{line}").unwrap();
    };
    for (header, name, size) in members {
        line(serde_json::json!({ "type": 2, "payload": base64(header) }));
        let mut crc = Crc64::default();
        crc.update(b"content");
        let payload = (*size > 0).then(|| base64(&crc.finish().to_be_bytes()));
        line(serde_json::json!({ "type": 1, "name": name, "size": size, "payload": payload }));
    }
    lines.finish().unwrap()
}

/// The outcome of a layer with this tar-split file, in place of the one that it had.
fn outcome_of(world: &World, tar_split: Vec<u8>) -> layerwise::deep::Outcome {
    let target = Target::LayerFile(world.top.chain_id, "tar-split.json.gz");
    world.root.damage(&target, &Harm::Replaced(tar_split)).unwrap();
    world.outcome()
}

#[test]
fn names_that_lead_out_are_damage_and_are_not_looked_up() {
    for name in ["../../../secret", "etc/../../../../secret", ".."] {
        let world = World::new();
        fs::write(world.root.path().join("secret"), "secret").unwrap();
        let outcome = outcome_of(&world, tar_split(&[(header(b'0', 6, ""), name, 6)]));
        assert!(matches!(&outcome.status, Status::Unreadable(why) if why.contains("leads out")), "{name}: {outcome:?}");
        assert_eq!(outcome.bytes, 0, "{name} was read");
    }
}

#[test]
fn links_lead_nowhere_outside_whether_headers_or_the_disk_have_them() {
    let world = World::new();
    let outside = world.root.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    let target = outside.to_str().unwrap();
    // A link in the tar, and a member through it: it is looked for within the layer.
    let members = [(header(b'2', 0, target), "out", 0), (header(b'0', 6, ""), "out/secret", 6)];
    let outcome = outcome_of(&world, tar_split(&members));
    assert_eq!(outcome.bytes, 0, "{outcome:?}");
    // A link on the disk where the tar has a directory.
    symlink(&outside, world.at("away")).unwrap();
    let members = [(header(b'5', 0, ""), "away/", 0), (header(b'0', 6, ""), "away/secret", 6)];
    let outcome = outcome_of(&world, tar_split(&members));
    assert_eq!(outcome.bytes, 0, "{outcome:?}");
    assert!(outcome.differences.iter().any(|difference| difference.path == b"away/secret"), "{outcome:?}");
}

#[test]
fn links_in_a_circle_come_to_an_end() {
    let world = World::new();
    let members = [(header(b'2', 0, "b"), "a", 0), (header(b'2', 0, "a"), "b", 0), (header(b'0', 1, ""), "a/x", 1)];
    let outcome = outcome_of(&world, tar_split(&members));
    assert!(matches!(&outcome.status, Status::Unreadable(why) if why.contains("circle")), "{outcome:?}");
}

#[test]
fn sizes_that_are_lies_are_compared_and_not_believed() {
    let world = World::new();
    let outcome = outcome_of(&world, tar_split(&[(header(b'0', 7, ""), "etc/name", 1 << 62)]));
    assert!(outcome.differences.iter().any(|difference| difference.path == b"etc/name"), "{outcome:?}");
    assert_eq!(outcome.bytes, 0);
}

#[test]
fn a_bomb_ends_at_its_first_line() {
    let world = World::new();
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..512 {
        bomb.write_all(&zeros).unwrap();
    }
    let outcome = outcome_of(&world, bomb.finish().unwrap());
    assert!(matches!(&outcome.status, Status::Unreadable(why) if why.contains("more than")), "{outcome:?}");
}

/// What verifying a layer of a file `f` and its other name `g` comes to, if this is its tar-split file.
fn outcome_of_linked_files(members: &[(Vec<u8>, &str, u64)]) -> Status {
    let temp = tempfile::tempdir().unwrap();
    let mut root = Builder::create(temp.path().join("root")).unwrap();
    let layer = root.layer(None, Tree::new("links").content("f", "content").hard_link("g", "f")).unwrap();
    root.image(&ImageSpec::new(&layer).tag("links:1")).unwrap();
    let target = Target::LayerFile(layer.chain_id, "tar-split.json.gz");
    root.damage(&target, &Harm::Replaced(tar_split(members))).unwrap();
    let mut outcomes = outcomes(root.path(), &owners(), 1, &Control::default());
    let outcome = outcomes.remove(0);
    assert_eq!(outcome.differences, [], "{outcome:?}");
    outcome.status
}

#[test]
fn tars_that_nobody_can_put_together_again_are_called_so() {
    let is = |status, what: &str| matches!(status, Status::NotReproducible(why) if str::contains(why, what));
    let (file, link) = ((header(b'0', 7, ""), "f", 7), (header(b'1', 0, "f"), "g", 0));
    // This tar is not the layer's, but every file is as it says.
    assert!(matches!(outcome_of_linked_files(&[file.clone(), link.clone()]), Status::Mismatched(_)));
    assert!(is(outcome_of_linked_files(&[(header(b'S', 7, ""), "f", 7), link.clone()]), "sparse"));
    assert!(is(outcome_of_linked_files(&[file.clone(), (header(b'1', 7, "f"), "g", 7)]), "hard link"));
    assert!(is(outcome_of_linked_files(&[file.clone(), link, (header(b'0', 7, ""), "./f", 7)]), "two of its names"));
}
