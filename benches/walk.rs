//! What the walk costs on trees that each stress one thing.
//!
//! `cargo bench --bench walk` makes them below the directory for temporary files, so their file system is what is measured.

#[path = "peers/tree.rs"]
mod tree;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use layerwise::dir::Dir;
use layerwise::usage::scan::{Options, Progress, scan};
use std::fs::{self, File};
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::path::Path;
use tree::Plan;

/// What fills an empty directory.
type Plant = fn(&Path) -> io::Result<()>;

/// Inodes of each tree, about.
const INODES: u64 = 10_000;

/// All kinds of things in the shape of a data-root.
fn mixed(root: &Path) -> io::Result<()> {
    Ok(tree::plant(&OwnedFd::from(File::open(root)?), Plan { inodes: INODES, owners: 20, seed: 1 })?)
}

/// As many owners as there can be.
fn owners(root: &Path) -> io::Result<()> {
    Ok(tree::plant(&OwnedFd::from(File::open(root)?), Plan { inodes: INODES, owners: INODES / 20, seed: 1 })?)
}

/// One directory, which only helps others if it is shared out.
fn flat(root: &Path) -> io::Result<()> {
    let layer = root.join("overlay2/x/diff");
    fs::create_dir_all(&layer)?;
    (0..INODES).try_for_each(|number| File::create(layer.join(number.to_string())).map(drop))
}

/// Nothing but directories.
fn bare(root: &Path) -> io::Result<()> {
    (0..INODES / 50)
        .try_for_each(|outer| (0..49).try_for_each(|inner| fs::create_dir_all(root.join(format!("overlay2/x/diff/{outer}/{inner}")))))
}

/// Every inode has two names, in two layers.
fn linked(root: &Path) -> io::Result<()> {
    let layers = ["a", "b"].map(|layer| root.join(format!("overlay2/{layer}/diff")));
    layers.iter().try_for_each(fs::create_dir_all)?;
    let [first, second] = layers;
    (0..INODES / 2).map(|number| number.to_string()).try_for_each(|name| {
        File::create(first.join(&name))?;
        fs::hard_link(first.join(&name), second.join(&name))
    })
}

fn walk(criterion: &mut Criterion) {
    let trees: [(&str, Plant); 5] = [("mixed", mixed), ("owners", owners), ("flat", flat), ("bare", bare), ("linked", linked)];
    let mut group = criterion.benchmark_group("walk");
    for (name, make) in trees {
        let Ok(place) = tempfile::tempdir() else { continue };
        let Ok(root) = make(place.path()).map_err(drop).and_then(|()| Dir::root(place.path()).map_err(drop)) else { continue };
        let walk = |threads| scan(&root, &Options { threads: NonZeroUsize::new(threads), ..Options::default() }, &Progress::default());
        group.throughput(Throughput::Elements(walk(1).total.inodes));
        for threads in [1, 2] {
            group.bench_function(BenchmarkId::new(name, threads), |bencher| bencher.iter(|| walk(threads)));
        }
    }
    group.finish();
}

criterion_group!(benches, walk);
criterion_main!(benches);
