//! The walk against GNU `du` and against a naive walk, on trees like those of a data-root and on hostile ones.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

#[path = "scan/oracle.rs"]
mod oracle;
#[path = "scan/tree.rs"]
mod tree;

use layerwise::dir::{Dir, Operation};
use layerwise::store::place::{Area, Owner};
use layerwise::unreadable::Pins;
use layerwise::usage::scan::{Measured, Options, Progress, Usage, scan};
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use tree::Tree;

/// What `threads` threads measure below `root`.
fn measure(root: &Path, threads: usize) -> Measured {
    scan(&Dir::root(root).unwrap(), &Options { threads: NonZeroUsize::new(threads), largest: 5 }, &Progress::default())
}

/// What any number of threads measures, after making sure that `du` counts the same.
fn measure_as_du(root: &Path) -> Measured {
    let progress = Progress::default();
    let measured = scan(&Dir::root(root).unwrap(), &Options { largest: 5, ..Options::default() }, &progress);
    assert_eq!((progress.inodes(), progress.bytes()), (measured.total.inodes, measured.total.bytes));
    for threads in [1, 2, 8, 33] {
        assert_eq!(measure(root, threads), measured, "{threads} threads");
    }
    assert_eq!(measured.total.bytes, oracle::du(root, &["--block-size=1"]));
    assert_eq!(measured.total.inodes, oracle::du(root, &["--inodes"]));
    let apparent = if oracle::du_counts_sizes_of_directories() { measured.total.apparent_bytes } else { measured.total.content_bytes };
    assert_eq!(apparent, oracle::du(root, &["--block-size=1", "--apparent-size"]));
    let Usage { inodes, directories, files, symlinks, devices, fifos, sockets, .. } = measured.total;
    assert_eq!(inodes, directories + files + symlinks + devices + fifos + sockets);
    measured
}

/// The usage of one owner.
fn owned(measured: &Measured, area: Area, name: &str) -> Usage {
    measured.owners.get(&Owner::new(area, name.as_bytes())).copied().unwrap_or_default()
}

#[test]
fn every_owner_is_charged_what_a_naive_walk_finds() {
    for seed in 1..=6 {
        let tree = Tree::new();
        tree.grow_data_root(seed);
        let measured = measure_as_du(tree.path());
        assert_eq!(measured.owners, oracle::owners(tree.path()), "seed {seed}");
        assert!(measured.unreadable.is_empty() && measured.not_entered.is_empty() && measured.vanished == 0);
    }
}

#[test]
fn a_hard_link_is_charged_once_to_the_least_owner() {
    let tree = Tree::new();
    tree.file("volumes/v/_data/a", 9000);
    tree.link("volumes/v/_data/a", "overlay2/b/diff/a");
    tree.link("volumes/v/_data/a", "overlay2/a/diff/sub/a");
    tree.link("volumes/v/_data/a", "overlay2/a/diff/b");
    let measured = measure_as_du(tree.path());
    assert_eq!(owned(&measured, Area::LayerDiff, "a").files, 1);
    assert_eq!(owned(&measured, Area::LayerDiff, "a").content_bytes, 9000);
    assert_eq!(measured.total.files, 1);
}

#[test]
fn a_hard_link_with_a_name_outside_is_charged_inside() {
    let tree = Tree::new();
    tree.file("out/a", 5000);
    tree.link("out/a", "in/volumes/v/a");
    let measured = measure_as_du(&tree.path().join("in"));
    assert_eq!(owned(&measured, Area::Volume, "v").files, 1);
}

#[test]
fn the_largest_are_remembered_with_the_first_of_their_names() {
    let tree = Tree::new();
    tree.file("volumes/v/large", 50_000);
    tree.link("volumes/v/large", "containers/c/large");
    tree.file("volumes/v/larger", 90_000);
    tree.sparse("volumes/v/empty", 1 << 30);
    (0..3000).for_each(|number| tree.file(&format!("buildkit/{number}-with-a-name-that-fills-more-than-a-buffer"), 1));
    let Measured { largest_files, fullest_directories, .. } = measure_as_du(tree.path());
    let root = tree.path().canonicalize().unwrap();
    assert_eq!(largest_files[0].path, root.join("volumes/v/larger"));
    assert_eq!(largest_files[1].path, root.join("containers/c/large"));
    assert_eq!((fullest_directories[0].weight, &fullest_directories[0].path), (3000, &root.join("buildkit")));
    assert_eq!((fullest_directories[1].weight, &fullest_directories[1].path), (3, &root));
    assert_eq!((largest_files.len(), fullest_directories.len()), (5, 5));
}

#[test]
fn names_of_any_bytes_and_files_of_any_kind_are_counted() {
    let tree = Tree::new();
    tree.odd_names("overlay2/x/diff");
    tree.special("overlay2/x/diff");
    tree.sparse("overlay2/x/diff/sparse", 1 << 40);
    let usage = owned(&measure_as_du(tree.path()), Area::LayerDiff, "x");
    assert_eq!((usage.fifos, usage.sockets, usage.symlinks, usage.set_ids), (1, 1, 2, 2));
    assert!(usage.apparent_bytes > 1 << 40 && usage.bytes < 1 << 30);
}

