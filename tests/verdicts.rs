//! What must never be called garbage, on data-roots made for it: each test is a state that a real host can be in.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use layerwise::audit::Audit;
use layerwise::demo::{Builder, ContainerSpec, Harm, Image, ImageSpec, Layer, MountNaming, SnapshotSpec, Target, Tree, sample};
use layerwise::dir::Dir;
use layerwise::graph::Thing;
use layerwise::graph::verdict::{Garbage, Verdict};
use layerwise::inventory::{Inventory, Running};
use layerwise::store::Told;
use layerwise::store::live::{self, LiveMount, Proc, locks};
use layerwise::store::overlay2::LayerDir;
use layerwise::store::place::{Area, Owner};
use layerwise::unreadable::{Pins, Unreadable};
use layerwise::usage::class::{Class, Classifier};
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// A data-root with an image of one layer, `app:1`, in a directory that goes when it goes.
struct Host {
    _temp: tempfile::TempDir,
    root: Builder,
    layer: Layer,
    image: Image,
}

impl Host {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let mut root = Builder::create(temp.path().join("docker")).unwrap();
        let layer = root.layer(None, Tree::new("app").file("bin/app", 10)).unwrap();
        let image = root.image(&ImageSpec::new(&layer).tag("app:1")).unwrap();
        Self { _temp: temp, root, layer, image }
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

#[test]
fn what_containers_wrote_outlives_a_directory_of_containers_that_is_empty_or_gone() {
    for harm in [Harm::Removed, Harm::Emptied] {
        let mut host = Host::new();
        let container = host.root.container(&ContainerSpec::new("db", &host.image).exited(0)).unwrap();
        harm.inflict(&host.root.path().join("containers")).unwrap();
        let record = Thing::Mount(container.id.into());
        for thing in [record, Thing::Dir(container.rw.id), Thing::Dir(container.init.id)] {
            assert!(matches!(host.verdict(&thing), Verdict::Unknown(_)), "{harm:?}: {thing}");
        }
    }
}

#[test]
fn a_read_write_layer_without_its_container_is_dead_beside_others() {
    let mut host = Host::new();
    host.root.container(&ContainerSpec::new("db", &host.image)).unwrap();
    let killed = host.root.container(&ContainerSpec::new("killed", &host.image)).unwrap();
    Harm::Removed.inflict(&host.root.path().join(killed.path())).unwrap();
    assert_eq!(host.verdict(&Thing::Dir(killed.rw.id)), Verdict::Garbage(Garbage::UnownedMount));
}

#[test]
fn a_record_that_cannot_be_read_may_be_the_image_mount_that_a_lost_config_names() {
    let mut host = Host::new();
    let spec = ContainerSpec::new("db", &host.image).image_mount(&host.image, "/app", MountNaming::Hashed);
    let container = host.root.container(&spec).unwrap();
    let (name, _) = &container.image_mounts[0];
    host.root.damage(&Target::ContainerFile(container.id, "config.v2.json"), &Harm::Emptied).unwrap();
    host.root.damage(&Target::MountFile(name.clone(), "init-id"), &Harm::Replaced(Vec::new())).unwrap();
    assert!(matches!(host.verdict(&Thing::Mount(name.parse().unwrap())), Verdict::Unknown(_)));
}

#[test]
fn what_builds_made_outlives_a_database_of_builds_that_is_gone() {
    for (gone, harm) in [("buildkit", Harm::Removed), ("buildkit", Harm::Emptied), ("buildkit/snapshots.db", Harm::Removed)] {
        let mut host = Host::new();
        let stage = host.root.snapshot(&SnapshotSpec::new("stage", Tree::new("stage")).on_layer(&host.layer)).unwrap();
        let thing = Thing::Dir(stage.dir.id);
        assert_eq!(host.verdict(&thing), Verdict::InUse);
        harm.inflict(&host.root.path().join(gone)).unwrap();
        assert!(matches!(host.verdict(&thing), Verdict::Unknown(_)), "{harm:?} {gone}");
    }
}

#[test]
fn layers_outlive_a_database_of_images_that_is_gone_with_their_names() {
    let mut host = Host::new();
    host.root.container(&ContainerSpec::new("db", &host.image)).unwrap();
    let layer = host.root.layer(None, Tree::new("other")).unwrap();
    host.root.image(&ImageSpec::new(&layer).tag("other:1")).unwrap();
    for gone in ["image/overlay2/imagedb", "image/overlay2/repositories.json"] {
        Harm::Removed.inflict(&host.root.path().join(gone)).unwrap();
    }
    assert!(matches!(host.verdict(&Thing::Layer(layer.chain_id)), Verdict::Unknown(_)));
}

#[test]
fn a_dockerd_that_came_up_while_the_disk_was_read_is_noticed() {
    let host = Host::new();
    let root = Dir::root(host.root.path()).unwrap();
    let look = || live::read(&Proc::open("/proc").unwrap(), &root);
    assert_eq!(Inventory::read(&root, Some(look())).running, None);
    let before = look();
    let database = fs::File::open(host.root.path().join(locks::DATABASE)).unwrap();
    flock(&database, FlockOperation::NonBlockingLockExclusive).unwrap();
    assert_eq!(Inventory::read(&root, Some(before)).running, Some(Running { pid: None, started: None }));
}

#[test]
fn a_probe_that_is_still_mounted_somewhere_is_kept() {
    let mut host = Host::new();
    let probe = host.root.probe_directory("check-overlayfs-support").unwrap();
    let name = probe.file_name().unwrap();
    let class = |inventory: Inventory| {
        let audit = Audit::new(inventory, None);
        let classifier = Classifier::new(&audit.inventory, &audit.graph, &audit.verdicts);
        classifier.classify(&Owner::new(Area::LayerDir, name.as_encoded_bytes())).class
    };
    assert_eq!(class(host.inventory()), Class::Garbage);
    let (directories, links, others) = (Vec::new(), Vec::new(), vec![name.to_owned()]);
    let mount = LiveMount {
        pid: 1,
        mount_point: "/merged".into(),
        file_system: "overlay".to_owned(),
        directories,
        links,
        others,
        drivers: Vec::new(),
    };
    assert_eq!(class(Inventory { live_mounts: vec![mount], ..host.inventory() }), Class::Other);
}

#[test]
fn containers_of_another_store_do_not_show_that_this_one_is_known() {
    let temp = tempfile::tempdir().unwrap();
    let mut root = Builder::create(temp.path().join("docker")).unwrap();
    let orphan = root.orphan_directory("of an image store that is gone", None, &Tree::new("orphan")).unwrap();
    let scratch = root.image(&ImageSpec::scratch()).unwrap();
    // As after a change to the containerd image store: the container has no layers here.
    let container = root.container(&ContainerSpec::new("db", &scratch).driver("overlayfs")).unwrap();
    for path in [container.mount_record(), container.rw.path(), container.init.path(), "image/overlay2/imagedb".into()] {
        let path = root.path().join(path);
        if path.exists() {
            Harm::Removed.inflict(&path).unwrap();
        }
    }
    let inventory = Inventory::read(&Dir::root(root.path()).unwrap(), None);
    assert!(matches!(verdict(inventory, &Thing::Dir(orphan.id)), Verdict::Unknown(_)));
}

#[test]
fn of_two_directories_with_the_missing_link_that_is_lain_on_either_may_be_meant() {
    let mut host = Host::new();
    let [one, other] = ["one", "other"].map(|name| host.root.orphan_directory(name, None, &Tree::new(name)).unwrap());
    let container = host.root.container(&ContainerSpec::new("db", &host.image)).unwrap();
    let lower = host.root.path().join(container.rw.path()).join("lower");
    fs::write(&lower, format!("{}:l/{}", fs::read_to_string(&lower).unwrap(), one.link)).unwrap();
    host.root.damage(&Target::Link(one.link), &Harm::Removed).unwrap();
    assert_eq!(host.verdict(&Thing::Dir(one.id)), Verdict::InUse);
    // As after `cp -a`.
    host.root.damage(&Target::DirectoryEntry(other.id, "link"), &Harm::Replaced(one.link.to_string().into())).unwrap();
    for thing in [Thing::Dir(one.id), Thing::Dir(other.id)] {
        assert!(!matches!(host.verdict(&thing), Verdict::Garbage(_)), "{thing}");
    }
}

/// Every thing of the root with its verdict.
fn verdicts(root: &Path) -> BTreeMap<String, Verdict> {
    let audit = Audit::new(Inventory::read(&Dir::root(root).unwrap(), None), None);
    audit.graph.things().map(|(node, thing)| (format!("{} {thing}", thing.kind()), audit.verdicts.of(node))).collect()
}

/// Whether anything is garbage in `after` that was not in `before`.
fn new_garbage(before: &BTreeMap<String, Verdict>, after: &BTreeMap<String, Verdict>) -> Vec<String> {
    let was_garbage = |thing: &String| matches!(before.get(thing), Some(Verdict::Garbage(_)));
    let is_new =
        |(thing, verdict): (&String, &Verdict)| (matches!(verdict, Verdict::Garbage(_)) && !was_garbage(thing)).then(|| thing.clone());
    after.iter().filter_map(is_new).collect()
}

#[test]
fn no_file_makes_garbage_of_anything_when_it_is_lost() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("docker");
    sample::write(&path).unwrap();
    let before = verdicts(&path);
    let saved = temp.path().join("saved");
    for file in Builder::open(&path).unwrap().metadata_files().unwrap() {
        // A rename keeps the file for later, and a copy of a link leads where it does.
        for harm in Harm::ALL {
            fs::rename(&file, &saved).unwrap();
            match fs::read_link(&saved) {
                Ok(target) => symlink(target, &file).unwrap(),
                Err(_) => drop(fs::copy(&saved, &file).unwrap()),
            }
            harm.inflict(&file).unwrap();
            assert_eq!(new_garbage(&before, &verdicts(&path)), [""; 0], "{harm:?}: {}", file.display());
            fs::rename(&saved, &file).unwrap();
        }
    }
}

