//! The layers below one: looked into only where a layer does not explain itself.

use super::expected::push;
use crate::dir::Kind;
use crate::dir::tree::Tree;

/// How many links one name may go through.
const MOST_LINKS: usize = 40;

/// The trees of the layers below, nearest first.
#[derive(Debug)]
pub(super) struct Lowers(Vec<Tree>);

/// What a name is in the layers below, taken together.
#[derive(Debug, PartialEq, Eq)]
enum Below {
    Directory,
    Link(Vec<u8>),
    Other,
}

impl Lowers {
    pub(super) const fn new(trees: Vec<Tree>) -> Self {
        Self(trees)
    }

    /// Whether the layers below have a directory there, so that to hide it changes anything.
    pub(super) fn have_directory(&mut self, path: &[u8]) -> bool {
        self.look(path) == Some(Below::Directory)
    }

    /// Where a name leads if the layers below have links among the directories above it: dockerd unpacks so when it compares mounts, because then
    /// it unpacks into all layers at once.
    pub(super) fn resolve(&mut self, own: &mut Tree, name: &[u8]) -> Option<Vec<u8>> {
        let mut path = name.to_vec();
        for _ in 0..MOST_LINKS {
            let Some(through) = self.first_link(own, &path) else { return (path != name).then_some(path) };
            path = through;
        }
        None
    }

    /// The path with the first link above its last component followed, which only the layers below have.
    fn first_link(&mut self, own: &mut Tree, path: &[u8]) -> Option<Vec<u8>> {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for slash in slashes.collect::<Vec<_>>() {
            let (above, rest) = (path.get(..slash)?, path.get(slash + 1..)?);
            if own.stat(above).ok().flatten().is_some() {
                continue;
            }
            match self.look(above)? {
                Below::Directory => {}
                Below::Link(target) => return follow(above, &target, rest),
                Below::Other => return None,
            }
        }
        None
    }

    /// What the nearest layer that has the name has there.
    fn look(&mut self, path: &[u8]) -> Option<Below> {
        for tree in &mut self.0 {
            let Ok(Some(inode)) = tree.stat(path) else { continue };
            return Some(match inode.kind {
                Kind::Directory => Below::Directory,
                Kind::Symlink => Below::Link(tree.read_link(path).ok().flatten()?),
                Kind::File | Kind::Special => Below::Other,
            });
        }
        None
    }
}

/// The path of `rest` in what the link `link` leads to, within the layer.
fn follow(link: &[u8], target: &[u8], rest: &[u8]) -> Option<Vec<u8>> {
    let above = link.iter().rposition(|&byte| byte == b'/').map_or(&b""[..], |slash| link.get(..slash).unwrap_or_default());
    let mut path = if target.starts_with(b"/") { Vec::new() } else { above.to_vec() };
    for component in target.split(|&byte| byte == b'/').chain(rest.split(|&byte| byte == b'/')) {
        match component {
            b"" | b"." => {}
            b".." => path.truncate(path.iter().rposition(|&byte| byte == b'/').unwrap_or(0)),
            component => push(&mut path, component),
        }
    }
    // Longer than any path that the kernel takes: it grows with each turn.
    (path.len() < 4096).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dir::Dir;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_of_lower_layers_are_followed_within_the_layer() {
        let temp = tempfile::tempdir().unwrap();
        let at = |path: &str| temp.path().join(path);
        for directory in ["own/usr/lib", "own/etc", "near", "far/usr/share/x"] {
            fs::create_dir_all(at(directory)).unwrap();
        }
        symlink("usr/lib", at("far/lib")).unwrap();
        symlink("../../../../../etc", at("near/out")).unwrap();
        symlink("loop", at("far/loop")).unwrap();
        let dir = Dir::root(temp.path()).unwrap();
        let tree = |name: &str| Tree::open(&dir, name).unwrap().unwrap();
        let mut own = tree("own");
        let mut lowers = Lowers::new(vec![tree("near"), tree("far")]);
        let mut resolve = |name: &str| lowers.resolve(&mut own, name.as_bytes()).map(|path| String::from_utf8(path).unwrap());
        assert_eq!(resolve("lib/a").as_deref(), Some("usr/lib/a"));
        assert_eq!(resolve("out/passwd").as_deref(), Some("etc/passwd"));
        assert_eq!([resolve("usr/lib/a"), resolve("usr/share/x/y"), resolve("none/a"), resolve("loop/a")], [None, None, None, None]);
        assert!(lowers.have_directory(b"usr/share") && !lowers.have_directory(b"lib") && !lowers.have_directory(b"none"));
    }
}
