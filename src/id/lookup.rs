//! Finding the one thing that a person means by the beginning of its name.

/// What a shortened name stands for among many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match<T> {
    /// Nothing has such a name.
    None,
    /// Exactly one thing has.
    One(T),
    /// Several things have, in the order in which they were offered.
    Ambiguous(Vec<T>),
}

impl<T> FromIterator<T> for Match<T> {
    fn from_iter<I: IntoIterator<Item = T>>(candidates: I) -> Self {
        let mut candidates: Vec<T> = candidates.into_iter().collect();
        match candidates.len() {
            0 => Self::None,
            1 => candidates.pop().map_or(Self::None, Self::One),
            _ => Self::Ambiguous(candidates),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_none_one_and_several() {
        let named = |prefix: &str| ["abc", "abd", "x"].into_iter().filter(|name| name.starts_with(prefix)).collect::<Match<_>>();
        assert_eq!(named("y"), Match::None);
        assert_eq!(named("x"), Match::One("x"));
        assert_eq!(named("ab"), Match::Ambiguous(vec!["abc", "abd"]));
    }
}