#[test]
fn sums_of_sizes_stop_at_the_largest_number() {
    let tree = Tree::new();
    let mut lengths = (40..63).rev().map(|shift| 1_u64 << shift);
    let length = lengths.find(|&length| tree.try_sparse("volumes/v/a", length)).unwrap();
    tree.sparse("volumes/v/b", length);
    assert_eq!(measure_as_du(tree.path()).total.content_bytes, length.saturating_mul(2));
}

#[test]
fn a_chain_of_ten_thousand_directories_is_no_obstacle() {
    let tree = Tree::new();
    tree.chain("volumes/v", 10_000, 0);
    assert_eq!(measure_as_du(tree.path()).total.directories, 10_003);
}

#[test]
fn a_comb_needs_no_descriptor_for_each_level() {
    const NAME: &str = "a_comb_needs_no_descriptor_for_each_level";
    const FEW: &str = "FEW_DESCRIPTORS";
    let tree = Tree::new();
    let has_few = std::env::var_os(FEW).is_some();
    let depth = if has_few { 500 } else { 3000 };
    tree.chain("overlay2/x/diff", depth, 3);
    assert_eq!(measure_as_du(tree.path()).total.directories, 4 + 4 * u64::try_from(depth).unwrap());
    if !has_few {
        let command = format!("ulimit -n 64 && exec {:?} --exact {NAME}", std::env::current_exe().unwrap());
        assert!(Command::new("sh").args(["-c", &command]).env(FEW, "").status().unwrap().success());
    }
}

#[test]
fn a_wide_directory_is_no_obstacle() {
    let tree = Tree::new();
    for number in 0..3000 {
        tree.dir(&format!("overlay2/x/diff/a-name-of-more-than-a-few-bytes-{number}"));
        tree.file(&format!("overlay2/x/diff/f{number}"), number % 3);
    }
    let measured = measure_as_du(tree.path());
    assert_eq!((measured.total.directories, measured.total.files), (3004, 3000));
}

#[test]
fn what_may_not_be_read_is_counted_and_reported() {
    const NAME: &str = "what_may_not_be_read_is_counted_and_reported";
    const NOBODY: u32 = 65_534;
    if nix::unistd::geteuid().is_root() {
        // Root may read everything, so the test runs again as somebody who may not.
        let place = tempfile::tempdir().unwrap();
        std::fs::set_permissions(place.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let program = place.path().join("test");
        std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let mut command = Command::new(program);
        command.args(["--exact", NAME]).uid(NOBODY).gid(NOBODY).env("TMPDIR", place.path()).current_dir("/");
        assert!(command.status().unwrap().success());
        return;
    }
    let tree = Tree::new();
    for name in ["closed", "listed", "open"] {
        tree.file(&format!("volumes/{name}/file"), 6000);
        tree.file(&format!("volumes/{name}/sub/file"), 6000);
    }
    let volumes = tree.path().join("volumes");
    std::fs::set_permissions(volumes.join("closed"), PermissionsExt::from_mode(0o000)).unwrap();
    std::fs::set_permissions(volumes.join("listed"), PermissionsExt::from_mode(0o400)).unwrap();
    let measured = measure_as_du(tree.path());
    for name in ["closed", "listed"] {
        std::fs::set_permissions(volumes.join(name), PermissionsExt::from_mode(0o700)).unwrap();
    }
    let volumes = volumes.canonicalize().unwrap();
    let found: Vec<_> =
        measured.unreadable.iter().map(|it| (it.path.strip_prefix(&volumes).unwrap().to_str().unwrap(), it.operation)).collect();
    assert_eq!(found, [("closed", Operation::Open), ("listed/file", Operation::Stat), ("listed/sub", Operation::Open)]);
    assert!(measured.unreadable.iter().all(|it| it.pins == Pins::Nothing && it.error.contains("Permission denied")));
    assert_eq!(measured.total.directories, 2 + 3 + 1);
    assert_eq!(measured.total.files, 2);
}

#[test]
#[ignore = "needs root"]
fn privileged_marks_and_whiteouts_are_counted_below_layers_only() {
    let tree = Tree::new();
    for place in ["overlay2/x/diff", "volumes/v"] {
        for name in ["opaque", "mixed", "redirect", "plain"] {
            tree.dir(&format!("{place}/{name}"));
        }
        tree.attribute(&format!("{place}/opaque"), "trusted.overlay.opaque", "y");
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
    assert_eq!((usage.opaques, usage.redirects, usage.metacopies, usage.whiteouts, usage.devices), (1, 1, 1, 3, 2));
    let usage = owned(&measured, Area::Volume, "v");
    assert_eq!((usage.opaques, usage.redirects, usage.metacopies, usage.whiteouts, usage.devices), (0, 0, 0, 0, 2));
}

#[test]
#[ignore = "needs root"]
fn privileged_what_is_mounted_is_neither_entered_nor_counted() {
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
#[ignore = "needs root"]
fn privileged_a_part_of_the_same_file_system_that_is_mounted_again_is_not_counted_twice() {
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
#[ignore = "needs root"]
fn privileged_a_directory_that_is_mounted_on_itself_is_no_other() {
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
