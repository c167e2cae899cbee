use super::super::made::Made;
use super::super::tar::{Reader, Stream};
use super::{Builder, Refused, Room};
use crate::archive::read_layer;
use crate::union::Nature;
use crate::union::index::{Content, Index};

fn read(tar: Made) -> Index {
    read_layer(tar.finish().as_slice()).unwrap().1
}

/// What is at a path, in words.
fn at(index: &Index, path: impl AsRef<[u8]>) -> String {
    let Some(node) = index.find(path.as_ref()) else { return "nothing".to_owned() };
    let what = match &node.content {
        Content::Names(names) => format!("of {}", names.len()),
        Content::Link(target) => format!("to {}", String::from_utf8_lossy(target)),
        Content::File(_) => format!("of {} bytes", node.entry.inode.size),
        Content::Nothing => String::new(),
    };
    format!("{} {what}", node.entry.word())
}

#[test]
fn names_are_what_dockerd_makes_of_them() {
    let index = read(
        Made::default().directory("./").file("./etc/passwd", "a").file("/abs/x", "b").file("a/../b//c", "c").file(b"bin/\xff\xfe", "d"),
    );
    assert_eq!(at(&index, "etc/passwd"), "file of 1 bytes");
    assert_eq!([at(&index, "abs"), at(&index, "b")], ["directory of 1", "directory of 1"], "what is above is made");
    assert_eq!([at(&index, b"bin/\xff\xfe"), at(&index, "a")], ["file of 1 bytes", "nothing"]);
    let implied = index.find(b"etc").unwrap().entry.inode;
    assert_eq!((implied.permissions(), implied.user, implied.modified), (0o755, 0, (0, 0)));
    let stated = index.find(b"etc/passwd").unwrap().entry.inode;
    assert_eq!((stated.permissions(), stated.user, stated.group, stated.modified), (0o644, 7, 9, (64, 0)));
    assert_eq!(index.find(b"").unwrap().entry.inode.user, 0, "the root is dockerd's");
}

#[test]
fn long_names_and_attributes_come_in_records_or_as_gnu_has_them() {
    let (long, longer) = ("d/".repeat(90) + "x", "l/".repeat(120) + "y");
    let records: [(&str, &[u8]); 4] =
        [("path", long.as_bytes()), ("SCHILY.xattr.security.capability", b"\x01\0"), ("mtime", b"9.5"), ("uid", b"70000")];
    let tar = Made::default().records(&records).file("short", "a").member(b'L', "././@LongLink", "", longer.as_bytes()).file("short", "bc");
    let index = read(tar.member(b'g', "global", "", b"18 path=everything\n").file("plain", ""));
    let node = index.find(long.as_bytes()).unwrap();
    assert_eq!((node.capabilities.as_deref(), node.entry.inode.modified), (Some(&b"\x01\0"[..]), (9, 500_000_000)));
    assert_eq!(
        (node.entry.inode.user, at(&index, &longer), at(&index, "plain")),
        (70_000, "file of 2 bytes".into(), "file of 0 bytes".into())
    );
    assert_eq!(at(&index, "short"), "nothing");
}

#[test]
fn the_last_member_of_a_name_counts_and_directories_are_merged() {
    let tar = Made::default().file("a", "old").file("a", "newer").directory("d").file("d/in", "x").directory("d").symlink("e", "a");
    let index = read(tar.directory("e").file("f/deep/er", "").file("f", "flat"));
    assert_eq!([at(&index, "a"), at(&index, "d"), at(&index, "e")], ["file of 5 bytes", "directory of 1", "directory of 0"]);
    assert_eq!([at(&index, "f"), at(&index, "f/deep/er")], ["file of 4 bytes", "nothing"]);
    assert_eq!(index.usage().inodes, 1 + 5, "what was replaced is no more");
}

#[test]
fn whiteouts_hide_and_opaque_marks_are_no_files() {
    let tar = Made::default()
        .file("gone/.wh.it", "")
        .file("new/.wh..wh..opq", "")
        .file(".wh.made", "")
        .directory("made")
        .directory("former")
        .file(".wh.former", "")
        .records(&[("SCHILY.xattr.trusted.overlay.opaque", b"y")])
        .directory("marked");
    let index = read(tar.member(b'3', "null", "", b"").file(".wh..wh..opq", ""));
    let nature = |path: &str| index.find(path.as_bytes()).map(|node| node.entry.nature);
    assert_eq!(nature("gone/it"), Some(Nature::Whiteout));
    assert_eq!(
        [nature("new"), nature("former"), nature("marked"), nature("")].map(Option::unwrap),
        [Nature::Opaque, Nature::Opaque, Nature::Opaque, Nature::Merged]
    );
    assert_eq!(nature("made"), Some(Nature::Merged), "dockerd takes the whiteout away");
    assert_eq!([nature("new/.wh..wh..opq"), nature("null")], [None, Some(Nature::Plain)]);
    assert_eq!(index.find(b"null").unwrap().entry.inode.device, (1, 3));
    let usage = index.usage();
    assert_eq!((usage.whiteouts, usage.opaques, usage.devices, usage.content_bytes), (1, 3, 2, 0));
}

#[test]
fn nothing_is_left_out_for_its_name() {
    let index = read(Made::default().file(".wh..wh.plnk/1", "a").file("d/.wh..wh.x/suid", "bc").file("d/.wh..wh.y", ""));
    assert_eq!([at(&index, ".wh..wh.plnk/1"), at(&index, "d/.wh..wh.x/suid")], ["file of 1 bytes", "file of 2 bytes"]);
    assert_eq!(index.find(b"d/.wh.y").unwrap().entry.nature, Nature::Whiteout);
}

