//! Damage to layer directories.

use std::fs;
use std::os::unix::fs::symlink;

use super::case::{Case, Repair, Says, Start};
use super::root::{read, remove, write};

/// Runs a command in a new container that needs the two layers of an image over its base.
const RUN: &str = "run --rm --network none app:1 cat /app /more";

pub(super) const CASES: &[Case] = &[
    Case {
        damage: "a layer's directory missing",
        inflict: |root| remove(root.directory("app:1", 1)),
        check: "check",
        codes: &["missing-directory"],
        start: Start::Works,
        then: &[
            (RUN, Says::Fails("error creating overlay mount")),
            ("start -a web", Says::Fails("Error response from daemon")),
            ("inspect app:1", Says::Works),
            ("save app:1", Says::Fails("no such file or directory")),
        ],
        reaction: "starts, and still lists the image; nothing on it runs (\"error creating overlay mount … no such file or directory\"), `docker save` fails",
        repair: Repair::Leaves,
    },
    Case {
        damage: "the directory of an image's last layer missing",
        inflict: |root| remove(root.directory("app:1", 2)),
        check: "check",
        codes: &["missing-directory"],
        start: Start::Works,
        then: &[
            (RUN, Says::Fails("committed: no such file")),
            ("inspect app:1", Says::Fails("no such file or directory")),
            ("rm web", Says::Works),
            ("rmi app:1", Says::Works),
        ],
        reaction: "starts; `docker run` (\"open …/committed: no such file or directory\") and `docker inspect` fail, `docker rm` and `docker rmi` work",
        repair: Repair::Leaves,
    },
    Case {
        damage: "`diff/` of a layer missing",
        inflict: |root| remove(root.directory("app:1", 1).join("diff")),
        check: "check",
        codes: &["missing-diff"],
        start: Start::Works,
        then: &[(RUN, Says::Fails("error creating overlay mount")), ("start -a web", Says::Fails("Error response from daemon"))],
        reaction: "starts; nothing on it runs: \"error creating overlay mount … no such file or directory\"",
        repair: Repair::Leaves,
    },
    Case {
        damage: "the link to a layer missing from `l/`",
        inflict: |root| remove(root.link(&root.directory("app:1", 1))),
        check: "check",
        codes: &["missing-link"],
        start: Start::Works,
        then: &[
            (RUN, Says::Fails("error creating overlay mount")),
            ("start -a web", Says::Fails("Error response from daemon")),
            ("run --rm --network none built:1 cat /built", Says::Prints("built")),
        ],
        reaction: "starts; nothing on it runs: \"error creating overlay mount\", \"readlink …/l/…: no such file or directory\"; other images do",
        repair: Repair::Mends,
    },
    Case {
        damage: "the link to a layer leading to another",
        inflict: |root| {
            let link = root.link(&root.directory("app:1", 1));
            let other = root.directory("built:1", 1);
            remove(link.clone());
            symlink(format!("../{}/diff", other.file_name().unwrap().to_str().unwrap()), link).unwrap();
        },
        check: "check",
        codes: &["mismatched-link"],
        start: Start::Works,
        then: &[(RUN, Says::Fails("can't open")), ("run --rm --network none app:1 cat /built", Says::Prints("built"))],
        reaction: "starts; **the image runs with the files of the other layer**",
        repair: Repair::Mends,
    },
    Case {
        damage: "`link` of a layer missing",
        inflict: |root| remove(root.directory("app:1", 2).join("link")),
        check: "check",
        codes: &["missing-link-file"],
        start: Start::Works,
        then: &[(RUN, Says::Fails("link: no such file")), ("start -a web", Says::Prints("served"))],
        reaction: "starts; what lies on it runs, nothing new can be created on it: \"open …/link: no such file or directory\"",
        repair: Repair::Mends,
    },
    Case {
        damage: "`link` of a layer empty",
        inflict: |root| write(root.directory("app:1", 2).join("link"), ""),
        check: "check",
        codes: &["missing-link-file"],
        start: Start::Works,
        then: &[(RUN, Says::Fails("can't open")), ("start -a web", Says::Prints("served"))],
        reaction: "starts; what lies on it runs; **new containers are created without the layer's files**",
        repair: Repair::Mends,
    },
    Case {
        damage: "`link` of a layer naming another",
        inflict: |root| write(root.directory("app:1", 2).join("link"), read(&root.directory("built:1", 1).join("link"))),
        check: "check",
        codes: &["mismatched-link-file"],
        start: Start::Works,
        then: &[("run --rm --network none app:1 cat /more", Says::Fails("No such file")), ("start -a web", Says::Prints("served"))],
        reaction: "starts; what lies on it runs; **new containers are created with the files of the other layer**",
        repair: Repair::Mends,
    },
    Case {
        damage: "`lower` of a layer missing",
        inflict: |root| remove(root.directory("app:1", 2).join("lower")),
        check: "check",
        codes: &["missing-lower"],
        start: Start::Works,
        then: &[(RUN, Says::Fails("not found in $PATH")), ("start -a web", Says::Prints("served"))],
        reaction: "starts; what lies on it runs; **new containers see this layer alone**",
        repair: Repair::Mends,
    },
    Case {
        damage: "`lower` of a container's layer missing",
        inflict: |root| remove(root.writable().join("lower")),
        check: "check",
        codes: &["missing-lower"],
        start: Start::Works,
        then: &[("start -a web", Says::Fails("Error response from daemon"))],
        reaction: "starts; the container does not",
        repair: Repair::Mends,
    },
    Case {
        damage: "`lower` of a layer one too short",
        inflict: |root| {
            let file = root.directory("app:1", 2).join("lower");
            let first = read(&file).split(':').next().unwrap().to_owned();
            write(file, first);
        },
        check: "check",
        codes: &["mismatched-lower"],
        start: Start::Works,
        then: &[(RUN, Says::Fails("not found in $PATH"))],
        reaction: "starts; **new containers lack the files of the layers that are left out**",
        repair: Repair::Mends,
    },
    Case {
        damage: "`lower` of a container's layer in another order",
        inflict: |root| {
            let file = root.writable().join("lower");
            let mut lower: Vec<_> = read(&file).split(':').map(str::to_owned).collect();
            lower.reverse();
            write(file, lower.join(":"));
        },
        check: "check",
        codes: &["mismatched-lower"],
        start: Start::Works,
        then: &[("start -a web", Says::Prints("served"))],
        reaction: "starts; the container runs, with the layers in that order",
        repair: Repair::Mends,
    },
    Case {
        damage: "`lower` of a layer naming itself",
        inflict: |root| {
            let directory = root.directory("app:1", 1);
            write(directory.join("lower"), format!("l/{}", read(&directory.join("link"))));
        },
        check: "check",
        codes: &["cyclic-lower"],
        start: Start::Works,
        then: &[(RUN, Says::Prints("served"))],
        reaction: "starts; the image runs",
        repair: Repair::Mends,
    },
    Case {
        damage: "`committed` of a layer missing",
        inflict: |root| remove(root.directory("app:1", 2).join("committed")),
        check: "check",
        codes: &["missing-committed"],
        start: Start::Works,
        then: &[(RUN, Says::Prints("served"))],
        reaction: "starts; the image runs",
        repair: Repair::Mends,
    },
    Case {
        damage: "`work/` of a layer missing",
        inflict: |root| remove(root.directory("app:1", 2).join("work")),
        check: "check",
        codes: &[],
        start: Start::Works,
        then: &[(RUN, Says::Prints("served"))],
        reaction: "starts; the image runs",
        repair: Repair::Leaves,
    },
    Case {
        damage: "`work/` of a container's layer missing",
        inflict: |root| remove(root.writable().join("work")),
        check: "check",
        codes: &["missing-work"],
        start: Start::Works,
        then: &[("start -a web", Says::Fails("Error response from daemon"))],
        reaction: "starts; the container does not",
        repair: Repair::Mends,
    },
    Case {
        damage: "`committed` in a container's layer",
        inflict: |root| fs::write(root.writable().join("committed"), "").unwrap(),
        check: "check",
        codes: &["unexpected-committed"],
        start: Start::Works,
        then: &[("start -a web", Says::Prints("served")), ("cp /etc/hostname web:/x", Says::Fails("read-only file system"))],
        reaction: "starts; the container runs, on a read-only file system",
        repair: Repair::Mends,
    },
    Case {
        damage: "`merged/` left in a container's layer",
        inflict: |root| fs::create_dir(root.writable().join("merged")).unwrap(),
        check: "check",
        codes: &["leftover-merged"],
        start: Start::Works,
        then: &[("start -a web", Says::Prints("served"))],
        reaction: "starts; the container runs",
        repair: Repair::Leaves,
    },
    Case {
        damage: "the mark of a volatile mount in a container's `work/`",
        inflict: |root| fs::create_dir_all(root.writable().join("work/work/incompat/volatile")).unwrap(),
        check: "check",
        codes: &["volatile-leftover"],
        start: Start::Works,
        then: &[("start -a web", Says::Fails("Error response from daemon"))],
        reaction: "starts; the container does not",
        repair: Repair::Leaves,
    },
];
