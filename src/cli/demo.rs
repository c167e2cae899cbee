use super::args::Global;
use super::exit::{Failure, Status};
use super::output::Output;
use crate::demo::sample;
use clap::Parser as _;
use std::path::PathBuf;

/// Take the tour on a small data-root made for it
///
/// Writes a small but complete data-root as Docker would write it, with a few leftovers in it, into a temporary directory, runs the
/// commands on it, and removes it again. Needs neither Docker nor root.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write it here and keep it
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// What the tour shows, and why.
const TOUR: [(&str, &[&str]); 9] = [
    ("Where did the space and the inodes go?", &["df"]),
    ("What do the images share, and what has each alone?", &["images", "--sort", "exclusive_bytes"]),
    ("How do they stand on each other?", &["tree"]),
    ("What do the containers take?", &["containers", "--sort", "bytes"]),
    ("What is garbage, and why?", &["check", "--filter", "severity=garbage"]),
    ("What is this directory, and why may it go?", &["why", "4ba5ec135ced"]),
    ("What is this image, and what holds it?", &["why", "shop/api:2"]),
    ("What would removing an image and its containers give back?", &["freed", "shop/worker:2", "worker", "migrate"]),
    ("What could be taken back?", &["prune", "--dry-run"]),
];

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::unreadable(format!("cannot write the sample data-root: {error}"));
    let temporary = tempfile::Builder::new().prefix("layerwise-demo-").tempdir().map_err(|error| failed(&error))?;
    let path = args.keep.clone().unwrap_or_else(|| temporary.path().join("docker"));
    if path.exists() {
        return Err(Failure::usage(format!("{} exists already", path.display())).hint("name a directory that is not there yet"));
    }
    sample::write(&path).map_err(|error| failed(&error))?;
    output.say(&format!("A sample data-root was written to {}", path.display()));
    for (question, command) in TOUR {
        output.print(&format!("\n{question}\n$ layerwise {}\n", command.join(" ")))?;
        run_one(&path, command, global, output)?;
    }
    if args.keep.is_some() {
        output.say(&format!("The sample stays in {}; look at it with --data-root {0} --copy", path.display()));
    }
    Ok(Status::Fine)
}

/// Runs a command on the sample, as the command line would.
fn run_one(path: &std::path::Path, command: &[&str], global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let words = std::iter::once("layerwise").chain(command.iter().copied());
    let mut cli = super::Cli::try_parse_from(words).map_err(Failure::usage)?;
    // Nobody else knows of it.
    cli.global = Global { data_root: Some(path.to_owned()), copy: true, ..global.clone() };
    super::run(&cli, output)
}
