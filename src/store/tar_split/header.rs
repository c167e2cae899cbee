//! The headers of a tar, out of the segments: what each member should be on the disk.
//!
//! ```text
//! segment = padding after the content before · ('x' or 'g' header · records) · ('L' or 'K' header · a name) · the header of the member
//! ```
//! All but the padding comes in blocks of 512 bytes, so the padding is what is left over.

use super::pax::Records;
use crate::dir::Kind as Entry;

const BLOCK: usize = 512;

/// The most of headers that one member can have: two PAX headers of 1 MiB, as large as Go reads them.
const MOST: usize = 4 << 20;

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// Another name of a file.
    HardLink,
    /// A symbolic link.
    Symlink,
    /// A character device.
    Character,
    /// A block device.
    Block,
    /// A directory.
    Directory,
    /// A FIFO.
    Fifo,
    /// Records for all that follows, which Docker ignores.
    Global,
    /// Something that Docker does not unpack.
    Other(u8),
}

impl Kind {
    /// What stands on the disk.
    #[must_use]
    pub const fn entry(self) -> Option<Entry> {
        match self {
            Self::File | Self::HardLink => Some(Entry::File),
            Self::Symlink => Some(Entry::Symlink),
            Self::Character | Self::Block | Self::Fifo => Some(Entry::Special),
            Self::Directory => Some(Entry::Directory),
            Self::Global | Self::Other(_) => None,
        }
    }
}

/// The header of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name, as it stands there.
    pub name: Vec<u8>,
    /// How long its content is in the tar.
    pub length: u64,
    /// What it is.
    pub kind: Kind,
    /// The permissions, with the bits above them.
    pub mode: u32,
    /// The owner, as the container sees it.
    pub user: u64,
    /// The group, as the container sees it.
    pub group: u64,
    /// When its content was changed, in seconds since 1970, and nanoseconds if the header has a fraction.
    pub modified: (i64, Option<u32>),
    /// Where a link leads.
    pub link: Vec<u8>,
    /// The numbers of a device.
    pub device: (u64, u64),
    /// Extended attributes.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether only a part of its content is in the tar.
    pub is_sparse: bool,
}

/// The segments since the last member.
#[derive(Debug, Default)]
pub struct Headers {
    pending: Vec<u8>,
    is_too_large: bool,
}

impl Headers {
    /// Adds a segment.
    pub fn push(&mut self, segment: &[u8]) {
        self.is_too_large |= self.pending.len() + segment.len() > MOST;
        if self.is_too_large {
            // What comes behind the last member may be of any length, and is of no interest.
            self.pending.clear();
        } else {
            self.pending.extend_from_slice(segment);
        }
    }

    /// Takes the header of the member that comes next; nothing if the segments make no sense as one.
    pub fn take(&mut self) -> Option<Header> {
        let header = if self.is_too_large { None } else { parse(&self.pending) };
        self.pending.clear();
        self.is_too_large = false;
        header
    }
}

fn parse(segments: &[u8]) -> Option<Header> {
    let mut blocks = segments.get(segments.len() % BLOCK..)?;
    let mut records = Records::default();
    let mut long = Long::default();
    loop {
        let (block, rest) = blocks.split_at_checked(BLOCK)?;
        let kind = *block.get(156)?;
        if !matches!(kind, b'x' | b'g' | b'L' | b'K') {
            return header(block, records, long);
        }
        // Older tar-split took the global records for the content of a member.
        if kind == b'g' && rest.is_empty() {
            return Some(Header { kind: Kind::Global, ..header(block, records, long)? });
        }
        let length = usize::try_from(numeric(block.get(124..136)?)?).ok()?;
        let content = rest.get(..length)?;
        blocks = rest.get(length.checked_next_multiple_of(BLOCK)?..)?;
        match kind {
            // A second header is in the place of the first one.
            b'x' => {
                records = Records::default();
                records.add(content)?;
            }
            b'K' => long.link = Some(until_zero(content).to_vec()),
            b'L' => long.name = Some(until_zero(content).to_vec()),
            b'g' if blocks.is_empty() => return Some(Header { kind: Kind::Global, ..header(block, records, long)? }),
            // Global records do not count.
            _ => {}
        }
    }
}

