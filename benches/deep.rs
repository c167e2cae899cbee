//! How near `check --deep` comes to what this machine can hash.
//!
//! ```text
//! cargo bench --bench deep -- [DIR]      makes its layers in DIR, else where temporary files go
//! ```
//! Each row is a data-root of several layers with about the same bytes in all: in files of one size, and in files of the sizes that `/usr` of a
//! Debian system has. What is verified is their tars, so a row's figure is bytes of these a second. It is divided by two others of the same run, both
//! taken with as many threads: what SHA-256 alone makes of as many bytes in memory (the implementation that is used), and what `openssl speed` says.
//! "The floor" is what remains of that where each file is opened, read, hashed and closed, and nothing else is done: no look at what it is, no
//! metadata, no tar. The last column compares processor time instead, which a busy machine disturbs less. Contents are in the page cache.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark speaks through its output")]

use layerwise::audit::Audit;
use layerwise::deep::{self, Control, Owners, Status};
use layerwise::demo::{Builder, ImageSpec, Tree};
use layerwise::dir::Dir;
use layerwise::inventory::Inventory;
use rustix::fs::{Mode, OFlags};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::hint::black_box;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The bytes of each layer, at least.
const LAYER: u64 = 64 << 20;
/// The layers: enough that all threads end at about the same time.
const LAYERS: u64 = 16;
/// A block of a tar: each file has one for its header, and whole ones for its content.
const BLOCK: u64 = 512;
/// The sizes of files below `/usr` of Debian with Docker: the middle of each tenth of them…
const TENTHS: [u64; 10] = [221, 554, 875, 1_392, 2_025, 3_044, 6_814, 14_832, 28_484, 93_559];
/// … how many of each there are in a layer, and the largest of all, which are few and have most of the bytes.
const OF_EACH_TENTH: usize = 70;
const LARGE: [(u64, usize); 2] = [(1 << 20, 22), (32 << 20, 1)];
/// How often each figure is taken; the best counts, because what disturbs only ever takes time.
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let place = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).map(PathBuf::from);
    let temp = tempfile::tempdir_in(place.unwrap_or_else(std::env::temp_dir))?;
    let threads = std::thread::available_parallelism()?.get();
    let openssl = openssl(threads);
    println!("{threads} threads; openssl speed: {}", openssl.map_or_else(|| "-".to_owned(), shown));
    let titles = ["file size", "files", "verified", "SHA-256 alone", "of that", "the floor", "of openssl", "by processor time"];
    println!("{}", titles.map(|title| format!("{title:>18}")).concat());
    for (name, sizes) in rows() {
        let root = temp.path().join(&name);
        plant(&root, &sizes)?;
        let tar: u64 = sizes.iter().map(|size| BLOCK + size.next_multiple_of(BLOCK)).sum();
        let [verified, hashed, floor] = compare(&root, threads, LAYERS * tar)?;
        let percent = |one: f64, other: f64| format!("{:.0} %", one / other * 100.0);
        let of_openssl = openssl.map_or_else(|| "-".to_owned(), |other| percent(verified.wall, other));
        let files = LAYERS * u64::try_from(sizes.len())?;
        let row = [
            name,
            files.to_string(),
            shown(verified.wall),
            shown(hashed.wall),
            percent(verified.wall, hashed.wall),
            percent(floor.wall, hashed.wall),
            of_openssl,
            percent(verified.processor, hashed.processor),
        ];
        println!("{}", row.map(|value| format!("{value:>18}")).concat());
        std::fs::remove_dir_all(&root)?;
    }
    Ok(())
}

/// What each row is called, and the files of each of its layers.
fn rows() -> Vec<(String, Vec<u64>)> {
    let of_one_size = |size: u64| (size.to_string(), (0..LAYER / size).map(|_| size).collect());
    let tenths = TENTHS.iter().flat_map(|&size| std::iter::repeat_n(size, OF_EACH_TENTH));
    let large = LARGE.iter().flat_map(|&(size, count)| std::iter::repeat_n(size, count));
    let mut rows: Vec<_> = [64 << 20, 1 << 20, 64 << 10, 8 << 10].map(of_one_size).into();
    rows.insert(1, ("as in /usr".to_owned(), tenths.chain(large).collect()));
    rows
}

/// Writes a data-root with layers of files of these sizes.
fn plant(path: &Path, sizes: &[u64]) -> Result<(), Box<dyn Error>> {
    let mut root = Builder::create(path)?;
    root.batch(|root| {
        for number in 0..LAYERS {
            let tree = Tree::new(format!("layer {number}"));
            let tree = sizes.iter().enumerate().fold(tree, |tree, (file, &size)| tree.file(format!("usr/lib/{}/{file}", file / 100), size));
            let layer = root.layer(None, tree)?;
            root.image(&ImageSpec::new(&layer).tag(&format!("image-{number}:1")))?;
        }
        Ok(())
    })?;
    // What was written is not to be written back while anything is measured.
    nix::unistd::sync();
    Ok(())
}

/// Bytes a second, by the clock and by the time of all processors.
#[derive(Debug, Clone, Copy)]
struct Rate {
    wall: f64,
    processor: f64,
}

