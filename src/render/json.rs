//! JSON that is harmless on a terminal, too.
//!
//! `serde_json` escapes ASCII control characters only. What else [`super::escape::is_harmless`] rejects (C1 controls, bidirectional marks,
//! zero-width characters …) is written `\uXXXX` here: the same document to any parser, and one that cannot deceive a reader.
//! Keys are in alphabetical order, so equal reports are equal bytes.

use super::escape;
use serde_json::Value;
use std::fmt::Write as _;

/// Writes a value on one line, without the line's end.
#[must_use]
pub fn compact(value: &Value) -> String {
    harmless(value.to_string())
}

/// Writes a value over several indented lines, without the last line's end.
#[must_use]
pub fn pretty(value: &Value) -> String {
    harmless(format!("{value:#}"))
}

/// Escapes a whole document: outside its strings there are only harmless characters, and the line feeds of [`pretty`].
fn harmless(document: String) -> String {
    if document.bytes().all(|byte| byte.is_ascii() && byte != b'\x7f') {
        return document;
    }
    let mut escaped = String::with_capacity(document.len() + 16);
    for c in document.chars() {
        if c == '\n' || escape::is_harmless(c) {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing into a string cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn escapes_what_would_deceive_and_nothing_else() {
        let value = json!({"a": "é\u{9b}31m\u{7f}\u{1b}\n", "\u{202e}k": "\u{e0041}"});
        assert_eq!(compact(&value), "{\"a\":\"é\\u009b31m\\u007f\\u001b\\n\",\"\\u202ek\":\"\\udb40\\udc41\"}");
        assert_eq!(pretty(&json!({"a": [1, "\u{ad}"]})), "{\n  \"a\": [\n    1,\n    \"\\u00ad\"\n  ]\n}");
    }

    #[test]
    fn stays_the_same_document_for_every_character() {
        let all: String = ('\0'..=char::MAX).collect();
        let value = json!({ "all": all });
        let text = compact(&value);
        assert!(text.chars().all(escape::is_harmless));
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
