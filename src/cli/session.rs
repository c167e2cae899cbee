//! From the command line to an audit: finding the data-root, reading it, and measuring it if that is needed.

use super::args::Global;
use super::exit::Failure;
use super::output::Output;
use super::{nice, progress};
use crate::audit::Audit;
use crate::data_root::{self, DataRoot, FileSystem, Machine, Reason};
use crate::inventory::{DRIVER, Inventory};
use crate::plan::Wanted;
use crate::render::{age, words};
use crate::store::live::{self, Live, LockState, locks};
use crate::union::Marks;
use crate::usage::{cache, scan};
use jiff::Timestamp;

/// Whether everything is to be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    /// Measure.
    Measure,
    /// Measure, and remember so many of the largest files and of the fullest directories.
    MeasureLargest(usize),
    /// Answer without.
    Skip,
}

impl From<bool> for Scan {
    /// From the flag `--no-scan`.
    fn from(no_scan: bool) -> Self {
        if no_scan { Self::Skip } else { Self::Measure }
    }
}

/// An opened data-root and what was found in it.
#[derive(Debug)]
pub(super) struct Session {
    /// The data-root.
    pub root: DataRoot,
    /// What was read and measured.
    pub audit: Audit,
}

impl Session {
    /// Finds, reads and, if wanted, measures the data-root that the command line means.
    pub(super) fn open(global: &Global, scan: Scan, output: &mut Output) -> Result<Self, Failure> {
        let session = Self::open_with(global, (scan, &Wanted::default()), output)?;
        session.mention_cache(output);
        Ok(session)
    }

    /// As [`Session::open`], where somebody wants more than what is garbage anyway, and tells what came from the cache.
    pub(super) fn open_with(global: &Global, (scan, wanted): (Scan, &Wanted), output: &mut Output) -> Result<Self, Failure> {
        prepare(global, output)?;
        let machine = Machine::current();
        let root = data_root::find(&machine, global.data_root.as_deref())?;
        mention_other_stores(&root, output);
        let is_copy = global.copy && is_believed_copy(&root, output)?;
        let live = if is_copy { None } else { Some(ask_machine(&machine, &root)?) };
        let inventory = Inventory::read(&root.dir, live);
        let measured = match scan {
            Scan::Measure => Some(measure(&root, &inventory, (global, 0), output)),
            Scan::MeasureLargest(largest) => Some(measure(&root, &inventory, (global, largest), output)),
            Scan::Skip => None,
        };
        let assumptions = wanted.assumptions(&inventory);
        let session = Self { root, audit: Audit::with(inventory, measured, &assumptions) };
        session.mention_unreadable(output);
        Ok(session)
    }

    /// Says how much of what was measured is not of now.
    pub(super) fn mention_cache(&self, output: &mut Output) {
        let from_cache = self.audit.account.as_ref().and_then(|account| account.measured.from_cache);
        let oldest = from_cache.and_then(|from_cache| Timestamp::from_second(from_cache.oldest?).ok());
        if let Some((from_cache, oldest)) = from_cache.zip(oldest) {
            let layers = words::count(from_cache.layers, "layer directory");
            let ago = age::ago(oldest, output.look.now).to_lowercase();
            output.note(&format!("note: {layers} from the cache; the oldest figure was measured {ago}"));
        }
    }

    /// The figures of the file system, if it tells them.
    pub(super) fn filesystem(&self) -> Option<FileSystem> {
        FileSystem::of(&self.root.dir).ok()
    }

    /// Which marks of overlayfs its mounts heed.
    pub(super) fn marks(&self) -> Marks {
        let is_rootless = self.root.owner().is_some_and(|(user, _)| user != 0) && !self.root.is_remapped();
        if is_rootless { Marks::User } else { Marks::Trusted }
    }

    /// Whether those are shown to this process.
    pub(super) fn sees_marks(&self) -> bool {
        self.marks() == Marks::User || scan::trusted_are_shown()
    }

    /// Says that the marks of overlayfs cannot be seen, where that is so.
    pub(super) fn mention_hidden_marks(&self, output: &mut Output) {
        if !self.sees_marks() {
            output.note(
                "note: only root with all rights is shown which directories hide what is below them, so some of that may be missing here",
            );
        }
    }

