//! `tar-split.json.gz`: everything of a layer's tar but the contents of its files, so that the very same tar can be put together again.
//!
//! gzip of one JSON object a line: *segments* (type 2) are raw bytes of the tar (headers, padding, the end), *files* (type 1) stand where
//! the content of a member stood and carry its CRC-64. The DiffID is the SHA-256 of the whole tar.

use super::tar;
use super::tree::{Kind, Member, Tree};
use crate::id::{DiffId, Hex32};
use base64::prelude::{BASE64_STANDARD as STANDARD, Engine as _};
use flate2::{Compression, write::GzEncoder};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::io::{self, Write};
use std::sync::LazyLock;

/// What a layer's tar comes down to.
pub(super) struct Archived {
    pub(super) diff_id: DiffId,
    pub(super) tar_split: Vec<u8>,
}

/// Writes the tar of `tree` without keeping it.
pub(super) fn archive(tree: &Tree) -> io::Result<Archived> {
    let mut archive =
        Archive { digest: Sha256::new(), segment: Vec::new(), lines: GzEncoder::new(Vec::new(), Compression::default()), position: 0 };
    for member in tree.members() {
        archive.add(member, &member.archived_name())?;
        if matches!(member.kind, Kind::OpaqueDirectory) {
            let mark =
                Member { path: member.path.join(".wh..wh..opq"), kind: Kind::Whiteout, attributes: Vec::new(), mode: 0o600, ..*member };
            let name = [member.archived_name(), b".wh..wh..opq".to_vec()].concat();
            archive.add(&mark, &name)?;
        }
    }
    archive.finish()
}

/// A tar being written: hashed, and taken apart.
struct Archive {
    digest: Sha256,
    segment: Vec<u8>,
    lines: GzEncoder<Vec<u8>>,
    position: u64,
}

/// One line.
#[derive(Serialize)]
struct Entry<'a> {
    r#type: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_raw: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    size: u64,
    payload: Option<String>,
    position: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(size: &u64) -> bool {
    *size == 0
}

