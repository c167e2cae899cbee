//! When nothing is to be changed, whatever is in a plan.

use super::lock::Refusal;
use crate::audit::Audit;
use crate::dir::Dir;
use crate::graph::verdict::Emptiness;
use crate::plan::Evidence;
use crate::store::{containers, imagedb, overlay2, repositories};
use crate::unreadable::Unreadable;

/// Why nothing of a data-root can be called garbage.
#[must_use]
pub fn refuse(root: &Dir, audit: &Audit, emptiness: Emptiness) -> Option<Refusal> {
    if let Some(doubt) = audit.verdicts.general_doubt() {
        let hint =
            "`layerwise check` lists what could not be read; if all images, containers and builds were really removed, say --allow-empty";
        return Some(Refusal::new(format!("nothing can be proven dead: {}", audit.verdicts.doubt(doubt)), hint));
    }
    let places = [repositories::PATH, imagedb::CONTENT, containers::PATH];
    let missing = || places.into_iter().find(|place| !matches!(root.kind(place), Ok(Some(_))));
    let missing = (emptiness == Emptiness::Believed).then(missing).flatten()?;
    let why = format!("--allow-empty is for a store that tells that it is empty, and {missing}, which would tell it, is missing");
    Some(Refusal::new(why, "start dockerd once, which makes it, or restore it from a backup"))
}

/// Why nothing of a data-root can be mended: mends are proven from all of its records, and from which links there are.
#[must_use]
pub fn refuse_repair(root: &Dir, audit: &Audit) -> Option<Refusal> {
    let links = root.path().join(overlay2::LINKS);
    let unlisted = || audit.inventory.unreadable.iter().find(|unreadable| unreadable.path == links);
    let cannot_list = |unreadable: &Unreadable| format!("cannot list {}: {}", links.display(), unreadable.error);
    let doubt = audit.verdicts.general_doubt().map(|doubt| audit.verdicts.doubt(doubt).to_owned());
    let why = doubt.or_else(|| unlisted().map(cannot_list))?;
    let hint = "`layerwise check` lists what could not be read, and what to do about it";
    Some(Refusal::new(format!("nothing can be proven: {why}"), hint))
}

/// Which directory `root` is.
///
/// # Errors
/// When it cannot be looked at.
pub fn identity(root: &Dir) -> Result<Evidence, Refusal> {
    let gone = || Refusal::new(format!("{} is gone", root.path().display()), "nothing was changed");
    let stamp = root.stamp("").map_err(|error| Refusal::new(error.to_string(), "nothing was changed"))?;
    stamp.map(Evidence::directory).ok_or_else(gone)
}
