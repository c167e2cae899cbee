//! Damage to what is in layers.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};

use rustix::fs::{XattrFlags, lsetxattr};

use super::case::{Case, Repair, Says, Start};
use super::root::{cut, flip, remove};

const SAVE: &str = "save app:1";

pub(super) const CASES: &[Case] = &[
    Case {
        damage: "`tar-split.json.gz` of a layer missing",
        inflict: |root| remove(root.record("app:1", 1).join("tar-split.json.gz")),
        check: "check",
        codes: &["missing-tar-split"],
        start: Start::Works,
        then: &[("run --rm --network none app:1 cat /app", Says::Prints("served")), (SAVE, Says::Fails("no such file or directory"))],
        reaction: "starts; the image runs, `docker save` fails: \"no such file or directory\"",
        repair: Repair::Leaves,
    },
    Case {
        damage: "`tar-split.json.gz` of a layer cut off",
        inflict: |root| cut(root.record("app:1", 1).join("tar-split.json.gz")),
        check: "check --deep",
        codes: &["tar-split-invalid"],
        start: Start::Works,
        then: &[("run --rm --network none app:1 cat /app", Says::Prints("served")), (SAVE, Says::Fails("unexpected EOF"))],
        reaction: "starts; the image runs, `docker save` fails: \"unexpected EOF\"",
        repair: Repair::Leaves,
    },
    Case {
        damage: "a bit of a file changed",
        inflict: |root| flip(root.directory("app:1", 1).join("diff/app")),
        check: "check --deep",
        codes: &["file-content"],
        start: Start::Works,
        then: &[("run --rm --network none app:1 cat /app", Says::Prints("ser")), (SAVE, Says::Fails("file integrity checksum failed"))],
        reaction: "starts; **the image runs with the changed file**, `docker save` fails: \"file integrity checksum failed\"",
        repair: Repair::Leaves,
    },
    Case {
        damage: "a file cut off",
        inflict: |root| cut(root.directory("app:1", 1).join("diff/app")),
        check: "check --deep",
        codes: &["file-size", "file-times"],
        start: Start::Works,
        then: &[("run --rm --network none app:1 cat /app", Says::Prints("ser")), (SAVE, Says::Fails("file integrity checksum failed"))],
        reaction: "starts; **the image runs with the rest of the file**, `docker save` fails: \"file integrity checksum failed\"",
        repair: Repair::Leaves,
    },
    Case {
        damage: "a file missing",
        inflict: |root| remove(root.directory("app:1", 1).join("diff/app")),
        check: "check --deep",
        codes: &["file-missing"],
        start: Start::Works,
        then: &[("run --rm --network none app:1 cat /app", Says::Fails("No such file")), (SAVE, Says::Fails("no such file or directory"))],
        reaction: "starts; the image runs without the file, `docker save` fails",
        repair: Repair::Leaves,
    },
    Case {
        damage: "a file too many",
        inflict: |root| fs::write(root.directory("app:1", 1).join("diff/more"), "").unwrap(),
        check: "check --deep",
        codes: &["unexpected-file"],
        start: Start::Works,
        then: &[(SAVE, Says::Works)],
        reaction: "starts; `docker save` works, and leaves it out",
        repair: Repair::Leaves,
    },
    Case {
        damage: "mode or owner of a file changed",
        inflict: |root| {
            fs::set_permissions(root.directory("app:1", 1).join("diff/app"), fs::Permissions::from_mode(0o4755)).unwrap();
            chown(root.directory("app:1", 2).join("diff/more"), Some(1), Some(1)).unwrap();
        },
        check: "check --deep",
        codes: &["file-metadata"],
        start: Start::Works,
        then: &[(SAVE, Says::Works)],
        reaction: "starts; `docker save` works, with what was recorded",
        repair: Repair::Leaves,
    },
    Case {
        damage: "a file replaced by a directory",
        inflict: |root| {
            let file = root.directory("app:1", 1).join("diff/app");
            remove(file.clone());
            fs::create_dir(file).unwrap();
        },
        check: "check --deep",
        codes: &["file-type"],
        start: Start::Works,
        then: &[(SAVE, Says::Fails("is a directory"))],
        reaction: "starts; `docker save` fails: \"is a directory\"",
        repair: Repair::Leaves,
    },
    Case {
        damage: "a directory marked as opaque that is not so in the layer",
        inflict: |root| {
            let directory = root.directory("app:1", 2).join("diff/bin");
            fs::create_dir(&directory).unwrap();
            lsetxattr(&directory, "trusted.overlay.opaque", b"y", XattrFlags::empty()).unwrap();
        },
        check: "check --deep",
        codes: &["unexpected-file"],
        start: Start::Works,
        then: &[("run --rm --network none app:1 cat /app", Says::Fails("not found in $PATH")), (SAVE, Says::Works)],
        reaction: "starts; what the directory hides is gone for all containers on it; `docker save` works, with what was recorded",
        repair: Repair::Leaves,
    },
    Case {
        damage: "a directory marked as opaque for rootless mounts",
        inflict: |root| {
            let directory = root.directory("app:1", 2).join("diff/bin");
            fs::create_dir(&directory).unwrap();
            lsetxattr(&directory, "user.overlay.opaque", b"y", XattrFlags::empty()).unwrap();
        },
        check: "check",
        codes: &["foreign-opaque"],
        start: Start::Works,
        then: &[("run --rm --network none app:1 cat /app", Says::Prints("served"))],
        reaction: "starts; the image runs",
        repair: Repair::Leaves,
    },
    Case {
        damage: "a file that hides another by an attribute",
        inflict: |root| {
            let diff = root.directory("app:1", 2).join("diff");
            fs::write(diff.join("app"), "").unwrap();
            lsetxattr(diff.join("app"), "trusted.overlay.whiteout", b"", XattrFlags::empty()).unwrap();
            lsetxattr(&diff, "trusted.overlay.opaque", b"x", XattrFlags::empty()).unwrap();
        },
        check: "check",
        codes: &["whiteout-file"],
        start: Start::Works,
        then: &[("run --rm --network none app:1 cat /app", Says::Fails("No such file")), (SAVE, Says::Works)],
        reaction: "starts; the hidden file is gone for all containers on it; `docker save` works, with what was recorded",
        repair: Repair::Leaves,
    },
    Case {
        damage: "a directory renamed by reference (`redirect`)",
        inflict: |root| {
            let directory = root.directory("app:1", 2).join("diff/renamed");
            fs::create_dir(&directory).unwrap();
            lsetxattr(&directory, "trusted.overlay.redirect", b"bin", XattrFlags::empty()).unwrap();
        },
        check: "check",
        codes: &["redirect"],
        start: Start::Works,
        then: &[("run --rm --network none app:1 cat /app", Says::Prints("served"))],
        reaction: "starts; the image runs",
        repair: Repair::Leaves,
    },
];
