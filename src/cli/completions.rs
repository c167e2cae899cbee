use super::exit::{Failure, Status};
use super::output::Output;
use clap::CommandFactory as _;
use clap_complete::Shell;

/// Print the completions of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  layerwise completions bash > /etc/bash_completion.d/layerwise")]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<Status, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "layerwise", &mut script);
    output.print(&String::from_utf8_lossy(&script))?;
    Ok(Status::Fine)
}
