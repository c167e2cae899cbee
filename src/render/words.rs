//! Numbers before nouns.

/// Puts a number before a noun: `1 layer`, `3 layers`, `2 directories`.
#[must_use]
pub fn count(number: u64, noun: &str) -> String {
    if number == 1 {
        return format!("1 {noun}");
    }
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{number} {stem}ies"),
        _ => format!("{number} {noun}s"),
    }
}

/// The length of a list as a number to count with.
#[must_use]
pub fn to_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_in_english() {
        for (number, noun, text) in [(0, "layer", "0 layers"), (1, "layer", "1 layer"), (3, "thing", "3 things")] {
            assert_eq!(count(number, noun), text);
        }
        assert_eq!(count(2, "directory"), "2 directories");
        assert_eq!(count(2, "key"), "2 keys");
    }
}
