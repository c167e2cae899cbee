//! Hostile texts made harmless: for people, so that one value is one line that fakes nothing; for JSON, so that any bytes have a name.
//!
//! Two rules, for two readers:
//!
//! - **People** ([`line()`]): what does not print, or prints as something else than itself, is written as an escape: `\n`, `\r`, `\t`, other
//!   ASCII control characters as `\x1b`, all others as `\u{202e}`. These are control, format, bidirectional and zero-width characters,
//!   variation selectors, unassigned and private ones, and all white space but the plain space. Backslashes stay, so it can be applied twice.
//! - **JSON** ([`name`]): a path or name of any bytes becomes a string that nothing else becomes: a backslash is doubled, a byte that is not
//!   UTF-8 is written `\xNN`, the rest stays as it is. [`parse_name`] reads it back.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Visible according to its Unicode category, but drawn as nothing or as a blank.
const BLANK: [(char, char); 9] = [
    ('\u{34f}', '\u{34f}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// How many combining marks one letter may carry before they are taken for an attempt to draw over the neighbours.
const MARKS: usize = 4;

/// Makes a text harmless for people: one line on which every character is seen as itself or as an escape.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    // A mark at the start would sit on whatever is printed before the text.
    let mut marks = MARKS;
    for c in text.chars() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if is_harmless(c) && marks <= MARKS {
            escaped.push(c);
        } else {
            push_escape(&mut escaped, c);
        }
    }
    Cow::Owned(escaped)
}

/// Makes a text harmless and short enough to be quoted in a message.
#[must_use]
pub fn brief(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut chars = text.chars();
    let mut shown: String = chars.by_ref().take(SHOWN).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    line(&shown).into_owned()
}

/// Writes bytes as a string that no other bytes become: `\` doubled, invalid UTF-8 as `\xNN`.
#[must_use]
pub fn name(bytes: &[u8]) -> String {
    let mut name = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for (index, part) in chunk.valid().split('\\').enumerate() {
            name.push_str(if index > 0 { r"\\" } else { "" });
            name.push_str(part);
        }
        for byte in chunk.invalid() {
            push_hex(&mut name, *byte);
        }
    }
    name
}

/// Writes a path as [`name`] does.
#[must_use]
pub fn path(path: &Path) -> String {
    name(path.as_os_str().as_bytes())
}

/// Reads back what [`name`] wrote; nothing for what it never writes.
#[must_use]
pub fn parse_name(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('\\');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    while let Some(part) = parts.next() {
        if part.is_empty() {
            bytes.push(b'\\');
            bytes.extend_from_slice(parts.next()?.as_bytes());
        } else {
            let (digits, rest) = part.strip_prefix('x')?.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            bytes.extend_from_slice(rest.as_bytes());
        }
    }
    (name(&bytes) == text).then_some(bytes)
}

/// Tells whether a character is seen as itself and does nothing else.
#[must_use]
pub fn is_harmless(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    !c.is_whitespace() && !BLANK.iter().any(|(first, last)| (*first..=*last).contains(&c)) && is_printable(c)
}

/// Asks the standard library's tables; within a text they leave combining marks alone, which many scripts need.
fn is_printable(c: char) -> bool {
    !is_escaped_alone(c) || !is_escaped_within(c)
}

/// Tells whether a character is drawn on the one before it.
fn is_mark(c: char) -> bool {
    !c.is_ascii() && is_escaped_alone(c) && !is_escaped_within(c)
}

fn is_escaped_alone(c: char) -> bool {
    c.escape_debug().count() > 1
}

fn is_escaped_within(c: char) -> bool {
    let mut text = [b'a'; 5];
    let [_, rest @ ..] = &mut text;
    let end = c.encode_utf8(rest).len();
    let text = text.get(..=end).and_then(|text| str::from_utf8(text).ok());
    text.is_none_or(|text| text.escape_debug().count() > 2)
}

fn push_escape(text: &mut String, c: char) {
    match (c, u8::try_from(c)) {
        ('\n' | '\r' | '\t', _) => text.extend(c.escape_default()),
        (_, Ok(byte)) if byte.is_ascii() => push_hex(text, byte),
        _ => text.extend(c.escape_unicode()),
    }
}

