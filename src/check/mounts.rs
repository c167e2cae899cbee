//! The records of read-write layers: what dockerd can load, and whether they still say what they lie on.

use super::{Checker, Code, Finding, Mend, Severity, is_going};
use crate::graph::{Missing, Thing, Via};
use crate::id::{ChainId, DirId, MountName};
use crate::inventory::DRIVER;
use crate::store::Told;
use crate::store::containers::Status;
use crate::store::layerdb::Layer;
use crate::store::mounts::Mount;

pub(super) fn check(checker: &mut Checker<'_>) {
    for mount in checker.inventory.mounts.values() {
        if mount.dirs().any(|dir| checker.going.contains(&dir)) {
            continue;
        }
        let is_named = matches!(mount.mount_id, Told::Is(DirId::Hex(_) | DirId::Init(_)));
        if !is_named || mount.init_id.is_lost() || mount.parent.is_lost() {
            unloadable(checker, mount);
        } else if !mount.belongs_together() {
            mismatched(checker, mount);
        } else {
            without_init(checker, mount);
            without_parent(checker, mount);
        }
    }
    for missing in checker.audit.graph.missing() {
        without_record(checker, missing);
    }
}

fn unloadable(checker: &mut Checker<'_>, mount: &Mount) {
    let thing = Thing::Mount(mount.name.clone());
    let path = thing.owner().map(|owner| owner.path()).unwrap_or_default();
    let lost = |name: &str| format!("{name}: {}", checker.why(&path.join(name)));
    let told = [
        match mount.mount_id {
            Told::Absent => Some("mount-id is missing".to_owned()),
            Told::Lost => Some(lost("mount-id")),
            Told::Is(DirId::Build(id)) => Some(format!("mount-id is {id}, which dockerd does not take for one")),
            Told::Is(_) => None,
        },
        mount.init_id.is_lost().then(|| lost("init-id")),
        mount.parent.is_lost().then(|| lost("parent")),
    ];
    for name in ["mount-id", "init-id", "parent"] {
        checker.cover(path.join(name));
    }
    let mend = proven(checker, mount);
    let message = told.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let affects = checker.affected.by_thing(&thing);
    let finding = Finding::new(Code::UnloadableMount, thing.clone(), message).affecting(affects).mend(mend);
    checker.push_about(&thing, finding);
}

/// What makes the record whole again, if one of its files can be told from the rest.
fn proven(checker: &Checker<'_>, mount: &Mount) -> Option<Mend> {
    let exists = |dir: &DirId| checker.inventory.overlay2.dirs.contains_key(dir);
    let name = || mount.name.clone();
    match (&mount.mount_id, &mount.init_id, &mount.parent) {
        (Told::Absent | Told::Lost | Told::Is(DirId::Build(_)), Told::Is(DirId::Init(digits)), Told::Is(_) | Told::Absent) => {
            Some(DirId::Hex(*digits)).filter(exists).map(|dir| Mend::MountId(name(), dir))
        }
        (Told::Is(DirId::Hex(digits)), Told::Lost, Told::Is(_) | Told::Absent) => {
            Some(DirId::Init(*digits)).filter(exists).map(|dir| Mend::InitId(name(), dir))
        }
        (Told::Is(_), Told::Is(_) | Told::Absent, Told::Lost) => below(checker, mount).map(|chain| Mend::MountParent(name(), chain)),
        _ => None,
    }
}

/// A record of which one file names a directory of another.
fn mismatched(checker: &mut Checker<'_>, mount: &Mount) {
    let (Some(&own), Some(&init)) = (mount.mount_id.value(), mount.init_id.value()) else { return };
    let thing = Thing::Mount(mount.name.clone());
    let exists = |dir: &DirId| checker.inventory.overlay2.dirs.contains_key(dir);
    let (own_of_init, init_of_own) = match (own, init) {
        (DirId::Hex(own), DirId::Init(of)) => (Some(DirId::Hex(of)), Some(DirId::Init(own))),
        (_, DirId::Init(of)) => (Some(DirId::Hex(of)), None),
        (DirId::Hex(own), _) => (None, Some(DirId::Init(own))),
        _ => (None, None),
    };
    // If one of them has its counterpart and the other has not, that one is right.
    let mend = match (own_of_init.filter(exists), init_of_own.filter(exists)) {
        (Some(own), None) => Some(Mend::MountId(mount.name.clone(), own)),
        (None, Some(init)) => Some(Mend::InitId(mount.name.clone(), init)),
        _ => None,
    };
    let affects = checker.affected.by_thing(&thing);
    let finding = Finding::new(Code::MismatchedMount, thing.clone(), format!("mount-id is {own}, and init-id is {init}"));
    checker.push_about(&thing, finding.affecting(affects).mend(mend));
}

