//! Names that look as random as Docker's and yet follow from what they are for, so that the same calls write the same data-root.

use super::write::{Result, failed};
use crate::id::{ContainerId, DirId, Hex32, LinkId};
use sha2::{Digest as _, Sha256};
use std::path::Path;

/// 32 bytes that follow from what they are for and from a name.
pub(super) fn bytes(purpose: &str, name: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(purpose);
    hash.update([0]);
    hash.update(name);
    hash.finalize().into()
}

/// 64 hexadecimal digits.
pub(super) fn hex(purpose: &str, name: &str) -> Hex32 {
    Hex32::from(bytes(purpose, name))
}

/// The id of the container called `name`.
pub(super) fn container(name: &str) -> Result<ContainerId> {
    parsed(&hex("container", name).to_string())
}

/// The link of the layer directory `dir`, where `copy` is 0 for its own and counts the others that lead there.
pub(super) fn link(dir: &DirId, copy: u8) -> Result<LinkId> {
    parsed(&spell(bytes(&format!("link {copy}"), &dir.to_string()), b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 26))
}

/// The layer directory that BuildKit called `name`.
pub(super) fn build_dir(name: &str) -> Result<DirId> {
    parsed(name)
}

/// 25 characters as BuildKit makes them up.
pub(super) fn build(name: &str) -> String {
    spell(bytes("build", name), b"0123456789abcdefghijklmnopqrstuvwxyz", 25)
}

/// The digits at the end of the name of a temporary file.
pub(super) fn digits(name: &str) -> String {
    spell(bytes("digits", name), b"123456789", 9)
}

/// The first `length` bytes written with the characters of `alphabet`.
fn spell(bytes: [u8; 32], alphabet: &[u8], length: usize) -> String {
    let letter = |byte: u8| alphabet.iter().copied().cycle().nth(usize::from(byte)).map(char::from);
    bytes.into_iter().take(length).filter_map(letter).collect()
}

/// Reads a made-up name back into its type.
fn parsed<T>(text: &str) -> Result<T>
where
    T: std::str::FromStr<Err = crate::id::IdError>,
{
    text.parse().map_err(failed("name", Path::new(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_as_what_they_are_for() {
        let dir = DirId::Hex(hex("layer", "base"));
        assert_eq!(link(&dir, 0).unwrap().to_string().len(), 26);
        assert!(matches!(build_dir(&build("x")).unwrap(), DirId::Build(_)));
        assert_eq!(digits("x").len(), 9);
    }

    #[test]
    fn the_same_thing_has_the_same_name_and_another_has_another() {
        assert_eq!(container("web").unwrap(), container("web").unwrap());
        let dir = DirId::Hex(hex("layer", "base"));
        let all = [hex("a", "b").to_string(), hex("b", "a").to_string(), hex("a", "c").to_string(), build("a"), build("b")];
        let links = [link(&dir, 0).unwrap().to_string(), link(&dir, 1).unwrap().to_string()];
        let distinct: std::collections::BTreeSet<_> = all.iter().chain(&links).collect();
        assert_eq!(distinct.len(), 7);
    }
}
