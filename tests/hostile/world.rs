//! A small data-root, beside files that nobody may open.

use layerwise::audit::Audit;
use layerwise::demo::{Builder, Container, ContainerSpec, ImageSpec, Layer, SnapshotSpec, Tree};
use layerwise::dir::Dir;
use layerwise::graph::Thing;
use layerwise::graph::verdict::Verdict;
use layerwise::inventory::Inventory;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(crate) struct World {
    temp: TempDir,
    pub(crate) builder: RefCell<Builder>,
    pub(crate) base: Layer,
    pub(crate) top: Layer,
    pub(crate) container: Container,
}

impl World {
    pub(crate) fn new() -> Self {
        // In memory, if the machine has such a directory: many small files are made and removed.
        let temp = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let outside = temp.path().canonicalize().unwrap().join("outside");
        for directory in ["", "overlay2", "overlay2/l", "image", "deep"] {
            fs::create_dir(outside.join(directory)).unwrap();
        }
        for file in ["secret", "overlay2/secret", "image/secret", "deep/secret"] {
            fs::write(outside.join(file), "secret").unwrap();
        }
        let mut builder = Builder::create(temp.path().join("root")).unwrap();
        let base = builder.layer(None, Tree::new("base").file("etc/passwd", 900)).unwrap();
        let top = builder.layer(Some(&base), Tree::new("top").file("bin/app", 4000)).unwrap();
        let image = builder.image(&ImageSpec::new(&top).tag("app:1")).unwrap();
        let container = builder.container(&ContainerSpec::new("web", &image).exited(0)).unwrap();
        builder.snapshot(&SnapshotSpec::new("make", Tree::new("make").file("out", 700)).on_layer(&top)).unwrap();
        builder.volume("data", &Tree::new("data").file("file", 100)).unwrap();
        Self { temp, builder: RefCell::new(builder), base, top, container }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.builder.borrow().path().to_owned()
    }

    /// A path below the data-root.
    pub(crate) fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root().join(path)
    }

    /// A path outside that nobody may open.
    pub(crate) fn outside(&self, path: &str) -> PathBuf {
        self.temp.path().canonicalize().unwrap().join("outside").join(path)
    }

    /// A pattern in which the things of this data-root stand for themselves.
    pub(crate) fn fill(&self, pattern: &str) -> String {
        let things = [
            ("<base>", self.base.chain_id.hex().to_string()),
            ("<top>", self.top.chain_id.hex().to_string()),
            ("<base dir>", self.base.dir.id.to_string()),
            ("<top dir>", self.top.dir.id.to_string()),
            ("<top link>", self.top.dir.link.to_string()),
            ("<container>", self.container.id.to_string()),
        ];
        things.iter().fold(pattern.to_owned(), |text, (name, thing)| text.replace(name, thing))
    }

    /// Begins to watch everything outside.
    pub(crate) fn tripwire(&self) -> Tripwire {
        let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
        for directory in ["", "overlay2", "overlay2/l", "image", "deep"] {
            inotify::add_watch(&watch, self.outside(directory), WatchFlags::OPEN | WatchFlags::ACCESS).unwrap();
        }
        Tripwire(watch)
    }

    /// Whether a process that looks at the data-root may open `path`: what lies in the data-root, but nothing beside it that was put into
    /// its way. What the kernel tells, the loader needs and other dockerds of the machine have is not ours to judge.
    pub(crate) fn may_be_opened(&self, path: &Path) -> bool {
        let is_beside = path.starts_with(self.temp.path().canonicalize().unwrap()) && !path.starts_with(self.root());
        let is_secret = path.starts_with("/etc") && !path.starts_with("/etc/docker") && !path.to_string_lossy().starts_with("/etc/ld.so");
        !is_beside && !is_secret
    }

    /// What is garbage.
    pub(crate) fn garbage(&self) -> BTreeSet<Thing> {
        let audit = Audit::new(Inventory::read(&Dir::root(&self.root()).unwrap(), None), None);
        let things = audit.graph.things().filter(|(node, _)| matches!(audit.verdicts.of(*node), Verdict::Garbage(_)));
        things.map(|(_, thing)| thing.clone()).collect()
    }
}

/// A watch on the files that nobody may open.
pub(crate) struct Tripwire(OwnedFd);

impl Tripwire {
    /// The names of what was opened or read since the watch began.
    pub(crate) fn opened(&self) -> Vec<String> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.0, &mut buffer);
        let mut opened = Vec::new();
        while let Ok(event) = events.next() {
            opened.push(event.file_name().map_or_else(|| "a directory".to_owned(), |name| name.to_string_lossy().into_owned()));
        }
        opened
    }
}

#[test]
fn the_tripwire_notices() {
    let world = World::new();
    let tripwire = world.tripwire();
    assert!(tripwire.opened().is_empty());
    fs::read(world.outside("deep/secret")).unwrap();
    assert!(tripwire.opened().contains(&"secret".to_owned()));
    drop(fs::read_dir(world.outside("image")).unwrap());
    assert!(tripwire.opened().contains(&"a directory".to_owned()));
}
