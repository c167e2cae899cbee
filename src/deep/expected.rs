//! What should be in a layer: every name that a header mentions, and the directories above these.
//!
//! A name may go through a symbolic link that the same tar made before it: `lib` leads to `usr/lib`, and `lib/x` is then `usr/lib/x`. dockerd
//! unpacks in a root of its own where such links lead; here they are followed among the headers.

use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet, VecDeque};

/// How many links one name may go through: as many as the kernel follows.
const MOST_LINKS: usize = 40;

/// A name, short: the beginning of its SHA-256, so that nobody can make two names one.
type Key = [u8; 16];

/// What the headers have said so far.
#[derive(Debug, Default)]
pub(super) struct Expected {
    mentioned: HashSet<Key>,
    implied: HashSet<Key>,
    opaque: HashSet<Key>,
    links: HashMap<Vec<u8>, Vec<u8>>,
}

/// Why a name stands for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadName {
    /// It leads out of the layer.
    Outside,
    /// Its links lead to each other.
    Circular,
}

fn key(path: &[u8]) -> Key {
    let digest: [u8; 32] = Sha256::digest(path).into();
    let mut key = Key::default();
    key.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    key
}

impl Expected {
    /// The path that a name stands for: clean, relative, and through no link; empty for the root of the layer.
    pub(super) fn resolve(&self, name: &[u8]) -> Result<Vec<u8>, BadName> {
        let clean = clean(name)?;
        if self.links.is_empty() {
            return Ok(clean);
        }
        let mut open: VecDeque<Vec<u8>> = components(&clean).map(<[u8]>::to_vec).collect();
        let mut path: Vec<u8> = Vec::with_capacity(clean.len());
        let mut followed = 0;
        while let Some(component) = open.pop_front() {
            if component == b".." {
                // Above the root is the root.
                path.truncate(path.iter().rposition(|&byte| byte == b'/').unwrap_or(0));
                continue;
            }
            let length = path.len();
            push(&mut path, &component);
            // The last component is what is meant itself, also if it is a link.
            if let (Some(target), false) = (self.links.get(&path), open.is_empty()) {
                followed += 1;
                if followed > MOST_LINKS {
                    return Err(BadName::Circular);
                }
                path.truncate(if target.starts_with(b"/") { 0 } else { length });
                for component in components(target).rev() {
                    open.push_front(component.to_vec());
                }
            }
        }
        Ok(path)
    }

    /// Notes that a member has this path, and says whether it is the first.
    pub(super) fn mention(&mut self, path: &[u8]) -> bool {
        let mut above = path;
        while let Some(slash) = above.iter().rposition(|&byte| byte == b'/') {
            above = above.get(..slash).unwrap_or_default();
            // Whoever is implied has implied all above.
            if !self.implied.insert(key(above)) {
                break;
            }
        }
        self.mentioned.insert(key(path))
    }

    /// Notes that there is a symbolic link.
    pub(super) fn link(&mut self, path: &[u8], target: &[u8]) {
        self.links.insert(path.to_vec(), target.to_vec());
    }

    /// Notes that a directory hides what lies below it.
    pub(super) fn hide(&mut self, path: &[u8]) {
        self.opaque.insert(key(path));
    }

    /// Whether something should have this path, or be a directory there.
    pub(super) fn has(&self, path: &[u8]) -> Presence {
        let key = key(path);
        match (self.mentioned.contains(&key), self.implied.contains(&key)) {
            (true, _) => Presence::Mentioned,
            (false, true) => Presence::Implied,
            (false, false) => Presence::Unknown,
        }
    }

    /// Whether a directory should hide what lies below it.
    pub(super) fn hides(&self, path: &[u8]) -> bool {
        self.opaque.contains(&key(path))
    }
}

/// What is known of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Presence {
    /// A header mentions it.
    Mentioned,
    /// It is a directory above something that a header mentions.
    Implied,
    /// No header says anything of it.
    Unknown,
}

/// The components of a path that say something.
fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|component| !matches!(*component, b"" | b"."))
}

/// Cleans a name by its text alone, as dockerd does before it unpacks it.
fn clean(name: &[u8]) -> Result<Vec<u8>, BadName> {
    let mut clean = Vec::with_capacity(name.len());
    for component in components(name) {
        if component == b".." {
            // Above an absolute name's root is the root.
            if clean.is_empty() && !name.starts_with(b"/") {
                return Err(BadName::Outside);
            }
            clean.truncate(clean.iter().rposition(|&byte| byte == b'/').unwrap_or(0));
        } else {
            push(&mut clean, component);
        }
    }
    if clean.contains(&0) { Err(BadName::Outside) } else { Ok(clean) }
}

/// Appends a component to a path.
pub(super) fn push(path: &mut Vec<u8>, component: &[u8]) {
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(component);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(expected: &Expected, name: &str) -> Result<String, BadName> {
        expected.resolve(name.as_bytes()).map(|path| String::from_utf8(path).unwrap())
    }

    #[test]
    fn names_are_cleaned_and_never_lead_out() {
        let expected = Expected::default();
        for (name, path) in [
            ("./", ""),
            (".", ""),
            ("./etc/passwd", "etc/passwd"),
            ("/etc//x/", "etc/x"),
            ("a/./b/../c", "a/c"),
            ("a/..", ""),
            ("/../x", "x"),
        ] {
            assert_eq!(resolve(&expected, name).unwrap(), path, "{name}");
        }
        for name in ["..", "../x", "a/../../x", "a\0b"] {
            assert_eq!(resolve(&expected, name), Err(BadName::Outside), "{name:?}");
        }
    }

    #[test]
    fn links_above_a_name_are_followed_within_the_layer() {
        let mut expected = Expected::default();
        for (path, target) in
            [("lib", "usr/lib"), ("abs", "/opt/real"), ("up/out", "../../../../etc"), ("a", "b"), ("b", "a"), ("self", ".")]
        {
            expected.link(path.as_bytes(), target.as_bytes());
        }
        for (name, path) in [
            ("lib/x", "usr/lib/x"),
            ("lib", "lib"),
            ("abs/y/z", "opt/real/y/z"),
            ("up/out/shadow", "etc/shadow"),
            ("self/self/lib/x", "usr/lib/x"),
            ("other/lib/x", "other/lib/x"),
        ] {
            assert_eq!(resolve(&expected, name).unwrap(), path, "{name}");
        }
        assert_eq!(resolve(&expected, "a/x"), Err(BadName::Circular));
        assert_eq!(resolve(&expected, "a").unwrap(), "a");
    }

    #[test]
    fn what_is_above_a_member_is_implied() {
        let mut expected = Expected::default();
        assert!(expected.mention(b"a/b/c") && expected.mention(b"a/b") && !expected.mention(b"a/b/c"));
        expected.hide(b"a");
        let has = |path: &str| expected.has(path.as_bytes());
        assert_eq!(
            [has("a"), has("a/b"), has("a/b/c"), has("a/d")],
            [Presence::Implied, Presence::Mentioned, Presence::Mentioned, Presence::Unknown]
        );
        assert!(expected.hides(b"a") && !expected.hides(b"a/b"));
    }
}