#[test]
fn another_name_of_a_file_says_what_it_is() {
    let tar = Made::default().records(&[("SCHILY.xattr.security.capability", b"\x01")]).file("a", "1").symlink("s", "a");
    let index = read(tar.records(&[("uid", b"70"), ("mtime", b"9")]).hard_link("b", "a").records(&[("uid", b"70")]).hard_link("t", "s"));
    let node = index.find(b"a").unwrap();
    assert_eq!((node.entry.inode.user, node.entry.inode.modified, node.capabilities.as_deref()), (70, (9, 0), None));
    let link = index.find(b"s").unwrap().entry.inode;
    assert_eq!((link.user, link.mode, link.modified), (70, 0o120_777, (64, 0)));
}

#[test]
fn what_a_layer_may_have_is_bounded() {
    let fill = |room: Room, flag: u8, link: &str| {
        let mut builder = Builder { room, ..Builder::new() };
        let mut tar = Reader::new(Stream(std::io::Cursor::new(Made::default().file("a", "").member(flag, "b", link, b"").finish())));
        while let Some(header) = tar.next().unwrap() {
            builder.add(&header, [0; 32])?;
        }
        Ok(())
    };
    let room = |inodes, names, text| Room { inodes, names, text };
    assert_eq!(fill(room(2, 2, 3), b'2', "x"), Ok(()));
    assert_eq!(fill(room(1, 2, 3), b'2', "x"), Err(Refused::TooMany));
    assert_eq!(fill(room(1, 1, 3), b'1', "a"), Err(Refused::TooMany), "another name is one too");
    assert_eq!(fill(room(2, 2, 2), b'2', "x"), Err(Refused::TooMuch));
}

#[test]
fn hard_links_are_one_inode() {
    let index = read(Made::default().file("d/a", "12345").hard_link("b", "d/a").hard_link("./c", "/d/a").file("d/a", "other"));
    let inode = |path: &str| index.find(path.as_bytes()).unwrap().entry.inode;
    assert_eq!((inode("b").number, inode("b").links, inode("d/a").links), (inode("c").number, 2, 1));
    let usage = index.usage();
    assert_eq!((usage.files, usage.content_bytes, usage.bytes), (2, 10, (2 + 2) * 4096), "two directories, two files");
}

#[test]
fn links_above_a_name_are_followed_within_the_layer() {
    let tar = Made::default().directory("usr/lib").symlink("lib", "usr/lib").symlink("up", "../../usr").symlink("abs", "/usr");
    let index = read(tar.file("lib/x", "1").file("up/y", "12").file("abs/lib/z", "123").hard_link("w", "lib/x"));
    assert_eq!([at(&index, "usr/lib/x"), at(&index, "usr/y"), at(&index, "usr/lib/z")].map(|at| at.len()), [15; 3]);
    assert_eq!([at(&index, "lib"), at(&index, "w")], ["symlink to usr/lib", "file of 1 bytes"]);
}

#[test]
fn what_cannot_be_unpacked_makes_the_layer_unreadable() {
    let deep = "a/".repeat(3000);
    let long = "n".repeat(256);
    for (tar, why) in [
        (Made::default().file("../x", ""), "../x leads out of the layer"),
        (Made::default().file("a/../../x", ""), "leads out"),
        (Made::default().file("d/.wh...", ""), "leads out"),
        (Made::default().file(".wh.", ""), "leads out"),
        (Made::default().hard_link("a", "../../etc/shadow"), "leads out"),
        (Made::default().hard_link("a", "b"), "is another name of a file that is not in the layer"),
        (Made::default().directory("b").hard_link("a", "b"), "is another name"),
        (Made::default().file("a", "").file("a/b", ""), "lies below something that is no directory"),
        (Made::default().symlink("a", "b").symlink("b", "a").file("a/c", ""), "in a circle"),
        (Made::default().symlink("a", "b").file("a/c", ""), "leads to nothing"),
        (Made::default().symlink("a", "b").file("a/c/d", ""), "leads to nothing"),
        (Made::default().file("a", "").hard_link("a", "a"), "is another name"),
        (Made::default().file("a/b", "").hard_link("a", "a/b"), "is another name"),
        (Made::default().records(&[("SCHILY.xattr.security.capability", &[1; 25])]).file("x", ""), "has capabilities"),
        (Made::default().records(&[("SCHILY.xattr.trusted.overlay.redirect", b"y")]).directory("x"), "a mark of overlayfs"),
        (Made::default().records(&[("path", deep.as_bytes())]).file("x", ""), "no file system takes"),
        (Made::default().records(&[("path", long.as_bytes())]).file("x", ""), "no file system takes"),
        (Made::default().member(b'S', "x", "", b""), "is a sparse file"),
        (Made::default().records(&[("GNU.sparse.major", b"1")]).file("x", ""), "is a sparse file"),
        (Made::default().records(&[("uid", b"4294967296")]).file("x", ""), "has an owner, or"),
        (Made::default().member(b'V', "volume", "", b""), "of a kind that cannot be unpacked"),
    ] {
        let error = read_layer(tar.finish().as_slice()).unwrap_err();
        assert!(error.contains(why), "{error}, not {why}");
    }
}
