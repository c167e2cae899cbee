//! What must never be called garbage, on data-roots made for it: each test is a state that a real host can be in.

use layerwise::audit::Audit;
use layerwise::demo::{Builder, ImageSpec, Layer, Tree};
use layerwise::dir::Dir;
use layerwise::graph::Thing;
use layerwise::graph::verdict::{Garbage, Verdict};
use layerwise::inventory::{Inventory, Running};
use layerwise::unreadable::{Pins, Unreadable};
use std::fs;
use std::os::unix::fs::symlink;

/// A data-root with an image of one layer, `app:1`, in a directory that goes when it goes.
struct Host {
    _temp: tempfile::TempDir,
    root: Builder,
    layer: Layer,
}

impl Host {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let mut root = Builder::create(temp.path().join("docker")).unwrap();
        let layer = root.layer(None, Tree::new("app").file("bin/app", 10)).unwrap();
        root.image(&ImageSpec::new(&layer).tag("app:1")).unwrap();
        Self { _temp: temp, root, layer }
    }

    fn inventory(&self) -> Inventory {
        Inventory::read(&Dir::root(self.root.path()).unwrap(), None)
    }

    fn verdict(&self, thing: &Thing) -> Verdict {
        verdict(self.inventory(), thing)
    }
}

fn verdict(inventory: Inventory, thing: &Thing) -> Verdict {
    let audit = Audit::new(inventory, None);
    audit.verdicts.of(audit.graph.node(thing).unwrap_or_else(|| panic!("{} {thing} is not there", thing.kind())))
}

#[test]
fn a_layer_that_a_running_dockerd_has_loaded_is_not_dead() {
    let mut host = Host::new();
    let spare = host.root.layer(Some(&host.layer), Tree::new("spare").file("x", 1)).unwrap();
    let old = host.root.orphan_directory("old", None, &Tree::new("old")).unwrap();
    for thing in [Thing::Layer(spare.chain_id), Thing::Dir(spare.dir.id)] {
        assert_eq!(host.verdict(&thing), Verdict::Garbage(Garbage::UnreferencedLayer));
        // Whatever is on the disk is older than this dockerd.
        let running = Running { pid: Some(1), started: Some((i64::MAX, 0)) };
        let inventory = Inventory { running: Some(running), ..host.inventory() };
        assert!(matches!(verdict(inventory.clone(), &thing), Verdict::Unknown(_)));
        assert_eq!(verdict(inventory, &Thing::Dir(old.id)), Verdict::Garbage(Garbage::OrphanDirectory));
    }
}

#[test]
fn the_links_of_a_directory_that_cannot_be_read_are_not_dangling() {
    let host = Host::new();
    let mut inventory = host.inventory();
    let path = inventory.root.join(host.layer.dir.path());
    inventory.overlay2.dirs.clear();
    inventory.unreadable.push(Unreadable::malformed(path, "Input/output error", Pins::Directories));
    assert!(matches!(verdict(inventory, &Thing::Link(host.layer.dir.link)), Verdict::Unknown(_)));
}

#[test]
fn a_layer_that_was_moved_to_another_disk_keeps_its_link_and_what_it_lies_on() {
    let mut host = Host::new();
    // Known to nothing but the `lower` of the moved one, as BuildKit leaves them.
    let below = host.root.orphan_directory("below", None, &Tree::new("below")).unwrap();
    let top = host.root.layer(Some(&host.layer), Tree::new("top")).unwrap();
    host.root.image(&ImageSpec::new(&top).tag("top:1")).unwrap();
    let dir = host.root.path().join(top.dir.path());
    let lower = fs::read_to_string(dir.join("lower")).unwrap();
    fs::write(dir.join("lower"), format!("{lower}:l/{}", below.link)).unwrap();
    assert_eq!(host.verdict(&Thing::Dir(below.id)), Verdict::InUse);
    let elsewhere = host.root.path().with_file_name("elsewhere");
    fs::rename(&dir, &elsewhere).unwrap();
    symlink(&elsewhere, &dir).unwrap();
    for thing in [Thing::Link(top.dir.link), Thing::Dir(below.id), Thing::Link(below.link)] {
        assert!(matches!(host.verdict(&thing), Verdict::Unknown(_)), "{thing}");
    }
}
