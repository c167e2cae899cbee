//! Patterns of names, in which `*` stands for any part.

/// Tells whether a text is a pattern's, in which `*` stands for any part; in time proportional to both lengths' product at worst.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let mut parts = rest.split('*');
    let Some(end) = parts.next_back() else { return true };
    // The leftmost place for each part leaves most for the others.
    for part in parts {
        let Some((_, after)) = text.split_once(part) else { return false };
        text = after;
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_stars() {
        for (pattern, text, is_match) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("a*a", "a", false),
            ("*b*", "abc", true),
            ("*b*d*", "abc", false),
            ("a**c", "abc", true),
            ("*ab", "aab", true),
            ("a*b*c", "a-b-b-c", true),
            ("abc", "abcd", false),
            ("*/app:*", "registry:5000/team/app:1", true),
        ] {
            assert_eq!(matches(pattern, text), is_match, "{pattern} {text}");
        }
        let stars = "*a".repeat(10_000);
        assert!(!matches(&stars, &"a".repeat(9_999)));
    }
}
