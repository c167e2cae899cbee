//! The records of a PAX header: `<length> <key>=<value>\n`, of which the length counts itself.

/// What the records say that matters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) name: Option<Vec<u8>>,
    pub(super) length: Option<u64>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) user: Option<u64>,
    pub(super) group: Option<u64>,
    /// Seconds, and nanoseconds if there is a fraction.
    pub(super) modified: Option<(i64, Option<u32>)>,
    /// Extended attributes.
    pub(super) attributes: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) sparse: bool,
}

const ATTRIBUTE: &[u8] = b"SCHILY.xattr.";

impl Records {
    /// Adds the records in `bytes`; nothing if they make no sense.
    pub(super) fn add(&mut self, mut bytes: &[u8]) -> Option<()> {
        while !bytes.is_empty() {
            let digits = bytes.iter().position(|&byte| byte == b' ')?;
            let length: usize = std::str::from_utf8(bytes.get(..digits)?).ok()?.parse().ok()?;
            let record = bytes.get(..length)?.get(digits + 1..)?.strip_suffix(b"\n")?;
            let equals = record.iter().position(|&byte| byte == b'=')?;
            self.set(record.get(..equals)?, record.get(equals + 1..)?)?;
            bytes = bytes.get(length..)?;
        }
        Some(())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        match key {
            // An empty value takes back what was said before.
            b"path" => self.name = Some(value.to_vec()).filter(|name| !name.is_empty()),
            b"size" if value.is_empty() => self.length = None,
            b"size" => self.length = Some(number(value)?),
            b"linkpath" => self.link = Some(value.to_vec()).filter(|link| !link.is_empty()),
            b"uid" if value.is_empty() => self.user = None,
            b"gid" if value.is_empty() => self.group = None,
            b"mtime" if value.is_empty() => self.modified = None,
            b"uid" => self.user = Some(number(value)?),
            b"gid" => self.group = Some(number(value)?),
            b"mtime" => self.modified = Some(time(value)?),
            _ if key.starts_with(b"GNU.sparse.") => self.sparse = true,
            _ => {
                if let Some(name) = key.strip_prefix(ATTRIBUTE) {
                    self.attributes.push((name.to_vec(), value.to_vec()));
                }
            }
        }
        Some(())
    }
}

fn number(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Parses seconds with up to nine digits behind the point; more are dropped, as Go does.
fn time(value: &[u8]) -> Option<(i64, Option<u32>)> {
    let text = std::str::from_utf8(value).ok()?;
    let Some((whole, fraction)) = text.split_once('.') else { return Some((text.parse().ok()?, None)) };
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let nanoseconds: u32 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    let seconds: i64 = whole.parse().ok()?;
    if whole.starts_with('-') && nanoseconds > 0 {
        return Some((seconds.checked_sub(1)?, Some(1_000_000_000 - nanoseconds)));
    }
    Some((seconds, Some(nanoseconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_matters() {
        let mut records = Records::default();
        let text = b"16 uid=4000000000\n".as_slice();
        assert!(records.add(text).is_none(), "a wrong length");
        let text = b"18 uid=4000000000\n20 mtime=1700000.25\n10 path=x\n29 SCHILY.xattr.user.a=b\nc=d\n";
        assert!(records.add(text).is_some());
        assert_eq!((records.user, records.modified), (Some(4_000_000_000), Some((1_700_000, Some(250_000_000)))));
        assert_eq!(records.attributes, [(b"user.a".to_vec(), b"b\nc=d".to_vec())]);
        assert!(records.add(b"25 GNU.sparse.major=1\n").is_none());
        assert!(records.add(b"22 GNU.sparse.major=1\n").is_some() && records.sparse);
    }

    #[test]
    fn a_time_may_have_a_fraction_and_lie_before_1970() {
        for (text, expected) in [
            ("0", Some((0, None))),
            ("1.5", Some((1, Some(500_000_000)))),
            ("-1", Some((-1, None))),
            ("-1.5", Some((-2, Some(500_000_000)))),
            ("1.1234567891", Some((1, Some(123_456_789)))),
            ("1.", Some((1, Some(0)))),
            ("x", None),
            ("1.x", None),
            ("", None),
        ] {
            assert_eq!(time(text.as_bytes()), expected, "{text}");
        }
    }
}
