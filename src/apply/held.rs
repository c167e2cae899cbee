//! Who holds what was taken: mounts in every namespace, and processes.
//!
//! An overlay goes on to name its layers as they were called when it was mounted; for all else the kernel tells what it is called now, which
//! after the taking is `<run>/<slot>` in our trash. So both are looked for.

use super::journal::{Item, Slot};
use super::trash::Run;
use crate::dir::Dir;
use crate::id::{DirId, LinkId};
use crate::plan::Kind;
use crate::store::live::{self, Live, Proc, moved};
use crate::store::overlay2;
use crate::unreadable::Pins;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long somebody may be in a directory who only passes by, as `du` does.
const PASSING: Duration = Duration::from_secs(1);

/// Whether a mount or a process holds something of a run; who only passes by is waited for.
#[must_use]
pub fn is_held((root, proc): (&Dir, &Proc), run: &Run) -> bool {
    !of_run((root, proc), run).is_empty()
}

/// The items of a run that a mount or a process holds, and those that they lie on; who only passes by is waited for.
pub(super) fn of_run((root, proc): (&Dir, &Proc), run: &Run) -> BTreeSet<usize> {
    let begun = Instant::now();
    loop {
        let (live, slots) = (live::read(proc, root), moved::slots_held(proc, &run.id));
        // Who or what cannot be seen now may be in any directory. Where that was so before, none is in the run.
        let is_blind = live.incomplete.iter().any(|unreadable| unreadable.pins != Pins::Nothing);
        let may_be_held =
            |object: &Slot| is_blind && object.evidence.kind == Kind::Directory && !object.path.as_str().starts_with("image/");
        // What was put into the place of a file is there under the same name, and whoever reads the old one is not disturbed.
        let is_held = |item: &&Item| {
            let mut taken = item.objects.iter().filter(|object| object.put.is_none());
            taken.any(|object| slots.contains(&object.number) || holds(&live, object) || may_be_held(object))
        };
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

/// Whether a mount or a process has, by the name that it had, what was taken as `object`.
fn holds(live: &Live, object: &Slot) -> bool {
    let (above, name) = object.path.split();
    let (dir, link) = (name.parse::<DirId>().ok(), name.parse::<LinkId>().ok());
    let in_overlay2 = above == overlay2::PATH;
    let by_mount = live.mounts.iter().any(|mount| {
        dir.is_some_and(|dir| mount.directories.contains(&dir))
            || link.is_some_and(|link| mount.links.contains(&link))
            || in_overlay2 && mount.others.iter().any(|other| other == name)
    });
    let by_process = |holder: &live::holders::Holder| {
        dir.is_some_and(|dir| holder.directories.contains(&dir)) || in_overlay2 && holder.others.iter().any(|other| other == name)
    };
    by_mount || live.holders.iter().any(by_process)
}
