//! Compares the walk with other programs that measure disk usage, and with the least that any could do.
//!
//! `cargo bench --bench peers` makes two trees of 100 thousand and two of 1 million inodes (once), says which programs are missing, makes sure
//! that all count the same, and prints the table of `docs/benchmarks.md`. Every figure is a median of interleaved runs.
#![expect(clippy::print_stdout, reason = "a table is what it is for")]

#[path = "peers/floor.rs"]
mod floor;
#[path = "peers/program.rs"]
mod program;
#[path = "peers/run.rs"]
mod run;
#[path = "peers/table.rs"]
mod table;
#[path = "peers/tree.rs"]
mod tree;

use clap::Parser;
use layerwise::dir::Dir;
use layerwise::usage::scan::{Options, Progress, scan};
use std::error::Error;
use std::fs::File;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use table::Comparison;
use tree::Plan;

#[derive(Debug, Parser)]
struct Arguments {
    /// Where the trees are made: on the file system that is to be measured.
    #[arg(long, default_value = "/var/tmp/layerwise-bench")]
    dir: PathBuf,
    /// How often each program runs on each tree.
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// Only makes the trees.
    #[arg(long)]
    plant: bool,
    /// Walks a tree by `scan` or `floor` and prints its bytes and inodes.
    #[arg(long, num_args = 3, value_names = ["HOW", "THREADS", "TREE"], hide = true)]
    walk: Option<Vec<String>>,
    /// Measures a command.
    #[arg(long, num_args = 1.., allow_hyphen_values = true, hide = true)]
    under: Option<Vec<String>>,
    /// What `cargo bench` passes on.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if let Some(command) = arguments.under {
        return run::under(&command);
    }
    if let Some(walk) = arguments.walk {
        let [how, threads, tree] = &walk[..] else { return Err("three values".into()) };
        return walk_once(how, threads.parse()?, Path::new(tree));
    }
    let plant = |name: &str, inodes, owners| plant(&arguments.dir, name, Plan { inodes, owners, seed: 1 });
    let small = plant("100-thousand", 100_000, 200)?;
    let large = plant("1-million", 1_000_000, 2_000)?;
    let many = plant("1-million-20-thousand-layers", 1_000_000, 20_000)?;
    if arguments.plant {
        return Ok(());
    }
    println!("{}, {} cores, {} runs\n", kernel(), std::thread::available_parallelism()?, arguments.runs);
    let peers = table::agreeing(&small, &table::installed())?;
    Comparison { peers, runs: arguments.runs, small, large, many }.print(nix::unistd::geteuid().is_root())
}

fn kernel() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_or_else(|_| "unknown kernel".to_owned(), |release| format!("Linux {}", release.trim()))
}

fn walk_once(how: &str, threads: usize, tree: &Path) -> Result<(), Box<dyn Error>> {
    if how == "floor" {
        let (bytes, inodes) = floor::walk(tree, threads)?;
        println!("{bytes} {inodes}");
    } else {
        let measured =
            scan(&Dir::root(tree)?, &Options { threads: NonZeroUsize::new(threads), ..Options::default() }, &Progress::default());
        let [unreadable, not_entered] = [measured.unreadable.len(), measured.not_entered.len()];
        println!("{} {}", measured.total.bytes, measured.total.inodes);
        println!("{} owners, {unreadable} unreadable, {not_entered} not entered, {} vanished", measured.owners.len(), measured.vanished);
    }
    Ok(())
}

/// Makes a tree, unless it is there already.
fn plant(dir: &Path, name: &str, plan: Plan) -> Result<PathBuf, Box<dyn Error>> {
    let (tree, done) = (dir.join(name), dir.join(format!("{name}.done")));
    let planned = format!("{plan:?}");
    if std::fs::read_to_string(&done).ok().as_ref() != Some(&planned) {
        if tree.exists() {
            return Err(format!("{} is incomplete, or another tree: remove it first", tree.display()).into());
        }
        println!("making {}", tree.display());
        std::fs::create_dir_all(&tree)?;
        tree::plant(&OwnedFd::from(File::open(&tree)?), plan)?;
        std::fs::write(done, planned)?;
    }
    Ok(tree)
}
