//! The search for the data-root on a made-up machine.

use crate::machine::Host;
use layerwise::data_root::kind::{Activity, Shape};
use layerwise::data_root::roots::roots;
use layerwise::data_root::{DataRoot, Reason, find};
use layerwise::store::live::LockState;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// What the search finds, or says.
fn search(host: &Host, variables: &[(&str, &Path)], flag: Option<&Path>) -> Result<(PathBuf, Reason), String> {
    search_as(host, 0, variables, flag)
}

fn search_as(host: &Host, user: u32, variables: &[(&str, &Path)], flag: Option<&Path>) -> Result<(PathBuf, Reason), String> {
    let found = find(&host.machine(user, variables), flag).map_err(|error| error.to_string())?;
    Ok((found.dir.path().to_owned(), found.reason))
}

#[test]
fn each_place_is_asked_only_when_those_before_it_are_silent() {
    let host = Host::new();
    let all = ["flag", "variable", "daemon", "configured", "var/lib/docker"].map(|name| host.data_root(name));
    let [flag, variable, daemon, configured, default] = &all;
    host.process(20, "dockerd").holds(daemon);
    host.write("etc/docker/daemon.json", r#"{"data-root":"/configured"}"#);
    let variables = [("LAYERWISE_DATA_ROOT", &**variable)];
    let file = host.path("etc/docker/daemon.json");
    assert_eq!(search(&host, &variables, Some(flag)), Ok((flag.clone(), Reason::Flag)));
    assert_eq!(search(&host, &variables, None), Ok((variable.clone(), Reason::Environment)));
    assert_eq!(search(&host, &[], None), Ok((daemon.clone(), Reason::Daemon(20))));
    fs::remove_dir_all(host.path("proc/20")).unwrap();
    assert_eq!(search(&host, &[], None), Ok((configured.clone(), Reason::Configuration(file.clone()))));
    fs::remove_file(file).unwrap();
    assert_eq!(search(&host, &[], None), Ok((default.clone(), Reason::Default)));
}

#[test]
fn of_several_daemons_ones_own_comes_first_and_else_somebody_must_choose() {
    let host = Host::new();
    let (one, two) = (host.data_root("one"), host.data_root("two"));
    host.process(20, "dockerd").holds(&one);
    let second = host.process(21, "dockerd").holds(&two);
    let error = search(&host, &[], None).unwrap_err();
    assert!(error.contains(&format!("{} (pid 20), {} (pid 21)", one.display(), two.display())), "{error}");
    // Somebody else's process that calls itself dockerd does not come between root and the system's.
    second.file("status", "Uid:\t1000\t0\t0\t0\n");
    assert_eq!(search(&host, &[], None), Ok((one.clone(), Reason::Daemon(20))));
    assert_eq!(search_as(&host, 1000, &[], None), Ok((two, Reason::Daemon(21))));
    // A second dockerd on the same data-root is about to give up.
    fs::remove_dir_all(host.path("proc/21")).unwrap();
    host.process(22, "dockerd --data-root /one");
    assert_eq!(search(&host, &[], None), Ok((one, Reason::Daemon(20))));
}

#[test]
fn what_is_configured_and_not_there_is_never_passed_over() {
    let host = Host::new();
    host.data_root("var/lib/docker");
    for (config, expected) in [
        (r#"{"data-root":"/mnt/docker"}"#, "is its disk mounted?"),
        (r#"{"data-root":"/empty"}"#, "an empty directory"),
        ("{", "it may name the data-root, so name it with --data-root"),
    ] {
        host.mkdir("empty");
        host.write("etc/docker/daemon.json", config);
        let error = search(&host, &[], None).unwrap_err();
        assert!(error.contains(expected) && error.contains("daemon.json"), "{error}");
    }
    assert!(search(&host, &[("LAYERWISE_DATA_ROOT", Path::new("/nowhere/at/all"))], None).is_err());
}

#[test]
fn the_usual_places_are_told_when_none_is_a_data_root() {
    let host = Host::new();
    host.mkdir("var/lib/docker");
    let error = search(&host, &[("HOME", &host.path("home/u"))], None).unwrap_err();
    for part in ["var/lib/docker: an empty directory", "home/u/.local/share/docker: No such file", "var/snap/docker", "--data-root"] {
        assert!(error.contains(part), "{part} is not in {error}");
    }
    let rootless = host.data_root("home/u/.local/share/docker");
    assert_eq!(search(&host, &[("HOME", &host.path("home/u"))], None), Ok((rootless, Reason::Default)));
}

#[test]
fn a_remapped_store_is_the_one_in_use_else_the_plain_one_else_the_only_one() {
    let host = Host::new();
    let plain = host.data_root("var/lib/docker");
    let subs = ["100000.100000", "165536.165536"].map(|name| host.data_root(&format!("var/lib/docker/{name}")));
    let found = |host: &Host| search(host, &[], None).map(|(path, _)| path);
    assert_eq!(found(&host), Ok(plain.clone()));
    let lock = |root: &Path| {
        let database = File::open(root.join("volumes/metadata.db")).unwrap();
        nix::fcntl::Flock::lock(database, nix::fcntl::FlockArg::LockExclusiveNonblock).unwrap()
    };
    let held = lock(&subs[1]);
    assert_eq!(found(&host), Ok(subs[1].clone()));
    held.unlock().unwrap();
    fs::remove_dir_all(plain.join("image")).unwrap();
    fs::remove_dir_all(plain.join("overlay2")).unwrap();
    let error = found(&host).unwrap_err();
    assert!(error.contains("name one with --data-root") && error.contains("165536.165536"), "{error}");
    let error = search(&host, &[], Some(&plain)).unwrap_err();
    assert!(error.contains("only those of userns-remap; name one of"), "{error}");
    fs::remove_dir_all(&subs[1]).unwrap();
    assert_eq!(found(&host), Ok(subs[0].clone()));
}

#[test]
fn every_directory_is_told_for_what_it_is() {
    let hex = crate::machine::DIR;
    for (paths, shape, sentence) in [
        (&["image/overlay2/imagedb", "overlay2/l"][..], Shape::DataRoot, "a data-root with the overlay2 store"),
        (&["image/overlay2", "overlay2/l", "image/vfs", "vfs/dir"], Shape::DataRoot, "the overlay2 store; a vfs store left over"),
        (&["image/vfs", "vfs/dir"], Shape::DataRoot, "a data-root with the vfs store, whose images and layers are not read"),
        (&["image/overlay2"], Shape::DataRoot, "the overlay2 store"),
        (&["image/btrfs", "btrfs/x", "image/overlay2", "overlay2/l"], Shape::DataRoot, "stores of overlay2 and btrfs, of which dockerd's"),
        (
            &["containers", "volumes", "rootfs/overlayfs", "image"],
            Shape::DataRoot,
            "with what Docker keeps beside the containerd image store (snapshotter overlayfs); the images and layers of containerd, which lie in containerd's own root and are not read",
        ),
        (
            &["overlay2/l", "image/overlay2", "buildkit/containerd-overlayfs"],
            Shape::DataRoot,
            "stores of overlay2 and of the containerd image store (snapshotter overlayfs), of which",
        ),
        (
            &["overlay2/l", "rootfs/stargz", "rootfs/nydus", "containerd/daemon"],
            Shape::DataRoot,
            "(snapshotters nydus, stargz), of which dockerd's configuration decides the active one; the images and layers of containerd, which lie in containerd/daemon/ below it and",
        ),
        (&["containers", "volumes"], Shape::DataRoot, "without any image store"),
        (&["1.2/image", "other"], Shape::DataRoot, "sub-roots of userns-remap (1.2)"),
        (&[], Shape::Empty, "empty"),
        (&["overlay/l", "overlay-images", "overlay-layers"], Shape::ContainersStorage, "Podman"),
        (&["io.containerd.content.v1.content", "tmpmounts"], Shape::Containerd, "containerd"),
        (&["l", hex], Shape::Overlay2, "the data-root is the directory above it"),
        (&["overlay2/layerdb"], Shape::Image, "image of a data-root"),
        (&["imagedb", "layerdb"], Shape::Image, "image of a data-root"),
        (&["etc", "usr", "my-images"], Shape::Other, "not a data-root"),
    ] {
        let host = Host::new();
        let root = host.mkdir("root");
        for path in paths {
            host.mkdir(&format!("root/{path}"));
        }
        let kind = DataRoot::open(&root, Reason::Flag).unwrap().kind;
        assert_eq!(kind.shape, shape, "{paths:?}");
        assert!(kind.describe().contains(sentence), "{paths:?}: {}", kind.describe());
        let named = search(&host, &[], Some(&root));
        assert_eq!(named.is_ok(), shape == Shape::DataRoot && !paths.contains(&"1.2/image"), "{paths:?}: {named:?}");
    }
}

#[test]
fn a_store_without_layers_is_left_over_beside_one_with_layers() {
    let host = Host::new();
    for path in ["image/overlay2", "image/fuse-overlayfs", "fuse-overlayfs/l", "overlay2"] {
        host.mkdir(&format!("root/{path}"));
    }
    let kind = DataRoot::open(&host.path("root"), Reason::Flag).unwrap().kind;
    let stores: Vec<_> = kind.stores.iter().map(|store| (store.driver, store.has_layers, store.activity)).collect();
    assert_eq!(stores, [("overlay2", false, Activity::LeftOver), ("fuse-overlayfs", true, Activity::Active)]);
    assert!(kind.overlay2().is_some());
}

#[test]
fn roots_lists_each_directory_once_with_every_reason() {
    let host = Host::new();
    let system = host.data_root("var/lib/docker");
    let sub = host.data_root("var/lib/docker/1.2");
    let rootless = host.data_root("home/u/.local/share/docker");
    host.write("etc/passwd", "u:x:1:1::/home/u:/bin/sh\n");
    host.write("etc/docker/daemon.json", r#"{"data-root":"/var/lib/docker"}"#);
    host.process(20, "dockerd").holds(&system);
    host.process(21, "dockerd --data-root /unseen").in_root("view");
    host.mkdir("view/unseen");
    host.process(22, "dockerd --data-root /gone");
    let absent = host.path("absent");
    let listed = roots(&host.machine(0, &[]), Some(&absent));
    let found: Vec<_> = listed
        .candidates
        .iter()
        .map(|one| (one.path.clone(), one.reasons.iter().map(ToString::to_string).collect::<Vec<_>>(), one.daemons.clone()))
        .collect();
    let file = host.path("etc/docker/daemon.json");
    let expected = [
        (absent, vec!["flag".to_owned()], vec![]),
        (rootless, vec!["default".to_owned()], vec![]),
        (system.clone(), vec!["daemon pid 20".to_owned(), format!("daemon.json {}", file.display()), "default".to_owned()], vec![20]),
        (sub, vec![format!("userns-remap of {}", system.display())], vec![]),
        (host.path("view/unseen"), vec!["daemon pid 21".to_owned()], vec![21]),
    ];
    assert_eq!(found, expected);
    assert!(listed.candidates[0].opened.is_err());
    assert_eq!(listed.candidates[2].lock, LockState::Free);
    assert_eq!(listed.elsewhere, [(22, "/gone".into())]);
}
