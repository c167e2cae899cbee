//! Looking at a data-root as the commands do, but without the machine that it lies on.

use layerwise::apply::{self, Judged};
use layerwise::audit::Audit;
use layerwise::check::{self, Facts, Finding, Marks};
use layerwise::dir::Dir;
use layerwise::graph::verdict::{Garbage, Verdict};
use layerwise::graph::{NodeId, Thing};
use layerwise::inventory::Inventory;
use layerwise::plan::{Limits, Mode, Plan, Wanted};
use layerwise::store::detail::Details;
use layerwise::usage::scan::{self, Measured, Options, Progress};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::Path;
use tempfile::TempDir;

/// A directory in memory, if the machine has such: thousands of small files are made and removed.
pub(crate) fn temporary() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub(crate) fn measure(root: &Path, threads: usize) -> Measured {
    scan::scan(&Dir::root(root).unwrap(), &Options { threads: NonZeroUsize::new(threads), ..Options::default() }, &Progress::default())
}

/// Everything that there is to say of a data-root.
pub(crate) fn audit(root: &Path) -> Audit {
    Audit::new(inventory(root), Some(measure(root, 2)))
}

/// The same without measuring.
pub(crate) fn unmeasured(root: &Path) -> Audit {
    Audit::new(inventory(root), None)
}

pub(crate) fn inventory(root: &Path) -> Inventory {
    Inventory::read(&Dir::root(root).unwrap(), None)
}

/// What `check` finds, as it would with dockerd stopped.
pub(crate) fn findings(audit: &Audit, root: &Path) -> Vec<Finding> {
    let details = Details::read(&Dir::root(root).unwrap(), &audit.inventory);
    check::find(audit, &Facts { details: &details, file_system: None, marks: Marks::Trusted, now: jiff::Timestamp::UNIX_EPOCH })
}

/// Everything that can be asked for.
pub(crate) fn all() -> Wanted {
    use layerwise::plan::Include as I;
    let include = [I::Distribution, I::Retired, I::UntaggedImages, I::UnownedData, I::BuildSnapshots, I::InactiveStores];
    Wanted { include: include.into(), ..Wanted::default() }
}

/// The plan of what is `wanted`, cut down by `limits`; an empty one where everything is refused.
pub(crate) fn plan(root: &Path, measured: Option<Measured>, wanted: &Wanted, limits: &Limits) -> Plan {
    let dir = Dir::root(root).unwrap();
    let inventory = Inventory::read(&dir, None);
    let assumptions = wanted.assumptions(&inventory);
    let audit = Audit::with(inventory, measured, &assumptions);
    let mut draft = Judged::gather(&dir, &audit, wanted).draft(Mode::Offline);
    draft.limit(limits);
    let mut plan = draft.finish(apply::identity(&dir).unwrap(), jiff::Timestamp::UNIX_EPOCH);
    if apply::refuse(&dir, &audit, wanted.emptiness).is_some() {
        plan.actions.clear();
    }
    plan
}

/// The paths that a plan takes.
pub(crate) fn taken(plan: &Plan) -> BTreeSet<String> {
    plan.actions.iter().flat_map(|action| &action.objects).map(|object| object.path.to_string()).collect()
}

/// The things that are garbage, and of which kind.
pub(crate) fn garbage(audit: &Audit) -> BTreeMap<Thing, Garbage> {
    let kind = |node: NodeId| match audit.verdicts.of(node) {
        Verdict::Garbage(garbage) => Some(garbage),
        Verdict::InUse | Verdict::Unknown(_) => None,
    };
    audit.graph.things().filter_map(|(node, thing)| Some((thing.clone(), kind(node)?))).collect()
}
