//! Damage to layer directories.

use super::{Case, case};
use layerwise::demo::{Harm, Target};
use std::fs;
use std::os::unix::fs::symlink;

pub(super) const CASES: &[Case] = &[
    case(
        "a layer without directory",
        |world| world.remove(&Target::Directory(world.middle.dir.id)),
        &["error missing-directory overlay2/<middle dir>"],
    ),
    case(
        "a layer without directory and link",
        |world| {
            world.remove(&Target::Directory(world.middle.dir.id));
            world.remove(&Target::Link(world.middle.dir.link));
        },
        &["error missing-directory overlay2/<middle dir>"],
    ),
    case(
        "a container without directory",
        |world| world.remove(&Target::Directory(world.web.rw.id)),
        // Nothing lies on it, so that the link is of no use any more.
        &["error missing-directory overlay2/<rw>", "garbage dangling-link overlay2/l/<rw link>"],
    ),
    case(
        "a build snapshot without directory",
        |world| {
            world.remove(&Target::Directory(world.context.dir.id));
            world.remove(&Target::Link(world.context.dir.link));
        },
        &["warning missing-directory overlay2/<context>"],
    ),
    case(
        "a layer without diff directory",
        |world| world.remove(&Target::DirectoryEntry(world.base.dir.id, "diff")),
        &["error missing-diff overlay2/<base dir>/diff"],
    ),
    case(
        "a layer without short name",
        |world| world.remove(&Target::DirectoryEntry(world.top.dir.id, "link")),
        &["error missing-link-file overlay2/<top dir>/link"],
    ),
    case(
        "a container's layer with an empty short name",
        |world| world.damage(&Target::DirectoryEntry(world.web.rw.id, "link"), &Harm::Emptied),
        &["warning missing-link-file overlay2/<rw>/link"],
    ),
    case(
        "a layer with another short name",
        |world| world.say(&Target::DirectoryEntry(world.middle.dir.id, "link"), "A".repeat(26)),
        &["error mismatched-link-file overlay2/<middle dir>/link"],
    ),
    case(
        "a layer whose link is gone",
        |world| world.remove(&Target::Link(world.middle.dir.link)),
        &["error missing-link overlay2/l/<middle link>"],
    ),
    case(
        "a container's layer whose link is gone",
        |world| world.remove(&Target::Link(world.web.rw.link)),
        &["warning missing-link overlay2/l/<rw link>"],
    ),
    case(
        "a layer whose link and short name are gone",
        |world| {
            world.remove(&Target::Link(world.base.dir.link));
            world.remove(&Target::DirectoryEntry(world.base.dir.id, "link"));
        },
        &["error missing-link overlay2/l/<base link>", "error missing-link-file overlay2/<base dir>/link"],
    ),
    case(
        "a link that leads nowhere",
        |world| world.damage(&Target::Link(world.middle.dir.link), &Harm::Garbled),
        &["error mismatched-link overlay2/l/<middle link>"],
    ),
    case(
        "a link that leads to another layer",
        |world| {
            let target = format!("../{}/diff", world.base.dir.id);
            world.say(&Target::Link(world.middle.dir.link), target);
        },
        &["error mismatched-link overlay2/l/<middle link>"],
    ),
    case(
        "a link that is a file",
        |world| {
            world.remove(&Target::Link(world.middle.dir.link));
            world.write(world.middle.dir.link_path(), "");
        },
        &["error mismatched-link overlay2/l/<middle link>"],
    ),
    case(
        "a layer without lower",
        |world| world.remove(&Target::DirectoryEntry(world.top.dir.id, "lower")),
        &["error missing-lower overlay2/<top dir>/lower"],
    ),
    case(
        "a container without lower",
        |world| world.damage(&Target::DirectoryEntry(world.web.rw.id, "lower"), &Harm::Emptied),
        &["error missing-lower overlay2/<rw>/lower"],
    ),
    case(
        "a build snapshot without lower",
        |world| world.remove(&Target::DirectoryEntry(world.step.dir.id, "lower")),
        &["error missing-lower overlay2/<step>/lower"],
    ),
    case(
        "a layer with too short a lower",
        |world| world.say(&Target::DirectoryEntry(world.top.dir.id, "lower"), format_args!("l/{}", world.middle.dir.link)),
        &["error mismatched-lower overlay2/<top dir>/lower"],
    ),
    case(
        "a layer on others in the wrong order",
        |world| {
            let lower = format!("l/{}:l/{}", world.base.dir.link, world.middle.dir.link);
            world.say(&Target::DirectoryEntry(world.top.dir.id, "lower"), lower);
        },
        &["error mismatched-lower overlay2/<top dir>/lower"],
    ),
    case(
        "a layer on nothing that there is",
        |world| {
            let lower = format!("l/{}:l/{}", world.middle.dir.link, "A".repeat(26));
            world.say(&Target::DirectoryEntry(world.top.dir.id, "lower"), lower);
        },
        &["error mismatched-lower overlay2/<top dir>/lower"],
    ),
    case(
        "a base layer that lies on another",
        |world| world.say(&Target::DirectoryEntry(world.base.dir.id, "lower"), format_args!("l/{}", world.web.rw.link)),
        &["error cyclic-lower overlay2/<base dir>/lower"],
    ),
    case(
        "a container without work",
        |world| world.remove(&Target::DirectoryEntry(world.web.rw.id, "work")),
        &["error missing-work overlay2/<rw>/work"],
    ),
    case("a layer that was built upon, without work", |world| world.remove(&Target::DirectoryEntry(world.middle.dir.id, "work")), &[]),
    case(
        "a container's layer that is committed",
        |world| world.write(world.web.rw.path().join("committed"), ""),
        &["error unexpected-committed overlay2/<rw>/committed"],
    ),
    case(
        "a layer that is not committed",
        |world| world.remove(&Target::DirectoryEntry(world.middle.dir.id, "committed")),
        &["notice missing-committed overlay2/<middle dir>/committed"],
    ),
    case(
        "a volatile mount",
        |world| fs::create_dir_all(world.at(world.web.rw.path().join("work/work/incompat/volatile"))).unwrap(),
        &["error volatile-leftover overlay2/<rw>/work/work/incompat/volatile"],
    ),
    case(
        "a mount point",
        |world| fs::create_dir(world.at(world.web.rw.path().join("merged"))).unwrap(),
        &["notice leftover-merged overlay2/<rw>/merged"],
    ),
    case(
        "a symbolic link in place of a layer directory",
        |world| {
            let dir = world.at(world.top.dir.path());
            fs::rename(&dir, world.at("elsewhere")).unwrap();
            symlink(world.at("elsewhere"), &dir).unwrap();
        },
        // dockerd follows it, and layerwise does not.
        &["warning unreadable overlay2/<top dir>"],
    ),
];
