//! `check --deep`: from the command line to verified layers.

use crate::check::Finding;
use crate::cli::args::Global;
use crate::cli::exit::Failure;
use crate::cli::output::Output;
use crate::cli::progress::show;
use crate::cli::session::Session;
use crate::cli::targets;
use crate::deep::state::State;
use crate::deep::{self, Control, Job, Outcome, Owners};
use crate::graph::Thing;
use crate::id::{ChainId, Digest, DirId};
use crate::render::size::{self, Digits};
use crate::render::words;
use crate::report::check::Deep;
use crate::report::target::Target;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often what was verified is written down.
const EVERY: Duration = Duration::from_secs(30);

/// The options of `--deep`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DeepArgs {
    /// Put the tar of each layer together again and compare it with its DiffID, and each file with its header
    #[arg(long)]
    pub deep: bool,
    /// With --deep, only these: images, layers, containers, layer directories, as `why` takes them
    #[arg(value_name = "TARGET", requires = "deep")]
    targets: Vec<String>,
    /// With --deep, end after this time (90s, 10m, 2h30m), and go on there at the next run
    #[arg(long, value_name = "TIME", requires = "deep", value_parser = duration)]
    max_duration: Option<Duration>,
    /// With --deep, remember in this file what was verified when [default with --max-duration: one in /var/lib/layerwise, or
    /// without root in `layerwise/` below `$XDG_STATE_HOME`]
    #[arg(long, value_name = "FILE", requires = "deep")]
    state: Option<PathBuf>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    Duration::try_from(parsed).map_err(|_| "it is negative".to_owned())
}

/// What is remembered, and when it was last written down.
struct Memory {
    state: State,
    saved: Instant,
    failed: Option<std::io::Error>,
}

/// Verifies the layers that are meant, and adds what that finds to `findings`.
pub(super) fn verify(
    args: &DeepArgs,
    session: &Session,
    (global, output): (&Global, &mut Output),
    findings: &mut Vec<Finding>,
) -> Result<Deep, Failure> {
    let wanted = wanted(args, session)?;
    let mut jobs = deep::jobs(&session.audit, wanted.as_ref());
    let file = state_file(args, session)?;
    let data_root = session.root.dir.path().to_string_lossy();
    let state = match &file {
        Some(file) => State::load(file, &data_root).map_err(|error| {
            Failure::usage(format!("cannot use {}: {error}", file.display())).hint("name another file with --state, or remove this one")
        })?,
        None => State::new(&data_root),
    };
    match file {
        Some(_) => state.order(&mut jobs),
        None => jobs.sort_by_key(|job| (Reverse(job.bytes), job.chain)),
    }
    let memory = Mutex::new(Memory { state, saved: Instant::now(), failed: None });
    let outcomes = run(&jobs, args, session, global, |job, outcome| note(&memory, file.as_deref(), job, outcome));
    let mut memory = memory.into_inner().unwrap_or_else(PoisonError::into_inner);
    if wanted.is_none() {
        memory.state.keep_only(&jobs);
    }
    save(&mut memory, file.as_deref());
    if let (Some(error), Some(file)) = (&memory.failed, &file) {
        output.note(&format!("warning: cannot remember what was verified in {}: {error}", file.display()));
    }
    mention_unfinished(&outcomes, output);
    crate::check::deep::add(findings, &session.audit, &outcomes);
    let diffs: std::collections::BTreeMap<ChainId, &Job> = jobs.iter().map(|job| (job.chain, job)).collect();
    Ok(Deep::new(&outcomes, |outcome| {
        let job = diffs.get(&outcome.chain)?;
        memory.state.verified(job.chain, job.diff, job.dir)
    }))
}

fn run(jobs: &[Job], args: &DeepArgs, session: &Session, global: &Global, done: impl Fn(&Job, &Outcome) + Sync) -> Vec<Outcome> {
    let control = Control::until(args.max_duration.and_then(|time| Instant::now().checked_add(time)));
    let available = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = global.threads.map_or_else(available, std::num::NonZero::get);
    let by_chain: std::collections::HashMap<ChainId, &Job> = jobs.iter().map(|job| (job.chain, job)).collect();
    let total: u64 = jobs.iter().map(|job| job.bytes).sum();
    let line = |elapsed: Duration| {
        let [read, total, speed] =
            [control.bytes(), total, in_a_second(control.bytes(), elapsed)].map(|bytes| size::human(bytes, Digits::Three));
        format!("verifying: {} of {}, {read} of {total}, {speed}/s", control.layers(), words::count(len(jobs), "layer"))
    };
    let done = |outcome: &Outcome| {
        if let Some(job) = by_chain.get(&outcome.chain) {
            done(job, outcome);
        }
    };
    show(line, || deep::verify(&session.root.dir, jobs, &owners(session), (threads, &control), done))
}

/// So many in a second.
fn in_a_second(number: u64, elapsed: Duration) -> u64 {
    u64::try_from(u128::from(number) * 1000 / elapsed.as_millis().max(1)).unwrap_or(u64::MAX)
}

