//! JSON as Go's encoding/json spells it, because an image's id is the digest of the spelling.

use serde::Serialize;
use std::io;

/// The text of `value`, with the characters escaped that Go escapes for the sake of HTML.
pub(super) fn text(value: &impl Serialize) -> io::Result<String> {
    // None of these characters has a meaning outside a string.
    let mut text = serde_json::to_string(value)?;
    for (plain, escaped) in [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")] {
        if text.contains(plain) {
            text = text.replace(plain, escaped);
        }
    }
    Ok(text)
}

/// The text of `value` and the newline that Go's encoder ends it with.
pub(super) fn line(value: &impl Serialize) -> io::Result<String> {
    text(value).map(|text| text + "\n")
}