/// Finds a container's record without `init-id` that should have one: its directories say so.
fn without_init(checker: &mut Checker<'_>, mount: &Mount) {
    let (Told::Is(DirId::Hex(digits)), Told::Absent) = (mount.mount_id, mount.init_id) else { return };
    let init = DirId::Init(digits);
    if checker.inventory.overlay2.dirs.contains_key(&init) {
        let thing = Thing::Mount(mount.name.clone());
        let affects = checker.affected.by_thing(&thing);
        let message = format!("it is missing, although directory {init} is there");
        let finding = Finding::new(Code::MountWithoutInit, thing.clone(), message).at("init-id").affecting(affects);
        checker.push_about(&thing, finding.mend(Some(Mend::InitId(mount.name.clone(), init))));
    }
}

/// Finds a record without `parent` whose directory lies on layers: dockerd takes it for one from scratch, and holds none of them.
fn without_parent(checker: &mut Checker<'_>, mount: &Mount) {
    let (Told::Absent, Some(&dir)) = (mount.parent, mount.mount_id.value()) else { return };
    let own = usize::from(!matches!(mount.init_id, Told::Absent));
    let lower = checker.inventory.overlay2.dirs.get(&dir).and_then(|dir| dir.lower.value());
    let layers = lower.map_or(0, |lower| lower.len().saturating_sub(own));
    // A container from scratch has at most its init layer below it.
    if layers == 0 || own == 0 && lower.is_some_and(|lower| is_init(checker, lower.first().copied())) && layers == 1 {
        return;
    }
    let thing = Thing::Mount(mount.name.clone());
    let affects = checker.affected.by_thing(&thing);
    let message = format!(
        "it is missing, although its directory lies on {}",
        crate::render::words::count(u64::try_from(layers).unwrap_or(u64::MAX), "layer")
    );
    let mend = below(checker, mount).map(|chain| Mend::MountParent(mount.name.clone(), chain));
    let finding = Finding::new(Code::MountWithoutParent, thing.clone(), message).at("parent").affecting(affects).mend(mend);
    checker.push_about(&thing, finding);
}

fn is_init(checker: &Checker<'_>, link: Option<crate::id::LinkId>) -> bool {
    let target = link.and_then(|link| checker.inventory.overlay2.links.get(&link).copied().flatten());
    matches!(target, Some(DirId::Init(_)))
}

/// The layer on which a read-write layer lies, as `lower` of its lowest directory says.
fn below(checker: &Checker<'_>, mount: &Mount) -> Option<ChainId> {
    let overlay2 = &checker.inventory.overlay2;
    let lowest = mount.init_id.value().or(mount.mount_id.value())?;
    let lower = overlay2.dirs.get(lowest)?.lower.value()?;
    let dir = overlay2.links.get(lower.first()?).copied().flatten()?;
    let layers = &checker.inventory.layerdb.layers;
    let mut named = layers.values().filter(|layer| layer.dir() == Some(dir));
    let layer = named.next().filter(|_| named.next().is_none())?;
    // As many layers as `lower` names, so that it is not a record that names a wrong directory.
    let below = |layer: &&Layer| layers.get(layer.parent.value()?);
    let depth = std::iter::successors(Some(layer), below).take(lower.len() + 1).count();
    (depth == lower.len()).then_some(layer.chain)
}

/// Finds containers whose read-write layer, or that of an image mounted into it, has no record.
fn without_record(checker: &mut Checker<'_>, missing: &Missing) {
    let (Some(Thing::Container(id)), Thing::Mount(name)) = (checker.audit.graph.thing(missing.from), &missing.to) else { return };
    let container = Thing::Container(*id);
    let listed = checker.inventory.containers.get(id).filter(|container| container.found_in.is_none());
    let config = listed.and_then(|container| container.config.as_ref());
    let Some(config) = config.filter(|config| config.driver == DRIVER && !is_going(config.status)) else { return };
    let (message, severity) = match missing.via {
        Via::ImageMount => ("the read-write layer of an image mounted into it has no record", Severity::Warning),
        _ => ("its read-write layer has no record", Severity::Error),
    };
    let finding = Finding::new(Code::MissingMount, container.clone(), message).affecting(vec![container.clone()]).severity(severity);
    let hint = hint_of(name, config.status, checker);
    checker.push(
        &container,
        Finding { path: Thing::Mount(name.clone()).owner().map(|owner| owner.path()).unwrap_or_default(), ..finding }.hint(hint),
    );
}

fn hint_of(name: &MountName, status: Status, checker: &Checker<'_>) -> String {
    let MountName::Hex(id) = name else { return "docker rm the container and create it again".to_owned() };
    let path = checker.inventory.root.join("containers").join(id.to_string());
    let writes = if status == Status::Created { "" } else { "what it wrote is in a directory that nothing names, if it is still there; " };
    format!("{writes}with dockerd stopped, move {} away and create the container again", path.display())
}
