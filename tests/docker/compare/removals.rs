//! `layerwise freed` beside what really removing gives back, for every container and every image of the busy data-root.

use crate::busy::busy;
use crate::du::Du;
use crate::engine::Builder::Classic;
use crate::engine::Engine;
use crate::removals::{Removal, remove_with_image};

fn assert_each(test: &str, compare: impl Fn(&Removal)) {
    for removal in busy(test).iter().flat_map(|busy| &busy.removals) {
        compare(removal);
    }
}

#[test]
fn removing_gives_back_what_freed_said_to_the_byte_and_the_inode() {
    assert_each("removing_gives_back_what_freed_said_to_the_byte_and_the_inode", |removal| {
        let Removal { leaked, .. } = removal;
        assert_freed(removal);
        assert!(leaked.inodes == 0 || removal.has_image_mount, "what was freed became garbage: {removal:?}");
    });
}

/// What `freed` said is what was given back, with what dockerd forgot.
#[track_caller]
fn assert_freed(removal: &Removal) {
    let Removal { given_back, leaked, .. } = removal;
    let sum = Du { bytes: given_back.bytes + leaked.bytes, inodes: given_back.inodes + leaked.inodes };
    assert_eq!(removal.freed, sum, "layerwise and du: {removal:?}");
}

#[test]
fn a_running_container_and_its_image_give_back_what_freed_said_of_both() {
    let Some(engine) = Engine::start("a_running_container_and_its_image_give_back_what_freed_said_of_both") else { return };
    engine.import_busybox("base:1");
    let dockerfile = "FROM base:1\nRUN echo one >/one\nRUN echo two >/two\n";
    engine.build(Classic, "-t app:1", &engine.context("app", &[("Dockerfile", dockerfile)]));
    engine.docker("run --detach --network none --name web app:1 sleep 1000");
    let removal = remove_with_image(&engine, "web", "app:1");
    assert_eq!((removal.refused, removal.layers_said, removal.images_said.len()), (false, 2, 2), "{removal:?}");
    assert_eq!(removal.images_said, removal.images_gone);
    assert_freed(&removal);
}

#[test]
fn removing_takes_the_images_that_freed_named() {
    assert_each("removing_takes_the_images_that_freed_named", |removal| {
        assert_eq!(removal.images_said, removal.images_gone, "layerwise and Docker: {removal:?}");
    });
}

#[test]
fn the_removals_were_of_every_kind() {
    let test = "the_removals_were_of_every_kind";
    let Some(busy) = busy(test) else { return };
    let any = |wanted: fn(&Removal) -> bool| busy.removals.iter().any(wanted);
    assert!(any(|removal| removal.refused && removal.freed.bytes == 0), "an image that a container uses");
    assert!(any(|removal| removal.what.starts_with("container") && removal.freed.bytes > 0), "a container");
    assert!(any(|removal| removal.images_gone.len() > 1), "an image that went with the untagged ones it was built upon");
    assert!(any(|removal| removal.images_gone.is_empty() && !removal.refused && removal.what.starts_with("image")), "a name alone");
    assert!(any(|removal| !removal.images_gone.is_empty() && removal.layers_said == 0), "an image whose layers all stay");
    assert!(any(|removal| removal.images_gone.len() == 1 && removal.layers_said > 0), "an image with layers of its own");
}
