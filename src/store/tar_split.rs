//! `tar-split.json.gz`: what is needed, beside the files of a layer, to put its tar together again.
//!
//! ```text
//! gzip of one JSON object a line, positions counting from 0:
//! {"type":2,"payload":"<base64>","position":0}                              raw bytes of the tar: padding, headers, the end
//! {"type":1,"name":"etc/passwd","size":922,"payload":"<base64>","position":1}   the content of a member stands here, with its CRC-64
//! ```
//!
//! dockerd writes it when it registers a layer, and reads it when the layer is pushed or saved. A member of any kind has a line of type 1, also one
//! without content; its header is in the segments before. A name that is no UTF-8 stands in `name_raw`.
//!
//! **Nothing is believed.** Everything in it came from a registry: lines, payloads and sizes are bounded, nothing is inflated that is not used, and
//! names are only names ([`crate::deep`] decides what they may lead to).

mod base64;
mod crc;
mod header;
mod line;
mod pax;

pub use crc::Crc64;
pub use header::{Header, Headers, Kind, has_sum, length};

use flate2::read::MultiGzDecoder;
use line::Line;
use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};

/// The longest line: a segment has at most 1 MiB of payload, a third more in base64, and a name may have as much.
const LONGEST_LINE: usize = 4 << 20;

/// The most that all lines have together: tens of millions of files. A bomb ends here.
const MOST: u64 = 16 << 30;

/// Why a tar cannot be put together again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read, or is no whole gzip file.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It says what it cannot say.
    #[error("line {line}: {why}")]
    Line {
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// It is larger than an honest one can be.
    #[error("it has more than {MOST} bytes")]
    TooLarge,
}

/// What stands next in the tar.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// These bytes.
    Segment(&'a [u8]),
    /// The content of a member.
    File(Member<'a>),
}

/// A member of the tar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name, as its header has it.
    pub name: Cow<'a, [u8]>,
    /// How many bytes of content it has.
    pub size: u64,
    /// The CRC-64 of these, if there are any.
    pub crc: Option<u64>,
}

/// Reads one entry after another, in memory that does not grow.
#[derive(Debug)]
pub struct Reader<R: Read> {
    input: BufReader<io::Take<MultiGzDecoder<BufReader<R>>>>,
    line: Vec<u8>,
    payload: Vec<u8>,
    number: u64,
}

impl<R: Read> Reader<R> {
    /// Reads the entries of a compressed file.
    pub fn new(compressed: R) -> Self {
        let inflated = MultiGzDecoder::new(BufReader::with_capacity(64 << 10, compressed)).take(MOST);
        Self { input: BufReader::with_capacity(64 << 10, inflated), line: Vec::new(), payload: Vec::new(), number: 0 }
    }

    /// The next entry; nothing at the end.
    ///
    /// # Errors
    /// When the file cannot be read or says what it cannot say.
    pub fn read(&mut self) -> Result<Option<Entry<'_>>, Error> {
        loop {
            self.line.clear();
            self.number += 1;
            if !self.read_line()? {
                return if self.input.get_ref().limit() == 0 { Err(Error::TooLarge) } else { Ok(None) };
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        let number = self.number;
        let wrong = |why: String| Error::Line { line: number, why };
        let line = Line::parse(&self.line).map_err(wrong)?;
        if line.position.checked_add(1) != Some(number) {
            return Err(wrong(format!("it is at position {}", line.position)));
        }
        self.payload.clear();
        line.entry(&mut self.payload).map(Some).map_err(wrong)
    }

    /// Reads a line without its end, or says that there is none.
    fn read_line(&mut self) -> Result<bool, Error> {
        loop {
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if available.is_empty() {
                return Ok(!self.line.is_empty());
            }
            let end = available.iter().position(|&byte| byte == b'\n');
            let part = available.get(..end.unwrap_or(available.len())).unwrap_or(available);
            if self.line.len() + part.len() > LONGEST_LINE {
                return Err(Error::Line { line: self.number, why: format!("it has more than {LONGEST_LINE} bytes") });
            }
            self.line.extend_from_slice(part);
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    /// What is read of a file, shortly, and how it ends.
    fn read(compressed: &[u8]) -> (Vec<String>, Option<String>) {
        let mut reader = Reader::new(compressed);
        let mut read = Vec::new();
        loop {
            match reader.read() {
                Ok(Some(Entry::Segment(bytes))) => read.push(format!("{} bytes", bytes.len())),
                Ok(Some(Entry::File(member))) => {
                    read.push(format!("{} {} {:?}", member.name.escape_ascii(), member.size, member.crc));
                }
                Ok(None) => return (read, None),
                Err(error) => return (read, Some(error.to_string())),
            }
        }
    }

    #[test]
    fn reads_segments_and_files_in_order() {
        let text = concat!(
            r#"{"type":2,"payload":"AAEC","position":0}"#,
            "\n",
            r#"{"type":1,"name":"a \u003c b/","payload":null,"position":1}"#,
            "\n",
            r#"{"type":1,"name_raw":"//4=","size":3,"payload":"YUmYEAAAAAA=","position":2}"#,
            "\n",
        );
        let expected = ["3 bytes", "a < b/ 0 None", r"\xff\xfe 3 Some(7010301489465786368)"];
        assert_eq!(read(&gzip(text)), (expected.map(str::to_owned).to_vec(), None));
        // Two members of gzip are one file, as pigz writes them.
        let (first, rest) = text.split_once('\n').unwrap();
        assert_eq!(read(&[gzip(&format!("{first}\n")), gzip(rest)].concat()).0.len(), 3);
    }

    #[test]
    fn what_makes_no_sense_is_an_error_with_its_line() {
        for (line, why) in [
            (r#"{"type":3,"payload":"","position":0}"#, "line 1: type 3"),
            (r#"{"type":2,"payload":"AA","position":0}"#, "base64"),
            (r#"{"type":2,"payload":"AA*=","position":0}"#, "base64"),
            (r#"{"type":2,"position":0}"#, "payload"),
            (r#"{"type":1,"name":"a","size":-1,"position":0}"#, "line 1"),
            (r#"{"type":1,"name":"a","size":1,"payload":null,"position":0}"#, "checksum"),
            (r#"{"type":1,"name":"a","size":1,"payload":"AAAA","position":0}"#, "checksum"),
            (r#"{"type":1,"payload":null,"position":0}"#, "name"),
            (r#"{"type":1,"name":"a","payload":null,"position":1}"#, "position 1"),
            ("[]", "line 1"),
            ("{", "line 1"),
        ] {
            let (_, error) = read(&gzip(&format!("{line}\n")));
            assert!(error.as_ref().is_some_and(|error| error.contains(why)), "{line}: {error:?}");
        }
    }

    #[test]
    fn a_file_that_was_cut_or_is_no_gzip_is_an_error() {
        let whole = gzip("{\"type\":2,\"payload\":\"AAEC\",\"position\":0}\n");
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).1.is_some(), "{length} bytes");
        }
        assert!(read(b"no gzip at all").1.is_some());
        assert!(read(&[whole.as_slice(), b"more"].concat()).1.is_some());
    }

    #[test]
    fn an_endless_line_is_an_error_before_it_is_read() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let zeros = vec![b'0'; 1 << 20];
        for _ in 0..64 {
            encoder.write_all(&zeros).unwrap();
        }
        let (_, error) = read(&encoder.finish().unwrap());
        assert!(error.unwrap().contains("more than 4194304 bytes"));
    }
}
