use super::exit::{Failure, Status};
use super::output::Output;
use clap::CommandFactory as _;
use std::path::PathBuf;

/// Write the manual pages, one a command
///
/// They say what `--help` says.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  layerwise man /usr/local/share/man/man1")]
pub(super) struct Args {
    /// The directory to write them to; it is made if it is not there
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<Status, Failure> {
    let failed = |error: std::io::Error| Failure::usage(format!("cannot write manual pages to {}: {error}", args.directory.display()));
    std::fs::create_dir_all(&args.directory).map_err(failed)?;
    clap_mangen::generate_to(super::Cli::command(), &args.directory).map_err(failed)?;
    output.say(&format!("The manual pages were written to {}", args.directory.display()));
    Ok(Status::Fine)
}
