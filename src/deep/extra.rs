//! What is in a layer that no header mentions.

use super::compare::{Difference, Differences, Field, What, word_of};
use super::expected::{Expected, Presence, push};
use super::lowers::Lowers;
use super::run::{Control, Stopped};
use crate::dir::Kind;
use crate::dir::tree::Tree;

/// Looks at every name below `diff/`, and hands over those that should not be there.
pub(super) fn find(
    (tree, lowers): (&mut Tree, &mut Lowers),
    expected: &Expected,
    control: &Control,
    differences: &mut Differences,
) -> Result<(), Stopped> {
    let mut open: Vec<Vec<u8>> = vec![Vec::new()];
    while let Some(directory) = open.pop() {
        control.go_on()?;
        let mut names = Vec::new();
        let listed = tree.list(&directory, |name, kind| {
            let mut path = directory.clone();
            push(&mut path, name);
            let presence = expected.has(&path);
            // What is mentioned has been compared already; only directories have more in them.
            if presence != Presence::Mentioned || !matches!(kind, Some(Kind::File | Kind::Symlink | Kind::Special)) {
                names.push((path, presence, kind));
            }
        });
        if let Err(errno) = listed {
            differences.tell(Difference { path: directory, what: What::Unreadable(std::io::Error::from(errno).to_string()) });
            continue;
        }
        names.sort_unstable();
        for (path, presence, kind) in names {
            let is_directory = kind == Some(Kind::Directory);
            let inode = if is_directory && presence != Presence::Unknown { None } else { tree.stat(&path).ok().flatten() };
            let is_directory = is_directory || inode.is_some_and(|inode| inode.kind == Kind::Directory);
            match (presence, inode) {
                (Presence::Mentioned | Presence::Implied, _) if is_directory => {
                    if hides(tree, &path) && !expected.hides(&path) && lowers.have_directory(&path) {
                        differences.tell(Difference { path: path.clone(), what: What::Metadata(vec![Field::Hides]) });
                    }
                    open.push(path);
                }
                (Presence::Mentioned, _) | (_, None) => {}
                (Presence::Implied | Presence::Unknown, Some(inode)) => {
                    differences.tell(Difference { path, what: What::Unexpected { found: word_of(&inode) } });
                }
            }
        }
    }
    Ok(())
}

/// Whether a directory is marked as one that hides what lies below it.
pub(super) fn hides(tree: &mut Tree, path: &[u8]) -> bool {
    let mut is_marked = |name: &[u8]| tree.attribute(path, name).ok().flatten().is_some_and(|value| value == b"y");
    is_marked(b"trusted.overlay.opaque") || is_marked(b"user.overlay.opaque")
}
