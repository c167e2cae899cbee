//! The command line: one file a command, each with its arguments, whose doc comments are the help, and a short `run`.

mod args;
mod build_cache;
mod changes;
mod check;
mod completions;
mod containers;
mod demo;
mod df;
mod docker;
mod exit;
mod file;
mod freed;
mod habits;
mod history;
mod images;
mod input;
mod inspect;
mod interrupt;
mod layers;
mod lint;
mod list;
mod locate;
mod man;
mod metrics;
mod nice;
mod output;
mod overview;
mod plugin;
mod progress;
mod prune;
mod repair;
mod roots;
mod session;
mod targets;
mod trash;
mod tree;
mod until;
mod volumes;
mod waste;
mod why;

use args::Global;
use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use exit::{Failure, Status};
use output::Output;
use plugin::Invocation;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

/// Says what every byte and every inode under a Docker data-root belongs to
///
/// layerwise reads Docker's overlay2 storage from the disk itself, with dockerd running, stopped, broken or unable to start. Only `prune`,
/// `repair` and `trash` change a data-root.
#[derive(Debug, Parser)]
#[command(name = "layerwise", version, max_term_width = 110, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  layerwise df                                  where the space and the inodes went
  layerwise why /var/lib/docker/overlay2/4f2c…  what this directory is, and what holds it
  layerwise images --sort exclusive_bytes       which image to remove first
  layerwise freed app:1 app:2                   what removing both would give back
  layerwise prune --dry-run                     what belongs to nothing and could be taken back
  layerwise repair --dry-run                    what is broken that the disk itself can mend
  layerwise demo                                the tour, on a machine without Docker

Exit status: 0 fine, 1 findings or a target that was not found, 2 usage, 3 the data-root cannot be read, 4 refused for safety,
5 done in part, 130 interrupted.";

#[derive(Debug, Subcommand)]
enum Command {
    Roots(roots::Args),
    Df(df::Args),
    Images(images::Args),
    Layers(layers::Args),
    Containers(containers::Args),
    Volumes(volumes::Args),
    BuildCache(build_cache::Args),
    History(history::Args),
    Tree(tree::Args),
    Why(why::Args),
    Inspect(inspect::Args),
    Freed(freed::Args),
    Changes(changes::Args),
    Locate(locate::Args),
    Waste(waste::Args),
    Check(check::Args),
    Lint(lint::Args),
    Metrics(metrics::Args),
    Prune(prune::Args),
    Repair(repair::Args),
    Trash(trash::Args),
    Demo(demo::Args),
    Completions(completions::Args),
    Man(man::Args),
    #[command(hide = true)]
    Ps(containers::PsArgs),
    #[command(hide = true)]
    Diff(changes::Args),
    /// `docker image …`
    #[command(hide = true, subcommand)]
    Image(docker::Image),
    /// `docker container …`
    #[command(hide = true, subcommand)]
    Container(docker::Container),
    /// `docker volume …`
    #[command(hide = true, subcommand)]
    Volume(docker::Volume),
    /// `docker system …`
    #[command(hide = true, subcommand)]
    System(docker::System),
    /// `docker builder …`
    #[command(hide = true, subcommand)]
    Builder(docker::Builder),
    /// `docker rm`
    #[command(hide = true)]
    Rm(docker::Rest),
    /// `docker rmi`
    #[command(hide = true)]
    Rmi(docker::Rest),
}

