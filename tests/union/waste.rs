//! What images waste, beside what is left of all layers when all that shows is taken away.

use crate::machine;
use crate::step::{self, Step};
use crate::world::{Renames, World};
use layerwise::dir::Dir;
use layerwise::id::{ChainId, DirId, ImageId};
use layerwise::union::waste::{Ask, Forest, Lengths, Waste, Watch, Why, find};
use layerwise::union::{Directories, Layer, Marks, Nature, Part, Union, join};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A name for a directory or a layer that is made of one digit.
fn hex(digit: usize) -> String {
    format!("{digit:x}").repeat(64)
}

/// How many of the uppermost layers a branch does not stand on, and what makes it.
type Branch = (usize, Vec<Step>);

/// Images of layers that the kernel wrote: each has some of the layers of a chain, and perhaps one more that stands on these.
struct Store {
    root: PathBuf,
    /// The numbers of the layers of each image, base first.
    images: Vec<Vec<usize>>,
    _world: World,
}

impl Store {
    fn new(chain: &[Vec<Step>], branches: &[Branch]) -> Self {
        let mut world = World::new();
        for steps in chain {
            world.add_written(steps, Renames::Copy);
        }
        let mut images: Vec<Vec<usize>> = (1..=chain.len()).map(|length| (0..length).collect()).collect();
        for (number, (without, steps)) in branches.iter().enumerate() {
            let without = (*without).min(chain.len() - 1);
            let layer = chain.len() + number;
            world.write_branch(&layer.to_string(), without, steps);
            images.push((0..chain.len() - without).chain([layer]).collect());
        }
        let root = world.path("root");
        for layer in 0..chain.len() + branches.len() {
            let dir = root.join("overlay2").join(hex(layer));
            fs::create_dir_all(&dir).unwrap();
            fs::rename(world.path(&layer.to_string()), dir.join("diff")).unwrap();
        }
        Self { root, images, _world: world }
    }

    /// What several files that are shown have in common, worked out with all contents in memory: how many inodes have each.
    fn copies(&self, shown: &BTreeSet<(usize, u64)>) -> BTreeSet<BTreeSet<(usize, u64)>> {
        let mut by_content: BTreeMap<Vec<u8>, BTreeSet<(usize, u64)>> = BTreeMap::new();
        for layer in self.images.iter().flatten().copied().collect::<BTreeSet<_>>() {
            for entry in walkdir::WalkDir::new(self.diff(layer)).into_iter().map(Result::unwrap) {
                let inode = (layer, fs::symlink_metadata(entry.path()).unwrap().ino());
                if entry.file_type().is_file() && shown.contains(&inode) {
                    by_content.entry(fs::read(entry.path()).unwrap()).or_default().insert(inode);
                }
            }
        }
        by_content.into_iter().filter(|(content, inodes)| !content.is_empty() && inodes.len() > 1).map(|(_, inodes)| inodes).collect()
    }

    fn diff(&self, layer: usize) -> PathBuf {
        self.root.join("overlay2").join(hex(layer)).join("diff")
    }

    fn dir(layer: usize) -> DirId {
        DirId::try_from(hex(layer).as_bytes()).unwrap()
    }

    fn find(&self) -> (Forest, Waste) {
        let chain = |layer: usize| ChainId::from_hex(hex(layer).as_bytes()).unwrap();
        let image = |number: usize| ImageId::from_hex(hex(number).as_bytes()).unwrap();
        let images = self.images.iter().enumerate();
        let images: Vec<_> = images
            .map(|(number, layers)| (image(number), layers.iter().map(|&layer| (chain(layer), Self::dir(layer))).collect()))
            .collect();
        let forest = Forest::of(&images);
        let watch = Watch { set_id: false, patterns: vec!["*".to_owned()] };
        let layers = Directories { root: &Dir::root(&self.root).unwrap(), marks: Marks::Trusted };
        let ask = Ask { copies: Some(1), watch, ..Ask::default() };
        let found = find(&layers, &forest, &ask);
        assert_eq!((found.lost.as_slice(), found.unread.is_empty()), ([].as_slice(), true));
        (forest, found)
    }

    /// What an image is put together of, top first.
    fn union(&self, image: usize) -> (Vec<usize>, Union) {
        let layers: Vec<usize> = self.images[image].iter().rev().copied().collect();
        let dir = Dir::root(&self.root).unwrap();
        let open = |layer: &usize| Layer::open(&dir, &format!("overlay2/{}/diff", hex(*layer)), Marks::Trusted).unwrap().unwrap();
        let union = Union::new(layers.iter().map(open).collect());
        (layers, union)
    }

    /// The paths that an image shows, each with the layers that it is made of.
    fn seen(&self, image: usize) -> BTreeSet<(Vec<u8>, usize)> {
        let (layers, union) = self.union(image);
        let mut seen = BTreeSet::new();
        let mut open = vec![(Vec::new(), union.root(0))];
        while let Some((above, parts)) = open.pop() {
            for (name, found) in union.list(&parts) {
                let path = join(&above, &name);
                seen.extend(found.parts.iter().map(|part| (path.clone(), layers[part.layer])));
                if found.entry.is_directory() {
                    open.push((path, found.parts));
                }
            }
        }
        seen
    }

