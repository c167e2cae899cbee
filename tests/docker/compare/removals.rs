//! `layerwise freed` beside what really removing gives back, for every container and every image of the busy data-root.

use crate::busy::busy;
use crate::du::Du;
use crate::removals::Removal;

fn assert_each(test: &str, compare: impl Fn(&Removal)) {
    for removal in busy(test).iter().flat_map(|busy| &busy.removals) {
        compare(removal);
    }
}

#[test]
fn removing_gives_back_what_freed_said_to_the_byte_and_the_inode() {
    assert_each("removing_gives_back_what_freed_said_to_the_byte_and_the_inode", |removal| {
        let Removal { given_back, leaked, .. } = removal;
        let sum = Du { bytes: given_back.bytes + leaked.bytes, inodes: given_back.inodes + leaked.inodes };
        assert_eq!(removal.freed, sum, "layerwise and du: {removal:?}");
        assert!(leaked.inodes == 0 || removal.has_image_mount, "what was freed became garbage: {removal:?}");
    });
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