/// The best of several runs.
struct Best {
    wall: Duration,
    processor: Duration,
}

impl Best {
    const NONE: Self = Self { wall: Duration::MAX, processor: Duration::MAX };

    fn run<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let (start, used) = (Instant::now(), processor_time());
        let result = work();
        self.wall = self.wall.min(start.elapsed());
        self.processor = self.processor.min(processor_time().saturating_sub(used));
        result
    }

    fn rate(&self, bytes: u64) -> Rate {
        Rate { wall: rate(bytes, self.wall), processor: rate(bytes, self.processor) }
    }
}

/// The time that this process has had of all processors.
fn processor_time() -> Duration {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).ok();
    let micros = usage.map(|usage| [usage.user_time(), usage.system_time()].map(|time| time.tv_sec() * 1_000_000 + time.tv_usec()));
    Duration::from_micros(micros.map_or(0, |[user, system]| u64::try_from(user + system).unwrap_or(0)))
}

/// What is verified, and what is hashed alone, in turns: what disturbs the one disturbs the other.
fn compare(path: &Path, threads: usize, bytes: u64) -> Result<[Rate; 3], Box<dyn Error>> {
    let dir = Dir::root(path)?;
    let jobs = deep::jobs(&Audit::new(Inventory::read(&dir, None), None), None);
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(path)?);
    let owners = if owner == 0 { Owners::Same } else { Owners::rootless((owner, owner)) };
    let (mut verified, mut hashed, mut floor) = (Best::NONE, Best::NONE, Best::NONE);
    let layers: Vec<Files> = jobs.iter().map(|job| files(&path.join(format!("overlay2/{}/diff", job.dir)))).collect::<Result<_, _>>()?;
    for _ in 0..ROUNDS {
        hashed.run(|| hash_alone(threads, bytes));
        floor.run(|| open_and_hash(threads, &layers))?;
        let outcomes = verified.run(|| deep::verify(&dir, &jobs, &owners, (threads, &Control::default()), |_| {}));
        if let Some(wrong) = outcomes.iter().find(|outcome| outcome.status != Status::Verified) {
            return Err(format!("{wrong:?}").into());
        }
    }
    Ok([verified.rate(bytes), hashed.rate(bytes), floor.rate(bytes)])
}

/// Hashes as many bytes with so many threads.
fn hash_alone(threads: usize, bytes: u64) {
    let share = usize::try_from(bytes).unwrap_or(usize::MAX) / threads;
    let work = move || {
        let block = vec![0x5a; 128 << 10];
        let mut digest = Sha256::new();
        for _ in 0..share / block.len() {
            digest.update(black_box(&block));
        }
        black_box(digest.finalize());
    };
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
}

/// The files of a layer, by directory.
type Files = Vec<(OwnedFd, Vec<OsString>)>;

fn files(layer: &Path) -> Result<Files, Box<dyn Error>> {
    let mut files = BTreeMap::<PathBuf, Vec<OsString>>::new();
    for entry in walkdir::WalkDir::new(layer).sort_by_file_name() {
        let entry = entry?;
        if let Some(above) = entry.path().parent().filter(|_| entry.file_type().is_file()) {
            files.entry(above.to_owned()).or_default().push(entry.file_name().to_owned());
        }
    }
    files.into_iter().map(|(directory, names)| Ok((std::fs::File::open(directory)?.into(), names))).collect()
}

/// Opens, reads and hashes every file with so many threads, each of which takes the next layer.
fn open_and_hash(threads: usize, layers: &[Files]) -> Result<(), Box<dyn Error>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut buffer = vec![0; 128 << 10];
        while let Some(layer) = layers.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut digest = Sha256::new();
            for (directory, name) in layer.iter().flat_map(|(directory, names)| names.iter().map(move |name| (directory, name))) {
                let file = rustix::fs::openat(directory, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
                let mut left = rustix::fs::fstat(&file)?.st_size;
                while left > 0 {
                    let read = rustix::io::read(&file, &mut buffer)?;
                    digest.update(buffer.get(..read).unwrap_or_default());
                    left -= i64::try_from(read.max(1)).unwrap_or(i64::MAX);
                }
            }
            black_box(digest.finalize());
        }
        Ok::<(), rustix::io::Errno>(())
    };
    let ended: Vec<_> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        all.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    ended.into_iter().try_for_each(|ended| ended.unwrap_or(Err(rustix::io::Errno::INTR))).map_err(Into::into)
}

/// Bytes a second that openssl says it hashes with so many processes, if there is one.
fn openssl(threads: usize) -> Option<f64> {
    let multi = threads.to_string();
    let speed = Command::new("openssl")
        .args(["speed", "-mr", "-seconds", "2", "-bytes", "131072", "-multi", &multi, "-evp", "sha256"])
        .output()
        .ok()?;
    let text = String::from_utf8(speed.stdout).ok()?;
    // `+F:22:sha256:1234567890.12`: bytes a second at the last size.
    text.lines().filter(|line| line.starts_with("+F:")).find_map(|line| line.rsplit(':').next()?.trim().parse().ok())
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a figure to be shown")]
fn rate(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64()
}

fn shown(rate: f64) -> String {
    format!("{:.2} GB/s", rate / 1e9)
}
