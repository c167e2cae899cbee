//! Whatever a record says instead of what it said, and whatever a directory is called instead of its name: nothing goes that did not go before.
//!
//! A loss leaves something that cannot be read, which shows. What is tried here reads well and is wrong: another well-formed identifier, a
//! directory or a record under another name that Docker could have given it.

use crate::garbage::world;
use crate::look::{all, plan, taken, temporary};
use layerwise::demo::sample;
use layerwise::plan::{Limits, Wanted};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What plans take: of what goes by default, and of everything that can be asked for.
pub(crate) fn plans(root: &Path) -> [BTreeSet<String>; 2] {
    [Wanted::default(), all()].map(|wanted| taken(&plan(root, None, &wanted, &Limits::default())))
}

/// A data-root and what plans take of it.
pub(crate) struct Store {
    pub(crate) root: PathBuf,
    before: [BTreeSet<String>; 2],
}

impl Store {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), before: plans(root) }
    }

    /// What a plan takes now that none took before; `renamed` says what something that went before is called now.
    pub(crate) fn more(&self, renamed: Option<(&str, &str)>) -> Vec<String> {
        let is_new = |before: &BTreeSet<String>, path: &str| {
            let former = renamed.and_then(|(old, new)| Some(format!("{old}{}", path.strip_prefix(new)?)));
            let known = |path: &str| before.iter().any(|around| Path::new(path).starts_with(around));
            !known(path) && !former.is_some_and(|former| known(&former))
        };
        let more = |(before, after): (&BTreeSet<String>, BTreeSet<String>)| {
            after.into_iter().filter(|path| is_new(before, path)).collect::<Vec<_>>()
        };
        self.before.iter().zip(plans(&self.root)).flat_map(more).collect()
    }

    /// Renames something below the data-root, looks, and renames it back; what plans take too much.
    pub(crate) fn renamed(&self, old: &str, new: &str) -> Vec<String> {
        fs::rename(self.root.join(old), self.root.join(new)).unwrap();
        let more = self.more(Some((old, new)));
        fs::rename(self.root.join(new), self.root.join(old)).unwrap();
        more.into_iter().map(|path| format!("{old} -> {new}: {path}")).collect()
    }

    pub(crate) fn entries(&self, place: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.root.join(place)) else { return Vec::new() };
        let mut names: Vec<String> = entries.map(|entry| format!("{place}/{}", entry.unwrap().file_name().to_str().unwrap())).collect();
        names.sort();
        names
    }
}

/// Both data-roots that everything is tried on: one with every kind of leftover, and one in which everything is in use.
pub(crate) fn stores(look: impl Fn(&Store)) {
    let temp = temporary();
    let root = temp.path().join("root");
    sample::write(&root).unwrap();
    look(&Store::new(&root.canonicalize().unwrap()));
    let (_temp, made) = world();
    look(&Store::new(made.root.path()));
}

pub(crate) const HEX: &str = "f00dfeedf00dfeedf00dfeedf00dfeedf00dfeedf00dfeedf00dfeedf00dfeed";
pub(crate) const BUILD: &str = "zz9plural0z0alpha0000zzzz";

#[test]
fn another_identifier_in_a_record_makes_no_garbage() {
    stores(|store| {
        let records = [store.entries("image/overlay2/layerdb/sha256"), store.entries("image/overlay2/layerdb/mounts")].concat();
        for file in
            records.iter().flat_map(|record| ["cache-id", "mount-id", "init-id", "parent", "diff"].map(|file| format!("{record}/{file}")))
        {
            let path = store.root.join(&file);
            let Ok(honest) = fs::read_to_string(&path) else { continue };
            let others = [HEX.to_owned(), format!("{HEX}-init"), BUILD.to_owned(), format!("sha256:{HEX}")];
            for other in others.iter().filter(|other| other.starts_with("sha256:") == honest.starts_with("sha256:")) {
                fs::write(&path, other).unwrap();
                let more = store.more(None);
                assert!(more.is_empty(), "{file} says {other}: {more:#?}");
            }
            fs::write(&path, honest).unwrap();
        }
    });
}

