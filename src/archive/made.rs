//! Tars for tests, member by member.

use std::io::Write as _;

/// A tar that is being made.
#[derive(Debug, Clone, Default)]
pub(super) struct Made(Vec<u8>);

impl Made {
    /// A member: its type, its name, where it leads, and its content.
    pub(super) fn member(mut self, flag: u8, name: impl AsRef<[u8]>, link: impl AsRef<[u8]>, content: &[u8]) -> Self {
        self.0.extend(header(flag, name.as_ref(), link.as_ref(), content.len()));
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(super) fn file(self, name: impl AsRef<[u8]>, content: &str) -> Self {
        self.member(b'0', name, "", content.as_bytes())
    }

    pub(super) fn directory(self, name: impl AsRef<[u8]>) -> Self {
        self.member(b'5', name, "", b"")
    }

    pub(super) fn symlink(self, name: impl AsRef<[u8]>, link: impl AsRef<[u8]>) -> Self {
        self.member(b'2', name, link, b"")
    }

    pub(super) fn hard_link(self, name: impl AsRef<[u8]>, link: impl AsRef<[u8]>) -> Self {
        self.member(b'1', name, link, b"")
    }

    /// PAX records for the next member.
    pub(super) fn records(self, records: &[(&str, &[u8])]) -> Self {
        let content: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
        self.member(b'x', "PaxHeaders/x", "", &content)
    }

    /// The tar so far, without an end.
    pub(super) fn open(self) -> Vec<u8> {
        self.0
    }

    /// The whole tar.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }
}

/// A header block with a right sum.
pub(super) fn header(flag: u8, name: &[u8], link: &[u8], length: usize) -> [u8; 512] {
    let mut block = [0; 512];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name[..name.len().min(100)]);
    put(100, b"0000644\0");
    put(108, b"0000007\0");
    put(116, b"0000011\0");
    put(124, format!("{length:011o}\0").as_bytes());
    put(136, b"00000000100\0");
    put(156, &[flag]);
    put(157, &link[..link.len().min(100)]);
    put(257, b"ustar\x0000");
    put(329, b"0000001\0");
    put(337, b"0000003\0");
    put(148, b"        ");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
    let length = (1..9).map(|digits| rest.len() + digits).find(|length| length.to_string().len() == length - rest.len()).unwrap();
    [length.to_string().as_bytes(), &rest].concat()
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}