    /// The inodes of a layer that an image shows.
    fn shown(&self, image: usize) -> BTreeSet<(usize, u64)> {
        let (layers, union) = self.union(image);
        let inode = |part: &Part| {
            let layer = layers[part.layer];
            (layer, fs::symlink_metadata(union.layer(part.layer).unwrap().path(&part.path)).unwrap().ino())
        };
        let mut shown: BTreeSet<_> = union.root(0).iter().map(inode).collect();
        let mut open = vec![union.root(0)];
        while let Some(parts) = open.pop() {
            for (_, found) in union.list(&parts) {
                shown.extend(found.parts.iter().map(inode));
                if found.entry.is_directory() {
                    open.push(found.parts);
                }
            }
        }
        shown
    }

    /// Every inode of a layer, with what is allocated for it.
    fn stored(&self, layer: usize) -> BTreeMap<(usize, u64), u64> {
        let stat = |path: &Path| fs::symlink_metadata(path).unwrap();
        let all = walkdir::WalkDir::new(self.diff(layer)).into_iter().map(|entry| stat(entry.unwrap().path()));
        all.map(|stat| ((layer, stat.ino()), stat.blocks() * 512)).collect()
    }

    /// Whether a layer has a file or the like with several names.
    fn has_links(&self, layer: usize) -> bool {
        let all = walkdir::WalkDir::new(self.diff(layer)).into_iter().map(|entry| entry.unwrap().metadata().unwrap());
        all.into_iter().any(|stat| !stat.is_dir() && stat.nlink() > 1)
    }

    /// What the scores are computed from, worked out image by image as the definition has it.
    fn lengths(&self, image: usize) -> Lengths {
        let mut above_base = 0;
        let mut paths: BTreeMap<Vec<u8>, Vec<u64>> = BTreeMap::new();
        let mut stacked: BTreeMap<Vec<u8>, (bool, u64)> = BTreeMap::new();
        let is_in = |path: &[u8], directory: &[u8]| path.starts_with(directory) && path.get(directory.len()) == Some(&b'/');
        for &layer in &self.images[image] {
            let entries = entries(&self.diff(layer));
            above_base += if layer == self.images[image][0] { 0 } else { entries.values().map(|(_, length)| u128::from(*length)).sum() };
            for (path, (nature, length)) in &entries {
                if is_directory(*nature) && entries.keys().any(|other| is_in(other, path)) {
                    continue;
                }
                let gone = || stacked.iter().filter(|(other, _)| is_in(other, path)).map(|(_, (_, length))| length).sum();
                let is_whole = stacked.get(path).is_some_and(|(is_directory, _)| *is_directory);
                let length = if *nature == Nature::Whiteout && is_whole { gone() } else { *length };
                paths.entry(path.clone()).or_default().push(length);
            }
            for (path, (nature, length)) in entries {
                if nature != Nature::Merged || stacked.get(&path).is_some_and(|(is_directory, _)| !is_directory) {
                    stacked.retain(|other, _| *other != path && !is_in(other, &path));
                }
                if nature != Nature::Whiteout {
                    stacked.insert(path, (is_directory(nature), length));
                }
            }
        }
        let sum = |of: fn(&Vec<u64>) -> u64| paths.values().map(|lengths| u128::from(of(lengths))).sum();
        let repeated = sum(|lengths| if lengths.len() > 1 { lengths.iter().sum() } else { 0 });
        let (least, all) = (sum(|lengths| *lengths.iter().min().unwrap()), sum(|lengths| lengths.iter().sum()));
        Lengths { least, all, repeated, above_base }
    }
}

const fn is_directory(nature: Nature) -> bool {
    matches!(nature, Nature::Merged | Nature::Opaque)
}

/// What a layer has, with the length of each file at the first of its names.
fn entries(diff: &Path) -> BTreeMap<Vec<u8>, (Nature, u64)> {
    let dir = Dir::root(diff.parent().unwrap()).unwrap();
    let layer = Layer::open(&dir, "diff", Marks::Trusted).unwrap().unwrap();
    let mut seen = BTreeSet::new();
    let mut entries = BTreeMap::new();
    for path in crate::world::walk(diff).into_keys() {
        let entry = layer.look(&path).unwrap();
        let is_first = entry.is_file() && seen.insert(entry.inode.number);
        entries.insert(path, (entry.nature, if is_first { entry.inode.size } else { 0 }));
    }
    entries
}

fn each_store(cases: u32, act: impl Fn(&Store)) {
    let layer = |size| prop::collection::vec(step::step(), size);
    let chain = (layer(15..40), prop::collection::vec(layer(2..15), 1..4)).prop_map(|(base, rest)| [vec![base], rest].concat());
    let branches = prop::collection::vec((0_usize..3, layer(2..15)), 0..3);
    let run = |(chain, branches): (Vec<Vec<Step>>, Vec<Branch>)| {
        act(&Store::new(&chain, &branches));
        Ok(())
    };
    TestRunner::new(crate::cases::cases(cases)).run(&(chain, branches), run).unwrap();
}

