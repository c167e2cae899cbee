//! A tar, read once from its beginning to its end, as Go's archive/tar reads it, for that is what dockerd unpacks layers with.
//!
//! ```text
//! tar = { extension ('x', 'L', 'K', 'g') · its content } · header · content, each filled up to blocks of 512 bytes; then two blocks of zeros
//! ```
//! No more of it is held than the headers of one member, which are bounded.

use crate::store::tar_split::{self, Header, Headers, Kind};
use std::io::{self, Read};

const BLOCK: u64 = 512;

/// The longest extension of a header: as long as Go reads them.
const MOST: u64 = 1 << 20;

/// What a tar is read from.
pub(super) trait Input: Read {
    /// Leaves out so many bytes; they need not all be there.
    fn skip(&mut self, length: u64) -> io::Result<()>;
}

/// An input that can only be read.
#[derive(Debug)]
pub(super) struct Stream<R>(pub(super) R);

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Input for Stream<R> {
    fn skip(&mut self, length: u64) -> io::Result<()> {
        io::copy(&mut (&mut self.0).take(length), &mut io::sink()).map(drop)
    }
}

/// Why a tar cannot be read any further.
#[derive(Debug, thiserror::Error)]
pub(super) enum TarError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it ends in the middle of a member, at byte {0}")]
    Short(u64),
    #[error("{0}")]
    Refused(&'static str),
    #[error("{why}, at byte {at}")]
    Malformed { at: u64, why: &'static str },
}

/// A tar that is being read.
#[derive(Debug)]
pub(super) struct Reader<R> {
    input: R,
    headers: Headers,
    position: u64,
    /// What is left of the content of the member that was met last, and what fills that up.
    left: u64,
    padding: u64,
}

impl<R: Input> Reader<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, headers: Headers::default(), position: 0, left: 0, padding: 0 }
    }

    /// Where it has come to: after [`Reader::next`] the content of that member.
    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    /// The header of the next member; nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Header>, TarError> {
        self.skip(self.left.saturating_add(self.padding))?;
        (self.left, self.padding) = (0, 0);
        loop {
            let at = self.position;
            let malformed = |why| TarError::Malformed { at, why };
            let Some(block) = self.block()? else { return Ok(None) };
            if is_blank(&block) {
                // A second one is the end, and so is the end of the file.
                let is_end = self.block()?.is_none_or(|block| is_blank(&block));
                return if is_end { Ok(None) } else { Err(malformed("a block of zeros stands before a header")) };
            }
            if !tar_split::has_sum(&block) {
                return Err(malformed("this is not the header of a tar"));
            }
            let flag = block.get(156).copied().unwrap_or_default();
            if matches!(flag, b'x' | b'L' | b'K' | b'g') {
                self.extension(flag, &block).map_err(|error| error.unwrap_or(malformed("an extension that makes no sense")))?;
                continue;
            }
            self.headers.push(&block);
            let header = self.headers.take().ok_or_else(|| malformed("a header that makes no sense"))?;
            if matches!(header.kind, Kind::File | Kind::Other(_)) {
                self.left = header.length;
                self.padding = header.length.wrapping_neg() % BLOCK;
            }
            return Ok(Some(header));
        }
    }

    /// Reads on in the content of the member that was met last; nothing at its end.
    pub(super) fn content(&mut self, buffer: &mut [u8]) -> Result<usize, TarError> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let read = self.input.read(buffer.get_mut(..most).unwrap_or_default())?;
        if read == 0 {
            return Err(TarError::Short(self.position));
        }
        let length = u64::try_from(read).unwrap_or(self.left);
        self.left = self.left.saturating_sub(length);
        self.position = self.position.saturating_add(length);
        Ok(read)
    }

    /// What is behind the end of the tar.
    pub(super) fn into_rest(self) -> R {
        self.input
    }

    fn skip(&mut self, length: u64) -> Result<(), TarError> {
        if length > 0 {
            self.input.skip(length)?;
        }
        self.position = self.position.saturating_add(length);
        Ok(())
    }

    /// Keeps an extension until the header that it belongs to; those for all that follows count for nothing, as for dockerd.
    fn extension(&mut self, flag: u8, block: &[u8]) -> Result<(), Option<TarError>> {
        let length = tar_split::length(block).filter(|&length| length <= MOST).ok_or(None)?;
        let whole = length.checked_next_multiple_of(BLOCK).and_then(|whole| usize::try_from(whole).ok()).ok_or(None)?;
        let mut content = vec![0; whole];
        self.fill(&mut content).map_err(Some)?;
        if flag != b'g' {
            self.headers.push(block);
            self.headers.push(&content);
        }
        Ok(())
    }

    /// The next block; nothing at the end of the input.
    fn block(&mut self) -> Result<Option<[u8; 512]>, TarError> {
        let mut block = [0; 512];
        match self.fill(&mut block) {
            Ok(()) => Ok(Some(block)),
            Err(TarError::Short(at)) if at == self.position => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Fills the buffer; where the input ends before it began, the position says so.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), TarError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.input.read(buffer.get_mut(filled..).unwrap_or_default()) {
                Ok(0) if filled == 0 => return Err(TarError::Short(self.position)),
                Ok(0) => return Err(TarError::Short(self.position.saturating_add(u64::try_from(filled).unwrap_or_default()))),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.position = self.position.saturating_add(u64::try_from(buffer.len()).unwrap_or_default());
        Ok(())
    }
}

fn is_blank(block: &[u8]) -> bool {
    block.iter().all(|&byte| byte == 0)
}
