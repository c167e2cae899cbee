//! Standard base64, padded, as strictly as Go reads it: bits that the last letter has too many are nobody's.

use base64::engine::{Engine as _, GeneralPurpose, GeneralPurposeConfig};

const STANDARD: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// Appends what `text` stands for to `bytes`; nothing if it is no base64.
pub(super) fn decode(text: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    STANDARD.decode_vec(text, bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        decode(text.as_bytes(), &mut bytes).map(|()| bytes)
    }

    #[test]
    fn decodes_what_go_writes() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("Zg==", b"f"),
            ("Zm8=", b"fo"),
            ("Zm9v", b"foo"),
            ("Zm9vYmFy", b"foobar"),
            ("//79", b"\xff\xfe\xfd"),
            ("Zh==", b"f"),
        ] {
            assert_eq!(decoded(text).as_deref(), Some(bytes), "{text}");
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(
            decoded(
                "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj5OXm5+jp6uvs7e7v8PHy8/T19vf4+fr7/P3+/w=="
            ),
            Some(all)
        );
    }

    #[test]
    fn refuses_all_else() {
        for text in ["Z", "Zg", "Zg=", "Zg===", "=g==", "Z===", "Zm9vZg", "Zm=v", "Zm9v\n", "Zm-v", "Zg==Zm9v", "é=="] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }
}
