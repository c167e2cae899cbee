//! The images that Docker calls dangling: those that no name, no container and no other image refers to.

use crate::id::{ChainId, ContainerId, ImageId};
use crate::inventory::Inventory;
use crate::store::imagedb::Image;
use crate::store::repositories;
use crate::unreadable::{Pins, Unreadable};
use std::collections::BTreeSet;
use std::path::Path;

/// The images that nothing refers to, and those on which only such images were built.
///
/// # Errors
/// When who refers to what is not known as a whole, with the reason: then there is none.
pub fn find(inventory: &Inventory) -> Result<BTreeSet<ImageId>, String> {
    // A name that stands for nothing may be the only one of an image.
    let is_name = |path: &Path| path.ends_with(repositories::PATH);
    let lost = |unreadable: &&Unreadable| matches!(unreadable.pins, Pins::Images | Pins::Everything) || is_name(&unreadable.path);
    if let Some(unreadable) = inventory.unreadable.iter().find(lost) {
        return Err(format!("cannot {} {}: {}", unreadable.operation, unreadable.path.display(), unreadable.error));
    }
    if let Some(why) = super::doubt::unknown_containers(inventory) {
        return Err(why);
    }
    if inventory.references.is_empty() && !inventory.images.is_empty() {
        return Err("not one image has a name: a dockerd that lost all names looks like this too".to_owned());
    }
    let mut referred = BTreeSet::new();
    for (name, &id) in &inventory.references {
        is_here(inventory, id, || format!("the name {name}"))?;
        referred.insert(id);
    }
    for container in inventory.containers.values() {
        let image = container.config.as_ref().and_then(|config| config.image);
        let image = image.ok_or_else(|| format!("the image of container {} is not known", container.id))?;
        is_here(inventory, image, || format!("container {}", container.id))?;
        is_below(inventory, image, container.id)?;
        referred.insert(image);
    }
    for image in inventory.images.values() {
        if let Some(parent) = image.parent {
            is_here(inventory, parent, || format!("the image {}", image.id))?;
        }
    }
    // What was written upon an image in a container that is gone is worth little without it.
    let written_upon = inventory.unowned_data.iter().filter_map(|name| inventory.mounts.get(name)?.parent.value().copied());
    let written_upon: BTreeSet<ChainId> = written_upon.collect();
    let top = |image: &Image| ChainId::chain(&image.config.diff_ids).last();
    referred
        .extend(inventory.images.values().filter(|image| top(image).is_some_and(|top| written_upon.contains(&top))).map(|image| image.id));
    // What an image that stays was built upon stays.
    let mut open: Vec<ImageId> = referred.iter().copied().collect();
    while let Some(id) = open.pop() {
        let parent = inventory.images.get(&id).and_then(|image| image.parent);
        open.extend(parent.filter(|&parent| referred.insert(parent)));
    }
    Ok(inventory.images.keys().copied().filter(|id| !referred.contains(id)).collect())
}

/// Makes sure that an image is there that `who` refers to: one that is not may be another one's ID that was damaged.
fn is_here(inventory: &Inventory, id: ImageId, who: impl Fn() -> String) -> Result<(), String> {
    let is_here = inventory.images.contains_key(&id);
    is_here.then_some(()).ok_or_else(|| format!("{} refers to the image {id}, which is not here: another one may be meant", who()))
}

/// Makes sure that a container's read-write layer lies on the image that its config says.
fn is_below(inventory: &Inventory, image: ImageId, container: ContainerId) -> Result<(), String> {
    let top = inventory.images.get(&image).and_then(|image| ChainId::chain(&image.config.diff_ids).last());
    let below = inventory.mounts.get(&container.into()).and_then(|mount| mount.parent.value().copied());
    let is_other = below.is_some_and(|below| top != Some(below));
    (!is_other).then_some(()).ok_or_else(|| format!("container {container} refers to the image {image}, but lies on another one"))
}
