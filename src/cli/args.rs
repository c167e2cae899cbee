//! What several commands take.

use crate::render::filter::Filter;
use crate::render::format::Format;
use crate::render::sort::Sort;
use clap::ValueEnum;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The options of every command.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Global options")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Global {
    /// The data-root to read [default: the running dockerd's, else daemon.json's, else the usual places]
    #[arg(long, global = true, value_name = "DIR")]
    pub data_root: Option<PathBuf>,
    /// Read images from this archive instead: what `docker save` writes, or an OCI layout or archive; may be given several times
    #[arg(long, global = true, value_name = "FILE|DIR", conflicts_with_all = ["data_root", "copy"], hide_short_help = true)]
    pub archive: Vec<PathBuf>,
    /// DIR is a copy, or on a disk that no machine is using: ask this machine nothing about it
    #[arg(long, global = true, hide_short_help = true)]
    pub copy: bool,
    /// How to print: table, json (one document), jsonl (one item a line) or a template such as '{{.ID}} {{.Bytes}}'
    #[arg(long, global = true, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
    /// Print whole identifiers and texts, and all columns however narrow the terminal
    #[arg(long, global = true)]
    pub no_trunc: bool,
    /// Print sizes as plain numbers of bytes
    #[arg(long, global = true, hide_short_help = true)]
    pub bytes: bool,
    /// Print identifiers only, of whatever is listed
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_short_help = true)]
    pub color: Color,
    /// How many threads read and measure, at most 256 [default: found at run time]
    #[arg(long, global = true, value_name = "N", value_parser = threads, hide_short_help = true)]
    pub threads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub measuring: Measuring,
}

/// How everything is measured.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Measuring {
    /// Do not measure committed layers again that are remembered from an earlier run with --cached
    #[arg(long, global = true, hide_short_help = true)]
    pub cached: bool,
    /// Where --cached remembers [default: /var/cache/layerwise; if not root, layerwise in `$XDG_CACHE_HOME` or in ~/.cache]
    #[arg(long, global = true, value_name = "DIR", env = "LAYERWISE_CACHE_DIR", hide_short_help = true)]
    pub cache_dir: Option<PathBuf>,
    /// Leave the processor and, where its scheduler knows priorities, the disk to everybody else
    #[arg(long, global = true, hide_short_help = true)]
    pub io_nice: bool,
}

/// How many threads: with thousands they would do little else than wake each other.
fn threads(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().ok().filter(|threads| (1..=256).contains(threads)).and_then(NonZeroUsize::new).ok_or("give a number from 1 to 256")
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The options of every list.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub choice: Choice,
    /// Answer without measuring anything: sizes are left out, Docker's own are kept
    #[arg(long)]
    pub no_scan: bool,
}

/// What of a list is shown, and in which order.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Choice {
    /// Sort by this column; sizes and counts begin with the largest
    #[arg(long, value_name = "COLUMN[:asc|desc]")]
    pub sort: Option<Sort>,
    /// Show only what matches: the same key twice means either, different keys mean both; also KEY!=VALUE and, for numbers, KEY>VALUE
    #[arg(short, long, value_name = "KEY=VALUE")]
    pub filter: Vec<Filter>,
}

/// What becomes of a plan.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Planning {
    /// Only show the plan
    #[arg(long, conflicts_with_all = ["force", "plan"])]
    pub dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub force: bool,
    /// Write the plan to a file, to be applied later with --plan
    #[arg(long, value_name = "FILE", conflicts_with = "plan")]
    pub save_plan: Option<PathBuf>,
    /// Apply this plan, which nobody but you or root may have written: of what it has everything that has not changed since, and nothing else
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
}
