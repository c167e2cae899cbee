//! What a run with a cache counts is what a full one counts, whatever happened between the two outside of committed layers.

use crate::cases::cases;
use crate::look::{inventory, measure};
use crate::recipe::{self, Root};
use layerwise::dir::Dir;
use layerwise::usage::cache::{self, Clock, committed};
use layerwise::usage::scan::{Measured, Options, Progress};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// What happens to a data-root between two runs.
#[derive(Debug, Clone, Copy)]
enum Change {
    /// A file that may be in a committed layer gets a name in a place that somebody writes to.
    Link,
    /// A name in such a place is removed.
    Unlink,
    /// It is moved to another such place.
    Rename,
    /// A file in such a place is made.
    Write,
    /// A file that a committed layer may share with such a place grows.
    Grow,
    /// Something is put right into the `diff/` of a layer, as dockerd never does.
    Intrude,
    /// A layer directory goes away.
    Remove,
    /// A layer directory is made again, with the same files.
    Replace,
    Nothing,
}

const CHANGES: [Change; 9] = [
    Change::Link,
    Change::Unlink,
    Change::Rename,
    Change::Write,
    Change::Grow,
    Change::Intrude,
    Change::Remove,
    Change::Replace,
    Change::Nothing,
];

/// The directories that are written to in a test: inside and outside of the data-root.
fn open_places(root: &Root) -> Vec<PathBuf> {
    let inside = root.path();
    let places =
        vec![inside.join("volumes/v/_data"), inside.join("buildkit"), inside.join("unknown/deep/er"), root.outside().join("outside")];
    places.iter().for_each(|place| fs::create_dir_all(place).unwrap());
    places
}

fn files(below: &Path) -> Vec<PathBuf> {
    let entries = WalkDir::new(below).sort_by_file_name().into_iter().map(Result::unwrap);
    entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}

fn layers(root: &Root) -> Vec<PathBuf> {
    committed(&inventory(root.path())).keys().map(|id| root.path().join(format!("overlay2/{id}"))).collect()
}

fn pick<T: Clone>(list: &[T], index: Index) -> Option<T> {
    if list.is_empty() { None } else { Some(list[index.index(list.len())].clone()) }
}

impl Change {
    /// Makes the change, if there is anything to make it to.
    fn make(self, root: &Root, number: usize, one: Index, other: Index) -> Option<()> {
        let places = open_places(root);
        let place = pick(&places, one)?.join(format!("new-{number}"));
        let open_files =
            || places.iter().flat_map(|place| files(place)).filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("new-"));
        let open_file = || pick(&open_files().collect::<Vec<_>>(), other);
        match self {
            Self::Link => fs::hard_link(pick(&files(&root.path().join("overlay2")), other)?, place).ok()?,
            Self::Unlink => fs::remove_file(open_file()?).unwrap(),
            Self::Rename => fs::rename(open_file()?, place).unwrap(),
            Self::Write => fs::write(place, "x".repeat(number * 5000)).unwrap(),
            // A change through a name outside of the data-root is one of those that nobody can see.
            Self::Grow => fs::write(open_file().filter(|path| path.starts_with(root.path()))?, "y".repeat(70_000)).unwrap(),
            Self::Intrude => intrude(&pick(&layers(root), other)?.join("diff")),
            Self::Remove => fs::remove_dir_all(pick(&layers(root), other)?).unwrap(),
            Self::Replace => replace(&pick(&layers(root), other)?),
            Self::Nothing => {}
        }
        Some(())
    }
}

/// Makes an entry, again and again until the clock of the file system has moved on.
fn intrude(diff: &Path) {
    let changed = || {
        let metadata = diff.metadata().unwrap();
        (metadata.ctime(), metadata.ctime_nsec())
    };
    let (before, entry) = (changed(), diff.join("intruder"));
    while changed() == before {
        drop(fs::remove_file(&entry));
        fs::write(&entry, "intruder").unwrap();
    }
}

fn replace(layer: &Path) {
    let old = layer.with_extension("old");
    fs::rename(layer, &old).unwrap();
    assert!(std::process::Command::new("cp").arg("-a").args([&old, layer]).status().unwrap().success());
    fs::write(layer.join("diff/more"), "more").unwrap();
    fs::remove_dir_all(old).unwrap();
}

fn cached(root: &Root, threads: usize) -> (Measured, Vec<String>) {
    let options = Options { threads: std::num::NonZeroUsize::new(threads), ..Options::default() };
    let clock = Clock { now: jiff::Timestamp::now().as_second(), settled: -60 };
    let dir = Dir::root(root.path()).unwrap();
    cache::scan(&dir, &inventory(root.path()), (&options, &Progress::default()), (&root.outside().join("cache"), clock))
}

/// What must be the same.
fn sums(measured: Measured) -> Measured {
    Measured { from_cache: None, ..measured }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn a_run_with_a_cache_counts_what_a_full_one_counts(
        recipe in recipe::any(),
        changes in vec((select(CHANGES.to_vec()), any::<Index>(), any::<Index>()), 1..8),
        threads in 1..5_usize,
    ) {
        let root = recipe.make();
        open_places(&root);
        let (first, _) = cached(&root, threads);
        prop_assert_eq!(sums(first), measure(root.path(), 1));
        for (number, (change, one, other)) in changes.into_iter().enumerate() {
            change.make(&root, number, one, other);
            for again in ["", " again"] {
                let (measured, notes) = cached(&root, threads);
                prop_assert!(sums(measured) == measure(root.path(), 1), "{:?}{} {:?}", change, again, notes);
            }
            let layers = u64::try_from(committed(&inventory(root.path())).len()).unwrap();
            let (measured, notes) = cached(&root, threads);
            prop_assert!(notes.is_empty(), "{:?}", notes);
            prop_assert_eq!(measured.from_cache.unwrap().layers, layers, "everything was remembered after {:?}", change);
        }
    }
}
