//! What is read of a made-up machine.

use crate::machine::{DIR, Host, LINK, OTHER_DIR, identity};
use layerwise::dir::Dir;
use layerwise::store::live::daemons::Evidence;
use layerwise::store::live::{Daemon, Live, LockState, Sight, mounts, read};
use layerwise::unreadable::Pins;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// An overlay of a container with this RW layer.
fn overlay(dir: &str, point: &str) -> String {
    format!("1 2 0:39 / {point} rw - overlay overlay rw,lowerdir=/o/l/{LINK},upperdir=/o/{dir}/diff,workdir=/o/{dir}/work\n")
}

fn live(host: &Host, root: &Path) -> Live {
    read(&host.proc(), &Dir::root(root).unwrap())
}

#[test]
fn mounts_are_found_in_every_namespace_and_each_is_told_once() {
    let host = Host::new();
    let root = host.data_root("docker");
    host.process(20, "init").file("mountinfo", &overlay(DIR, "/d/merged"));
    // The same namespace and root again: what this one says is not even read.
    host.process(21, "twin").file("mountinfo", "nonsense");
    // The same namespace seen from a chroot, and another namespace that sees the first mount too.
    host.process(22, "chroot").link("root", "/srv").file("mountinfo", &overlay(OTHER_DIR, "/x").replace("0:39", "0:40"));
    host.process(23, "inside").link("ns/mnt", "mnt:[5]").file("mountinfo", &overlay(DIR, "/"));
    // 10 is us, in the first namespace too, and comes first: give it a view of its own.
    host.process(10, "layerwise").link("ns/mnt", "mnt:[6]").link("ns/pid", "pid:[4026531836]");
    let live = live(&host, &root);
    let found: Vec<_> = live.mounts.iter().map(|mount| (mount.pid, mount.mount_point.clone(), mount.directories[0].to_string())).collect();
    assert_eq!(found, [(20, "/d/merged".into(), DIR.to_owned()), (22, "/x".into(), OTHER_DIR.to_owned())]);
    assert!(live.mounts.iter().all(|mount| mount.links[0].to_string() == LINK && mount.file_system == "overlay"));
    assert_eq!(live.incomplete, []);
}

#[test]
fn mounts_that_cannot_be_read_pin_directories_and_hide_no_others() {
    let host = Host::new();
    let root = host.data_root("docker");
    host.process(20, "a").link("ns/mnt", "mnt:[1]").spoilt("mountinfo");
    host.process(21, "b").link("ns/mnt", "mnt:[2]").file("mountinfo", &format!("nonsense\n{}", overlay(DIR, "/")));
    host.process(22, "c").link("ns/mnt", "mnt:[3]").spoilt("mountinfo");
    let live = live(&host, &root);
    assert_eq!(live.mounts.len(), 1);
    let [gap] = live.incomplete.as_slice() else { panic!("{:?}", live.incomplete) };
    assert_eq!((gap.pins, gap.path.clone()), (Pins::Directories, host.path("proc/20/mountinfo")));
    assert!(gap.error.ends_with("(and 2 more like it)"), "{}", gap.error);
}

#[test]
fn a_process_that_may_not_be_told_apart_is_read_for_itself() {
    let host = Host::new();
    let root = host.data_root("docker");
    fs::remove_file(host.path("proc/10/ns/mnt")).unwrap();
    host.process(20, "a").spoilt("ns").file("mountinfo", &overlay(DIR, "/"));
    host.process(21, "b").spoilt("ns").file("mountinfo", &overlay(OTHER_DIR, "/"));
    assert_eq!(live(&host, &root).mounts.len(), 2);
}

/// The only daemon of a machine.
fn daemon(host: &Host, root: &Path) -> Daemon {
    let live = live(host, root);
    assert_eq!(live.incomplete, []);
    let [daemon] = live.daemons.as_slice() else { panic!("{:?}", live.daemons) };
    daemon.clone()
}

