//! The walk against GNU `du` and against a naive walk, on trees like those of a data-root and on hostile ones.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, one that cannot run says so"
)]

mod filesystems;
mod hostile;
mod machine;
mod mounts;
mod oracle;
mod tree;

use layerwise::dir::Dir;
use layerwise::store::place::{Area, Owner};
use layerwise::usage::scan::{Measured, Options, Progress, Usage, scan};
use std::num::NonZeroUsize;
use std::path::Path;
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