impl Command {
    /// Refuses archives, where they have nothing that the command is about.
    fn reads_archives(&self) -> Result<(), Failure> {
        match self {
            Self::Images(_) | Self::Layers(_) | Self::Tree(_) | Self::Changes(_) | Self::Locate(_) | Self::Waste(_) | Self::Lint(_) => {
                Ok(())
            }
            Self::History(_) | Self::Image(docker::Image::Ls(_) | docker::Image::History(_)) => Ok(()),
            _ => Err(Failure::usage("this command is about a data-root: an archive has nothing but images and their layers")
                .hint("images, history, layers, tree, changes, locate, waste and lint read archives")),
        }
    }
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    interrupt::end_if_first();
    let cli = match plugin::invocation(std::env::args_os()) {
        Ok(Invocation::Command { arguments, called }) => parse(arguments, called),
        Ok(Invocation::Answer(text)) => {
            // What cannot be written to a closed pipe has no reader.
            drop(std::io::stdout().write_all(text.as_bytes()));
            return ExitCode::SUCCESS;
        }
        Err(failure) => {
            output::report(&failure);
            return failure.status.into();
        }
    };
    let cli = match cli {
        Ok(cli) => cli,
        Err(mut error) => {
            if let Some(failure) = unknown_word(&error) {
                output::report(&failure);
                return failure.status.into();
            }
            take_dangerous_tips(&mut error);
            // What clap cannot print to a closed pipe nobody reads.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let mut output = Output::new(&cli.global);
    match run(&cli, &mut output) {
        Ok(status) => status.into(),
        Err(failure) => {
            output::report(&failure);
            failure.status.into()
        }
    }
}

/// Reads a command line, for a person who typed `called` before the command.
fn parse(arguments: Vec<OsString>, called: &'static str) -> Result<Cli, clap::Error> {
    let matches = overview::group(Cli::command()).bin_name(called).try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches)
}

/// What to say of a word that only docker knows.
fn unknown_word(error: &clap::Error) -> Option<Failure> {
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) => docker::known(word),
        _ => None,
    }
}

/// Leaves out tips that would make a slip of the finger delete something: of the options of a command that deletes, and of such a command.
fn take_dangerous_tips(error: &mut clap::Error) {
    const DELETING: [&str; 4] = ["prune", "repair", "trash", "empty"];
    let words = |kind, error: &clap::Error| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let usage = words(ContextKind::Usage, error);
    let deletes = DELETING.iter().any(|word| usage.contains(&format!("layerwise {word}")));
    let tips = words(ContextKind::SuggestedSubcommand, error);
    if deletes || DELETING.iter().any(|word| tips.contains(word)) {
        for kind in [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::Suggested, ContextKind::SuggestedValue] {
            error.remove(kind);
        }
    }
}

fn run(cli: &Cli, output: &mut Output) -> Result<Status, Failure> {
    let global = &cli.global;
    if !global.archive.is_empty() {
        cli.command.reads_archives()?;
    }
    match &cli.command {
        Command::Roots(args) => roots::run(args, global, output),
        Command::Df(args) => df::run(args, global, output),
        Command::Images(args) => images::run(args, global, output),
        Command::Layers(args) => layers::run(args, global, output),
        Command::Containers(args) => containers::run(args, global, output),
        Command::BuildCache(args) => build_cache::run(args, global, output),
        Command::Tree(args) => tree::run(args, global, output),
        Command::Why(args) => why::run(args, global, output),
        Command::Inspect(args) => inspect::run(args, global, output),
        Command::Freed(args) => freed::run(args, global, output),
        Command::Changes(args) | Command::Diff(args) => changes::run(args, global, output),
        Command::Locate(args) => locate::run(args, global, output),
        Command::Waste(args) => waste::run(args, global, output),
        Command::Check(args) => check::run(args, global, output),
        Command::Lint(args) => lint::run(args, global, output),
        Command::Metrics(args) => metrics::run(args, global, output),
        Command::Prune(args) => prune::run(args, global, output),
        Command::Repair(args) => repair::run(args, global, output),
        Command::Trash(args) => trash::run(args, global, output),
        Command::Demo(args) => demo::run(args, global, output),
        Command::Completions(args) => completions::run(args, output),
        Command::Man(args) => man::run(args, output),
        Command::Volumes(args) => volumes::run(args, global, output),
        Command::History(args) => history::run(args, global, output),
        Command::Ps(args) => containers::ps(args, global, output),
        Command::Image(command) => docker::image(command, global, output),
        Command::Container(command) => docker::container(command, global, output),
        Command::Volume(command) => docker::volume(command, global, output),
        Command::System(command) => docker::system(command, global, output),
        Command::Builder(command) => Err(docker::builder(command)),
        Command::Rm(rest) => Err(docker::removal("rm", rest)),
        Command::Rmi(rest) => Err(docker::removal("rmi", rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