#[test]
fn no_store_makes_garbage_of_anything_when_it_is_lost() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("docker");
    sample::write(&path).unwrap();
    let before = verdicts(&path);
    let saved = temp.path().join("saved");
    for store in [
        "buildkit",
        "containers",
        "image",
        "image/overlay2",
        "image/overlay2/imagedb",
        "image/overlay2/imagedb/content",
        "image/overlay2/imagedb/metadata/sha256",
        "image/overlay2/layerdb",
        "image/overlay2/layerdb/mounts",
        "image/overlay2/layerdb/sha256",
        "image/overlay2/layerdb/tmp",
        "overlay2",
        "overlay2/l",
        "volumes",
    ] {
        let store = path.join(store);
        fs::rename(&store, &saved).unwrap();
        let gone = verdicts(&path);
        fs::create_dir(&store).unwrap();
        let empty = verdicts(&path);
        fs::remove_dir(&store).unwrap();
        symlink(&saved, &store).unwrap();
        let elsewhere = verdicts(&path);
        fs::remove_file(&store).unwrap();
        fs::rename(&saved, &store).unwrap();
        for after in [gone, empty, elsewhere] {
            assert_eq!(new_garbage(&before, &after), [""; 0], "{}", store.display());
        }
    }
}

#[test]
fn directories_that_all_claim_the_link_that_all_lie_on_do_not_multiply() {
    const MANY: u32 = 1000;
    let mut host = Host::new();
    let container = host.root.container(&ContainerSpec::new("db", &host.image)).unwrap();
    let mut inventory = host.inventory();
    let link = host.root.dangling_link("claimed by all").unwrap();
    for (number, dir) in (0..MANY).zip(std::iter::repeat(inventory.overlay2.dirs[&container.rw.id].clone())) {
        let id = format!("{number:064x}").parse().unwrap();
        inventory.overlay2.dirs.insert(id, LayerDir { id, link: Some(link), lower: Told::Is(vec![link]), ..dir });
    }
    inventory.overlay2.dirs.get_mut(&container.rw.id).unwrap().lower = Told::Is(vec![link]);
    let audit = Audit::new(inventory, None);
    let edges: usize = audit.graph.nodes().map(|node| audit.graph.kept_by(node).len()).sum();
    assert!(edges < 10 * usize::try_from(MANY).unwrap(), "{edges}");
    let any = Thing::Dir(format!("{:064x}", 1).parse().unwrap());
    assert!(matches!(audit.verdicts.of(audit.graph.node(&any).unwrap()), Verdict::Unknown(_)));
}

