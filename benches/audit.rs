//! How long the answers that need no measuring take, and how that grows: `cargo bench --bench audit [LAYERS…]`.
//!
//! Writes data-roots of 2,000, 20,000 and 100,000 layers (a tenth as many images, each of ten layers that it shares with none to all of the
//! others) and runs the release binary on them as a user would. Each figure is the median of several runs with warm caches.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark prints what it measures and ends where it cannot"
)]

use layerwise::demo::{Builder, ImageSpec, LayerSpec, Tree};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RUNS: usize = 7;

/// How many layers an image has beside the ones it shares.
const OWN: usize = 10;

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![2_000, 20_000, 100_000] } else { sizes };
    println!("| layers | images | command | median | per layer | peak memory |");
    println!("|---|---|---|---|---|---|");
    for layers in sizes {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let path = temporary.path().join("docker");
        let image = build(&path, layers);
        for arguments in [vec!["why", &image], vec!["tree", "--no-scan"], vec!["images", "--no-scan"], vec!["layers", "--no-scan"]] {
            let (median, peak) = measure(&path, &arguments);
            let per_layer = median / u32::try_from(layers).expect("a number of layers");
            println!("| {layers} | {} | `{}` | {median:.0?} | {per_layer:.1?} | {} MB |", layers / OWN, arguments[0], peak / 1000);
        }
    }
}

/// Writes a data-root of `layers` layers in images of ten, every tenth chain on top of another's, and returns a name of an image.
fn build(path: &Path, layers: usize) -> String {
    let mut root = Builder::create(path).expect("a new data-root");
    root.batch(|root| {
        let base = root.layer(None, LayerSpec::without_tar(Tree::new("base")))?;
        for image in 0..layers / OWN {
            let mut top = base.clone();
            for step in 0..OWN {
                top = root.layer(Some(&top), LayerSpec::without_tar(Tree::new(format!("{image}/{step}"))))?;
            }
            root.image(&ImageSpec::new(&top).tag(&format!("image{image}:1")).history("ADD base").history("RUN make"))?;
        }
        Ok(())
    })
    .expect("a data-root");
    "image7:1".to_owned()
}

/// The median time and the most memory that the command took, in kilobytes.
fn measure(path: &Path, arguments: &[&str]) -> (Duration, u64) {
    let mut times: Vec<Duration> = (0..=RUNS).map(|_| run(path, arguments)).skip(1).collect();
    times.sort_unstable();
    (times[times.len() / 2], peak(path, arguments))
}

fn command(path: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PathBuf::from(env!("CARGO_BIN_EXE_layerwise")));
    command.arg("--data-root").arg(path).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn run(path: &Path, arguments: &[&str]) -> Duration {
    let start = Instant::now();
    let status = command(path, arguments).status().expect("the binary runs");
    assert!(status.success(), "{arguments:?} ended with {status}");
    start.elapsed()
}

/// The most memory that the command has resident, sampled from the kernel's own high-water mark while it runs.
fn peak(path: &Path, arguments: &[&str]) -> u64 {
    let mut child = command(path, arguments).spawn().expect("the binary runs");
    let mut peak = 0;
    while child.try_wait().expect("the child can be waited for").is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(peak).max(peak);
        std::thread::sleep(Duration::from_millis(1));
    }
    peak
}
