//! What rules would need to know of a data-root and could not be read.

use super::scene::{Image, Unread};
use crate::audit::Audit;
use crate::graph::verdict::Verdict;
use crate::id::{DirId, ImageId};
use crate::render::{escape, words};
use crate::store::layerdb::Layer;
use crate::store::{overlay2, repositories};
use crate::unreadable::{Pins, Unreadable};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Finds what could not be read of images and their names.
pub(super) fn find(audit: &Audit) -> Unread {
    let inventory = &audit.inventory;
    // An archive says in the same place which images it has and what these are called.
    let is_names = |unreadable: &&Unreadable| {
        let is_of_archive = !inventory.archives.is_empty() && unreadable.pins == Pins::Images;
        is_of_archive || unreadable.path == inventory.root.join(repositories::PATH)
    };
    let names = inventory.unreadable.iter().find(is_names).map(|lost| describe("the names of images", lost));
    let mut images: BTreeMap<ImageId, String> =
        nameless(audit).map(|image| (image.id, format!("there is no config of image {} that could be read", image.id))).collect();
    let unread = unread_directories(audit);
    for image in inventory.images.values() {
        for chain in crate::id::ChainId::chain(&image.config.diff_ids) {
            let why = match inventory.layerdb.layers.get(&chain).and_then(Layer::dir) {
                None => Some(format!("there is no record of its layer {chain} that says where it lies")),
                Some(dir) if !inventory.overlay2.dirs.get(&dir).is_some_and(|dir| dir.diff) => {
                    Some(format!("{} is not there", Path::new(overlay2::PATH).join(dir.to_string()).join("diff").display()))
                }
                Some(dir) => unread.get(&dir).map(|lost| describe("what is in its layers", lost)),
            };
            if let Some(why) = why {
                images.entry(image.id).or_insert(why);
            }
        }
    }
    Unread { images, names }
}

/// The layer directories of which something could not be measured.
fn unread_directories(audit: &Audit) -> BTreeMap<DirId, &Unreadable> {
    let layers = audit.inventory.root.join(overlay2::PATH);
    let dir = |lost: &Unreadable| {
        let name = lost.path.strip_prefix(&layers).ok()?.components().next()?;
        DirId::try_from(name.as_os_str().as_bytes()).ok()
    };
    let measured = audit.account.iter().flat_map(|account| &account.measured.unreadable);
    measured.filter_map(|lost| Some((dir(lost)?, lost))).collect()
}

/// The images that have names and no config.
pub(super) fn nameless(audit: &Audit) -> impl Iterator<Item = Image> {
    let mut names: BTreeMap<ImageId, Vec<String>> = BTreeMap::new();
    for (name, id) in audit.inventory.references.iter().filter(|(_, id)| !audit.inventory.images.contains_key(id)) {
        names.entry(*id).or_default().push(name.clone());
    }
    names.into_iter().map(|(id, mut names)| {
        names.sort_by_key(|name| name.contains('@'));
        Image { id, names, chain: Vec::new() }
    })
}

/// Why there may be more that belongs to nothing than was found: what could not be read keeps what it may have named, and so does a dockerd that
/// may be about to name something.
pub(super) fn of_garbage(audit: &Audit) -> Option<String> {
    let read = audit.inventory.unreadable.iter().filter(|lost| lost.pins != Pins::Nothing);
    let unread = read.chain(audit.account.iter().flat_map(|account| &account.measured.unreadable)).count();
    let unproven = audit.graph.things().filter(|(node, _)| matches!(audit.verdicts.of(*node), Verdict::Unknown(_))).count();
    let things = |count| words::count(words::to_u64(count), "thing");
    match (unread, unproven) {
        (0, 0) => None,
        (0, unproven) => Some(format!("of {} it is not proven whether anything needs it", things(unproven))),
        (unread, _) => Some(format!("{} could not be read", things(unread))),
    }
}

fn describe(what: &str, lost: &Unreadable) -> String {
    format!("cannot {} {what}: {}: {}", lost.operation, escape::path(&lost.path), lost.error)
}