impl Archive {
    /// Appends a member: its header, its content and the padding after it.
    fn add(&mut self, member: &Member, name: &[u8]) -> io::Result<()> {
        self.raw(&tar::header(member, name));
        self.end_segment()?;
        let size = member.archived_length();
        let mut crc = Crc64::new();
        if let Kind::File(content) = &member.kind {
            content.write_to(Both(&mut self.digest, &mut crc))?;
        }
        let payload = (size > 0).then(|| STANDARD.encode(crc.finish().to_be_bytes()));
        let text = std::str::from_utf8(name).ok();
        let name_raw = text.is_none().then(|| STANDARD.encode(name));
        self.line(&Entry { r#type: 1, name: text, name_raw, size, payload, position: self.position })?;
        self.raw(&tar::padding(size));
        Ok(())
    }

    /// Ends the tar with its two empty blocks; tar-split closes with a segment for what follows them, which is nothing.
    fn finish(mut self) -> io::Result<Archived> {
        self.raw(&[0; 2 * tar::BLOCK]);
        self.end_segment()?;
        self.end_segment()?;
        let digest = Hex32::from(<[u8; 32]>::from(self.digest.finalize()));
        let diff_id = DiffId::from_hex(digest.to_string().as_bytes()).map_err(io::Error::other)?;
        Ok(Archived { diff_id, tar_split: self.lines.finish()? })
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.segment.extend_from_slice(bytes);
    }

    fn end_segment(&mut self) -> io::Result<()> {
        let payload = STANDARD.encode(std::mem::take(&mut self.segment));
        self.line(&Entry { r#type: 2, name: None, name_raw: None, size: 0, payload: Some(payload), position: self.position })
    }

    fn line(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        self.position += 1;
        self.lines.write_all(super::go_json::line(entry)?.as_bytes())
    }
}

/// Writes everything twice.
struct Both<A, B>(A, B);

impl Write for Both<&mut Sha256, &mut Crc64> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        self.1.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The CRC-64 of ISO 3309 as Go's hash/crc64 computes it: reflected, begun and ended with all ones.
struct Crc64(u64);

static TABLE: LazyLock<[u64; 256]> = LazyLock::new(|| {
    let step = |crc: u64| if crc & 1 == 1 { crc >> 1 ^ 0xD800_0000_0000_0000 } else { crc >> 1 };
    let mut byte = 0;
    std::array::from_fn(|_| {
        let entry = (0..8).fold(byte, |crc, _| step(crc));
        byte += 1;
        entry
    })
});

impl Crc64 {
    const fn new() -> Self {
        Self(u64::MAX)
    }

    fn update(&mut self, bytes: &[u8]) {
        let table = &*TABLE;
        for &byte in bytes {
            let [low, ..] = self.0.to_le_bytes();
            self.0 = table.get(usize::from(low ^ byte)).copied().unwrap_or_default() ^ self.0 >> 8;
        }
    }

    const fn finish(self) -> u64 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::io::Read as _;

    fn lines(tar_split: &[u8]) -> Vec<serde_json::Value> {
        let mut text = String::new();
        flate2::read::GzDecoder::new(tar_split).read_to_string(&mut text).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn decode(text: &str) -> Vec<u8> {
        let digit = |letter: u8| "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".bytes().position(|one| one == letter);
        let digits: Vec<_> = text.bytes().filter_map(digit).collect();
        let group = |four: &[usize]| {
            let bits = four.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - four.len()));
            [16, 8, 0].map(|shift| u8::try_from(bits >> shift & 255).unwrap()).into_iter().take(four.len() - 1).collect::<Vec<_>>()
        };
        digits.chunks(4).flat_map(group).collect()
    }

    #[test]
    fn the_tar_put_together_again_has_the_diff_id() {
        let tree =
            Tree::new("t").file("a/file", 5000).content("a/short", "hi\n").sparse("hole", 2000).whiteout("a/gone").opaque_directory("b");
        let archived = archive(&tree).unwrap();
        let contents: BTreeMap<_, _> = tree
            .members()
            .iter()
            .filter_map(|member| if let Kind::File(content) = &member.kind { Some((member.archived_name(), content)) } else { None })
            .collect();
        let mut tar = Vec::new();
        let mut names = Vec::new();
        for (position, line) in lines(&archived.tar_split).into_iter().enumerate() {
            assert_eq!(line["position"], position);
            if line["type"] == 2 {
                tar.extend(decode(line["payload"].as_str().unwrap()));
            } else {
                let name = line["name"].as_str().unwrap().to_owned();
                if let Some(content) = contents.get(name.as_bytes()) {
                    content.write_to(&mut tar).unwrap();
                }
                names.push(name);
            }
        }
        assert_eq!(DiffId::of(&tar), archived.diff_id);
        assert_eq!(names, ["a/", "a/file", "a/short", "hole", "a/.wh.gone", "b/", "b/.wh..wh..opq"]);
    }

    #[test]
    fn a_layer_without_anything_is_the_canonical_empty_tar() {
        let empty = archive(&Tree::new("t")).unwrap().diff_id;
        assert_eq!(empty.to_string(), "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
    }

    #[test]
    fn the_checksum_of_a_content_is_the_one_that_dockerd_wrote() {
        for (content, payload) in [("hi\n", "YUmYEAAAAAA="), ("one\n", "YULdjAAAAAA=")] {
            let archived = archive(&Tree::new("t").content("f", content)).unwrap();
            let lines = lines(&archived.tar_split);
            assert_eq!((&lines[1]["payload"], &lines[1]["size"]), (&payload.into(), &content.len().into()));
        }
    }

    #[test]
    fn a_name_that_is_no_text_is_raw() {
        use std::os::unix::ffi::OsStrExt as _;
        let name = std::ffi::OsStr::from_bytes(b"\xff\xfe");
        let archived = archive(&Tree::new("t").file(name, 0)).unwrap();
        let line = &lines(&archived.tar_split)[1];
        assert_eq!((&line["name_raw"], &line["name"]), (&"//4=".into(), &serde_json::Value::Null));
    }
}