    /// Says how much could not be read.
    fn mention_unreadable(&self, output: &mut Output) {
        let count = self.audit.inventory.unreadable.len();
        if count > 0 {
            let things = words::count(u64::try_from(count).unwrap_or(u64::MAX), "thing");
            output.note(&format!("{things} could not be read; see `layerwise check`"));
        }
        let unmeasured = self.audit.account.as_ref().map_or(0, |account| account.measured.unreadable.len());
        if unmeasured > 0 {
            let places = words::count(u64::try_from(unmeasured).unwrap_or(u64::MAX), "place");
            output.note(&format!(
                "{places} could not be measured, so sizes leave out what is there; see `unreadable` of `layerwise df --format json`"
            ));
        }
    }
}

/// Makes the process run as it was asked to.
pub(super) fn prepare(global: &Global, output: &mut Output) -> Result<(), Failure> {
    if global.measuring.io_nice
        && let Err(problem) = nice::step_back()
    {
        output.note(&format!("note: {problem}"));
    }
    use_threads(global)
}

/// Makes everything that runs in parallel use as many threads as were asked for.
fn use_threads(global: &Global) -> Result<(), Failure> {
    let Some(threads) = global.threads else { return Ok(()) };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get());
    pool.build_global().map_err(|error| Failure::usage(format!("cannot use {threads} threads: {error}")))
}

/// What the machine says of the data-root.
fn ask_machine(machine: &Machine, root: &DataRoot) -> Result<Live, Failure> {
    let proc = machine.proc().map_err(|error| {
        Failure::unreadable(error).hint("mount /proc: without it nobody can tell what is mounted; for a copy of a data-root give --copy")
    })?;
    Ok(live::read(&proc, &root.dir))
}

/// Whether it can be believed that no machine uses the data-root: it is seen that one does, or its lock answers that none here does. Where it
/// has no lock that can be asked, this machine is asked about it as about any data-root.
fn is_believed_copy(root: &DataRoot, output: &mut Output) -> Result<bool, Failure> {
    let path = root.dir.path().display();
    if !matches!(root.reason, Reason::Flag | Reason::Environment) {
        return Err(Failure::usage("--copy is said of a directory: name it with --data-root"));
    }
    match locks::probe(&root.dir) {
        Ok(LockState::Free | LockState::Missing) => Ok(true),
        Ok(LockState::Held { .. } | LockState::Unknown) => Err(Failure::usage(format!("{path} is no copy: a dockerd holds its lock"))),
        Err(error) => {
            output.note(&format!("note: {error}: so --copy cannot be believed, and this machine is asked who uses {path}"));
            Ok(false)
        }
    }
}

/// Says what the data-root is if it is more, or something else, than one overlay2 store.
fn mention_other_stores(root: &DataRoot, output: &mut Output) {
    let [store] = root.kind.stores.as_slice() else {
        return output.note(&format!("note: {} is {}", root.dir.path().display(), root.kind.describe()));
    };
    if store.driver != DRIVER || !root.kind.containerd.is_empty() || !root.kind.sub_roots.is_empty() {
        output.note(&format!("note: {} is {}", root.dir.path().display(), root.kind.describe()));
    }
}

fn measure(root: &DataRoot, inventory: &Inventory, (global, largest): (&Global, usize), output: &mut Output) -> scan::Measured {
    let options = scan::Options { threads: global.threads, largest };
    let expected = Machine::current().proc().ok().and_then(|proc| root.inodes_expected(&proc));
    let scan = || progress::during(expected, |progress| scan::scan(&root.dir, &options, progress));
    if !global.measuring.cached {
        return scan();
    }
    let default = || cache::default_directory(nix::unistd::geteuid().as_raw(), |name| std::env::var_os(name));
    let Some(directory) = global.measuring.cache_dir.clone().or_else(default) else {
        output.note("note: without a cache: there is no HOME; see --cache-dir");
        return scan();
    };
    let place = (directory.as_path(), cache::Clock::system());
    // What need not be walked is met too, all at once.
    let (measured, notes) = progress::during(expected, |progress| cache::scan(&root.dir, inventory, (&options, progress), place));
    for note in notes {
        output.note(&format!("note: {note}"));
    }
    measured
}
