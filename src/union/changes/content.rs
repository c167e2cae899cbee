//! Whether two files have the same content.

use crate::union::{Found, Union};
use std::io::{self, BufReader, Read};

/// How the contents of two files compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// They are the same to the byte.
    Same,
    /// They differ.
    Changed,
}

impl Content {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Changed => "changed",
        }
    }
}

/// Compares the contents of two files; nothing if one of them cannot be read.
pub(super) fn compare(union: &Union, now: &Found, before: &Found) -> Option<Content> {
    let size = now.entry.inode.size;
    if size != before.entry.inode.size {
        return Some(Content::Changed);
    }
    let (own, former) = (now.parts.last()?, before.parts.last()?);
    if size == 0 || own == former {
        return Some(Content::Same);
    }
    let layer = union.layer(own.layer)?;
    let (file, other) = (layer.file(&own.path)?, union.layer(former.layer)?.file(&former.path)?);
    match is_same(file, other) {
        Ok(true) => Some(Content::Same),
        Ok(false) => Some(Content::Changed),
        Err(error) => {
            layer.lose(&own.path, error);
            None
        }
    }
}

/// Reads two files to the end of the shorter one, or to the first difference.
pub(in crate::union) fn is_same(file: impl Read, other: impl Read) -> io::Result<bool> {
    const AT_ONCE: usize = 64 << 10;
    let mut file = BufReader::with_capacity(AT_ONCE, file);
    let mut other = BufReader::with_capacity(AT_ONCE, other);
    loop {
        use std::io::BufRead as _;
        let (a, b) = (file.fill_buf()?, other.fill_buf()?);
        let length = a.len().min(b.len());
        if length == 0 {
            return Ok(a.len() == b.len());
        }
        if a.get(..length) != b.get(..length) {
            return Ok(false);
        }
        file.consume(length);
        other.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives at most three bytes at a time.
    struct Dripping<'a>(&'a [u8]);

    impl Read for Dripping<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(3);
            Read::read(&mut self.0, &mut buffer[..length])
        }
    }

    #[test]
    fn contents_are_compared_to_the_end() {
        for (a, b, same) in
            [("", "", true), ("abcdefgh", "abcdefgh", true), ("abcdefgh", "abcdefgx", false), ("abcd", "abc", false), ("", "a", false)]
        {
            assert_eq!(is_same(a.as_bytes(), Dripping(b.as_bytes())).unwrap(), same, "{a} {b}");
            assert_eq!(is_same(Dripping(b.as_bytes()), a.as_bytes()).unwrap(), same, "{b} {a}");
        }
    }
}
