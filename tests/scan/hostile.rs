//! Trees that somebody has made to break a walk.

use crate::tree::Tree;
use crate::{machine, measure, measure_as_du, oracle, owned};
use layerwise::dir::Operation;
use layerwise::store::place::Area;
use layerwise::unreadable::Pins;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

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
    const NAME: &str = "hostile::a_comb_needs_no_descriptor_for_each_level";
    const FEW: &str = "FEW_DESCRIPTORS";
    let tree = Tree::new();
    let has_few = std::env::var_os(FEW).is_some();
    let depth = if has_few { 500 } else { 3000 };
    tree.chain("overlay2/x/diff", depth, 3);
    // Beside it, so that others need the descriptors.
    tree.chain("volumes/v", depth, 0);
    assert_eq!(measure_as_du(tree.path()).total.directories, 6 + 5 * u64::try_from(depth).unwrap());
    if !has_few {
        let command = format!("ulimit -n 32 && exec {:?} --exact {NAME}", std::env::current_exe().unwrap());
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
    const NAME: &str = "hostile::what_may_not_be_read_is_counted_and_reported";
    const NOBODY: u32 = 65_534;
    if nix::unistd::geteuid().is_root() {
        // Root may read everything, so the test runs again as somebody who may not.
        let place = tempfile::tempdir().unwrap();
        std::fs::set_permissions(place.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let program = place.path().join("test");
        // Not by this process, whose other tests would hand the open file on to what they start.
        assert!(Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&program).status().unwrap().success());
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
fn neither_depth_nor_width_takes_memory() {
    if !machine::is_alone("hostile::neither_depth_nor_width_takes_memory") {
        return;
    }
    // What a scan takes at all, with all threads that it will ever have.
    let small = Tree::new();
    small.file("volumes/v/file", 1);
    measure(small.path(), 33);
    let before = machine::peak_memory();
    let width = if machine::is_for_large_trees() { 1_000_000 } else { 50_000 };
    let tree = Tree::in_memory();
    tree.many("overlay2/wide/diff", width);
    tree.chain("volumes/deep", 10_000, 0);
    tree.chain("volumes/comb", 1000, 5);
    let made = machine::peak_memory();
    for threads in [1, 2, 33] {
        let measured = measure(tree.path(), threads);
        assert_eq!(owned(&measured, Area::LayerDiff, "wide").inodes, width + 1);
    }
    // The kernel adds up later what each processor counts, so that a peak may be told a little lower than before.
    let [making, walking] = [made.saturating_sub(before), machine::peak_memory().saturating_sub(made)];
    assert!(making < 4 << 20 && walking < 12 << 20, "{making} + {walking} bytes more");
    assert_eq!(measure(tree.path(), 2).total.inodes, oracle::du(tree.path(), &["--inodes"]));
}

#[test]
fn no_descriptor_is_left_open() {
    if !machine::is_alone("hostile::no_descriptor_is_left_open") {
        return;
    }
    let tree = Tree::new();
    tree.chain("volumes/deep", 2000, 2);
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    for threads in [1, 2, 33] {
        measure(tree.path(), threads);
        assert_eq!(open(), before, "{threads} threads");
    }
}
