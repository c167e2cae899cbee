//! What several fuzz targets need.

use layerwise::dir::Dir;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// A data-root in memory whose files are replaced before every run.
#[derive(Debug)]
pub struct DataRoot {
    temp: TempDir,
}

impl DataRoot {
    /// An empty one, in `/dev/shm` where there is one.
    #[must_use]
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        Self { temp: tempfile::tempdir_in(place).expect("a temporary directory") }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.temp.path()
    }

    /// Writes the file `name`.
    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.temp.path().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("to make its directory");
        fs::write(path, bytes).expect("to write it");
    }

    /// Makes `other` another name of the file `name`, so that writing the one writes both.
    pub fn link(&self, name: &str, other: &str) {
        fs::hard_link(self.temp.path().join(name), self.temp.path().join(other)).expect("to link it");
    }

    /// Makes the symbolic link `name` that leads to `target`.
    pub fn symlink(&self, target: &str, name: &str) {
        std::os::unix::fs::symlink(target, self.temp.path().join(name)).expect("to link it");
    }

    /// The opened directory.
    #[must_use]
    pub fn dir(&self) -> Dir {
        Dir::root(self.temp.path()).expect("to open it")
    }
}

impl Default for DataRoot {
    fn default() -> Self {
        Self::new()
    }
}

/// The same bytes in a gzip file, little compressed, so that a change of them is a change of what is read.
#[must_use]
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut encoder, bytes).expect("to write into memory");
    encoder.finish().expect("to write into memory")
}

/// Standard base64, padded.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let group = three.iter().fold(0_usize, |group, &byte| group << 8 | usize::from(byte)) << (8 * (3 - three.len()));
        text.extend((0..4).map(|digit| if digit > three.len() { '=' } else { char::from(LETTERS[group >> (18 - 6 * digit) & 63]) }));
    }
    text
}

/// A bolt file with the right checksums on its meta pages, without which no change would ever get past them.
#[must_use]
pub fn with_checksums(bytes: &[u8]) -> Vec<u8> {
    let mut file = bytes.to_vec();
    for page in (0..7).map(|i| 1024 << i).chain([0]) {
        let magic = file.get(page + 16..page + 20).is_some_and(|magic| magic == 0xED0C_DAED_u32.to_le_bytes());
        if let Some(meta) = file.get_mut(page + 16..page + 80).filter(|_| magic) {
            let hash =
                meta[..56].iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
            meta[56..].copy_from_slice(&hash.to_le_bytes());
        }
    }
    file
}
