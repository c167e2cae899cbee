//! The contents of files.

use sha2::{Digest as _, Sha256};
use std::io::{self, BufReader, Read};

/// Reads two files to the end of the shorter one, or to the first difference.
pub(super) fn is_same(file: impl Read, other: impl Read) -> io::Result<bool> {
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

/// The SHA-256 of a content.
pub(super) fn digest(content: &mut impl Read) -> io::Result<[u8; 32]> {
    let mut buffer = vec![0; 128 << 10];
    let mut digest = Sha256::new();
    loop {
        let length = match content.read(&mut buffer) {
            Ok(0) => return Ok(digest.finalize().into()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        digest.update(buffer.get(..length).unwrap_or_default());
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