#[test]
fn what_is_wasted_is_what_is_stored_and_not_shown() {
    if !machine::can_mount("waste::what_is_wasted_is_what_is_stored_and_not_shown") {
        return;
    }
    let (wasted, exact) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    each_store(80, |store| {
        let (forest, found) = store.find();
        let layers: Vec<usize> = forest.layers.iter().map(|node| usize::from_str_radix(&node.dir.to_string()[..1], 16).unwrap()).collect();
        let shown: Vec<_> = (0..store.images.len()).map(|image| store.shown(image)).collect();
        for (image, shown) in shown.iter().enumerate() {
            let stored: BTreeMap<_, _> = store.images[image].iter().flat_map(|&layer| store.stored(layer)).collect();
            let hidden: Vec<u64> = stored.iter().filter(|(inode, _)| !shown.contains(inode)).map(|(_, bytes)| *bytes).collect();
            let told = found.wasted[image].values();
            let told = told.fold((0, 0), |(bytes, inodes), weight| (bytes + weight.bytes, inodes + weight.inodes));
            assert_eq!(told, (hidden.iter().sum::<u64>(), u64::try_from(hidden.len()).unwrap()), "image of {:?}", store.images[image]);
            wasted.set(wasted.get() + told.1);
            assert_eq!(found.lengths[image], store.lengths(image), "efficiency of {:?}", store.images[image]);
            let sights = found.sights.iter().filter(|sight| sight.images.contains(image));
            let seen: BTreeSet<_> = sights.map(|sight| (sight.path.to_vec(), layers[sight.layer])).collect();
            assert_eq!(seen, store.seen(image), "what the image of {:?} shows", store.images[image]);
        }
        for (at, &layer) in layers.iter().enumerate() {
            let stored = store.stored(layer);
            assert_eq!((found.stored[at].bytes, found.stored[at].inodes), (stored.values().sum(), u64::try_from(stored.len()).unwrap()));
            let unseen: Vec<u64> =
                stored.iter().filter(|(inode, _)| !shown.iter().any(|shown| shown.contains(inode))).map(|(_, bytes)| *bytes).collect();
            let told = (found.unseen[at].bytes, found.unseen[at].inodes);
            assert_eq!(told, (unseen.iter().sum::<u64>(), u64::try_from(unseen.len()).unwrap()), "layer {layer}");
        }
        let copies = found.copies.iter().map(|copies| copies.files.iter().map(|file| (layers[file.layer], file.inode)).collect());
        assert_eq!(copies.collect::<BTreeSet<BTreeSet<_>>>(), store.copies(&shown.iter().flatten().copied().collect()));
        // Each culprit has taken its part, and no part twice; but what has several names is hidden in some of a culprit's images only.
        let taken: u64 = found.culprits.iter().map(|(_, toll)| toll.weight.inodes * u64::from(toll.images.count())).sum();
        let told: u64 = found.wasted.iter().flat_map(BTreeMap::values).map(|weight| weight.inodes).sum();
        let has_links = layers.iter().any(|&layer| store.has_links(layer));
        assert!(taken == told || has_links && taken > told, "{taken} of {told}");
        exact.set(exact.get() + usize::from(taken == told));
    });
    assert!(exact.get() > 40, "the culprits' parts were nearly never exact: {exact:?}");
    assert!(wasted.get() > 100, "nearly nothing was wasted: {wasted:?}");
}

#[test]
fn every_reason_is_told_with_who_is_to_blame() {
    if !machine::can_mount("waste::every_reason_is_told_with_who_is_to_blame") {
        return;
    }
    let write = |path: &str, length| Step::Write(path.into(), 7, length);
    let base = [
        Step::MakeDirectory("d".into()),
        write("d/a", 10_000),
        write("d/b", 20_000),
        write("mode", 30_000),
        write("new", 40_000),
        write("kept", 5_000),
    ];
    let upper = [Step::Mode("mode".into(), 0o700), Step::Remove("new".into()), write("new", 41_000), Step::Remove("d".into())];
    let store = Store::new(&[base.to_vec(), upper.to_vec(), vec![write("more", 1)]], &[]);
    let (_, found) = store.find();
    let told: Vec<_> = found
        .culprits
        .iter()
        .map(|(culprit, toll)| {
            (
                crate::world::shown(&culprit.at),
                culprit.why,
                culprit.stored,
                culprit.by,
                toll.images.count(),
                toll.is_seen,
                toll.weight.inodes,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("new".to_owned(), Why::Overwritten, 0, 1, 2, true, 1),
            ("d".to_owned(), Why::Deleted, 0, 1, 2, true, 3),
            ("mode".to_owned(), Why::Unchanged, 0, 1, 2, true, 1),
            ("d".to_owned(), Why::Whiteout, 1, 1, 2, false, 1),
        ]
    );
    // The first image is the base alone, which shows everything.
    assert_eq!(found.wasted[0].len(), 0);
    assert!((found.lengths[0].score() - 1.0).abs() < f64::EPSILON && found.lengths[1].score() < 0.8);
}