/// What is too long for a header block, as GNU tar writes it; for Go it counts more than a PAX record of the same.
#[derive(Default)]
struct Long {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

fn header(block: &[u8], records: Records, long: Long) -> Option<Header> {
    let flag = *block.get(156)?;
    let name = long.name.or(records.name).map_or_else(|| name_in(block), Some)?;
    let kind = match flag {
        0 if name.ends_with(b"/") => Kind::Directory,
        0 | b'0' | b'S' => Kind::File,
        b'1' => Kind::HardLink,
        b'2' => Kind::Symlink,
        b'3' => Kind::Character,
        b'4' => Kind::Block,
        b'5' => Kind::Directory,
        b'6' => Kind::Fifo,
        other => Kind::Other(other),
    };
    let device =
        if matches!(kind, Kind::Character | Kind::Block) { (id(block.get(329..337)?)?, id(block.get(337..345)?)?) } else { (0, 0) };
    Some(Header {
        name,
        length: records.length.map_or_else(|| id(block.get(124..136)?), Some)?,
        kind,
        mode: u32::try_from(numeric(block.get(100..108)?)? & 0o7777).ok()?,
        user: records.user.map_or_else(|| id(block.get(108..116)?), Some)?,
        group: records.group.map_or_else(|| id(block.get(116..124)?), Some)?,
        modified: records.modified.map_or_else(|| Some((numeric(block.get(136..148)?)?, None)), Some)?,
        link: long.link.or(records.link).unwrap_or_else(|| block.get(157..257).map(until_zero).unwrap_or_default().to_vec()),
        device,
        attributes: records.attributes,
        is_sparse: records.sparse || flag == b'S',
    })
}

/// The name in a header block; USTAR, and star after it, have its beginning in a field of their own.
fn name_in(block: &[u8]) -> Option<Vec<u8>> {
    let name = until_zero(block.get(..100)?);
    let end = if block.get(508..512)? == b"tar\0" { 476 } else { 500 };
    let prefix = if block.get(257..263)? == b"ustar\0" { until_zero(block.get(345..end)?) } else { b"" };
    Some(if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() })
}

/// How long the content behind a header block is, by that block alone.
#[must_use]
pub fn length(block: &[u8]) -> Option<u64> {
    id(block.get(124..136)?)
}

/// Whether the sum in a header block is that of its bytes, which some add up as signed ones.
#[must_use]
pub fn has_sum(block: &[u8]) -> bool {
    const SUM: std::ops::Range<usize> = 148..156;
    let bytes = || block.iter().enumerate().map(|(at, &byte)| if SUM.contains(&at) { b' ' } else { byte });
    let stated = block.get(SUM).and_then(numeric);
    let unsigned: i64 = bytes().map(i64::from).sum();
    let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
    stated.is_some_and(|stated| stated == unsigned || stated == signed)
}

/// The bytes before the first zero.
fn until_zero(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    field.get(..end).unwrap_or(field)
}

fn id(field: &[u8]) -> Option<u64> {
    u64::try_from(numeric(field)?).ok()
}

