//! The steps in which a data-root is made.

use layerwise::demo::{
    Builder, Container, ContainerSpec, Directory, Fragment, Image, ImageSpec, Layer, MountNaming, Removal, Result, Snapshot, SnapshotSpec,
    State, Tree,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// One thing that is made.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Layer {
        below: Option<Index>,
        content: u8,
    },
    Image {
        top: Option<Index>,
        names: u8,
        child: bool,
    },
    /// An image without a name is removed; its layers stay, as after `docker rmi --force` or a crash.
    Forget(Index),
    Container {
        image: Index,
        state: State,
        volume: bool,
        mounted: Option<(Index, MountNaming)>,
    },
    Snapshot {
        below: Below,
        kind: Kind,
        leased: bool,
        recorded: bool,
    },
    /// A second directory of a layer's content, on which a build was continued; `known` says whether BuildKit's database still has it.
    Copy {
        of: Index,
        known: bool,
        exported: bool,
    },
    View(Index),
    Volume {
        options: bool,
    },
    Plugin,
    Pulled(Index),
    Leftover(Leftover, Index),
}

/// What a snapshot is on top of.
#[derive(Debug, Clone)]
pub(crate) enum Below {
    Nothing,
    Layer(Index),
    Snapshot(Index),
}

/// What a snapshot is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Active,
    Committed,
    Exported,
    LocalSource,
    CacheMount,
}

/// What crashes and failures leave.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Leftover {
    OrphanDirectory,
    OrphanSnapshot,
    OrphanInit,
    Fragment(Fragment),
    DanglingLink,
    DuplicateLink,
    Removal(Removal),
    WriteSet,
    EmptyWriteSet,
    Temporary,
    ProbeDirectory,
    BrokenRecord,
    UnownedMount,
    ContainerWithoutConfig,
}

fn states() -> impl Strategy<Value = State> {
    select(vec![State::Created, State::Running { pid: 4242 }, State::Paused { pid: 4243 }, State::Exited { code: 1 }, State::Dead])
}

fn leftovers() -> impl Strategy<Value = Leftover> {
    use Leftover as L;
    let fragments = [Fragment::Bare, Fragment::WithDiff, Fragment::WithSymlink, Fragment::WithoutLower].map(L::Fragment);
    let removals = [Removal::Begun, Removal::LinkGone, Removal::DirectoryGone, Removal::CacheIdGone].map(L::Removal);
    let others = [
        L::OrphanDirectory,
        L::OrphanSnapshot,
        L::OrphanInit,
        L::DanglingLink,
        L::DuplicateLink,
        L::WriteSet,
        L::EmptyWriteSet,
        L::Temporary,
        L::ProbeDirectory,
        L::BrokenRecord,
        L::UnownedMount,
    ];
    let all = select([&fragments[..], &removals, &others].concat());
    prop_oneof![12 => all, 1 => Just(L::ContainerWithoutConfig)]
}

/// Any step.
pub(crate) fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    let some = move || proptest::option::weighted(0.8, index());
    let below = prop_oneof![Just(Below::Nothing), index().prop_map(Below::Layer), index().prop_map(Below::Snapshot)];
    let kinds = select(vec![Kind::Active, Kind::Committed, Kind::Exported, Kind::LocalSource, Kind::CacheMount]);
    let namings = select(vec![MountNaming::Joined, MountNaming::Spelled, MountNaming::Hashed]);
    let mounted = proptest::option::weighted(0.3, (index(), namings));
    prop_oneof![
        6 => (some(), 0..4_u8).prop_map(|(below, content)| Step::Layer { below, content }),
        5 => (some(), 0..4_u8, any::<bool>()).prop_map(|(top, names, child)| Step::Image { top, names, child }),
        1 => index().prop_map(Step::Forget),
        4 => (index(), states(), any::<bool>(), mounted)
            .prop_map(|(image, state, volume, mounted)| Step::Container { image, state, volume, mounted }),
        4 => (below, kinds, any::<bool>(), any::<bool>())
            .prop_map(|(below, kind, leased, recorded)| Step::Snapshot { below, kind, leased, recorded }),
        2 => (index(), any::<bool>(), any::<bool>()).prop_map(|(of, known, exported)| Step::Copy { of, known, exported }),
        1 => index().prop_map(Step::View),
        1 => any::<bool>().prop_map(|options| Step::Volume { options }),
        1 => Just(Step::Plugin),
        1 => index().prop_map(Step::Pulled),
        6 => (leftovers(), index()).prop_map(|(leftover, index)| Step::Leftover(leftover, index)),
    ]
}

