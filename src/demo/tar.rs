//! The tar of a [`Tree`], header by header, as Go's archive/tar writes it: USTAR, with a PAX block before it for what does not fit.

use super::tree::{Kind, Member};
use std::os::unix::ffi::OsStrExt as _;

/// What tar counts in.
pub(super) const BLOCK: usize = 512;

/// The header blocks of `name`, which is what `member` is called in the tar.
pub(super) fn header(member: &Member, name: &[u8]) -> Vec<u8> {
    let target = member.kind.target().map_or(&b""[..], |target| target.as_os_str().as_bytes());
    let mut records = Vec::new();
    let fits = split(name);
    if fits.is_none() {
        records.extend(record("path", name));
    }
    if target.len() > 100 {
        records.extend(record("linkpath", target));
    }
    for (key, value) in &member.attributes {
        records.extend(record(&format!("SCHILY.xattr.{key}"), value));
    }
    let mut blocks = Vec::new();
    if !records.is_empty() {
        let short = [b"PaxHeaders.0/", name.get(..80).unwrap_or(name)].concat();
        let fields = Fields {
            name: (b"", &short),
            mode: 0o644,
            owner: (0, 0),
            length: length(&records),
            modified: 0,
            kind: b'x',
            target: b"",
            device: (0, 0),
        };
        blocks.extend(fields.block());
        blocks.extend(&records);
        blocks.extend(padding(length(&records)));
    }
    let device = if let Kind::CharacterDevice { major, minor } = member.kind { (major, minor) } else { (0, 0) };
    let name = fits.unwrap_or((b"", name.get(..100).unwrap_or(name)));
    let target = target.get(..100).unwrap_or(target);
    let (mode, owner, modified) = (member.mode, member.owner, member.modified);
    blocks
        .extend(Fields { name, mode, owner, length: member.archived_length(), modified, kind: type_flag(member), target, device }.block());
    blocks
}

/// The zeros that fill the last block of `length` bytes of content.
pub(super) fn padding(length: u64) -> Vec<u8> {
    let rest = usize::try_from(length % 512).unwrap_or(0);
    vec![0; (BLOCK - rest) % BLOCK]
}

fn type_flag(member: &Member) -> u8 {
    match member.kind {
        Kind::File(_) | Kind::Whiteout => b'0',
        Kind::HardLink(_) => b'1',
        Kind::Symlink(_) => b'2',
        Kind::CharacterDevice { .. } => b'3',
        Kind::Directory | Kind::OpaqueDirectory => b'5',
        Kind::Fifo => b'6',
    }
}

fn length(bytes: &[u8]) -> u64 {
    bytes.len().try_into().unwrap_or(u64::MAX)
}

/// Divides a name between the fields `prefix` and `name`, if it fits there.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if name.len() <= 100 {
        return Some((b"", name));
    }
    let slash = name.iter().enumerate().position(|(at, &byte)| byte == b'/' && name.len() - at - 1 <= 100)?;
    let (prefix, rest) = (name.get(..slash)?, name.get(slash + 1..)?);
    (prefix.len() <= 155 && !prefix.is_empty() && !rest.is_empty()).then_some((prefix, rest))
}

/// A PAX record, whose first field is its own length in decimal digits.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
    let mut total = rest.len();
    while total != rest.len() + total.to_string().len() {
        total = rest.len() + total.to_string().len();
    }
    [total.to_string().as_bytes(), &rest].concat()
}

/// What stands in a header block.
struct Fields<'a> {
    name: (&'a [u8], &'a [u8]),
    mode: u32,
    owner: (u32, u32),
    length: u64,
    modified: i64,
    kind: u8,
    target: &'a [u8],
    device: (u32, u32),
}