#[test]
fn a_data_root_is_known_by_the_database_the_arguments_the_configuration_or_by_default() {
    for (command, config, environment, expected, evidence) in [
        ("dockerd --data-root /data/a", r#"{"data-root":"/data/b"}"#, "", "data/a", Evidence::Arguments),
        ("docker daemon -g /data/a", "", "", "data/a", Evidence::Arguments),
        ("dockerd", r#"{"data-root":"/data/b"}"#, "", "data/b", Evidence::Configuration("/etc/docker/daemon.json".into())),
        ("dockerd --config-file /c.json", "", "", "data/c", Evidence::Configuration("/c.json".into())),
        ("dockerd", "", "HOME=/root", "var/lib/docker", Evidence::Default),
        ("dockerd", "", "HOME=/home/u\0ROOTLESSKIT_STATE_DIR=/run/x", "home/u/.local/share/docker", Evidence::Default),
        ("dockerd --data-root ../data/a", "", "", "data/a", Evidence::Arguments),
        // An absolute link is meant in the view of the daemon.
        ("dockerd --data-root /link", "", "", "data/b", Evidence::Arguments),
    ] {
        let host = Host::new();
        for place in ["data/a", "data/b", "data/c", "var/lib/docker", "home/u/.local/share/docker"] {
            host.data_root(&format!("view/{place}"));
        }
        host.mkdir("view/run");
        host.write("view/etc/docker/daemon.json", config);
        host.write("view/c.json", r#"{"graph":"/data/c","userns-remap":"default"}"#);
        symlink("/data/b", host.path("view/link")).unwrap();
        host.process(20, command).in_root("view").link("cwd", "/run").file("environ", environment);
        let root = host.path("view").join(expected);
        let found = daemon(&host, &root);
        assert_eq!((found.identity, found.here, found.evidence), (Some(identity(&root)), Some(root.clone()), evidence), "{command}");
        assert_eq!(found.userns_remap, command.contains("c.json"));
        assert_eq!(live(&host, &root).daemons_here().count(), 1, "{command}");
        assert_eq!(live(&host, &host.mkdir("elsewhere")).daemons_here().count(), 0, "{command}");
    }
}

#[test]
fn an_open_database_tells_more_than_the_arguments() {
    let host = Host::new();
    let (plain, sub) = (host.data_root("docker"), host.data_root("docker/100000.100000"));
    host.process(20, "dockerd --data-root /docker --userns-remap=default").holds(&sub);
    // Another program, even with the database open, is no dockerd; nor is a child of dockerd without it.
    host.process(21, "cat").holds(&plain);
    host.process(22, "docker-untar").link("exe", "/usr/bin/dockerd");
    let found = daemon(&host, &sub);
    assert_eq!((found.identity, found.here.as_deref(), found.evidence), (Some(identity(&sub)), Some(&*sub), Evidence::OpenDatabase));
    assert!(found.userns_remap);
    assert_eq!(live(&host, &plain).daemons_here().count(), 0);
    assert_eq!(live(&host, &sub).daemons_here().count(), 1);
}

#[test]
fn a_daemon_whose_database_was_deleted_may_still_use_the_data_root_and_its_sub_roots() {
    let host = Host::new();
    let (plain, sub, other) = (host.data_root("docker"), host.data_root("docker/100000.100000"), host.data_root("other"));
    let gone = host.path("docker/volumes/metadata.db (deleted)");
    host.process(20, "dockerd --data-root /docker").link("fd/3", gone);
    for (root, expected) in [(&plain, 1), (&sub, 1), (&other, 0)] {
        assert_eq!(live(&host, root).daemons_here().count(), expected, "{}", root.display());
    }
}

#[test]
fn a_link_leads_a_daemon_nowhere_outside_its_view() {
    let host = Host::new();
    let root = host.data_root("volume/_data");
    let view = host.mkdir("view");
    symlink(&root, view.join("data")).unwrap();
    host.process(20, "dockerd --data-root /data").in_root("view");
    let found = daemon(&host, &root);
    assert_eq!((found.identity, found.here, found.data_root), (None, None, PathBuf::from("/data")));
}

#[test]
fn a_start_is_never_later_than_the_birth_of_the_temporary_directory() {
    let host = Host::new();
    let root = host.data_root("docker");
    host.process(20, "dockerd").holds(&root);
    let ticks = u64::try_from(nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).unwrap().unwrap()).unwrap();
    let computed = (1_700_000_000 + i64::try_from(250 / ticks).unwrap(), u32::try_from(250 % ticks * (1_000_000_000 / ticks)).unwrap());
    assert_eq!(daemon(&host, &root).started, Some(computed));
    // The clock was set forward after the start, so that the computed start is in the future of what the daemon has made.
    fs::write(host.path("proc/stat"), "btime 99000000000\n").unwrap();
    let born = Dir::root(&host.mkdir("docker/tmp")).unwrap().stamp("").unwrap().unwrap().born;
    let expected = born.unwrap_or((99_000_000_000 + computed.0 - 1_700_000_000, computed.1));
    assert_eq!(daemon(&host, &root).started, Some(expected));
}

#[test]
fn the_lock_is_told_with_its_holders() {
    let host = Host::new();
    let root = host.data_root("docker");
    assert_eq!(live(&host, &root).lock, LockState::Free);
    let database = fs::File::open(root.join("volumes/metadata.db")).unwrap();
    let _lock = nix::fcntl::Flock::lock(database, nix::fcntl::FlockArg::LockExclusiveNonblock).unwrap();
    let file = identity(&root.join("volumes/metadata.db"));
    let line = |pid: i32, kind: &str, major: u32, inode: u64| format!("1: {kind} {pid} {major:02x}:{:02x}:{inode} 0 EOF\n", file.device.1);
    let table = [
        line(20, "FLOCK  ADVISORY  WRITE", file.device.0, file.inode),
        line(21, "FLOCK  ADVISORY  READ", file.device.0, file.inode),
        line(22, "-> FLOCK  ADVISORY  WRITE", file.device.0, file.inode),
        line(23, "FLOCK  ADVISORY  WRITE", file.device.0, file.inode + 1),
        // The device of a btrfs or overlay is another one here: only who has the file open holds it.
        line(24, "FLOCK  ADVISORY  WRITE", file.device.0 + 1, file.inode),
        line(25, "FLOCK  ADVISORY  WRITE", file.device.0 + 1, file.inode),
    ];
    fs::write(host.path("proc/locks"), table.concat()).unwrap();
    host.process(25, "x").holds(&root);
    assert_eq!(live(&host, &root).lock, LockState::Held { by: vec![20, 25] });
    fs::remove_file(root.join("volumes/metadata.db")).unwrap();
    assert_eq!(live(&host, &root).lock, LockState::Missing);
    fs::create_dir(root.join("volumes/metadata.db")).unwrap();
    let seen = live(&host, &root);
    assert_eq!((seen.lock, seen.incomplete.len()), (LockState::Unknown, 1));
}

#[test]
fn shims_and_holders_are_found_by_names() {
    let host = Host::new();
    let root = host.data_root("docker");
    host.process(20, &format!("containerd-shim-runc-v2 -namespace moby -id {DIR}"));
    host.process(21, "sh").link("cwd", format!("/docker/overlay2/{DIR}/diff/etc")).file("comm", "bash\n");
    host.process(22, "sh").link("fd/7", format!("/elsewhere/{OTHER_DIR}/diff/x (deleted)")).link("exe", format!("/o/{DIR}/diff/bin/sh"));
    host.process(23, "sh").spoilt("fd");
    let live = live(&host, &root);
    assert_eq!(live.shims.iter().map(|shim| (shim.pid, shim.container.to_string())).collect::<Vec<_>>(), [(20, DIR.to_owned())]);
    let expected = [(21, "working directory", DIR), (22, "program", DIR), (22, "open file", OTHER_DIR)];
    assert_eq!(held(&live), expected.map(|(pid, via, dir)| (pid, via.to_owned(), dir.to_owned())));
    assert_eq!(live.holders.iter().map(|holder| holder.name.as_str()).collect::<Vec<_>>(), ["bash", "", ""]);
    assert_eq!(live.incomplete.iter().map(|gap| gap.pins).collect::<Vec<_>>(), [Pins::Directories]);
}

/// Who holds what, and how.
fn held(live: &Live) -> Vec<(u32, String, String)> {
    live.holders.iter().map(|holder| (holder.pid, holder.via.to_string(), holder.directories.first().unwrap().to_string())).collect()
}

#[test]
fn who_holds_a_directory_of_the_same_name_elsewhere_holds_nothing_here() {
    let host = Host::new();
    let (root, copy) = (host.data_root("docker"), host.data_root("copy"));
    let ours = host.mkdir(&format!("docker/overlay2/{DIR}/diff"));
    let theirs = host.mkdir(&format!("copy/overlay2/{DIR}/diff"));
    host.process(20, "ours").link("cwd", &ours);
    host.process(21, "theirs").link("cwd", &theirs);
    // What it had there is gone, but the directory that it was in is the copy's.
    host.process(22, "theirs, gone").link("fd/3", copy.join(format!("overlay2/{OTHER_DIR}/diff/x (deleted)")));
    host.process(23, "ours, gone").link("fd/3", root.join(format!("overlay2/{OTHER_DIR}/diff/x (deleted)")));
    // In another namespace or root the same name may mean ours.
    host.process(24, "another namespace").link("cwd", &theirs).link("ns/mnt", "mnt:[5]");
    host.process(25, "another root").link("cwd", &theirs).link("root", "/srv");
    // Each thread may be somewhere else, and see something else.
    host.process(26, "a thread of ours").link("cwd", &theirs).thread(30, &ours);
    host.process(27, "a thread of theirs").thread(31, &theirs);
    host.process(28, "a thread in another root").thread(32, &theirs).link("task/32/root", "/srv");
    let expected = [(20, DIR), (23, OTHER_DIR), (24, DIR), (25, DIR), (26, DIR), (28, DIR)];
    let pids: Vec<_> = held(&live(&host, &root)).into_iter().map(|(pid, _, dir)| (pid, dir)).collect();
    assert_eq!(pids, expected.map(|(pid, dir)| (pid, dir.to_owned())));
}

#[test]
fn neither_we_nor_another_of_us_hold_what_we_read() {
    let host = Host::new();
    let root = host.data_root("docker");
    let (us, other) = (host.path("layerwise"), host.path("sh"));
    for program in [&us, &other] {
        fs::write(program, "").unwrap();
    }
    let diff = host.mkdir(&format!("docker/overlay2/{DIR}/diff"));
    host.process(10, "layerwise").link("ns/pid", "pid:[4026531836]").link("exe", &us).link("fd/5", &diff);
    host.process(20, "layerwise").link("exe", &us).link("fd/5", &diff);
    host.process(21, "layerwise").link("exe", &other).link("fd/5", &diff);
    assert_eq!(held(&live(&host, &root)), [(21, "open file".to_owned(), DIR.to_owned())]);
}

#[test]
fn what_cannot_be_seen_at_all_is_told() {
    let host = Host::new();
    assert_eq!(host.proc().sight(), Sight::Whole);
    let mounts = format!("1 2 0:5 / {} rw - proc proc rw,hidepid=invisible\n", host.path("proc").display());
    let status = |rights: u64| format!("Uid:\t0\t0\t0\t0\nCapEff:\t{rights:016x}\n");
    let (all, but_ptrace) = (0x1ff_ffff_ffff, 0x1ff_ffff_ffff & !(1 << 19));
    let us = host.process(10, "layerwise").file("mountinfo", &mounts).link("ns/user", "user:[4026531837]");
    // Who is root counts for nothing.
    assert_eq!(host.proc().sight(), Sight::OwnUser);
    let us = us.file("status", &status(all));
    assert_eq!(host.proc().sight(), Sight::Whole);
    let us = us.file("status", &status(but_ptrace));
    assert_eq!(host.proc().sight(), Sight::OwnUser);
    let us = us.file("status", &status(all)).link("ns/user", "user:[4026532001]");
    assert_eq!(host.proc().sight(), Sight::OwnUser);
    let mut us = us;
    for (option, sight) in [
        ("1", Sight::OwnUser),
        ("2", Sight::OwnUser),
        ("4", Sight::OwnUser),
        ("noaccess", Sight::OwnUser),
        ("ptraceable,subset=pid", Sight::OwnUser),
        ("2,gid=0", Sight::OwnUser),
        ("0", Sight::Whole),
        ("off", Sight::Whole),
    ] {
        us = us.file("mountinfo", &mounts.replace("invisible", option));
        assert_eq!(host.proc().sight(), sight, "{option}");
    }
    us.link("ns/pid", "pid:[4026532999]");
    assert_eq!(host.proc().sight(), Sight::Namespace);
}

#[test]
fn mounts_of_processes_that_do_not_show_pin_directories() {
    let host = Host::new();
    let root = host.data_root("docker");
    assert_eq!(live(&host, &root).incomplete, []);
    host.process(10, "layerwise").link("ns/pid", "pid:[4026532000]");
    let live = live(&host, &root);
    let [gap] = live.incomplete.as_slice() else { panic!("{:?}", live.incomplete) };
    assert_eq!((gap.pins, gap.path.clone()), (Pins::Directories, host.path("proc")));
}

#[test]
fn a_directory_is_a_whole_file_system_if_the_root_of_one_is_on_top_there() {
    for (mounts, whole) in [
        ("1 0 254:0 / / rw - ext4 /dev/vda rw\n", false),
        ("1 0 254:1 / /docker rw - ext4 /dev/vdb rw\n", true),
        ("1 0 254:1 /docker /docker rw - ext4 /dev/vdb rw\n", false),
        ("1 0 254:1 / /docker rw - ext4 /dev/vdb rw\n2 1 254:2 /x /docker rw - ext4 /dev/vdc rw\n", false),
        ("1 0 254:2 /x /docker rw - ext4 /dev/vdc rw\n2 1 254:1 / /docker rw - ext4 /dev/vdb rw\nnonsense\n", true),
        ("1 0 254:1 / /docker/volumes rw - ext4 /dev/vdb rw\n", false),
    ] {
        let host = Host::new();
        host.process(10, "layerwise").link("ns/pid", "pid:[4026531836]").file("mountinfo", mounts);
        assert_eq!(mounts::is_whole_file_system(&host.proc(), Path::new("/docker")), whole, "{mounts}");
    }
}