/// What was made so far.
pub(crate) struct Made {
    pub(crate) root: Builder,
    pub(crate) layers: Vec<Layer>,
    pub(crate) images: Vec<Image>,
    pub(crate) containers: Vec<Container>,
    snapshots: Vec<Snapshot>,
    parents: BTreeSet<String>,
    stacked: BTreeSet<(Option<String>, u8)>,
    count: u32,
}

fn pick<'a, T>(index: &Index, from: &'a [T]) -> Option<&'a T> {
    (!from.is_empty()).then(|| index.get(from))
}

impl Made {
    /// Begins with a layer and an image of it, so that there is something to choose from.
    pub(crate) fn new(root: Builder) -> Result<Self> {
        let (layers, images, containers, snapshots) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (parents, stacked) = (BTreeSet::new(), BTreeSet::new());
        let mut made = Self { root, layers, images, containers, snapshots, parents, stacked, count: 0 };
        made.layer(None, 0)?;
        let base = made.layers[0].clone();
        made.images.push(made.root.image(&ImageSpec::new(&base).tag("base:1"))?);
        Ok(made)
    }

    /// Does `work` with one writing of the databases.
    pub(crate) fn batch(&mut self, work: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        // The builder lends itself to the closure, so it is taken out for as long.
        let spare = crate::look::temporary();
        let mut root = std::mem::replace(&mut self.root, Builder::create(spare.path().join("spare"))?);
        let done = root.batch(|root| {
            std::mem::swap(root, &mut self.root);
            let done = work(self);
            std::mem::swap(root, &mut self.root);
            done
        });
        self.root = root;
        done
    }

    /// A name that nothing has yet.
    fn name(&mut self) -> String {
        self.count += 1;
        format!("n{}", self.count)
    }

