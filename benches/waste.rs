//! What `waste` of all images costs, against one pass of `tar` over what `docker save` writes of each: `cargo bench --bench waste -- [DIR]`.
//!
//! Whatever explores one image at a time has to list at least that once for each image, with the layers that it shares with others; what
//! `docker save` itself takes is not counted. `waste` reads a data-root, and the same archives all at once; of these it also verifies every layer.
//! Each figure is the median of several runs in turn, with warm caches.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark prints what it measures and ends where it cannot"
)]

#[path = "peers/run.rs"]
#[expect(dead_code, reason = "caches stay warm here")]
mod run;
#[path = "../tests/cli/save.rs"]
#[expect(dead_code, reason = "one hand writes all of these archives")]
mod save;

use layerwise::demo::{Builder, ImageSpec, Tree};
use run::{Run, measure, median};
use save::{Hand, Pack};
use std::path::{Path, PathBuf};

const RUNS: usize = 5;
const IMAGES: usize = 12;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|argument| argument == "--under") {
        return run::under(&arguments[1..]).unwrap();
    }
    let place = arguments.iter().find(|argument| !argument.starts_with('-')).map(PathBuf::from);
    let temporary = tempfile::tempdir_in(place.unwrap_or_else(std::env::temp_dir)).unwrap();
    let root = temporary.path().join("docker");
    plant(&root);
    let archives = archive(&root, temporary.path());
    nix::unistd::sync();
    let ours = |arguments: &[String]| [&[env!("CARGO_BIN_EXE_layerwise").to_owned(), "waste".to_owned()], arguments].concat();
    let of_root = ours(&["--data-root".to_owned(), root.display().to_string(), "--copy".to_owned()]);
    let of_archives = ours(&archives.iter().flat_map(|archive| ["--archive".to_owned(), archive.clone()]).collect::<Vec<_>>());
    let passes = archives.iter().map(|archive| format!("tar -xOf '{archive}' --wildcards '*/layer.tar' | tar -tif - >/dev/null"));
    let tar = vec!["sh".to_owned(), "-c".to_owned(), passes.collect::<Vec<_>>().join(" && ")];
    let contenders = [("`waste`, data-root", of_root), ("`waste`, archives", of_archives), ("`tar`, archives", tar)];
    let mut runs: Vec<Vec<Run>> = vec![Vec::new(); contenders.len()];
    for _ in 0..=RUNS {
        for (runs, (_, command)) in runs.iter_mut().zip(&contenders) {
            runs.push(measure(command).unwrap());
        }
    }
    println!("| {IMAGES} images | wall | of `tar` | processor | peak memory |\n|---|---|---|---|---|");
    // The first of each has warmed the caches.
    let middle = |runs: &[Run], of: fn(&Run) -> f64| median(runs[1..].iter().map(of).collect());
    let peer = middle(runs.last().unwrap(), |run| run.wall);
    for (runs, (name, _)) in runs.iter().zip(&contenders) {
        let [wall, processor, memory] = [middle(runs, |run| run.wall), middle(runs, |run| run.processor), middle(runs, |run| run.memory)];
        println!("| {name} | {wall:.2} s | {:.2} | {processor:.2} s | {memory:.0} MB |", wall / peer);
    }
}

/// Images in three families, of which each has its framework on one base, and its own two layers, which write again what lies below.
fn plant(path: &Path) {
    let mut root = Builder::create(path).unwrap();
    root.batch(|root| {
        let base = root.layer(None, files("base", 4_000))?;
        let families: Vec<_> =
            ["go", "node", "python"].iter().map(|name| root.layer(Some(&base), files(name, 2_000))).collect::<Result<_, _>>()?;
        for image in 0..IMAGES {
            let dependencies = root.layer(Some(&families[image % families.len()]), files(&format!("dependencies {image}"), 1_000))?;
            let app = root.layer(Some(&dependencies), files(&format!("app {image}"), 300).whiteout("usr/base/0/1"))?;
            root.image(&ImageSpec::new(&app).tag(&format!("image-{image}:1")))?;
        }
        Ok(())
    })
    .unwrap();
}

/// So many files of a few hundred bytes to a hundred kilobytes, a hundred in a directory.
fn files(name: &str, count: u64) -> Tree {
    let size = |file: u64| 200 << (file * 7 % 10);
    (0..count).fold(Tree::new(name), |tree, file| tree.file(format!("usr/{name}/{}/{file}", file / 100), size(file)))
}

/// An archive of each image.
fn archive(root: &Path, to: &Path) -> Vec<String> {
    let write = |image: usize| {
        let directory = to.join(format!("image-{image}"));
        let name = format!("image-{image}:1");
        save::write(&save::images(root, |names| names.contains(&name)), &directory, Hand::Former, Pack::Plain);
        let file = save::tarred(&directory);
        std::fs::remove_dir_all(directory).unwrap();
        file.display().to_string()
    };
    (0..IMAGES).map(write).collect()
}
