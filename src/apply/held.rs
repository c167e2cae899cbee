//! Who holds what was taken: mounts in every namespace, and processes.
//!
//! Only names count, wherever they stand: an overlay goes on to name its layers as they were called when it was mounted, and for all else the
//! kernel tells what it is called now, which after the taking is `<run>/<slot>` in our trash. So both are looked for.

use super::journal::{Item, Slot};
use super::trash::Run;
use crate::id::{DirId, LinkId};
use crate::store::live::mounts::Names;
use crate::store::live::{self, Proc, holders};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::time::{Duration, Instant};

/// How long somebody may be in a directory who only passes by, as `du` does.
const PASSING: Duration = Duration::from_secs(1);

/// Whether a mount or a process holds something of a run; who only passes by is waited for.
#[must_use]
pub fn is_held(proc: &Proc, run: &Run) -> bool {
    !of_run(proc, run).is_empty()
}

/// The items of a run that a mount or a process holds, and those that they lie on; who only passes by is waited for.
pub(super) fn of_run(proc: &Proc, run: &Run) -> BTreeSet<usize> {
    let begun = Instant::now();
    loop {
        let holds = Holds::read(proc);
        let is_held = |item: &&Item| item.objects.iter().any(|object| holds.has(&run.id, object));
        let mut held: BTreeSet<usize> = run.items.iter().filter(is_held).map(|item| item.number).collect();
        // What is below comes after what lies on it.
        for item in &run.items {
            if item.after.iter().any(|above| held.contains(above)) {
                held.insert(item.number);
            }
        }
        if held.is_empty() || begun.elapsed() > PASSING {
            return held;
        }
        std::thread::sleep(PASSING / 10);
    }
}

/// The names that stand in what mounts and processes hold.
struct Holds {
    mounted: Names,
    trashed: BTreeSet<OsString>,
}

impl Holds {
    /// Reads all that the machine tells; what it does not tell was told when the plan was drawn up.
    fn read(proc: &Proc) -> Self {
        let (mut mounted, mut trashed) = (Names::default(), BTreeSet::new());
        for mount in live::all_mounts(proc).0 {
            mounted.directories.extend(mount.directories);
            mounted.links.extend(mount.links);
            mounted.others.extend(mount.others);
            trashed.extend(mount.trashed);
        }
        trashed.extend(holders::read(proc).0.into_iter().flat_map(|holder| holder.names.trashed));
        Self { mounted, trashed }
    }

    /// Whether somebody has what was taken by the run `id` as `object`.
    fn has(&self, id: &str, object: &Slot) -> bool {
        let Names { directories, links, others, .. } = &self.mounted;
        let (above, name) = object.path.split();
        self.trashed.contains(&OsString::from(format!("{id}/{}", object.number)))
            || name.parse().is_ok_and(|id: DirId| directories.contains(&id))
            || name.parse().is_ok_and(|id: LinkId| links.contains(&id))
            || above == "overlay2" && others.contains(&OsString::from(name))
    }
}
