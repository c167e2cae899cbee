//! What is measured of ourselves: one walk, in a process of its own.

use crate::floor;
use layerwise::dir::Dir;
use layerwise::inventory::Inventory;
use layerwise::usage::cache::{self, Clock};
use layerwise::usage::scan::{Measured, Options, Progress, scan};
use std::error::Error;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// Walks `tree` and prints what it counted: the bytes and the inodes come first.
pub(crate) fn once(how: &str, threads: usize, tree: &Path) -> Result<(), Box<dyn Error>> {
    let options = Options { threads: NonZeroUsize::new(threads), ..Options::default() };
    let measured = match how {
        "floor" => {
            let (bytes, inodes) = floor::walk(tree, threads)?;
            println!("{bytes} {inodes}");
            return Ok(());
        }
        "cached" => cached(tree, &options)?,
        _ => scan(&Dir::root(tree)?, &options, &Progress::default()),
    };
    let [unreadable, not_entered] = [measured.unreadable.len(), measured.not_entered.len()];
    println!("{} {}", measured.total.bytes, measured.total.inodes);
    println!("{} owners, {unreadable} unreadable, {not_entered} not entered, {} vanished", measured.owners.len(), measured.vanished);
    if let Some(from_cache) = measured.from_cache {
        println!("{} layers from the cache", from_cache.layers);
    }
    Ok(())
}

/// Where the cache of a tree is kept.
pub(crate) fn cache_directory(tree: &Path) -> PathBuf {
    tree.with_extension("cache")
}

/// All that `df --cached` does before it judges and prints: reads the records, walks what is not remembered, and remembers.
fn cached(tree: &Path, options: &Options) -> Result<Measured, Box<dyn Error>> {
    let root = Dir::root(tree)?;
    let inventory = Inventory::read(&root, None);
    // Without the ten minutes in which a layer is not remembered, because the trees may just have been made.
    let clock = Clock { now: jiff::Timestamp::now().as_second(), settled: -60 };
    let (measured, notes) = cache::scan(&root, &inventory, (options, &Progress::default()), (&cache_directory(tree), clock));
    if notes.is_empty() { Ok(measured) } else { Err(notes.join("\n").into()) }
}

/// Makes one in a hundred layers look new, by their names: small ones, as most are.
pub(crate) fn renew_layers(tree: &Path) -> Result<usize, Box<dyn Error>> {
    let mut layers: Vec<_> = fs::read_dir(tree.join("overlay2"))?.collect::<Result<_, _>>()?;
    layers.sort_by_key(fs::DirEntry::path);
    let mut renewed = 0;
    for layer in layers.iter().filter(|layer| layer.file_name() != "l").step_by(100) {
        let file = layer.path().join("diff/.new");
        fs::write(&file, "")?;
        fs::remove_file(&file)?;
        renewed += 1;
    }
    Ok(renewed)
}
