//! What it was measured on.

use crate::report::Report;
use layerwise::data_root::FileSystem;
use layerwise::dir::Dir;
use std::error::Error;
use std::path::Path;

fn first_line(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().lines().next().unwrap_or_default().to_owned()
}

/// Says what the machine is, and when this is.
pub(crate) fn describe(report: &mut Report, dir: &Path, runs: usize) -> Result<(), Box<dyn Error>> {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("unknown processor", |(_, name)| name);
    let cores = std::thread::available_parallelism()?;
    let kernel = first_line("/proc/sys/kernel/osrelease");
    let memory =
        first_line("/proc/meminfo").split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or_default() / 1_000_000;
    let kind = FileSystem::of(&Dir::root(dir)?)?.kind;
    let now = jiff::Timestamp::now();
    report.line(&format!(
        "{}: {cores} cores ({model}), {memory} GB of memory, Linux {kernel}, {kind}; medians of {runs} interleaved runs",
        now.strftime("%F %H:%M UTC")
    ))?;
    load(report, "at the beginning")
}

/// Says how much else was going on.
pub(crate) fn load(report: &mut Report, when: &str) -> Result<(), Box<dyn Error>> {
    let load = first_line("/proc/loadavg");
    Ok(report.line(&format!("Load {when}: {}", load.split_whitespace().take(3).collect::<Vec<_>>().join(" ")))?)
}
