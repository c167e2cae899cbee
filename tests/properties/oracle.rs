//! Reachability in the plainest way: what each thing needs is looked up in what was read, again and again, one thing at a time.

use layerwise::graph::Thing;
use layerwise::id::{ChainId, DirId, LinkId};
use layerwise::inventory::Inventory;
use layerwise::store::buildkit::SnapshotKey;
use layerwise::store::overlay2::LayerDir;
use std::collections::BTreeSet;

/// Everything in use.
pub(crate) fn live(inventory: &Inventory) -> BTreeSet<Thing> {
    let mut live = BTreeSet::new();
    for root in roots(inventory) {
        visit(inventory, root, &mut live);
    }
    live
}

/// What `thing` needs, and what that needs, itself included.
pub(crate) fn needed_by(inventory: &Inventory, thing: Thing) -> BTreeSet<Thing> {
    let mut needed = BTreeSet::new();
    visit(inventory, thing, &mut needed);
    needed
}

fn visit(inventory: &Inventory, thing: Thing, live: &mut BTreeSet<Thing>) {
    if !exists(inventory, &thing) {
        under_another_name(inventory, &thing).into_iter().for_each(|thing| visit(inventory, thing, live));
    } else if live.insert(thing.clone()) {
        for needed in needs(inventory, &thing) {
            visit(inventory, needed, live);
        }
    }
}

/// What something that is not there is called now: a directory that bears the link that leads to it, a record that is being made or removed.
fn under_another_name(inventory: &Inventory, missing: &Thing) -> Vec<Thing> {
    match missing {
        Thing::Dir(id) => {
            let leads_there = |link: &LinkId| inventory.overlay2.links.get(link) == Some(&Some(*id));
            let dirs = inventory.overlay2.dirs.values().filter(|dir| dir.link.as_ref().is_some_and(leads_there));
            dirs.map(|dir| Thing::Dir(dir.id)).collect()
        }
        Thing::Layer(chain) => {
            let removals = inventory.layerdb.removals.iter().filter(|(_, leftover)| leftover.chains.contains(chain));
            let write_sets = inventory.layerdb.write_sets.iter().filter(|(_, leftover)| leftover.chains.contains(chain));
            let removals = removals.map(|(name, _)| Thing::Removal(name.clone()));
            removals.chain(write_sets.map(|(name, _)| Thing::WriteSet(name.clone()))).collect()
        }
        _ => Vec::new(),
    }
}

fn roots(inventory: &Inventory) -> Vec<Thing> {
    let mut roots: Vec<Thing> = inventory.references.keys().cloned().map(Thing::Reference).collect();
    roots.extend(inventory.images.keys().copied().map(Thing::Image));
    roots.extend(inventory.containers.keys().copied().map(Thing::Container));
    if let Some(buildkit) = &inventory.buildkit {
        roots.extend(buildkit.snapshots.keys().cloned().map(Thing::Snapshot));
        roots.extend(buildkit.leases.keys().cloned().map(Thing::Lease));
        roots.extend(buildkit.records.keys().cloned().map(Thing::Record));
    }
    let point = |mount: &layerwise::store::live::LiveMount| mount.mount_point.to_str().unwrap().to_owned();
    roots.extend(inventory.live_mounts.iter().map(|mount| Thing::LiveMount(mount.pid, point(mount))));
    roots.extend(inventory.holders.iter().map(|holder| Thing::Process(holder.pid)));
    roots
}

fn exists(inventory: &Inventory, thing: &Thing) -> bool {
    let buildkit = inventory.buildkit.as_ref();
    match thing {
        Thing::Reference(name) => inventory.references.contains_key(name),
        Thing::Image(id) => inventory.images.contains_key(id),
        Thing::Container(id) => inventory.containers.contains_key(id),
        Thing::Mount(name) => inventory.mounts.contains_key(name),
        Thing::Layer(chain) => inventory.layerdb.layers.contains_key(chain),
        Thing::Snapshot(key) => buildkit.is_some_and(|buildkit| buildkit.snapshots.contains_key(key)),
        Thing::Lease(id) => buildkit.is_some_and(|buildkit| buildkit.leases.contains_key(id)),
        Thing::Record(id) => buildkit.is_some_and(|buildkit| buildkit.records.contains_key(id)),
        Thing::Removal(name) => inventory.layerdb.removals.contains_key(name),
        Thing::WriteSet(name) => inventory.layerdb.write_sets.contains_key(name),
        // A mount or process that uses nothing of this data-root is none of its things.
        Thing::LiveMount(..) | Thing::Process(_) => needs(inventory, thing).iter().any(|used| exists(inventory, used)),
        Thing::Dir(id) => inventory.overlay2.dirs.contains_key(id),
        Thing::Link(id) => inventory.overlay2.links.contains_key(id),
        Thing::Temporary(_) | Thing::Probe(_) | Thing::Trash(_) => inventory.leftover(thing).is_some(),
    }
}