fn push_hex(text: &mut String, byte: u8) {
    // Writing into a string cannot fail.
    let _ = write!(text, "\\x{byte:02x}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn escapes_what_would_deceive_a_reader() {
        for (text, shown) in [
            ("", ""),
            ("alpine:3.20", "alpine:3.20"),
            ("two words", "two words"),
            ("Grüße 日本語 हिन्दी", "Grüße 日本語 हिन्दी"),
            ("e\u{301}", "e\u{301}"),
            ("a\nb\r\tc", r"a\nb\r\tc"),
            ("\u{1b}[31mred", r"\x1b[31mred"),
            ("\u{7}\0\u{7f}", r"\x07\x00\x7f"),
            ("\u{9b}31m", r"\u{9b}31m"),
            ("gpj.\u{202e}exe", r"gpj.\u{202e}exe"),
            ("a\u{200b}b\u{feff}c\u{ad}d", r"a\u{200b}b\u{feff}c\u{ad}d"),
            ("a\u{2028}b\u{a0}c\u{3000}d", r"a\u{2028}b\u{a0}c\u{3000}d"),
            ("x\u{fe0f}\u{e0041}\u{3164}", r"x\u{fe0f}\u{e0041}\u{3164}"),
            ("\u{301}first", r"\u{301}first"),
            ("o\u{301}\u{301}\u{301}\u{301}\u{301}", "o\u{301}\u{301}\u{301}\u{301}\\u{301}"),
            (r"back\slash", r"back\slash"),
        ] {
            assert_eq!(line(text), shown, "{text:?}");
            assert_eq!(line(&line(text)), shown, "twice: {text:?}");
        }
    }

    #[test]
    fn lets_no_character_through_that_does_something() {
        let direction = ['\u{61c}', '\u{200e}', '\u{200f}'].into_iter().chain('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}');
        let zero_width = ('\u{200b}'..='\u{200d}').chain('\u{2060}'..='\u{2064}').chain(['\u{feff}', '\u{180e}', '\u{fff9}', '\u{1d173}']);
        for c in direction.chain(zero_width) {
            assert!(!line(&format!("a{c}b")).contains(c), "{c:?}");
        }
        let all: String = ('\0'..=char::MAX).flat_map(|c| ['a', c]).collect();
        assert!(!line(&all).chars().any(|c| c.is_control() || (c.is_whitespace() && c != ' ')));
    }

    /// Every string of up to three bytes out of those that matter, and some longer ones.
    fn awkward_bytes() -> Vec<Vec<u8>> {
        const PIECES: [&[u8]; 11] = [b"\\", b"x", b"f", b"80", b"\xff", b"\x80", b"\xc3", b"\xa9", b"\n", b"\0", "é".as_bytes()];
        let mut all = vec![Vec::new()];
        for _ in 0..4 {
            let longer: Vec<Vec<u8>> = all.iter().flat_map(|start| PIECES.map(|piece| [start, piece].concat())).collect();
            all.extend(longer);
        }
        all.sort();
        all.dedup();
        all
    }

    #[test]
    fn gives_different_bytes_different_names() {
        let mut seen = HashMap::new();
        let all = awkward_bytes();
        assert!(all.len() > 10_000);
        for bytes in all {
            let name = name(&bytes);
            assert_eq!(parse_name(&name).as_ref(), Some(&bytes), "{name}");
            if let Some(other) = seen.insert(name, bytes.clone()) {
                assert_eq!(other, bytes);
            }
        }
    }

    #[test]
    fn names_are_documented_escapes() {
        assert_eq!(name(b"plain/\xc3\xa9"), "plain/é");
        assert_eq!(name(b"a\xffb\\c"), r"a\xffb\\c");
        assert_eq!(path(Path::new("/var/lib")), "/var/lib");
        for never_written in [r"\", r"\x", r"\x4", r"\x41", r"\xFF", r"\xc3\xa9", r"\n", r"\+f", r"\x+f"] {
            assert_eq!(parse_name(never_written), None, "{never_written}");
        }
    }

    #[test]
    fn quotes_only_the_beginning_of_a_long_text() {
        assert_eq!(brief(&"a".repeat(60)).len(), 60);
        assert_eq!(brief(&"a".repeat(1_000_000)), format!("{}…", "a".repeat(60)));
        assert_eq!(brief("\n"), r"\n");
    }
}
