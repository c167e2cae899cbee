//! Compares deleting what is in the trash with `rm -rf` of the very same tree.
//!
//! `cargo bench --bench delete` makes each tree once, in a file system of its own, lets every contender have a copy of that in turn, and
//! writes the table of `docs/benchmarks.md` to `target/delete.md`.
#![expect(clippy::print_stdout, reason = "a table is what it is for")]

#[path = "peers/arguments.rs"]
mod arguments;
#[path = "delete/image.rs"]
mod image;
#[path = "peers/machine.rs"]
mod machine;
#[path = "peers/report.rs"]
mod report;
#[path = "peers/run.rs"]
mod run;
#[path = "peers/tree.rs"]
mod tree;

use arguments::Usual;
use clap::Parser;
use image::Image;
use layerwise::apply::{Stop, Tally, Tops, Trash};
use layerwise::dir::Dir;
use report::Report;
use run::{Run, drop_caches, measure, median};
use rustix::fs::{Mode, OFlags, mkdirat, openat};
use std::error::Error;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use tree::Plan;

/// A run that was given up, as `prune` leaves it when it begins to delete.
const RUN: &str = ".layerwise/20260131T120000Z-1.doomed";

type Outcome<T> = Result<T, Box<dyn Error>>;

#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    usual: Usual,
    /// How many inodes each tree has.
    #[arg(long, default_value_t = 200_000)]
    inodes: u64,
    /// Where the table is written to.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/delete.md"))]
    output: PathBuf,
    /// Deletes what the data-root ROOT has in its trash, and prints what was freed.
    #[arg(long, num_args = 2, value_names = ["ROOT", "THREADS"], hide = true)]
    delete: Option<Vec<String>>,
}

/// What is deleted.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// Two hundred layers, one of them deep and large, as the peers of the walk have it.
    DataRoot,
    /// One directory with all of it.
    Flat,
}

/// Who deletes it.
#[derive(Debug, Clone, Copy)]
enum Contender {
    Ours {
        threads: usize,
    },
    Rm,
    /// As many `rm -rf` at a time, a few layers each.
    Rms {
        at_a_time: usize,
    },
}

const CONTENDERS: [Contender; 4] =
    [Contender::Rm, Contender::Ours { threads: 1 }, Contender::Rms { at_a_time: 2 }, Contender::Ours { threads: 2 }];

impl Shape {
    const fn describe(self) -> &'static str {
        match self {
            Self::DataRoot => "layers",
            Self::Flat => "one directory",
        }
    }

    /// Makes it in the empty directory `top`.
    fn plant(self, top: &OwnedFd, inodes: u64) -> rustix::io::Result<()> {
        match self {
            Self::DataRoot => tree::plant(top, Plan { inodes, owners: 200, seed: 1 }),
            Self::Flat => (0..inodes).try_for_each(|number| {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                openat(top, format!("layer-{number:016x}"), flags, Mode::RUSR).map(drop)
            }),
        }
    }
}

impl Contender {
    fn describe(self) -> String {
        match self {
            Self::Ours { threads } => format!("layerwise, {threads} thread{}", if threads == 1 { "" } else { "s" }),
            Self::Rm => "`rm -rf`".to_owned(),
            Self::Rms { at_a_time } => format!("`xargs -P {at_a_time} rm -rf`"),
        }
    }

    fn command(self, root: &Path) -> Outcome<Vec<String>> {
        let [root, run] = [root.to_path_buf(), root.join(RUN)].map(|path| path.display().to_string());
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Ok(match self {
            Self::Ours { threads } => {
                let program = std::env::current_exe()?.display().to_string();
                words(&[&program, "--delete", &root, &threads.to_string()])
            }
            Self::Rm => words(&["rm", "-rf", &run]),
            Self::Rms { at_a_time } => {
                // Layers are told apart by their directories; a single directory there is nothing to share of.
                let script = format!(
                    "cd '{run}' && find . -mindepth 1 -maxdepth 3 -name '????????????????????????????????????????????????????????????????' -prune -print0 | xargs -0 -r -P {at_a_time} -n 8 rm -rf && rm -rf '{run}'"
                );
                words(&["sh", "-c", &script])
            }
        })
    }
}

fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    if let Some(command) = arguments.usual.under {
        return run::under(&command);
    }
    if let Some(delete) = arguments.delete {
        let [root, threads] = &delete[..] else { return Err("two values".into()) };
        return delete_once(Path::new(root), threads.parse()?);
    }
    image::mount_for_oneself()?;
    fs::create_dir_all(&arguments.usual.dir)?;
    let mut report = Report::create(&arguments.output)?;
    machine::describe(&mut report, &arguments.usual.dir, arguments.usual.runs)?;
    report.line(&format!("\n{} inodes in each tree, on an ext4 of its own (a loop device)\n", arguments.inodes))?;
    report.row(&["tree", "caches", "who", "seconds", "processor", "to `rm -rf`", "processor to it", "MB"])?;
    report.line("|---|---|---|---|---|---|---|---|")?;
    for shape in [Shape::DataRoot, Shape::Flat] {
        let image = Image::make(&arguments.usual.dir, shape, arguments.inodes)?;
        for is_cold in [false, true] {
            compare(&mut report, &arguments, (shape, &image), is_cold)?;
        }
    }
    machine::load(&mut report, "at the end")
}

/// Deletes what is in the trash of `root`, and prints what was freed.
fn delete_once(root: &Path, threads: usize) -> Outcome<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let tops = Tops::open(&Dir::root(root)?)?;
    let mut trash = Trash::open(&tops)?;
    let deletion = pool.install(|| trash.delete_doomed(&Tally::default(), &Stop::default()));
    println!("{} {}", deletion.bytes, deletion.inodes);
    if deletion.failed == 0 { Ok(()) } else { Err(format!("{} could not be deleted", deletion.failed).into()) }
}

/// Lets each contender have a copy of the tree in turn, and writes their rows.
fn compare(report: &mut Report, arguments: &Arguments, (shape, image): (Shape, &Image), is_cold: bool) -> Outcome<()> {
    let mut taken: Vec<Vec<Run>> = CONTENDERS.iter().map(|_| Vec::new()).collect();
    for _ in 0..arguments.usual.runs {
        for (contender, runs) in CONTENDERS.iter().zip(&mut taken) {
            let root = image.copy()?;
            if is_cold {
                drop_caches()?;
            } else {
                root.warm()?;
            }
            let run = measure(&contender.command(root.path())?)?;
            let counted = run.printed.split_whitespace().nth(1).map(str::parse::<u64>).transpose()?;
            runs.push(run);
            if root.path().join(RUN).exists() || counted.is_some_and(|counted| counted < arguments.inodes / 10 * 9) {
                return Err(format!("{} left something of {}", contender.describe(), shape.describe()).into());
            }
        }
    }
    let of = |runs: &[Run], figure: fn(&Run) -> f64| median(runs.iter().map(figure).collect());
    let [wall, processor] = taken.first().map(|rm| [of(rm, |run| run.wall), of(rm, |run| run.processor)]).unwrap_or_default();
    for (contender, runs) in CONTENDERS.iter().zip(&taken) {
        let (own_wall, own_processor) = (of(runs, |run| run.wall), of(runs, |run| run.processor));
        report.row(&[
            shape.describe(),
            if is_cold { "cold" } else { "warm" },
            &contender.describe(),
            &format!("{own_wall:.2}"),
            &format!("{own_processor:.2}"),
            &format!("{:.2}", own_wall / wall),
            &format!("{:.2}", own_processor / processor),
            &format!("{:.1}", of(runs, |run| run.memory)),
        ])?;
    }
    Ok(())
}

/// Makes a tree in the trash of `root`.
fn plant(root: &Path, shape: Shape, inodes: u64) -> Outcome<()> {
    let mut at = OwnedFd::from(File::open(root)?);
    for name in RUN.split('/') {
        mkdirat(&at, name, Mode::RWXU)?;
        at = openat(&at, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    }
    // As in a run, what was taken lies below the directory of the run.
    mkdirat(&at, "0", Mode::RWXU)?;
    let top = openat(&at, "0", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(shape.plant(&top, inodes)?)
}
