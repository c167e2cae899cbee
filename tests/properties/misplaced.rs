//! What was moved, swapped or put under another name that something else has or had: nothing goes that did not go before.

use crate::garbage::world;
use crate::look::{all, plan, taken};
use crate::misled::{HEX, Store, stores};
use layerwise::demo::{ContainerSpec, ImageSpec, SnapshotSpec, Tree};
use layerwise::plan::{Limits, Wanted};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Asserts that nothing is wrong, with all that is.
fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} wrong: {:#?}", wrong.len(), wrong.iter().take(12).collect::<Vec<_>>());
}

fn takes(root: &Path, wanted: &Wanted) -> BTreeSet<String> {
    taken(&plan(root, None, wanted, &Limits::default()))
}

/// The layer directories of a store.
fn directories(store: &Store) -> Vec<String> {
    store.entries("overlay2").into_iter().filter(|dir| dir != "overlay2/l" && store.root.join(dir).join("diff").is_dir()).collect()
}

#[test]
fn a_record_under_any_other_kind_of_name_makes_no_garbage() {
    stores(|store| {
        let db = "image/overlay2/layerdb";
        let mut wrong = Vec::new();
        for record in store.entries(&format!("{db}/sha256")).iter().filter(|record| !record.ends_with("-removing")) {
            for new in ["sha256/HEX", "sha256/HEX-HEX-removing", "tmp/layer-7"] {
                wrong.extend(store.renamed(record, &format!("{db}/{}", new.replace("HEX", HEX))));
            }
        }
        none(&wrong);
    });
}

#[test]
fn a_directory_under_the_name_of_one_that_is_gone_makes_no_garbage() {
    stores(|store| {
        let mut gone = BTreeSet::new();
        for place in ["sha256", "mounts", "tmp"] {
            for record in store.entries(&format!("image/overlay2/layerdb/{place}")) {
                let said = ["cache-id", "mount-id", "init-id"].map(|file| fs::read_to_string(store.root.join(&record).join(file)));
                gone.extend(said.into_iter().flatten().map(|id| format!("overlay2/{}", id.trim())));
            }
        }
        for link in store.entries("overlay2/l") {
            let target = fs::read_link(store.root.join(link)).unwrap();
            gone.insert(format!("overlay2/{}", target.components().nth(1).unwrap().as_os_str().to_str().unwrap()));
        }
        gone.retain(|dir| dir.len() > "overlay2/".len() && !store.root.join(dir).exists());
        let mut wrong = Vec::new();
        for (dir, new) in directories(store).iter().flat_map(|dir| gone.iter().map(move |new| (dir, new))) {
            wrong.extend(store.renamed(dir, new));
        }
        none(&wrong);
    });
}

#[test]
fn two_directories_that_changed_names_make_no_garbage() {
    stores(|store| {
        let dirs = directories(store);
        let mut wrong = Vec::new();
        let swap = |one: &str, other: &str| {
            let aside = store.root.join("aside");
            fs::rename(store.root.join(one), &aside).unwrap();
            fs::rename(store.root.join(other), store.root.join(one)).unwrap();
            fs::rename(&aside, store.root.join(other)).unwrap();
        };
        let known: BTreeSet<String> = takes(&store.root, &all());
        for live in dirs.iter().filter(|dir| !known.contains(*dir)) {
            for dead in dirs.iter().filter(|dir| known.contains(*dir)) {
                swap(live, dead);
                let after = takes(&store.root, &Wanted::default());
                if after.iter().any(|path| path == dead) {
                    wrong.push(format!("{live} <-> {dead}"));
                }
                swap(live, dead);
            }
        }
        none(&wrong);
    });
}

#[test]
fn a_place_that_is_not_mounted_makes_no_garbage() {
    stores(|store| {
        let mut wrong = Vec::new();
        for place in [
            "overlay2/l",
            "overlay2",
            "image",
            "image/overlay2",
            "image/overlay2/layerdb",
            "image/overlay2/imagedb",
            "image/overlay2/imagedb/metadata/sha256",
            "image/overlay2/imagedb/metadata",
            "volumes",
        ] {
            let path = store.root.join(place);
            let aside = store.root.parent().unwrap().join("aside");
            if path.is_dir() {
                fs::rename(&path, &aside).unwrap();
                fs::create_dir(&path).unwrap();
                wrong.extend(store.more(None).into_iter().map(|taken| format!("{place} is empty: {taken}")));
                fs::remove_dir(&path).unwrap();
                wrong.extend(store.more(None).into_iter().map(|taken| format!("{place} is gone: {taken}")));
                fs::rename(&aside, &path).unwrap();
            }
        }
        none(&wrong);
    });
}

/// A store in which a container's directory is gone whose read-write layer has data in it.
fn with_unowned_data(look: impl Fn(&Store)) {
    let (_temp, mut made) = world();
    let image = made.images[0].clone();
    let spec = ContainerSpec::new("lost", &image).exited(0).writes(Tree::new("data").file("db", 900));
    let container = made.root.container(&spec).unwrap();
    fs::remove_dir_all(made.root.path().join("containers").join(container.id.to_string())).unwrap();
    look(&Store::new(made.root.path()));
}