/// A number: octal digits with blanks and zeros around, or, if its first bit is set, the rest as a signed number of base 256.
fn numeric(field: &[u8]) -> Option<i64> {
    let (first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        // The second bit is the sign; it fills what is above.
        let start = if first & 0x40 != 0 { -1 } else { 0 };
        let first = i64::from(first & 0x3f) - if start < 0 { 0x40 } else { 0 };
        return rest.iter().try_fold(first, |number, &byte| number.checked_mul(256)?.checked_add(i64::from(byte)));
    }
    let begin = field.iter().position(|byte| !matches!(byte, b' ' | 0)).unwrap_or(field.len());
    let digits = field.get(begin..).map(until_zero)?.trim_ascii_end();
    if digits.first().is_some_and(|digit| !digit.is_ascii_digit()) {
        return None;
    }
    if digits.is_empty() {
        return Some(0);
    }
    i64::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header block with these fields.
    fn block(flag: u8, fields: &[(usize, &[u8])]) -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        block[156] = flag;
        for (at, field) in
            [(100, &b"0000644\0"[..]), (108, b"0000007\0"), (116, b"0000010\0"), (136, b"00000000100\0")].iter().chain(fields)
        {
            block[*at..at + field.len()].copy_from_slice(field);
        }
        block
    }

    fn with_content(flag: u8, content: &[u8]) -> Vec<u8> {
        let length = format!("{:011o}\0", content.len());
        let mut blocks = block(flag, &[(124, length.as_bytes())]);
        blocks.extend(content);
        blocks.resize(blocks.len().next_multiple_of(BLOCK), 0);
        blocks
    }

    fn taken(segments: &[Vec<u8>]) -> Option<Header> {
        let mut headers = Headers::default();
        for segment in segments {
            headers.push(segment);
        }
        headers.take()
    }

    #[test]
    fn the_header_comes_behind_padding_and_extensions() {
        let records = b"19 linkpath=far/it\n29 SCHILY.xattr.user.a=b\nc=d\n13 uid=70000\n";
        let segments = [vec![0; 17], with_content(b'L', b"a long name\0"), with_content(b'x', records), block(b'2', &[(157, b"near")])];
        let header = taken(&segments).unwrap();
        assert_eq!((header.kind, header.mode, header.user, header.group), (Kind::Symlink, 0o644, 70_000, 8));
        assert_eq!((header.link.as_slice(), header.modified), (&b"far/it"[..], (64, None)));
        assert_eq!((header.name.as_slice(), header.attributes.len()), (&b"a long name"[..], 1));
        let header =
            taken(&[with_content(b'x', b"12 path=far\n"), with_content(b'x', b"9 uid=70\n"), block(b'0', &[(0, b"near")])]).unwrap();
        assert_eq!((header.name.as_slice(), header.user), (&b"near"[..], 70), "the last of several counts alone");
        let header = taken(&[with_content(b'K', b"long link\0"), block(b'1', &[(157, b"long li")])]).unwrap();
        assert_eq!((header.kind, header.link.as_slice()), (Kind::HardLink, &b"long link"[..]));
    }

    #[test]
    fn a_name_may_be_divided_and_records_count_more() {
        let fields = [(0, &b"end"[..]), (124, b"00000000007\0"), (257, b"ustar\x0000"), (345, b"begin")];
        let header = taken(&[block(b'0', &fields)]).unwrap();
        assert_eq!((header.name.as_slice(), header.length), (&b"begin/end"[..], 7));
        let header = taken(&[block(b'0', &[(0, b"end"), (257, b"ustar  \0"), (345, b"begin")])]).unwrap();
        assert_eq!(header.name, b"end", "what GNU has there is no prefix");
        let header = taken(&[with_content(b'x', b"14 path=other\n11 size=90\n"), block(b'0', &fields)]).unwrap();
        assert_eq!((header.name.as_slice(), header.length), (&b"other"[..], 90));
    }

    #[test]
    fn each_flag_is_a_kind() {
        for (flag, kind) in [
            (b'0', Kind::File),
            (0, Kind::File),
            (b'5', Kind::Directory),
            (b'6', Kind::Fifo),
            (b'S', Kind::File),
            (b'7', Kind::Other(b'7')),
        ] {
            let header = taken(&[block(flag, &[])]).unwrap();
            assert_eq!((header.kind, header.is_sparse), (kind, flag == b'S'), "{flag}");
        }
        assert_eq!(taken(&[block(0, &[(0, b"etc/")])]).unwrap().kind, Kind::Directory);
        let device = taken(&[block(b'3', &[(329, b"0000001\0"), (337, b"0000003\0")])]).unwrap();
        assert_eq!(device.device, (1, 3));
        assert_eq!(taken(&[with_content(b'g', b"10 a=bcde\n")]).unwrap().kind, Kind::Global);
    }

    #[test]
    fn numbers_are_octal_or_base_256() {
        for (field, number) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b" 644 \0\0\0", Some(0o644)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"\x80\0\0\0\0\0\x01\0", Some(256)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", Some(-2)),
            (b"\0 \x000644\0", Some(0o644)),
            (b"-000644\0", None),
            (b"+000644\0", None),
            (b"9999999\0", None),
            (b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
        ] {
            assert_eq!(numeric(field), number, "{field:?}");
        }
    }

    #[test]
    fn what_is_no_header_is_none_and_does_not_disturb_the_next() {
        let mut headers = Headers::default();
        for segment in [&b""[..], &[0; 100], &with_content(b'x', b"99 a=b\n"), &block(b'x', &[(124, b"77777777777\0")])] {
            headers.push(segment);
            assert_eq!(headers.take(), None);
            headers.push(&block(b'5', &[]));
            assert_eq!(headers.take().unwrap().kind, Kind::Directory);
        }
        headers.push(&vec![1; MOST + 1]);
        headers.push(&block(b'5', &[]));
        assert_eq!(headers.take(), None);
        headers.push(&block(b'5', &[]));
        assert!(headers.take().is_some());
    }
}
