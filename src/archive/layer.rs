//! One layer: its bytes go by once, and are inflated, hashed and looked at on the way.

use super::compression::{Compression, inflate};
use super::tar::{Reader, Stream, TarError};
use super::unpack::{Builder, Refused};
use crate::id::{DiffId, Digest};
use crate::render::escape;
use crate::store::tar_split::Header;
use crate::union::index::Index;
use sha2::{Digest as _, Sha256};
use std::io::{self, BufRead, BufReader};
use std::sync::Arc;

const AT_ONCE: usize = 128 << 10;

/// What was read of a layer.
#[derive(Debug, Clone)]
pub(super) struct Read {
    /// Its tree, or why there is none.
    tree: Result<Arc<Index>, String>,
    /// The digest of what it is stored as.
    stored: Digest,
    /// Its DiffID, as far as it is known.
    diff: Option<DiffId>,
}

impl Read {
    /// Its tree, if it is the layer `wanted`, and what it is stored as has the digest `expected` if there is one.
    pub(super) fn of(&self, wanted: DiffId, expected: Option<Digest>) -> Result<Arc<Index>, String> {
        let found = self.stored;
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            return Err(format!("its content is {found} and not {expected}, by which it is stored: save or copy the image again"));
        }
        match self.diff {
            // Damage is told as what it is, and not as what came of it.
            Some(found) if found != wanted => {
                Err(format!("its content is {found} and not {wanted}, as the image's config says: save or copy the image again"))
            }
            _ => self.tree.clone(),
        }
    }
}

/// Why a layer is not trusted, or cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum LayerError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Tar(#[from] TarError),
    #[error("{} {why}", escape::brief(&escape::name(.name)))]
    Refused { name: Vec<u8>, why: Refused },
}

/// Reads a layer to its end.
pub(super) fn read(input: impl io::Read) -> io::Result<Read> {
    let (tree, stored, diff) = read_any(input)?;
    Ok(Read { tree: tree.map(Arc::new).map_err(|error| error.to_string()), stored, diff })
}

/// Reads a layer of which nothing is known: its tree, the digest of what it is stored as, and the DiffID if it came that far.
pub(super) fn read_any(input: impl io::Read) -> io::Result<(Result<Index, LayerError>, Digest, Option<DiffId>)> {
    let mut stored = Hashing::new(input);
    let mut buffered = BufReader::with_capacity(AT_ONCE, &mut stored);
    let compression = Compression::of(buffered.fill_buf()?);
    let inflated = inflated(compression, &mut buffered);
    io::copy(&mut buffered, &mut io::sink())?;
    let stored = stored.finish();
    let diff = match (&inflated, compression) {
        (_, Compression::None) => Some(stored),
        (Ok((_, diff)), _) => Some(*diff),
        (Err(_), _) => None,
    };
    Ok((inflated.map(|(index, _)| index), Digest::from_bytes(stored), diff.map(DiffId::from_bytes)))
}

/// The tree, and the digest of what was inflated if it was.
fn inflated(compression: Compression, buffered: impl BufRead) -> Result<(Index, [u8; 32]), LayerError> {
    if compression == Compression::None {
        return Ok((unpack(&mut Reader::new(Stream(buffered)))?, [0; 32]));
    }
    let mut diff = Hashing::new(inflate(compression, buffered)?);
    let mut tar = Reader::new(Stream(BufReader::with_capacity(AT_ONCE, &mut diff)));
    let index = unpack(&mut tar)?;
    io::copy(&mut tar.into_rest(), &mut io::sink())?;
    Ok((index, diff.finish()))
}

fn unpack<R: io::Read>(tar: &mut Reader<Stream<R>>) -> Result<Index, LayerError> {
    let mut builder = Builder::new();
    let mut buffer = vec![0; AT_ONCE];
    while let Some(header) = tar.next()? {
        let mut content = Sha256::new();
        loop {
            match tar.content(&mut buffer)? {
                0 => break,
                read => content.update(buffer.get(..read).unwrap_or_default()),
            }
        }
        let Header { name, .. } = &header;
        builder.add(&header, content.finalize().into()).map_err(|why| LayerError::Refused { name: name.clone(), why })?;
    }
    Ok(builder.finish())
}

/// Hashes what is read.
struct Hashing<R> {
    input: R,
    digest: Sha256,
}

impl<R> Hashing<R> {
    fn new(input: R) -> Self {
        Self { input, digest: Sha256::new() }
    }

    fn finish(self) -> [u8; 32] {
        self.digest.finalize().into()
    }
}

impl<R: io::Read> io::Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.digest.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
