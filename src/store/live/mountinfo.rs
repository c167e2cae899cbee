//! `/proc/<pid>/mountinfo`: what is mounted where, as one process sees it.
//!
//! ```text
//! 46 42 0:39 /  /var/lib/docker/overlay2/3323…/merged rw shared:2 - overlay overlay rw,lowerdir=/…/l/JEZV…:/…/l/YOC3…,upperdir=…
//! │  │  │    │  │                                     │  │         │ │       │       └ options of the file system
//! │  │  │    │  │                                     │  │         │ │       └ source
//! │  │  │    │  │                                     │  │         │ └ type
//! │  │  │    │  │                                     │  └─────────┴ any number of fields, then a dash
//! │  │  │    │  └ mount point                         └ options of the mount
//! │  │  │    └ root: what of the file system is mounted (a bind mount's source)
//! └──┴──┴ mount, parent, device
//! ```
//!
//! The kernel writes blanks, backslashes and a few other bytes in names as three octal digits (`\040`).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// One mount, its texts as the kernel wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mount<'a> {
    /// Its number, which no other mount of the machine has at the same time.
    pub id: u64,
    /// The device of the file system, major and minor.
    pub device: (u32, u32),
    /// The directory of the file system that is mounted, escaped.
    pub root: &'a [u8],
    /// Where it is mounted, escaped.
    pub point: &'a [u8],
    /// The type of the file system.
    pub kind: &'a [u8],
    /// What it was mounted from, escaped.
    pub source: &'a [u8],
    /// The options of the file system, escaped.
    pub options: &'a [u8],
}

/// A line that is no mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {0} is not a mount")]
pub struct NotAMount(usize);

impl Mount<'_> {
    /// The directory of the file system that is mounted.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        path(self.root)
    }

    /// Where it is mounted, in the process's own view.
    #[must_use]
    pub fn mount_point(&self) -> PathBuf {
        path(self.point)
    }
}

fn path(escaped: &[u8]) -> PathBuf {
    OsString::from_vec(unescape(escaped)).into()
}

/// Reads every line, one after the other.
pub fn parse(text: &[u8]) -> impl Iterator<Item = Result<Mount<'_>, NotAMount>> {
    let lines = text.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines.map(|(number, line)| parse_line(line).ok_or(NotAMount(number.saturating_add(1))))
}

fn parse_line(line: &[u8]) -> Option<Mount<'_>> {
    let mut fields = line.split(|&byte| byte == b' ');
    let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let device = parse_device(fields.nth(1)?, 10)?;
    let (root, point) = (fields.next()?, fields.next()?);
    fields.next()?;
    fields.find(|&field| field == b"-")?;
    let (kind, source) = (fields.next()?, fields.next()?);
    // Whatever is left, in case a file system wrote a blank as it is.
    let options = fields.next()?;
    let begin = line.len().checked_sub(options.len() + fields.map(|field| field.len() + 1).sum::<usize>())?;
    Some(Mount { id, device, root, point, kind, source, options: line.get(begin..)? })
}

/// Reads `major:minor` in the given base.
pub(super) fn parse_device(text: &[u8], radix: u32) -> Option<(u32, u32)> {
    let (major, minor) = std::str::from_utf8(text).ok()?.split_once(':')?;
    Some((u32::from_str_radix(major, radix).ok()?, u32::from_str_radix(minor, radix).ok()?))
}

/// Turns three octal digits behind a backslash into the byte they stand for; anything else stays.
#[must_use]
pub fn unescape(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let (byte, after) = octal(rest).unwrap_or((*first, tail));
        bytes.push(byte);
        rest = after;
    }
    bytes
}

/// The byte that `text` begins with, if it is escaped.
fn octal(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'\\', high @ b'0'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7', after @ ..] = text else { return None };
    Some(((high - b'0') << 6 | (middle - b'0') << 3 | (low - b'0'), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Mount<'_> {
        parse(line.as_bytes()).next().unwrap().unwrap()
    }

    #[test]
    fn reads_the_fields_around_the_dash() {
        let line = "46 42 0:39 /sub /a/merged rw,relatime shared:2 master:1 - overlay over rw,lowerdir=/l/A:/l/B";
        let expected = Mount {
            id: 46,
            device: (0, 39),
            root: b"/sub",
            point: b"/a/merged",
            kind: b"overlay",
            source: b"over",
            options: b"rw,lowerdir=/l/A:/l/B",
        };
        assert_eq!(one(line), expected);
        assert_eq!(one("1 2 254:0 / / rw - ext4 /dev/vda rw").kind, b"ext4");
    }

    #[test]
    fn an_empty_source_and_a_blank_in_the_options_lose_nothing() {
        let mount = one("1 2 0:1 / /x rw -  fuse  rw,name=a b  c,user=1");
        assert_eq!(mount.kind, b"");
        let mount = one("1 2 0:1 / /x rw - fuse  rw,name=a b  c,user=1");
        assert_eq!((mount.source, mount.options), (&b""[..], &b"rw,name=a b  c,user=1"[..]));
    }

    #[test]
    fn unescapes_octal_and_nothing_else() {
        for (escaped, plain) in [
            (&br"/a\040b\011c\012d\134e"[..], &b"/a b\tc\nd\\e"[..]),
            (br"\377\400\08\1", b"\xff\\400\\08\\1"),
            (br"\\040", b"\\ "),
            (br"end\04", b"end\\04"),
            (b"", b""),
        ] {
            assert_eq!(unescape(escaped), plain, "{}", String::from_utf8_lossy(escaped));
        }
    }

    #[test]
    fn a_line_that_is_no_mount_is_told_with_its_number() {
        for text in ["garbage", "1 2 x:y / / rw - ext4 d rw", "1 2 0:1 / / rw shared:1", "1 2 0:1 / / rw - ext4 /dev/vda", "1 2 0:1 /"] {
            let text = format!("1 2 0:1 / / rw - ext4 d rw\n{text}\n");
            let read: Vec<_> = parse(text.as_bytes()).collect();
            assert!(read[0].is_ok());
            assert_eq!(read[1..], [Err(NotAMount(2))], "{text}");
        }
    }
}