#[test]
fn an_identifier_that_two_records_have_makes_no_garbage() {
    stores(|store| {
        for (place, name) in [("sha256", "cache-id"), ("mounts", "mount-id"), ("mounts", "init-id"), ("mounts", "parent")] {
            let files: Vec<_> =
                store.entries(&format!("image/overlay2/layerdb/{place}")).iter().map(|record| store.root.join(record).join(name)).collect();
            let files: Vec<_> = files.into_iter().filter(|file| file.is_file()).collect();
            for (one, other) in files.iter().flat_map(|one| files.iter().map(move |other| (one, other))).filter(|(one, other)| one != other)
            {
                let honest = fs::read(one).unwrap();
                fs::copy(other, one).unwrap();
                let more = store.more(None);
                fs::write(one, honest).unwrap();
                assert!(more.is_empty(), "{} says what {} does: {more:#?}", one.display(), other.display());
            }
        }
    });
}

#[test]
fn another_name_of_a_layer_directory_makes_no_garbage() {
    stores(|store| {
        let mut wrong = Vec::new();
        for dir in store.entries("overlay2") {
            if dir == "overlay2/l" || !store.root.join(&dir).join("diff").is_dir() {
                continue;
            }
            for new in [format!("overlay2/{HEX}"), format!("overlay2/{HEX}-init"), format!("overlay2/{BUILD}"), format!("{dir}-init")] {
                if !store.root.join(&new).exists() {
                    wrong.extend(store.renamed(&dir, &new));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

#[test]
fn another_name_of_a_containers_directory_makes_no_garbage() {
    stores(|store| {
        let mut wrong = Vec::new();
        for dir in store.entries("containers") {
            for new in [format!("{dir}.bak"), format!("containers/{HEX}"), "containers/saved".to_owned()] {
                wrong.extend(store.renamed(&dir, &new));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

#[test]
fn another_name_of_a_record_makes_no_garbage() {
    stores(|store| {
        let mut wrong = Vec::new();
        for record in store.entries("image/overlay2/layerdb/sha256") {
            if record.ends_with("-removing") {
                continue;
            }
            let new = [format!("{record}-{HEX}-removing"), "image/overlay2/layerdb/tmp/write-set-77".to_owned(), format!("{record}.bak")];
            new.iter().for_each(|new| wrong.extend(store.renamed(&record, new)));
        }
        for record in store.entries("image/overlay2/layerdb/mounts") {
            // dockerd marks a container as dead before it removes its layers, and needs no record to go on with that.
            let container = record.rsplit('/').next().unwrap();
            let config = fs::read_to_string(store.root.join(format!("containers/{container}/config.v2.json"))).unwrap_or_default();
            if config.contains("\"Dead\":true") {
                continue;
            }
            for new in
                [format!("{record}.bak"), format!("image/overlay2/layerdb/mounts/{HEX}"), format!("image/overlay2/layerdb/mounts/{BUILD}")]
            {
                wrong.extend(store.renamed(&record, &new));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

#[test]
fn a_part_of_the_data_root_that_is_not_mounted_makes_no_garbage() {
    stores(|store| {
        for place in [
            "containers",
            "image/overlay2/layerdb/sha256",
            "image/overlay2/layerdb/mounts",
            "image/overlay2/imagedb/content/sha256",
            "buildkit",
        ] {
            let path = store.root.join(place);
            if !path.is_dir() {
                continue;
            }
            let aside = store.root.parent().unwrap().join("aside");
            fs::rename(&path, &aside).unwrap();
            fs::create_dir(&path).unwrap();
            let more = store.more(None);
            fs::remove_dir(&path).unwrap();
            fs::rename(&aside, &path).unwrap();
            assert!(more.is_empty(), "{place} is empty: {more:#?}");
        }
    });
}