impl Fields<'_> {
    /// The block, its checksum made with the checksum's own field blank.
    fn block(&self) -> Vec<u8> {
        let blank = self.with_checksum(b"        ");
        let sum: u64 = blank.iter().map(|&byte| u64::from(byte)).sum();
        self.with_checksum(format!("{sum:06o}\0 ").as_bytes())
    }

    fn with_checksum(&self, checksum: &[u8]) -> Vec<u8> {
        let modified = u64::try_from(self.modified).unwrap_or(0);
        let mut block = Vec::with_capacity(BLOCK);
        text(&mut block, self.name.1, 100);
        octal(&mut block, u64::from(self.mode), 7);
        octal(&mut block, u64::from(self.owner.0), 7);
        octal(&mut block, u64::from(self.owner.1), 7);
        octal(&mut block, self.length, 11);
        octal(&mut block, modified, 11);
        block.extend(checksum);
        block.push(self.kind);
        text(&mut block, self.target, 100);
        block.extend(b"ustar\x0000");
        text(&mut block, b"", 32);
        text(&mut block, b"", 32);
        octal(&mut block, u64::from(self.device.0), 7);
        octal(&mut block, u64::from(self.device.1), 7);
        text(&mut block, self.name.0, 155);
        block.resize(BLOCK, 0);
        block
    }
}

/// A field of text, filled up with zeros.
fn text(block: &mut Vec<u8>, value: &[u8], width: usize) {
    let end = block.len() + width;
    block.extend(value.get(..width).unwrap_or(value));
    block.resize(end, 0);
}

/// A field of octal digits, ended by a zero.
fn octal(block: &mut Vec<u8>, value: u64, digits: usize) {
    block.extend(format!("{value:0digits$o}\0").bytes());
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    /// The header of the last member of `tree`.
    fn last(tree: &Tree) -> Vec<u8> {
        let member = tree.members().last().unwrap();
        header(member, &member.archived_name())
    }

    fn field(block: &[u8], at: usize, width: usize) -> String {
        let text: Vec<u8> = block[at..at + width].iter().copied().take_while(|&byte| byte != 0).collect();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_header_says_what_the_member_is() {
        let block = last(&Tree::new("t").file("etc/name", 1000).mode(0o640).owner(1, 10).modified(64));
        assert_eq!(block.len(), BLOCK);
        assert_eq!(field(&block, 0, 100), "etc/name");
        let numbers: Vec<_> =
            [100, 108, 116].map(|at| field(&block, at, 8)).into_iter().chain([field(&block, 124, 12), field(&block, 136, 12)]).collect();
        assert_eq!(numbers, ["0000640", "0000001", "0000012", "00000001750", "00000000100"]);
        assert_eq!((block[156], field(&block, 257, 8)), (b'0', "ustar".to_owned()));
    }

    #[test]
    fn the_checksum_is_made_with_its_own_field_blank() {
        let block = last(&Tree::new("t").symlink("link", "target"));
        let sum: u32 = block.iter().enumerate().map(|(at, &byte)| u32::from(if (148..156).contains(&at) { b' ' } else { byte })).sum();
        assert_eq!(field(&block, 148, 6), format!("{sum:06o}"));
        assert_eq!((block[156], field(&block, 157, 100)), (b'2', "target".to_owned()));
    }

    #[test]
    fn what_does_not_fit_gets_a_block_of_its_own() {
        let directory = "d".repeat(90);
        for (name, blocks) in [
            ("n".repeat(100), 1),
            (format!("{directory}/{}", "n".repeat(100)), 1),
            (format!("{directory}/{}", "n".repeat(101)), 3),
            (format!("{directory}/{directory}/{directory}/{directory}/n"), 3),
        ] {
            assert_eq!(last(&Tree::new("t").file(&name, 0)).len(), blocks * BLOCK, "{name}");
        }
        assert_eq!(last(&Tree::new("t").symlink("link", "x".repeat(101))).len(), 3 * BLOCK);
        assert_eq!(last(&Tree::new("t").file("f", 1).attribute("user.a", b"b")).len(), 3 * BLOCK);
    }

    #[test]
    fn a_record_begins_with_its_own_length() {
        for length in [1, 80, 88, 89, 90, 91, 980, 990] {
            let record = record("path", &vec![b'x'; length]);
            let stated: usize = std::str::from_utf8(&record).unwrap().split_once(' ').unwrap().0.parse().unwrap();
            assert_eq!(stated, record.len());
        }
    }
}
