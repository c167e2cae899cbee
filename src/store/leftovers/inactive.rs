//! The stores of storage drivers that dockerd does not use any more: only where all signs agree that it uses overlay2.
//!
//! ```text
//! tmp/             made anew at each start of a dockerd: its birth is the time of the last one
//! overlay2/        each start with overlay2 tries out the file system in it, and so changes it
//! vfs/, image/vfs/ a start with vfs changes vfs/, a pull or build image/vfs/
//! ```
//!
//! No file says which driver a dockerd that is stopped was started with: it may have been an argument. But the last start has left its mark
//! in the store that it opened. So a store is out of use if it has no mark of the last start, `overlay2/` has one, nothing that is configured
//! says otherwise, and no container is of its driver. Copies have no such times; there, and wherever signs are missing or disagree, every store
//! stays. The overlay2 store itself is never among them: that it is there and not empty decides which image store a dockerd of 29 or later takes.

use super::{Leftover, What, leftover};
use crate::data_root::kind::{self, Activity, Store};
use crate::data_root::storage::Statement;
use crate::dir::{Dir, Entry, Kind};
use crate::graph::doubt;
use crate::inventory::{DRIVER, Inventory};
use crate::store::live::config::Storage;
use crate::store::overlay2;
use crate::unreadable::Unreadable;

/// What stays where the disk does not say, and how it can be made to.
const START_ONCE: &str = "start dockerd as it is always started, stop it, and try again";

/// The stores that can go, and why others stay.
#[derive(Debug, Default)]
pub struct Inactive {
    /// What can go.
    pub leftovers: Vec<Leftover>,
    /// Why a store stays, a sentence each.
    pub kept: Vec<String>,
}

/// Lists the stores that are out of use; `stated` is what the machine says of the driver.
pub fn read(root: &Dir, inventory: &Inventory, stated: &[Statement], unreadable: &mut Vec<Unreadable>) -> Inactive {
    let mut found = Inactive::default();
    let kind = match kind::Kind::read(root) {
        Ok(kind) => kind,
        Err(error) => {
            found.kept.push(error.to_string());
            return found;
        }
    };
    for store in kind.stores.iter().filter(|store| store.driver != DRIVER) {
        match why_in_use(root, (&kind, store), inventory, stated) {
            Some(why) => found.kept.push(format!("the {} store may be in use: {why}", store.driver)),
            None => found.leftovers.extend(parts(root, store, unreadable)),
        }
    }
    found
}

/// Why dockerd may use `store`.
fn why_in_use(root: &Dir, (kind, store): (&kind::Kind, &Store), inventory: &Inventory, stated: &[Statement]) -> Option<String> {
    let is_active = |store: &Store| store.activity == Activity::Active && store.has_layers;
    if !kind.containerd.is_empty() {
        return Some("the containerd image store is here too, and which store dockerd uses only its configuration says".to_owned());
    }
    if !kind.overlay2().is_some_and(is_active) {
        return Some("there is no overlay2 store, or several that dockerd may use".to_owned());
    }
    if store.activity != Activity::LeftOver {
        return Some("dockerd may use it beside others".to_owned());
    }
    stated.iter().find_map(contradiction).or_else(|| of_containers(store, inventory)).or_else(|| unmarked(root, store))
}

/// Why a statement speaks against overlay2.
fn contradiction(statement: &Statement) -> Option<String> {
    match &statement.says {
        Ok(Storage::Driver(driver)) if driver == DRIVER => None,
        Ok(Storage::Driver(driver)) => Some(format!("{} says that the storage driver is {driver}", statement.who)),
        Ok(Storage::Containerd) => Some(format!("{} turns on the containerd image store", statement.who)),
        Err(why) => Some(format!("{} may name the storage driver and cannot be read: {why}", statement.who)),
    }
}

/// Why a container may be of the driver of `store`; one of which the config is lost may be any driver's.
fn of_containers(store: &Store, inventory: &Inventory) -> Option<String> {
    if let Some(why) = doubt::unknown_containers(inventory) {
        return Some(why);
    }
    inventory.containers.iter().find_map(|(id, container)| match &container.config {
        None => Some(format!("the config of container {id} cannot be read, which may be of that driver")),
        // Before there were several drivers there was only this one.
        Some(config) if config.driver == store.driver || config.driver.is_empty() && store.driver == "aufs" => {
            Some(format!("container {id} is of that driver"))
        }
        Some(_) => None,
    })
}

/// Why the marks of the last start do not show that `store` was not opened by it, and overlay2 was.
fn unmarked(root: &Dir, store: &Store) -> Option<String> {
    let stamp = root.stamp("tmp").ok().flatten();
    // What is older than itself was copied, and not made by a start.
    let started = stamp.and_then(|stamp| stamp.born.filter(|&born| born <= stamp.modified));
    let Some(started) = started else {
        return Some(format!("nothing says when dockerd was started last: {START_ONCE}"));
    };
    match latest(root, &[overlay2::PATH]) {
        Some(changed) if changed >= started => {}
        _ => return Some(format!("the last dockerd that was started here did not open overlay2/: {START_ONCE}")),
    }
    let image = format!("image/{}", store.driver);
    let layerdb = ["sha256", "mounts", "tmp"].map(|name| format!("{image}/layerdb/{name}"));
    let imagedb = ["content", "metadata"].map(|name| format!("{image}/imagedb/{name}/sha256"));
    let files = ["repositories.json", "layerdb", "imagedb", "distribution"].map(|name| format!("{image}/{name}"));
    let mut places = vec![store.driver.to_owned(), image];
    places.extend(layerdb.into_iter().chain(imagedb).chain(files));
    places.extend(root.entries_of(store.driver).unwrap_or_default().iter().filter_map(|entry| {
        let name = entry.name.to_str()?;
        Some(format!("{}/{name}", store.driver))
    }));
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    match latest(root, &places) {
        Some(changed) if changed < started => None,
        _ => Some(format!("it was changed after the last start of dockerd: {START_ONCE}")),
    }
}

/// When the content of one of `places` last changed; those that are not there have not.
fn latest(root: &Dir, places: &[&str]) -> Option<(i64, u32)> {
    places.iter().filter_map(|place| root.stamp(place).ok().flatten()).map(|stamp| stamp.modified).max()
}

/// The directories of `store`.
fn parts(root: &Dir, store: &Store, unreadable: &mut Vec<Unreadable>) -> Vec<Leftover> {
    let places = ["image", ""].map(|place| (place, Entry { name: store.driver.into(), kind: Kind::Directory }));
    let there = |(place, entry): &&(&str, Entry)| {
        let path = std::path::Path::new(place).join(&entry.name);
        root.kind(path).is_ok_and(|kind| kind == Some(Kind::Directory))
    };
    places.iter().filter(there).filter_map(|(place, entry)| leftover(root, place, entry, What::InactiveStore, unreadable)).collect()
}
