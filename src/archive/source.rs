//! An archive as a set of files with names: a directory, or a tar that is read where it lies.

use super::compression::Compression;
use super::tar::{Input, Reader, TarError};
use crate::dir::{Cause, Dir, Operation, ReadError};
use crate::store::tar_split::Kind;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How many members an archive may have: a few for each layer.
const MOST_MEMBERS: usize = 1 << 20;

/// How many bytes the documents of an archive may have together, each as often as it is named.
const MOST_READ: u64 = 1 << 30;

/// The longest name of a member that anything is looked for under.
const LONGEST: usize = 4095;

/// How many links one name may go through.
const MOST_LINKS: usize = 8;

/// An opened archive.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    files: Files,
    /// How many bytes of documents were read so far.
    read: AtomicU64,
}

#[derive(Debug)]
enum Files {
    Directory(Dir),
    Tar(File, BTreeMap<Vec<u8>, Member>),
}

/// What a tar has under a name.
#[derive(Debug)]
enum Member {
    /// A file: where its content begins, and how long it is.
    File { at: u64, length: u64 },
    /// Another name for this one: links among the members are followed, and none out of the archive.
    Link(Vec<u8>),
}

impl Source {
    /// Opens what a person named.
    pub(super) fn open(path: &Path) -> Result<Self, ReadError> {
        let failed = |operation, cause: Cause| ReadError { path: path.to_owned(), operation, cause };
        let metadata = path.metadata().map_err(|error| failed(Operation::Open, error.into()))?;
        if metadata.is_dir() {
            return Ok(Self { path: path.to_owned(), files: Files::Directory(Dir::root(path)?), read: AtomicU64::new(0) });
        }
        if !metadata.is_file() {
            let why = "neither a file nor a directory: an archive is read in several places at once, so write it to a file first";
            return Err(failed(Operation::Open, Cause::Malformed(why.to_owned())));
        }
        let file = File::open(path).map_err(|error| failed(Operation::Open, error.into()))?;
        let members = members(&file, metadata.len()).map_err(|error| match error {
            TarError::Io(error) => failed(Operation::Read, error.into()),
            other => failed(Operation::Parse, Cause::Malformed(other.to_string())),
        })?;
        Ok(Self { path: path.to_owned(), files: Files::Tar(file, members), read: AtomicU64::new(0) })
    }

    /// Where a person would look for `name`.
    pub(super) fn place(&self, name: &[u8]) -> PathBuf {
        if name.is_empty() { self.path.clone() } else { self.path.join(OsStr::from_bytes(name)) }
    }

    /// The error that `operation` on `name` failed with.
    pub(super) fn error(&self, name: &[u8], operation: Operation, cause: Cause) -> ReadError {
        ReadError { path: self.place(name), operation, cause }
    }

    /// Opens the file `name`; nothing if there is none.
    pub(super) fn file(&self, name: &[u8]) -> Result<Option<Content<'_>>, ReadError> {
        let Some(name) = clean(name) else {
            return Err(self.error(name, Operation::Open, Cause::Malformed("the name leads out of the archive".to_owned())));
        };
        match &self.files {
            Files::Directory(dir) => {
                let name = OsStr::from_bytes(&name);
                // To open a device may do something: it is not opened to be looked at.
                match dir.kind(name)? {
                    Some(crate::dir::Kind::File) => Ok(dir.file(name)?.map(Content::Whole)),
                    Some(_) => Err(dir.error(name, Operation::Open, Cause::NotAFile)),
                    None => Ok(None),
                }
            }
            Files::Tar(file, members) => Ok(find(members, name).map(|(_, at, left)| Content::Part(Part { file, at, left }))),
        }
    }

    /// The name that a file has itself: the same one for all the names that lead to it.
    pub(super) fn real_name(&self, name: &[u8]) -> Vec<u8> {
        let clean = clean(name);
        let real = match &self.files {
            Files::Directory(_) => clean,
            Files::Tar(_, members) => clean.and_then(|name| find(members, name)).map(|(name, _, _)| name),
        };
        real.unwrap_or_else(|| name.to_vec())
    }

    /// The content of the file `name`, of at most `limit` bytes.
    pub(super) fn read(&self, name: &[u8], limit: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let Some(file) = self.file(name)? else { return Ok(None) };
        let mut content = Vec::new();
        let read = file.take(limit.saturating_add(1)).read_to_end(&mut content);
        read.map_err(|error| self.error(name, Operation::Read, error.into()))?;
        let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
        if length > limit {
            return Err(self.error(name, Operation::Read, Cause::TooLarge(limit)));
        }
        if self.read.fetch_add(length, Relaxed) > MOST_READ {
            return Err(self.error(name, Operation::Read, Cause::Malformed("the archive names too many documents".to_owned())));
        }
        Ok(Some(content))
    }
}