fn len<T>(list: &[T]) -> u64 {
    u64::try_from(list.len()).unwrap_or(u64::MAX)
}

/// How owners in the layers become owners on this disk.
fn owners(session: &Session) -> Owners {
    match session.root.owner() {
        Some((user, group)) if session.root.is_remapped() => session.root.remapped().unwrap_or(Owners::Shifted { user, group }),
        Some((user, group)) if user != 0 => Owners::rootless((user, group)),
        _ => Owners::Same,
    }
}

fn mention_unfinished(outcomes: &[Outcome], output: &mut Output) {
    let unfinished = outcomes.iter().filter(|outcome| outcome.status == deep::Status::Unfinished).count();
    if unfinished > 0 {
        let layers = words::count(u64::try_from(unfinished).unwrap_or(u64::MAX), "layer");
        output.note(&format!("time was up before {layers} were verified: run the same again to go on with them"));
    }
    if !nix::unistd::geteuid().is_root() {
        output.note("note: without root, marks of opaque directories cannot be seen, and files may not be readable");
    }
}

/// Remembers an outcome, and writes all down now and then.
fn note(memory: &Mutex<Memory>, file: Option<&Path>, job: &Job, outcome: &Outcome) {
    let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
    memory.state.note(job, outcome, jiff::Timestamp::now());
    if memory.saved.elapsed() >= EVERY {
        save(&mut memory, file);
    }
}

fn save(memory: &mut Memory, file: Option<&Path>) {
    if let Some(file) = file {
        memory.failed = memory.state.save(file).err();
        memory.saved = Instant::now();
    }
}

/// The layers that the command line means; all if it names nothing.
fn wanted(args: &DeepArgs, session: &Session) -> Result<Option<BTreeSet<ChainId>>, Failure> {
    if args.targets.is_empty() {
        return Ok(None);
    }
    let mut wanted = BTreeSet::new();
    for text in &args.targets {
        let found = layers_of(&targets::find(session, text)?, session);
        if found.is_empty() {
            return Err(Failure::usage(format!("{text} has no layer that could be verified")));
        }
        wanted.extend(found);
    }
    Ok(Some(wanted))
}

fn layers_of(target: &Target, session: &Session) -> BTreeSet<ChainId> {
    let inventory = &session.audit.inventory;
    let layers = &inventory.layerdb.layers;
    let chain = |top: Option<ChainId>| -> BTreeSet<ChainId> {
        let below = |chain: &ChainId| layers.get(chain)?.parent.value().copied();
        std::iter::successors(top, below).take(layers.len()).collect()
    };
    let of_dir = |dir: DirId| layers.values().filter(|layer| layer.dir() == Some(dir)).map(|layer| layer.chain).collect();
    match target {
        Target::Thing(Thing::Image(id)) => {
            inventory.images.get(id).map(|image| ChainId::chain(&image.config.diff_ids).collect()).unwrap_or_default()
        }
        Target::Thing(Thing::Layer(chain)) => BTreeSet::from([*chain]),
        Target::Thing(Thing::Container(id)) => chain(inventory.mounts.get(&(*id).into()).and_then(|mount| mount.parent.value().copied())),
        Target::Thing(Thing::Mount(name)) => chain(inventory.mounts.get(name).and_then(|mount| mount.parent.value().copied())),
        Target::Thing(Thing::Dir(id)) => of_dir(*id),
        Target::Thing(Thing::Link(link)) => inventory.overlay2.links.get(link).copied().flatten().map(of_dir).unwrap_or_default(),
        Target::Thing(_) | Target::Owner(_) => BTreeSet::new(),
    }
}

/// The file in which to remember what was verified, if that is wanted: never one in the data-root.
fn state_file(args: &DeepArgs, session: &Session) -> Result<Option<PathBuf>, Failure> {
    let root = session.root.dir.path();
    let file = match (&args.state, args.max_duration) {
        (Some(file), _) => file.clone(),
        (None, Some(_)) => usual_state(root)
            .ok_or_else(|| Failure::usage("there is no place to remember what was verified").hint("name a file with --state"))?,
        (None, None) => return Ok(None),
    };
    let absolute = std::path::absolute(&file).unwrap_or_else(|_| file.clone());
    // What of it exists already may lead somewhere else than it says.
    let real = absolute.ancestors().find_map(|above| above.canonicalize().ok());
    if absolute.starts_with(root) || real.is_some_and(|real| real.starts_with(root)) {
        return Err(Failure::usage(format!("{} is in the data-root, to which layerwise never writes", file.display())));
    }
    Ok(Some(file))
}

fn usual_state(root: &Path) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt as _;
    let directory = if nix::unistd::geteuid().is_root() {
        PathBuf::from("/var/lib/layerwise")
    } else {
        let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state"));
        let state = std::env::var_os("XDG_STATE_HOME").filter(|state| !state.is_empty()).map(PathBuf::from);
        state.or_else(home)?.join("layerwise")
    };
    let name: String = Digest::of(root.as_os_str().as_bytes()).hex().to_string().chars().take(16).collect();
    Some(directory.join(format!("verified-{name}.json")))
}
