//! The second run: what committed layers weigh is taken from where an earlier run wrote it down.
//!
//! ```text
//! /var/cache/layerwise/                 0700, ours, not below the data-root      store
//! └── <digest of the data-root's path>  0600, ours, checksummed                  format
//!       file system, data-root          whose figures they are
//!       <layer directory> …             by what each is known again, what it weighs, the inodes that have names elsewhere
//!       <inode> …                       those with names outside of the data-root
//! ```
//! Only committed layers are remembered ([`committed`]): nothing that anybody still writes to. The rest is walked, always. A directory is
//! known again by its DiffID and link, and by inode, birth and change time of it, its `diff/` and its `work/`; what is told of hard links
//! in [`scan::Memory`] makes sure that each inode is still charged once and to whom a full scan charges it.
//!
//! What this cannot see is a change below `diff/` by somebody who writes into a committed layer behind dockerd's back, and blocks that
//! the file system moves about by itself (deduplication, compression after the fact).
//!
//! Whatever is wrong with the file, everything is walked: a cache can make a run faster, but never fail it.

mod committed;
mod format;
mod store;

pub use committed::{Identity, committed};
pub use format::{Content, Damage, Remembered, Root};
pub use store::{Error, Store, default_directory};

use super::scan::{self, FromCache, Measured, Memory, Options, Progress, Walked};
use crate::dir::{Dir, ReadError};
use crate::id::DirId;
use crate::inventory::Inventory;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// When it is, and how long a layer must have been left alone to be remembered.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// Seconds since 1970.
    pub now: i64,
    /// Seconds. Until a file system has written what it was given, the blocks of a file may still change without a trace.
    pub settled: i64,
}

impl Clock {
    /// The clock of this machine, with the time that file systems take at most: XFS gives back what it allocated in advance after five
    /// minutes.
    #[must_use]
    pub fn system() -> Self {
        Self { now: jiff::Timestamp::now().as_second(), settled: 600 }
    }
}

/// Measures everything below `root` with the help of what is remembered in `directory`, and remembers it there for the next time.
///
/// Returns what was measured, and what was wrong with the cache.
#[must_use]
pub fn scan(
    root: &Dir,
    inventory: &Inventory,
    (options, progress): (&Options, &Progress),
    (directory, clock): (&Path, Clock),
) -> (Measured, Vec<String>) {
    let mut notes = Vec::new();
    let opened = Root::of(root).map_err(|error| error.to_string()).and_then(|identity| {
        let store = Store::open(directory, root).map_err(|error| error.to_string())?;
        Ok((identity, store))
    });
    let (identity, store) = match opened {
        Ok(opened) => opened,
        Err(problem) => {
            notes.push(format!("without a cache: {problem}"));
            return (scan::scan(root, options, progress), notes);
        }
    };
    let run = Run { root, identity, committed: committed(inventory), options, progress, clock };
    let known = run.read(&store, &mut notes);
    let (measured, next) = run.walk(&known, &mut notes);
    if let Some(next) = next.filter(|next| *next != known)
        && let Err(error) = store.write(&next.encode())
    {
        notes.push(format!("without a cache the next time: {error}"));
    }
    (measured, notes)
}

/// One run with a cache.
struct Run<'r> {
    root: &'r Dir,
    identity: Root,
    committed: BTreeMap<DirId, Identity>,
    options: &'r Options,
    progress: &'r Progress,
    clock: Clock,
}