/// What is read of a file of an archive.
#[derive(Debug)]
pub(super) enum Content<'s> {
    Whole(File),
    Part(Part<'s>),
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Whole(file) => file.read(buffer),
            Self::Part(part) => part.read(buffer),
        }
    }
}

/// A part of a file, read without moving the file's own position: several are read at once.
#[derive(Debug)]
pub(super) struct Part<'s> {
    file: &'s File,
    at: u64,
    left: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(buffer.get_mut(..most).unwrap_or_default(), self.at)?;
        self.skip(u64::try_from(read).unwrap_or_default())?;
        Ok(read)
    }
}

impl Input for Part<'_> {
    fn skip(&mut self, length: u64) -> io::Result<()> {
        self.at = self.at.saturating_add(length);
        self.left = self.left.saturating_sub(length);
        Ok(())
    }
}

/// What is in the tar `file`; of its contents nothing is read.
fn members(file: &File, length: u64) -> Result<BTreeMap<Vec<u8>, Member>, TarError> {
    let mut begin = [0; 8];
    let read = file.read_at(&mut begin, 0)?;
    match Compression::of(begin.get(..read).unwrap_or_default()) {
        Compression::None => {}
        _ => return Err(TarError::Refused("it is compressed as a whole: decompress it first")),
    }
    let mut tar = Reader::new(Part { file, at: 0, left: length });
    let mut members = BTreeMap::new();
    while let Some(header) = tar.next()? {
        let at = tar.position();
        let member = match header.kind {
            Kind::File if at.checked_add(header.length).is_none_or(|end| end > length) => return Err(TarError::Short(length)),
            Kind::File if header.is_sparse => return Err(TarError::Refused("it has sparse members")),
            Kind::File => Member::File { at, length: header.length },
            Kind::HardLink => Member::Link(header.link),
            Kind::Symlink => Member::Link([above(&header.name), &header.link].concat()),
            _ => continue,
        };
        // Longer ones would take as much memory as the archive has bytes.
        let is_honest = header.name.len() <= LONGEST && !matches!(&member, Member::Link(target) if target.len() > 2 * LONGEST);
        if let Some(name) = clean(&header.name).filter(|_| is_honest) {
            members.insert(name, member);
        }
        if members.len() > MOST_MEMBERS {
            return Err(TarError::Refused("it has more members than an archive of images can have"));
        }
    }
    Ok(members)
}

/// The directory of a name, with its slash.
fn above(name: &[u8]) -> &[u8] {
    name.iter().rposition(|&byte| byte == b'/').and_then(|slash| name.get(..=slash)).unwrap_or_default()
}

/// The file that a name leads to: its own name, where it begins, and how long it is.
fn find(members: &BTreeMap<Vec<u8>, Member>, mut name: Vec<u8>) -> Option<(Vec<u8>, u64, u64)> {
    for _ in 0..MOST_LINKS {
        match members.get(&name)? {
            &Member::File { at, length } => return Some((name, at, length)),
            Member::Link(target) => name = clean(target)?,
        }
    }
    None
}

/// A name without what says nothing; none for one that leads out of the archive.
fn clean(name: &[u8]) -> Option<Vec<u8>> {
    let mut clean: Vec<&[u8]> = Vec::new();
    for component in name.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => drop(clean.pop()?),
            other => clean.push(other),
        }
    }
    Some(clean.join(&b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned_and_lead_nowhere_else() {
        for (name, expected) in
            [("./manifest.json", Some("manifest.json")), ("/a//b/", Some("a/b")), ("a/../b", Some("b")), ("../a", None), ("a/../..", None)]
        {
            assert_eq!(clean(name.as_bytes()).as_deref(), expected.map(str::as_bytes), "{name}");
        }
    }

    #[test]
    fn links_are_followed_among_the_members() {
        let link = |target: &str| Member::Link(target.into());
        let members = BTreeMap::from([
            (b"x/layer.tar".to_vec(), Member::File { at: 512, length: 7 }),
            (b"y/layer.tar".to_vec(), link("y/../x/layer.tar")),
            (b"out".to_vec(), link("../../etc/passwd")),
            (b"a".to_vec(), link("b")),
            (b"b".to_vec(), link("a")),
        ]);
        let found = |name: &str| find(&members, name.into());
        let layer = Some((b"x/layer.tar".to_vec(), 512, 7));
        assert_eq!([found("x/layer.tar"), found("y/layer.tar"), found("out")], [layer.clone(), layer, None]);
        assert_eq!([found("a"), found("z")], [None, None]);
    }
}