#[test]
fn a_lost_config_may_have_bound_any_directory() {
    let mut host = Host::new();
    let orphan = host.root.orphan_directory("old", None, &Tree::new("old")).unwrap();
    let container = host.root.container(&ContainerSpec::new("web", &host.image).exited(0)).unwrap();
    assert_eq!(host.verdict(&Thing::Dir(orphan.id)), Verdict::Garbage(Garbage::OrphanDirectory));
    let config = host.root.path().join("containers").join(container.id.to_string()).join("config.v2.json");
    fs::write(&config, "").unwrap();
    assert!(matches!(host.verdict(&Thing::Dir(orphan.id)), Verdict::Unknown(_)));
    fs::remove_file(&config).unwrap();
    assert!(matches!(host.verdict(&Thing::Dir(orphan.id)), Verdict::Unknown(_)));
}

#[test]
fn a_mount_that_names_a_link_which_is_gone_holds_what_bears_it_or_all() {
    let mut host = Host::new();
    let [upper, other] = ["upper", "other"].map(|name| host.root.orphan_directory(name, None, &Tree::new(name)).unwrap());
    let mount = LiveMount {
        pid: 7,
        mount_point: "/mnt".into(),
        file_system: "overlay".to_owned(),
        directories: Vec::new(),
        links: vec![upper.link, host.layer.dir.link],
        others: Vec::new(),
        drivers: Vec::new(),
    };
    let verdict_of = |host: &Host, id| verdict(Inventory { live_mounts: vec![mount.clone()], ..host.inventory() }, &Thing::Dir(id));
    fs::remove_file(host.root.path().join(upper.link_path())).unwrap();
    assert_eq!(verdict_of(&host, upper.id), Verdict::InUse);
    assert_eq!(verdict_of(&host, other.id), Verdict::Garbage(Garbage::OrphanDirectory));
    fs::remove_file(host.root.path().join(upper.path()).join("link")).unwrap();
    assert!(matches!(verdict_of(&host, upper.id), Verdict::Unknown(_)));
    assert!(matches!(verdict_of(&host, other.id), Verdict::Unknown(_)));
}

#[test]
fn only_what_could_be_the_directory_that_is_missing_stays() {
    let mut host = Host::new();
    let top = host.root.layer(Some(&host.layer), Tree::new("top").file("x", 1)).unwrap();
    host.root.image(&ImageSpec::new(&top).tag("top:1")).unwrap();
    let [on_one, on_two] = [&host.layer, &top].map(|below| {
        let name = below.chain_id.to_string();
        host.root.orphan_directory(&name, Some(below), &Tree::new(&name)).unwrap()
    });
    fs::remove_dir_all(host.root.path().join(top.dir.path())).unwrap();
    // The layer lies on one other, and so does only one of the orphans.
    assert!(matches!(host.verdict(&Thing::Dir(on_one.id)), Verdict::Unknown(_)));
    assert_eq!(host.verdict(&Thing::Dir(on_two.id)), Verdict::Garbage(Garbage::OrphanDirectory));
}