impl Run<'_> {
    /// What is remembered; nothing if it is not about this data-root, or makes no sense.
    fn read(&self, store: &Store, notes: &mut Vec<String>) -> Content {
        let nothing = || Content { root: self.identity.clone(), layers: BTreeMap::new(), outside: BTreeSet::new() };
        let bytes = match store.read() {
            Ok(None) => return nothing(),
            Ok(Some(bytes)) => bytes,
            Err(error) => {
                notes.push(format!("the cache is not used: {error}"));
                return nothing();
            }
        };
        let content = Content::decode(&bytes).and_then(|content| content.of(&self.identity));
        content.unwrap_or_else(|damage| {
            notes.push(format!("the cache is not used: {}: {damage}", store.path().display()));
            nothing()
        })
    }

    /// Walks what is not remembered, or everything if what is remembered does not fit to that; and what there is to remember then.
    fn walk(&self, known: &Content, notes: &mut Vec<String>) -> (Measured, Option<Content>) {
        let memory = self.memory(known);
        let mut walked = scan::scan_with(self.root, self.options, self.progress, &memory);
        if !walked.is_closed {
            notes.push(
                "the cache is not used: a file has got or lost a name elsewhere since, or is changing; everything is measured".into(),
            );
            self.progress.restart();
            let memory = Memory { layers: memory.layers.into_keys().map(|id| (id, None)).collect(), ..memory };
            walked = scan::scan_with(self.root, self.options, self.progress, &memory);
        }
        let from_cache = summary(&walked, known);
        let next = self.next(&mut walked, known);
        (Measured { from_cache: Some(from_cache), ..walked.measured }, next)
    }

    /// What the walk may take from what is known.
    fn memory(&self, known: &Content) -> Memory {
        let recall = |id: &DirId, identity: &Identity| {
            let remembered = known.layers.get(id).filter(|remembered| remembered.identity.is_same(identity))?;
            // A layer measured in the future was measured by another clock.
            (remembered.layer.measured <= self.clock.now).then(|| Arc::clone(&remembered.layer))
        };
        let layers = self.committed.iter().map(|(id, identity)| (*id, recall(id, identity))).collect();
        Memory { layers, outside: known.outside.clone() }
    }

    /// What is to be remembered now.
    fn next(&self, walked: &mut Walked, known: &Content) -> Option<Content> {
        let outside = walked.outside.take()?;
        let recalled = walked.recalled.iter().filter_map(|id| Some((*id, known.layers.get(id)?.clone())));
        let settled = (self.clock.now.saturating_sub(self.clock.settled), 0);
        let learnt = std::mem::take(&mut walked.learnt).into_iter().filter_map(|(id, mut layer)| {
            let identity = self.committed.get(&id)?.clone();
            layer.measured = self.clock.now;
            let changed = layer.stamps.changed().max(identity.recorded.unwrap_or((i64::MIN, 0)));
            (changed < settled).then(|| (id, Remembered { identity, layer: Arc::new(layer) }))
        });
        let layers = recalled.chain(learnt).collect();
        Some(Content { root: self.identity.clone(), layers, outside })
    }
}

/// How much was taken from what is known.
fn summary(walked: &Walked, known: &Content) -> FromCache {
    let mut from_cache = FromCache::default();
    for layer in walked.recalled.iter().filter_map(|id| known.layers.get(id)).map(|remembered| &remembered.layer) {
        from_cache.layers += 1;
        for usage in layer.usage {
            from_cache.inodes += usage.inodes;
            from_cache.bytes = from_cache.bytes.saturating_add(usage.bytes);
        }
        from_cache.oldest = Some(from_cache.oldest.map_or(layer.measured, |oldest: i64| oldest.min(layer.measured)));
    }
    from_cache
}

impl Root {
    /// The data-root that `root` is.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn of(root: &Dir) -> Result<Self, ReadError> {
        use crate::dir::Operation;
        let statfs = rustix::fs::fstatfs(root).map_err(|errno| root.error("", Operation::Stat, std::io::Error::from(errno)))?;
        let stamp = root.stamp("")?.ok_or_else(|| root.error("", Operation::Stat, nix::errno::Errno::ENOENT))?;
        let kind = u64::try_from(statfs.f_type).unwrap_or_default();
        let user = nix::unistd::geteuid().as_raw();
        let sees_marks = scan::trusted_are_shown();
        Ok(Self { path: root.path().to_owned(), user, sees_marks, kind, device: stamp.device, inode: stamp.inode, born: stamp.born })
    }
}