    pub(crate) fn take(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Layer { below, content } => self.layer(below.as_ref(), *content),
            Step::Image { top, names, child } => self.image(top.as_ref(), *names, *child),
            Step::Forget(index) => self.forget(index),
            Step::Container { image, state, volume, mounted } => self.container(image, (*state, *volume), mounted.as_ref()),
            Step::Snapshot { below, kind, leased, recorded } => self.snapshot(below, *kind, (*leased, *recorded)),
            Step::Copy { of, known, exported } => self.copy(of, *known, *exported),
            Step::View(index) => {
                let name = self.name();
                self.root.build_view(&name, index.get(&self.layers)).map(drop)
            }
            Step::Volume { options } => {
                let name = self.name();
                self.root.volume(&name, &Tree::new(&name).file("data", 300))?;
                if *options { self.root.volume_options(&name, "tmpfs", "tmpfs") } else { Ok(()) }
            }
            Step::Plugin => {
                let name = self.name();
                self.root.plugin(&name, &Tree::new(&name).file("plugin", 700)).map(drop)
            }
            Step::Pulled(index) => self.root.distribution_entry(index.get(&self.layers).diff_id, "docker.io/library/x"),
            Step::Leftover(leftover, index) => self.leftover(*leftover, index),
        }
    }

    fn layer(&mut self, below: Option<&Index>, content: u8) -> Result<()> {
        let below = below.and_then(|below| pick(below, &self.layers)).cloned();
        if self.stacked.insert((below.as_ref().map(|below| below.chain_id.to_string()), content)) {
            let tree = Tree::new(format!("content {content}")).file("bin/tool", 900 * u64::from(content) + 1).whiteout("etc/old");
            let tree = tree.hard_link("bin/again", "bin/tool").symlink("bin/sh", "tool").directory("var");
            self.layers.push(self.root.layer(below.as_ref(), tree)?);
        }
        Ok(())
    }

    fn image(&mut self, top: Option<&Index>, names: u8, child: bool) -> Result<()> {
        let top = top.and_then(|top| pick(top, &self.layers)).cloned();
        let name = self.name();
        let mut spec = top.as_ref().map_or_else(ImageSpec::scratch, ImageSpec::new).empty_history(&format!("LABEL {name}"));
        if names > 0 {
            spec = spec.tag(&format!("registry.example:5000/team/{name}:1"));
        }
        if names > 1 {
            spec = spec.digest_reference(&format!("{name}@sha256:{}", "0123456789abcdef".repeat(4)));
        }
        let has = |parent: &Image| {
            let diff_ids = |image: Option<&Layer>| image.map(|top| top.diff_ids.clone()).unwrap_or_default();
            diff_ids(top.as_ref()).starts_with(&diff_ids(parent.top.as_ref()))
        };
        if let Some(parent) = self.images.iter().rev().find(|parent| child && has(parent)) {
            self.parents.insert(parent.id.to_string());
            spec = spec.parent(parent);
        }
        self.images.push(self.root.image(&spec)?);
        Ok(())
    }

    fn forget(&mut self, index: &Index) -> Result<()> {
        let Some(place) = self.images.iter().position(|image| image.id == index.get(&self.images).id) else { return Ok(()) };
        if self.images[place].references.is_empty() && !self.parents.contains(&self.images[place].id.to_string()) {
            remove_image(self.root.path(), &self.images.remove(place));
        }
        Ok(())
    }

    fn container(&mut self, image: &Index, (state, volume): (State, bool), mounted: Option<&(Index, MountNaming)>) -> Result<()> {
        let name = self.name();
        let spec = ContainerSpec::new(&name, image.get(&self.images)).state(state).log(200);
        let mut spec = spec.writes(Tree::new(&name).file("tmp/x", 100).whiteout("etc/passwd"));
        if volume {
            let volume = self.name();
            self.root.volume(&volume, &Tree::new(&volume).file("data", 200))?;
            spec = spec.volume(&volume, "/data");
        }
        if let Some((index, naming)) = mounted {
            let image = index.get(&self.images);
            // The kernel has no room for so long a name, so that Docker cannot make such a mount either.
            let is_long = image.references.first().is_none_or(|name| name.len() > 40);
            let naming = if is_long && *naming == MountNaming::Spelled { MountNaming::Hashed } else { *naming };
            spec = spec.image_mount(image, "/mnt", naming);
        }
        self.containers.push(self.root.container(&spec)?);
        Ok(())
    }

    fn snapshot(&mut self, below: &Below, kind: Kind, (leased, recorded): (bool, bool)) -> Result<()> {
        let name = self.name();
        let tree = Tree::new(&name).file("out", 400);
        let mut spec = match kind {
            Kind::LocalSource => SnapshotSpec::local_source(&name, tree),
            Kind::CacheMount => SnapshotSpec::cache_mount(&name, tree),
            Kind::Active | Kind::Committed | Kind::Exported => SnapshotSpec::new(&name, tree),
        };
        let mut can_be_exported = true;
        match below {
            Below::Nothing => {}
            Below::Layer(index) => spec = spec.on_layer(index.get(&self.layers)),
            Below::Snapshot(index) => {
                if let Some(snapshot) = pick(index, &self.snapshots) {
                    can_be_exported = snapshot.layer.is_some();
                    spec = spec.on(snapshot);
                }
            }
        }
        spec = match kind {
            Kind::Active => spec.active(),
            Kind::Exported if can_be_exported => spec.exported(),
            _ => spec,
        };
        spec = if leased { spec } else { spec.unleased() };
        let snapshot = self.root.snapshot(&if recorded { spec } else { spec.unrecorded() })?;
        self.layers.extend(snapshot.layer.clone());
        if matches!(kind, Kind::Committed | Kind::Exported) {
            self.snapshots.push(snapshot);
        }
        Ok(())
    }

    fn copy(&mut self, of: &Index, known: bool, exported: bool) -> Result<()> {
        let layer = of.get(&self.layers).clone();
        let below = self.layers.iter().find(|other| Some(other.chain_id) == layer.parent).cloned();
        let (name, child) = (self.name(), self.name());
        let tree = Tree::new(&name).file("bin/tool", 500);
        let copy = if known {
            let spec = SnapshotSpec::new(&name, tree);
            let copy = self.root.snapshot(&below.iter().fold(spec, SnapshotSpec::on_layer))?;
            Snapshot { layer: Some(layer), ..copy }
        } else {
            let dir = self.root.orphan_snapshot(&name, below.as_ref(), &tree)?;
            Snapshot { name: layer.chain_id.to_string(), dir, layer: Some(layer) }
        };
        let spec = SnapshotSpec::new(&child, Tree::new(&child).file("more", 300)).on(&copy);
        let snapshot = self.root.snapshot(&if exported { spec.exported() } else { spec })?;
        self.layers.extend(snapshot.layer.clone());
        Ok(())
    }

    fn leftover(&mut self, leftover: Leftover, index: &Index) -> Result<()> {
        let name = self.name();
        let layer = index.get(&self.layers).clone();
        let tree = Tree::new(&name).file("part", 600);
        match leftover {
            Leftover::OrphanDirectory => self.root.orphan_directory(&name, Some(&layer), &tree).map(drop),
            Leftover::OrphanSnapshot => self.root.orphan_snapshot(&name, Some(&layer), &tree).map(drop),
            Leftover::OrphanInit => self.root.orphan_init(&name, &layer).map(drop),
            Leftover::Fragment(reached) => self.root.fragment(&name, reached).map(drop),
            Leftover::DanglingLink => self.root.dangling_link(&name).map(drop),
            Leftover::DuplicateLink => self.duplicate_link(&layer.dir),
            Leftover::Removal(reached) => {
                let removed = self.root.layer(Some(&layer), tree)?;
                self.root.interrupted_removal(&removed, reached).map(drop)
            }
            Leftover::WriteSet => {
                let dir = self.root.orphan_directory(&name, Some(&layer), &tree)?;
                self.root.write_set(&name, Some(&dir)).map(drop)
            }
            Leftover::EmptyWriteSet => self.root.write_set(&name, None).map(drop),
            Leftover::Temporary => self.root.temporary(Path::new("image/overlay2").join(&name), "{").map(drop),
            Leftover::ProbeDirectory => self.probe_directory(),
            Leftover::BrokenRecord => self.root.broken_layer_record(&name).map(drop),
            Leftover::UnownedMount => self.root.unowned_mount(&name, &layer, &tree).map(drop),
            Leftover::ContainerWithoutConfig => self.root.container_without_config(&name).map(drop),
        }
    }

    /// Each directory has at most one duplicate link.
    fn duplicate_link(&mut self, dir: &Directory) -> Result<()> {
        let first = self.stacked.insert((Some(dir.id.to_string()), u8::MAX));
        if first { self.root.duplicate_link(dir).map(drop) } else { Ok(()) }
    }

    /// Leaves a whole copy of a file beside it, as if it had been about to be replaced.
    pub(crate) fn copy_beside(&mut self, index: &Index) -> Result<()> {
        let files = self.root.metadata_files()?;
        let is_replaced = |path: &&std::path::PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let text = ["link", "lower", "repositories.json", "config.v2.json", "hostconfig.json", "parent", "lastUpdated"];
            text.contains(&name) || path.parent().unwrap().ends_with("content/sha256") && !name.starts_with('.')
        };
        let files: Vec<_> = files.iter().filter(is_replaced).collect();
        let Some(file) = pick(index, &files) else { return Ok(()) };
        let content = fs::read(file).unwrap_or_default();
        let below = file.strip_prefix(self.root.path()).unwrap().to_owned();
        if content.is_empty() { Ok(()) } else { self.root.temporary(below, content).map(drop) }
    }

    fn probe_directory(&mut self) -> Result<()> {
        let first = self.stacked.insert((None, u8::MAX));
        if first { self.root.probe_directory("check-overlayfs-support").map(drop) } else { Ok(()) }
    }
}

/// Removes what the disk says of an image that has no name.
pub(crate) fn remove_image(root: &Path, image: &Image) {
    let database = root.join("image/overlay2/imagedb");
    fs::remove_dir_all(database.join("metadata/sha256").join(image.id.hex().to_string())).unwrap_or_default();
    fs::remove_file(database.join("content/sha256").join(image.id.hex().to_string())).unwrap();
}
