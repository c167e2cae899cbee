//! The CRC-64 of ISO 3309, as Go's `hash/crc64` computes it: reflected, begun and ended with all ones.

use std::sync::LazyLock;

/// How many bytes are taken at once.
const STRIDE: usize = 8;

/// What each byte adds, at each place of eight, the last first.
static TABLES: LazyLock<[[u64; 256]; STRIDE]> = LazyLock::new(|| {
    let step = |crc: u64| if crc & 1 == 1 { crc >> 1 ^ 0xD800_0000_0000_0000 } else { crc >> 1 };
    let mut byte = 0;
    let first: [u64; 256] = std::array::from_fn(|_| {
        let entry = (0..8).fold(byte, |crc, _| step(crc));
        byte += 1;
        entry
    });
    let mut table = first;
    std::array::from_fn(|_| {
        let next = table.map(|entry| after(&first, entry));
        std::mem::replace(&mut table, next)
    })
});

/// One byte more, of which nothing is known but that it is zero.
fn after(table: &[u64; 256], crc: u64) -> u64 {
    let [low, ..] = crc.to_le_bytes();
    entry(table, low) ^ crc >> 8
}

fn entry(table: &[u64; 256], byte: u8) -> u64 {
    table.get(usize::from(byte)).copied().unwrap_or_default()
}

/// A checksum that is being computed.
#[derive(Debug, Clone)]
pub struct Crc64(u64);

impl Default for Crc64 {
    fn default() -> Self {
        Self(u64::MAX)
    }
}

impl Crc64 {
    /// Adds some bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let tables = &*TABLES;
        let (strides, rest) = bytes.as_chunks::<STRIDE>();
        for stride in strides {
            let mixed = (self.0 ^ u64::from_le_bytes(*stride)).to_le_bytes();
            self.0 = mixed.iter().zip(tables.iter().rev()).fold(0, |crc, (&byte, table)| crc ^ entry(table, byte));
        }
        let [first, ..] = tables;
        for &byte in rest {
            let [low, ..] = self.0.to_le_bytes();
            self.0 = entry(first, low ^ byte) ^ self.0 >> 8;
        }
    }

    /// The checksum of all that was added.
    #[must_use]
    pub const fn finish(&self) -> u64 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crc(bytes: &[u8]) -> u64 {
        let mut crc = Crc64::default();
        crc.update(bytes);
        crc.finish()
    }

    #[test]
    fn computes_what_dockerd_wrote_and_the_catalogue_says() {
        // From tar-split files of a dockerd, and the check value of CRC-64/GO-ISO.
        assert_eq!(crc(b"hi\n").to_be_bytes(), [0x61, 0x49, 0x98, 0x10, 0, 0, 0, 0]);
        assert_eq!(crc(b"one\n").to_be_bytes(), [0x61, 0x42, 0xdd, 0x8c, 0, 0, 0, 0]);
        assert_eq!(crc(b"123456789"), 0xb909_56c7_75a4_1001);
        assert_eq!(crc(b""), 0);
    }

    #[test]
    fn eight_bytes_at_once_are_the_same_as_one_after_another() {
        let bytes: Vec<u8> = (0..1000_u32).map(|number| u8::try_from(number * 7 % 256).unwrap()).collect();
        for length in [0, 1, 7, 8, 9, 15, 16, 17, 999, 1000] {
            let mut one_by_one = Crc64::default();
            bytes[..length].iter().for_each(|&byte| one_by_one.update(&[byte]));
            assert_eq!(crc(&bytes[..length]), one_by_one.finish(), "{length} bytes");
        }
    }
}
