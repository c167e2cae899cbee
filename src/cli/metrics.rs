use super::args::Global;
use super::exit::{Failure, Status};
use super::file::{self, Readers};
use super::output::Output;
use super::session::{Scan, Session};
use crate::plan::Wanted;
use crate::render::format::Format;
use crate::render::metrics;
use crate::render::words::to_u64;
use crate::report::df::{self, Detail};
use crate::report::metrics::{Run, families};
use jiff::Timestamp;
use std::path::PathBuf;
use std::time::Instant;

/// Write the figures of `df` as metrics for Prometheus
///
/// Meant for a timer and Prometheus's textfile collector, with --cached. All are gauges; docs/metrics.md lists them, and has a timer
/// and alerts. Exit status 1 means that something could not be measured, so that there is more than what is written.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  layerwise metrics --cached --io-nice --output /var/lib/prometheus/node-exporter/layerwise.prom")]
pub(super) struct Args {
    /// Write to this file rather than to stdout: as a whole or not at all, for everybody to read
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    if !matches!(global.format, Format::Table) {
        return Err(Failure::usage("metrics have a format of their own").hint("`layerwise df --format json` has the same figures"));
    }
    let begun = Instant::now();
    let session = Session::open_with(global, (Scan::Measure, &Wanted::default()), output)?;
    let Some(account) = &session.audit.account else { return Err(Failure::unreadable("nothing was measured")) };
    let inventory = &session.audit.inventory;
    let unmeasured = to_u64(account.measured.unreadable.len());
    let df = df::sum(&session.audit, account, session.filesystem(), Detail::Classes);
    let run = Run { ended: Timestamp::now(), took: begun.elapsed(), unreadable: to_u64(inventory.unreadable.len()), unmeasured };
    let text = metrics::text(&families(&df, &run), &[("data_root", crate::render::escape::path(&inventory.root))]);
    match &args.output {
        Some(path) => file::save(path, text.as_bytes(), Readers::Everybody)?,
        None => output.print(&text)?,
    }
    Ok(if unmeasured == 0 { Status::Fine } else { Status::Findings })
}
