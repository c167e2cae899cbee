//! Standard base64, padded, as Go writes it and as strictly as Go reads it.

/// No letter.
const NONE: u8 = 0xff;

/// The value of each letter.
const VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut value: u8 = 0;
    let mut rest: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    while let [letter, more @ ..] = rest {
        // In a constant nothing else than indexing writes to an array; it is evaluated when this is compiled.
        #[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "a letter is below 256")]
        {
            values[*letter as usize] = value;
        }
        value += 1;
        rest = more;
    }
    values
};

/// Appends what `text` stands for to `bytes`; nothing if it is no base64.
pub(super) fn decode(text: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    let (groups, []) = text.as_chunks::<4>() else { return None };
    bytes.reserve(groups.len() * 3);
    let (last, whole) = match groups.split_last() {
        Some((last, whole)) if last.ends_with(b"=") => (Some(last), whole),
        _ => (None, groups),
    };
    for group in whole {
        let [a, b, c, d] = group.map(value);
        if (a | b | c | d) & 0xc0 != 0 {
            return None;
        }
        bytes.extend_from_slice(&[a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
    }
    match last {
        None => Some(()),
        Some(&[a, b, b'=', b'=']) => last_bytes([value(a), value(b), 0], 1, bytes),
        Some(&[a, b, c, b'=']) => last_bytes([value(a), value(b), value(c)], 2, bytes),
        Some(_) => None,
    }
}

fn value(letter: u8) -> u8 {
    VALUES.get(usize::from(letter)).copied().unwrap_or(NONE)
}

fn last_bytes([a, b, c]: [u8; 3], count: usize, bytes: &mut Vec<u8>) -> Option<()> {
    if (a | b | c) & 0xc0 != 0 {
        return None;
    }
    bytes.extend([a << 2 | b >> 4, b << 4 | c >> 2].into_iter().take(count));
    Some(())
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
        for (text, bytes) in
            [("", &b""[..]), ("Zg==", b"f"), ("Zm8=", b"fo"), ("Zm9v", b"foo"), ("Zm9vYmFy", b"foobar"), ("//79", b"\xff\xfe\xfd")]
        {
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