/// What goes by default of the data of a lost container.
fn by_default(store: &Store) -> BTreeSet<String> {
    takes(&store.root, &Wanted::default())
}

#[test]
fn no_loss_in_the_record_of_unowned_data_takes_it() {
    with_unowned_data(|store| {
        let before = by_default(store);
        let mut wrong = Vec::new();
        for record in store.entries("image/overlay2/layerdb/mounts") {
            for name in ["mount-id", "init-id", "parent"] {
                let file = store.root.join(&record).join(name);
                let Ok(honest) = fs::read_to_string(&file) else { continue };
                for other in [Some(HEX.to_owned()), Some(format!("{HEX}-init")), Some(format!("sha256:{HEX}")), Some(String::new()), None] {
                    match &other {
                        Some(other) => fs::write(&file, other).unwrap(),
                        None => fs::remove_file(&file).unwrap(),
                    }
                    let more = by_default(store).difference(&before).cloned().collect::<Vec<_>>();
                    wrong.extend(more.into_iter().map(|path| format!("{record}/{name} says {other:?}: {path}")));
                    fs::write(&file, &honest).unwrap();
                }
            }
        }
        none(&wrong);
    });
}

#[test]
fn another_name_of_the_directory_of_unowned_data_takes_it_not() {
    with_unowned_data(|store| {
        let before = by_default(store);
        let mut wrong = Vec::new();
        for dir in directories(store) {
            let new = format!("overlay2/{HEX}");
            fs::rename(store.root.join(&dir), store.root.join(&new)).unwrap();
            let more = by_default(store).difference(&before).cloned().collect::<Vec<_>>();
            wrong.extend(more.into_iter().map(|path| format!("{dir} -> {new}: {path}")));
            fs::rename(store.root.join(&new), store.root.join(&dir)).unwrap();
        }
        none(&wrong);
    });
}

#[test]
fn an_image_of_which_a_container_was_made_is_not_taken_for_untagged_because_the_container_names_another() {
    let (_temp, mut made) = world();
    let layer = made.root.layer(None, Tree::new("own").file("own", 10)).unwrap();
    let image = made.root.image(&ImageSpec::new(&layer)).unwrap();
    let container = made.root.container(&ContainerSpec::new("own", &image).exited(0)).unwrap();
    let store = Store::new(made.root.path());
    let config = store.root.join("containers").join(container.id.to_string()).join("config.v2.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace(&image.id.to_string(), &made.images[0].id.to_string())).unwrap();
    none(&store.more(None));
}

#[test]
fn a_parent_that_is_another_image_makes_no_image_untagged() {
    stores(|store| {
        let images: Vec<String> = store.entries("image/overlay2/imagedb/content/sha256");
        let mut wrong = Vec::new();
        for notes in store.entries("image/overlay2/imagedb/metadata/sha256") {
            let file = store.root.join(&notes).join("parent");
            let Ok(honest) = fs::read_to_string(&file) else { continue };
            for image in &images {
                fs::write(&file, format!("sha256:{}", image.rsplit('/').next().unwrap())).unwrap();
                wrong.extend(store.more(None).into_iter().map(|path| format!("{notes} has the parent {image}: {path}")));
            }
            fs::write(&file, honest).unwrap();
        }
        none(&wrong);
    });
}

#[test]
fn a_container_put_into_a_directory_of_its_own_still_has_what_is_bound_into_it() {
    let (_temp, mut made) = world();
    let image = made.images[0].clone();
    let orphan = made.root.orphan_directory("bound", None, &Tree::new("bound").file("f", 10)).unwrap();
    let container = made.root.container(&ContainerSpec::new("binds", &image).exited(0)).unwrap();
    let root = made.root.path();
    let home = root.join("containers").join(container.id.to_string());
    let config = home.join("config.v2.json");
    let text = fs::read_to_string(&config).unwrap();
    let diff = root.join(orphan.path()).join("diff");
    let point = format!(r#""MountPoints":{{"/x":{{"Type":"bind","Source":"{}","Destination":"/x"}}}}"#, diff.display());
    assert!(text.contains(r#""MountPoints":{}"#), "{text}");
    fs::write(&config, text.replace(r#""MountPoints":{}"#, &point)).unwrap();
    let store = Store::new(root);
    fs::create_dir(root.join("containers/old")).unwrap();
    none(&store.renamed(&format!("containers/{}", container.id), &format!("containers/old/{}", container.id)));
}

#[test]
fn a_layer_that_only_a_build_has_stays_under_any_name_of_its_record() {
    let (_temp, mut made) = world();
    let base = made.root.layer(None, Tree::new("from").file("from", 20)).unwrap();
    made.root.snapshot(&SnapshotSpec::new("run", Tree::new("run").file("run", 9)).on_layer(&base).exported()).unwrap();
    let store = Store::new(made.root.path());
    let db = "image/overlay2/layerdb";
    let mut wrong = Vec::new();
    for record in store.entries(&format!("{db}/sha256")) {
        for new in ["sha256/HEX", "sha256/HEX-HEX-removing", "tmp/write-set-7"] {
            wrong.extend(store.renamed(&record, &format!("{db}/{}", new.replace("HEX", HEX))));
        }
    }
    none(&wrong);
}
