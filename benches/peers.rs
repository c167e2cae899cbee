//! Compares the walk with other programs that measure disk usage, and with the least that any could do.
//!
//! `cargo bench --bench peers` makes two trees of 100 thousand and two of 1 million inodes (once), says which programs are missing, makes sure
//! that all count the same, and writes the table of `docs/benchmarks.md` to `target/peers.md`. Every figure is a median of interleaved runs.
#![expect(clippy::print_stdout, reason = "a table is what it is for")]

#[path = "peers/arguments.rs"]
mod arguments;
#[path = "peers/compare.rs"]
mod compare;
#[path = "peers/floor.rs"]
mod floor;
#[path = "peers/machine.rs"]
mod machine;
#[path = "peers/program.rs"]
mod program;
#[path = "peers/report.rs"]
mod report;
#[path = "peers/run.rs"]
mod run;
#[path = "peers/tree.rs"]
mod tree;
#[path = "peers/walk.rs"]
mod walk;

use arguments::Usual;
use clap::Parser;
use compare::Comparison;
use report::Report;
use std::error::Error;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use tree::Plan;

#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    usual: Usual,
    /// Where the table is written to.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers.md"))]
    output: PathBuf,
    /// Only makes the trees.
    #[arg(long)]
    plant: bool,
    /// Walks a tree by `scan`, `cached` or `floor` and prints its bytes and inodes.
    #[arg(long, num_args = 3, value_names = ["HOW", "THREADS", "TREE"], hide = true)]
    walk: Option<Vec<String>>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if let Some(command) = arguments.usual.under {
        return run::under(&command);
    }
    if let Some(walk) = arguments.walk {
        let [how, threads, tree] = &walk[..] else { return Err("three values".into()) };
        return walk::once(how, threads.parse()?, Path::new(tree));
    }
    let plant = |name: &str, inodes, owners| plant(&arguments.usual.dir, name, Plan { inodes, owners, seed: 1 });
    let small = plant("100-thousand", 100_000, 200)?;
    let large = plant("1-million", 1_000_000, 2_000)?;
    let many = plant("1-million-20-thousand-layers", 1_000_000, 20_000)?;
    if arguments.plant {
        return Ok(());
    }
    let mut report = Report::create(&arguments.output)?;
    machine::describe(&mut report, &arguments.usual.dir, arguments.usual.runs)?;
    let installed = compare::installed(&mut report)?;
    let peers = compare::agreeing(&mut report, &[&small, &large], &installed)?;
    Comparison { peers, runs: arguments.usual.runs, small, large, many }.write(&mut report)?;
    machine::load(&mut report, "at the end")
}

/// Makes a tree, unless it is there already.
fn plant(dir: &Path, name: &str, plan: Plan) -> Result<PathBuf, Box<dyn Error>> {
    let (tree, done) = (dir.join(name), dir.join(format!("{name}.done")));
    let planned = format!("{plan:?}, form {}", tree::FORM);
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
