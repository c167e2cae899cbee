//! What is mounted below a data-root, and the marks that only root can make.

use crate::tree::Tree;
use crate::{machine, measure, measure_as_du, oracle, owned};
use layerwise::dir::Dir;
use layerwise::store::place::Area;
use layerwise::usage::cache::Store;

#[test]
fn marks_and_whiteouts_are_counted_below_layers_only() {
    if !machine::can_mount("mounts::marks_and_whiteouts_are_counted_below_layers_only") {
        return;
    }
    let tree = Tree::new();
    for place in ["overlay2/x/diff", "volumes/v"] {
        for name in ["opaque", "both", "foreign", "mixed", "redirect", "plain"] {
            tree.dir(&format!("{place}/{name}"));
        }
        tree.attribute(&format!("{place}/opaque"), "trusted.overlay.opaque", "y");
        for prefix in ["trusted", "user"] {
            tree.attribute(&format!("{place}/both"), &format!("{prefix}.overlay.opaque"), "y");
        }
        tree.attribute(&format!("{place}/foreign"), "user.overlay.opaque", "y");
        tree.attribute(&format!("{place}/mixed"), "trusted.overlay.opaque", "x");
        tree.attribute(&format!("{place}/redirect"), "user.overlay.redirect", "/elsewhere");
        tree.attribute(&format!("{place}/plain"), "user.other", "y");
        tree.sparse(&format!("{place}/metacopy"), 5000);
        tree.attribute(&format!("{place}/metacopy"), "trusted.overlay.metacopy", "");
        tree.sparse(&format!("{place}/sparse"), 5000);
        for directory in ["mixed", "plain"] {
            tree.file(&format!("{place}/{directory}/hidden"), 0);
            tree.attribute(&format!("{place}/{directory}/hidden"), "trusted.overlay.whiteout", "y");
            tree.file(&format!("{place}/{directory}/empty"), 0);
        }
        tree.device(&format!("{place}/whiteout"), 0);
        tree.link(&format!("{place}/whiteout"), &format!("{place}/whiteout-too"));
        tree.device(&format!("{place}/device"), 0x0103);
    }
    let measured = measure_as_du(tree.path());
    let usage = owned(&measured, Area::LayerDiff, "x");
    assert_eq!((usage.opaques, usage.redirects, usage.metacopies, usage.whiteouts, usage.devices), (3, 1, 1, 3, 2));
    assert_eq!((usage.user_opaques, usage.whiteout_files), (1, 1));
    let usage = owned(&measured, Area::Volume, "v");
    assert_eq!((usage.opaques, usage.redirects, usage.metacopies, usage.whiteouts, usage.devices), (0, 0, 0, 0, 2));
}

#[test]
fn what_is_mounted_is_neither_entered_nor_counted() {
    if !machine::can_mount("mounts::what_is_mounted_is_neither_entered_nor_counted") {
        return;
    }
    let tree = Tree::new();
    tree.file("volumes/v/file", 5000);
    tree.file("elsewhere", 5000);
    tree.dir("overlay2");
    tree.dir("containers/c/mounts/shm");
    let _mounts = ["overlay2", "containers/c/mounts/shm"].map(|name| {
        let mounted = tree.mount(&["-t", "tmpfs", "none"], name);
        tree.file(&format!("{name}/behind"), 70_000);
        mounted
    });
    let elsewhere = tempfile::tempdir_in("/dev/shm").unwrap();
    std::fs::write(elsewhere.path().join("file"), "x").unwrap();
    let _bind = tree.mount(&["--bind", elsewhere.path().join("file").to_str().unwrap()], "volumes/v/file");
    let measured = measure_as_du(tree.path());
    let root = tree.path().canonicalize().unwrap();
    let expected = ["containers/c/mounts/shm", "overlay2", "volumes/v/file"].map(|name| root.join(name));
    assert_eq!(measured.not_entered, expected);
    assert!(measured.unreadable.is_empty());
}

#[test]
fn a_part_of_the_same_file_system_that_is_mounted_again_is_not_counted_twice() {
    if !machine::can_mount("mounts::a_part_of_the_same_file_system_that_is_mounted_again_is_not_counted_twice") {
        return;
    }
    let tree = Tree::new();
    tree.file("volumes/a/file", 5000);
    tree.dir("volumes/b/_data");
    let before = measure(tree.path(), 2);
    let _bind = tree.mount(&["--bind", tree.path().join("volumes/a").to_str().unwrap()], "volumes/b/_data");
    let measured = measure(tree.path(), 2);
    assert_eq!(measured.total.files, before.total.files);
    assert_eq!(measured.not_entered, [tree.path().canonicalize().unwrap().join("volumes/b/_data")]);
    // `du -x` sees the same device, and counts what has one name a second time.
    assert!(oracle::du(tree.path(), &["--inodes"]) > measured.total.inodes);
}

#[test]
fn a_directory_that_is_mounted_on_itself_is_no_other() {
    if !machine::can_mount("mounts::a_directory_that_is_mounted_on_itself_is_no_other") {
        return;
    }
    let tree = Tree::new();
    tree.file("plugins/p/propagated-mount/file", 5000);
    tree.chain("plugins/p/propagated-mount", 300, 1);
    let before = measure_as_du(tree.path());
    let path = tree.path().join("plugins/p/propagated-mount");
    let _bind = tree.mount(&["--bind", path.to_str().unwrap()], "plugins/p/propagated-mount");
    assert_eq!(measure_as_du(tree.path()), before);
    let _tmpfs = tree.mount(&["-t", "tmpfs", "none"], "plugins/p/propagated-mount/m");
    assert_eq!(measure_as_du(tree.path()).not_entered, [path.canonicalize().unwrap().join("m")]);
}

#[test]
fn no_cache_is_made_in_a_data_root_by_another_path() {
    if !machine::can_mount("mounts::no_cache_is_made_in_a_data_root_by_another_path") {
        return;
    }
    let tree = Tree::new();
    for name in ["root", "alias", "elsewhere"] {
        tree.dir(name);
    }
    let _bind = tree.mount(&["--bind", tree.path().join("root").to_str().unwrap()], "alias");
    let root = Dir::root(&tree.path().join("root")).unwrap();
    for name in ["root/caches", "alias/caches", "alias"] {
        assert!(Store::open(&tree.path().join(name), &root).is_err(), "{name}");
    }
    assert_eq!(std::fs::read_dir(tree.path().join("root")).unwrap().count(), 0);
    assert!(Store::open(&tree.path().join("elsewhere/caches"), &root).is_ok());
}
