//! Writing a [`Tree`] into a directory, the way dockerd unpacks a layer: in overlayfs's format, times last.

use super::tree::{Content, Kind, Member, Tree};
use super::write::{self, Result, failed};
use rustix::fs::FileType;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

/// Writes everything that stands in `tree` below the directory `into`, which exists.
pub(super) fn unpack(tree: &Tree, into: &Path) -> Result<()> {
    for member in tree.members() {
        place(member, into)?;
    }
    // Whatever is written into a directory changes its time, and so the deepest and latest come first.
    for member in tree.members().iter().rev() {
        let path = into.join(&member.path);
        if fs::symlink_metadata(&path).is_ok() {
            write::modified(&path, member.modified)?;
        }
    }
    Ok(())
}

/// Creates one member.
fn place(member: &Member, into: &Path) -> Result<()> {
    let path = into.join(&member.path);
    match &member.kind {
        Kind::File(content) => write_content(content, &path)?,
        Kind::Directory | Kind::OpaqueDirectory => write::directory(&path, member.mode)?,
        Kind::Symlink(target) => write::symlink(&path, target)?,
        // Its header is as good as the first one: dockerd sets what it says, on the one file that both are.
        Kind::HardLink(target) => fs::hard_link(into.join(target), &path).map_err(failed("link", &path))?,
        Kind::Whiteout => return write::node(&path, FileType::CharacterDevice, 0, 0),
        Kind::Fifo => write::node(&path, FileType::Fifo, member.mode, 0)?,
        Kind::CharacterDevice { major, minor } => {
            write::node(&path, FileType::CharacterDevice, member.mode, rustix::fs::makedev(*major, *minor))?;
            if fs::symlink_metadata(&path).is_err() {
                return Ok(());
            }
        }
    }
    if matches!(member.kind, Kind::OpaqueDirectory) {
        write::attribute(&path, "trusted.overlay.opaque", b"y")?;
    }
    attributes(member, &path)
}

/// Sets the owner, the mode and the extended attributes, in the order in which none undoes another.
fn attributes(member: &Member, path: &Path) -> Result<()> {
    if member.owner != (0, 0) {
        write::owner(path, member.owner)?;
    }
    // Changing the owner takes the set-user-id bit away.
    if matches!(member.kind, Kind::File(_) | Kind::HardLink(_)) || member.owner != (0, 0) && !matches!(member.kind, Kind::Symlink(_)) {
        write::permissions(path, member.mode)?;
    }
    member.attributes.iter().try_for_each(|(name, value)| write::attribute(path, name, value))
}

/// Creates a file with this content; of a hole nothing but the length.
fn write_content(content: &Content, path: &Path) -> Result<()> {
    let file = File::create(path).map_err(failed("create", path))?;
    match content {
        Content::Hole(length) => file.set_len(*length),
        Content::Seeded { .. } | Content::Bytes(_) => content.write_to(BufWriter::with_capacity(64 * 1024, &file)),
    }
    .map_err(failed("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

    #[test]
    fn writes_each_kind_as_overlayfs_has_it() {
        let temp = tempfile::tempdir().unwrap();
        let tree = Tree::new("t")
            .file("bin/tool", 10_000)
            .mode(0o4755)
            .hard_link("bin/same", "bin/tool")
            .mode(0o4711)
            .symlink("bin/link", "tool")
            .content("etc/name", "x\n")
            .sparse("big", 1 << 20)
            .fifo("pipe")
            .whiteout("old");
        unpack(&tree, temp.path()).unwrap();
        let stat = |name: &str| fs::symlink_metadata(temp.path().join(name)).unwrap();
        assert_eq!((stat("bin/tool").len(), stat("bin/tool").mode() & 0o7777, stat("bin/tool").nlink()), (10_000, 0o4711, 2));
        assert_eq!(stat("bin/same").ino(), stat("bin/tool").ino());
        assert_eq!(fs::read_link(temp.path().join("bin/link")).unwrap(), Path::new("tool"));
        assert_eq!((stat("big").len(), stat("big").blocks()), (1 << 20, 0));
        assert!(stat("pipe").file_type().is_fifo());
        for name in ["bin", "bin/link", "etc", "etc/name", "big"] {
            assert_eq!(stat(name).mtime(), super::super::tree::MODIFIED, "{name}");
        }
        // Making the whiteout is allowed to everybody since Linux 5.8, and left out elsewhere.
        if let Ok(whiteout) = fs::symlink_metadata(temp.path().join("old")) {
            assert!(whiteout.file_type().is_char_device());
            assert_eq!(whiteout.rdev(), 0);
        }
    }

    #[test]
    fn the_same_tree_has_the_same_bytes_and_another_seed_has_others() {
        let bytes = |seed: &str| {
            let temp = tempfile::tempdir().unwrap();
            unpack(&Tree::new(seed).file("f", 10_001), temp.path()).unwrap();
            fs::read(temp.path().join("f")).unwrap()
        };
        assert_eq!(bytes("a").len(), 10_001);
        assert_eq!(bytes("a"), bytes("a"));
        assert_ne!(bytes("a"), bytes("b"));
    }
}
