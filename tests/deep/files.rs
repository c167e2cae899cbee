//! One change of a file after another, and exactly what is found.

use crate::world::World;
use layerwise::deep::Status;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::{Duration, UNIX_EPOCH};

/// A change of the layer, and what differs.
type Case = (&'static str, fn(&World), &'static [&'static str]);

fn write_keeping_times(world: &World, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let path = world.at(path);
    let metadata = fs::metadata(&path).unwrap();
    let mut content = fs::read(&path).unwrap();
    change(&mut content);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, metadata.permissions()).unwrap();
    File::options().write(true).open(path).unwrap().set_modified(metadata.modified().unwrap()).unwrap();
}

/// Does something in a directory that keeps its times.
fn within(world: &World, directory: &str, act: impl FnOnce()) {
    let path = world.at(directory);
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    act();
    File::open(path).unwrap().set_modified(modified).unwrap();
}

fn attribute(world: &World, path: &str, name: &str, value: &[u8]) {
    rustix::fs::lsetxattr(world.at(path), name, value, rustix::fs::XattrFlags::empty()).unwrap();
}

const CASES: &[Case] = &[
    ("nothing", |_| {}, &[]),
    ("a byte", |world| write_keeping_times(world, "bin/tool", |content| content[200_000] ^= 1), &["bin/tool: Content"]),
    ("the last byte", |world| write_keeping_times(world, "etc/name", |content| content[6] = b' '), &["etc/name: Content"]),
    ("a byte in a hole", |world| write_keeping_times(world, "hole", |content| content[99_999] = 1), &["hole: Content"]),
    ("zeros", |world| write_keeping_times(world, "usr/lib/x", |content| content.fill(0)), &["usr/lib/x: Content"]),
    ("a cut file", |world| write_keeping_times(world, "usr/lib/x", |content| content.truncate(4_999)), &["usr/lib/x: Size"]),
    ("an empty file", |world| write_keeping_times(world, "bin/tool", Vec::clear), &["bin/tool: Size"]),
    ("a longer file", |world| write_keeping_times(world, "usr/lib/x", |content| content.push(0)), &["usr/lib/x: Size"]),
    ("a file that was empty", |world| write_keeping_times(world, "etc/empty", |content| content.push(0)), &["etc/empty: Size"]),
    (
        "two files",
        |world| {
            write_keeping_times(world, "usr/lib/x", |content| content[0] ^= 1);
            write_keeping_times(world, "bin/tool", |content| content[0] ^= 1);
        },
        &["bin/tool: Content", "usr/lib/x: Content"],
    ),
    (
        "a byte and a cut file",
        |world| {
            write_keeping_times(world, "usr/lib/x", |content| content[0] ^= 1);
            write_keeping_times(world, "bin/tool", Vec::clear);
        },
        &["bin/tool: Size", "usr/lib/x: Content"],
    ),
    ("a removed file", |world| within(world, "etc", || fs::remove_file(world.at("etc/name")).unwrap()), &["etc/name: Missing"]),
    ("a removed empty file", |world| within(world, "etc", || fs::remove_file(world.at("etc/empty")).unwrap()), &["etc/empty: Missing"]),
    (
        "a removed directory",
        |world| within(world, "usr", || fs::remove_dir_all(world.at("usr/lib")).unwrap()),
        &["usr/lib: Missing", "usr/lib/x: Missing"],
    ),
    ("a removed link", |world| within(world, "bin", || fs::remove_file(world.at("bin/sh")).unwrap()), &["bin/sh: Missing"]),
    ("a removed name", |world| within(world, "bin", || fs::remove_file(world.at("bin/again")).unwrap()), &["bin/again: Missing"]),
    ("a removed FIFO", |world| within(world, "", || fs::remove_file(world.at("pipe")).unwrap()), &["pipe: Missing"]),
    ("a removed whiteout", |world| within(world, "etc", || fs::remove_file(world.at("etc/passwd")).unwrap()), &["etc/passwd: Missing"]),
    ("another file", |world| within(world, "etc", || fs::write(world.at("etc/more"), "").unwrap()), &["etc/more: Unexpected"]),
    (
        "another directory",
        |world| {
            within(world, "var", || fs::create_dir(world.at("var/more")).unwrap());
            fs::write(world.at("var/more/file"), "").unwrap();
        },
        &["var/more: Unexpected"],
    ),
    ("another link", |world| within(world, "bin", || symlink("sh", world.at("bin/ash")).unwrap()), &["bin/ash: Unexpected"]),
    (
        "another name of a file",
        |world| within(world, "bin", || fs::hard_link(world.at("bin/tool"), world.at("bin/x")).unwrap()),
        &["bin/x: Unexpected"],
    ),
    ("another mode", |world| fs::set_permissions(world.at("usr/lib/x"), Permissions::from_mode(0o600)).unwrap(), &["usr/lib/x: Mode"]),
    (
        "no set-user-id bit",
        |world| fs::set_permissions(world.at("bin/tool"), Permissions::from_mode(0o755)).unwrap(),
        &[
            // Which of its names is told does not matter: it is the last in the tar.
            "bin/again: Mode",
        ],
    ),
    (
        "another mode of a directory",
        |world| fs::set_permissions(world.at("var/empty"), Permissions::from_mode(0o1777)).unwrap(),
        &["var/empty: Mode"],
    ),
    (
        "another time",
        |world| {
            File::options().write(true).open(world.at("etc/name")).unwrap().set_modified(UNIX_EPOCH + Duration::from_secs(1)).unwrap();
        },
        &["etc/name: Times"],
    ),
    (
        "another target",
        |world| {
            within(world, "bin", || {
                fs::remove_file(world.at("bin/sh")).unwrap();
                symlink("toot", world.at("bin/sh")).unwrap();
            })
        },
        &["bin/sh: Target"],
    ),
    (
        "two files where one was",
        |world| {
            within(world, "bin", || {
                let metadata = fs::metadata(world.at("bin/again")).unwrap();
                fs::remove_file(world.at("bin/again")).unwrap();
                fs::copy(world.at("bin/tool"), world.at("bin/again")).unwrap();
                fs::set_permissions(world.at("bin/again"), metadata.permissions()).unwrap();
                File::options().write(true).open(world.at("bin/again")).unwrap().set_modified(metadata.modified().unwrap()).unwrap();
            })
        },
        &["bin/again: Unlinked"],
    ),
    (
        "a directory in place of a file",
        |world| {
            within(world, "usr/lib", || {
                fs::remove_file(world.at("usr/lib/x")).unwrap();
                fs::create_dir(world.at("usr/lib/x")).unwrap();
            })
        },
        &["usr/lib/x: Type"],
    ),
    (
        "a FIFO in place of a file",
        |world| {
            within(world, "usr/lib", || {
                fs::remove_file(world.at("usr/lib/x")).unwrap();
                nix::unistd::mkfifo(&world.at("usr/lib/x"), nix::sys::stat::Mode::S_IRWXU).unwrap();
            })
        },
        &["usr/lib/x: Type"],
    ),
    (
        "a link to the same in place of a file",
        |world| {
            within(world, "etc", || {
                fs::rename(world.at("etc/name"), world.root.path().join("name")).unwrap();
                symlink(world.root.path().join("name"), world.at("etc/name")).unwrap();
            })
        },
        &["etc/name: Type"],
    ),
    (
        "a link in place of a directory",
        |world| {
            within(world, "usr", || {
                fs::rename(world.at("usr/lib"), world.root.path().join("lib")).unwrap();
                symlink(world.root.path().join("lib"), world.at("usr/lib")).unwrap();
            })
        },
        &["usr/lib: Type", "usr/lib/x: Missing"],
    ),
    (
        "a file in place of a whiteout",
        |world| {
            within(world, "etc", || {
                fs::remove_file(world.at("etc/passwd")).unwrap();
                fs::write(world.at("etc/passwd"), "root::0:0::/:\n").unwrap();
            })
        },
        &["etc/passwd: Type"],
    ),
    ("another attribute", |world| attribute(world, "attributed", "user.layerwise", b"another"), &["attributed: Attribute"]),
    ("no attribute", |world| rustix::fs::lremovexattr(world.at("attributed"), "user.layerwise").unwrap(), &["attributed: Attribute"]),
];

/// Those that only root can do.
const PRIVILEGED: &[Case] = &[
    ("another owner", |world| std::os::unix::fs::chown(world.at("etc/name"), Some(1), None).unwrap(), &["etc/name: Owner"]),
    ("another group of a link", |world| std::os::unix::fs::lchown(world.at("bin/sh"), None, Some(5)).unwrap(), &["bin/sh: Owner"]),
    ("root's in place of another's", |world| std::os::unix::fs::chown(world.at("owned"), Some(0), Some(0)).unwrap(), &["owned: Owner"]),
    (
        "another device",
        |world| {
            within(world, "", || {
                let modified = fs::metadata(world.at("attributed")).unwrap().modified().unwrap();
                fs::remove_file(world.at("null")).unwrap();
                let mode = rustix::fs::Mode::from_raw_mode(0o644);
                rustix::fs::mknodat(
                    rustix::fs::CWD,
                    world.at("null"),
                    rustix::fs::FileType::CharacterDevice,
                    mode,
                    rustix::fs::makedev(1, 5),
                )
                .unwrap();
                fs::set_permissions(world.at("null"), Permissions::from_mode(0o644)).unwrap();
                let seconds = i64::try_from(modified.duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
                let time = rustix::fs::Timespec { tv_sec: seconds, tv_nsec: 0 };
                let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
                rustix::fs::utimensat(rustix::fs::CWD, world.at("null"), &times, rustix::fs::AtFlags::empty()).unwrap();
            })
        },
        &["null: Device"],
    ),
    (
        "no mark of an opaque directory",
        |world| rustix::fs::lremovexattr(world.at("data"), "trusted.overlay.opaque").unwrap(),
        &["data/.wh..wh..opq: Missing"],
    ),
    ("a mark that hides something", |world| attribute(world, "opt", "trusted.overlay.opaque", b"y"), &["opt: Hides"]),
    ("a mark that hides nothing", |world| attribute(world, "var", "trusted.overlay.opaque", b"y"), &[]),
    ("what overlayfs notes for itself", |world| attribute(world, "opt", "trusted.overlay.origin", b"x"), &[]),
    (
        "capabilities",
        |world| {
            let value = [&[1, 0, 0, 2, 0, 0x20][..], &[0; 14]].concat();
            attribute(world, "bin/tool", "security.capability", &value);
        },
        &["bin/again: Capabilities"],
    ),
    (
        "another whiteout",
        |world| {
            within(world, "usr", || {
                let mode = rustix::fs::Mode::empty();
                rustix::fs::mknodat(rustix::fs::CWD, world.at("usr/share"), rustix::fs::FileType::CharacterDevice, mode, 0).unwrap();
            })
        },
        &["usr/share: Unexpected"],
    ),
];

fn assert_found(cases: &[Case]) {
    let mut wrong = Vec::new();
    for (name, change, expected) in cases {
        let world = World::new();
        change(&world);
        let found = world.differences();
        if found != *expected {
            wrong.push(format!("{name}: found {found:#?}, not {expected:#?}"));
        }
        let status = world.outcome().status;
        assert_eq!(status, if expected.is_empty() { Status::Verified } else { Status::Different }, "{name}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_change_of_a_file_is_found_and_nothing_else() {
    assert_found(CASES);
}

#[test]
fn what_only_root_can_change_is_found_too() {
    if nix::unistd::geteuid().is_root() {
        assert_found(PRIVILEGED);
    }
}