/// What `thing` needs to be there, whether it is or not.
fn needs(inventory: &Inventory, thing: &Thing) -> Vec<Thing> {
    match thing {
        Thing::Reference(name) => vec![Thing::Image(inventory.references[name])],
        Thing::Image(id) => {
            let image = &inventory.images[id];
            ChainId::chain(&image.config.diff_ids).map(Thing::Layer).chain(image.parent.map(Thing::Image)).collect()
        }
        Thing::Container(id) => {
            let asked_for = inventory.containers[id].asked_for.iter().copied().map(Thing::Dir);
            let config = inventory.containers[id].config.iter();
            let named =
                config.flat_map(|config| config.image_mounts.iter().cloned().map(Thing::Mount).chain(config.image.map(Thing::Image)));
            named.chain([Thing::Mount((*id).into())]).chain(asked_for).collect()
        }
        Thing::Mount(name) => {
            let mount = &inventory.mounts[name];
            // The init layer bears the name of the RW layer, whatever `mount-id` says.
            let named =
                mount.init_id.value().and_then(|init| if let DirId::Init(digits) = init { Some(DirId::Hex(*digits)) } else { None });
            // Where an image mount's name is a path, the record lies in that of a shorter one.
            let around =
                inventory.mounts.keys().filter(|other| name.to_string().starts_with(&format!("{other}/"))).cloned().map(Thing::Mount);
            let below = mount.parent.value().copied().map(Thing::Layer);
            mount.dirs().chain(named).map(Thing::Dir).chain(below).chain(around).collect()
        }
        Thing::Layer(chain) => {
            let layer = &inventory.layerdb.layers[chain];
            layer.dir().map(Thing::Dir).into_iter().chain(layer.parent.value().copied().map(Thing::Layer)).collect()
        }
        Thing::Snapshot(_) | Thing::Lease(_) | Thing::Record(_) => of_build(inventory, thing),
        Thing::LiveMount(pid, point) => {
            let same = |mount: &&layerwise::store::live::LiveMount| mount.pid == *pid && mount.mount_point.to_str() == Some(point);
            let mounts: Vec<_> = inventory.live_mounts.iter().filter(same).collect();
            let links = mounts.iter().flat_map(|mount| mount.links.iter().copied());
            let bears_one = |dir: &&LayerDir| mounts.iter().any(|mount| dir.link.is_some_and(|link| mount.links.contains(&link)));
            let called_so = inventory.overlay2.dirs.values().filter(bears_one).map(|dir| dir.id);
            let dirs = mounts.iter().flat_map(|mount| mount.directories.iter().copied()).chain(called_so);
            dirs.map(Thing::Dir).chain(links.map(Thing::Link)).collect()
        }
        Thing::Process(pid) => {
            let holders = inventory.holders.iter().filter(|holder| holder.pid == *pid);
            holders.flat_map(|holder| holder.directories.iter().copied().map(Thing::Dir)).collect()
        }
        Thing::Dir(id) => of_directory(inventory, *id),
        Thing::Link(id) => inventory.overlay2.links[id].map(Thing::Dir).into_iter().collect(),
        Thing::Removal(name) => inventory.layerdb.removals[name].cache_id.map(Thing::Dir).into_iter().collect(),
        Thing::WriteSet(name) => inventory.layerdb.write_sets[name].cache_id.map(Thing::Dir).into_iter().collect(),
        Thing::Temporary(_) | Thing::Probe(_) | Thing::Trash(_) => Vec::new(),
    }
}

fn of_build(inventory: &Inventory, thing: &Thing) -> Vec<Thing> {
    let buildkit = inventory.buildkit.as_ref().unwrap();
    let mut needed = Vec::new();
    let mut keys: Vec<SnapshotKey> = Vec::new();
    match thing {
        Thing::Snapshot(key) => {
            let snapshot = &buildkit.snapshots[key];
            needed.extend(snapshot.committed.map(Thing::Dir));
            needed.extend(snapshot.chain.map(Thing::Layer));
            keys.push(key.clone());
            keys.extend(snapshot.parent.clone());
        }
        Thing::Lease(id) => keys.extend(buildkit.leases[id].snapshots.clone()),
        Thing::Record(id) => {
            let record = &buildkit.records[id];
            needed.extend(record.chain.map(Thing::Layer));
            keys.push(record.snapshot.clone().unwrap_or_else(|| SnapshotKey::parse(id.as_bytes())));
        }
        _ => {}
    }
    for key in keys {
        match &key {
            SnapshotKey::Build(chars) => needed.push(Thing::Dir(DirId::Build(*chars))),
            SnapshotKey::Chain(chain) => needed.push(Thing::Layer(*chain)),
            SnapshotKey::Other(_) => {}
        }
        needed.push(Thing::Snapshot(key));
    }
    needed
}

fn of_directory(inventory: &Inventory, id: DirId) -> Vec<Thing> {
    let overlay2 = &inventory.overlay2;
    let dir = &overlay2.dirs[&id];
    let mut needed = Vec::new();
    for &link in dir.lower.value().into_iter().flatten() {
        needed.push(Thing::Link(link));
        // Whoever calls itself so, even if the link is gone or leads elsewhere.
        needed.extend(overlay2.dirs.values().filter(|other| other.link == Some(link)).map(|other| Thing::Dir(other.id)));
    }
    needed.extend(dir.link.map(Thing::Link));
    let leads_here = |link: &LinkId| overlay2.links.get(link).copied().flatten() == Some(id);
    if !dir.link.is_some_and(|link| leads_here(&link)) {
        // Its own link is not known, so that every link that leads here may be it.
        needed.extend(overlay2.links.keys().copied().filter(leads_here).map(Thing::Link));
    }
    if let DirId::Hex(digits) = id {
        needed.push(Thing::Dir(DirId::Init(digits)));
    }
    let mounts = inventory.mounts.values().filter(|mount| mount.dirs().any(|used| used == id));
    needed.extend(mounts.map(|mount| Thing::Mount(mount.name.clone())));
    needed.extend(inventory.layerdb.layers.values().filter(|layer| layer.dir() == Some(id)).map(|layer| Thing::Layer(layer.chain)));
    needed
}
