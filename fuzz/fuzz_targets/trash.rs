//! A trash with any bytes as the journal of a run: it is listed, restored and given up, and nothing but what is in it is ever touched.
#![no_main]

use layerwise::apply::{Copies, Offline, Own, State, Tops, Trash, restore};
use layerwise::report::trash;
use layerwise::store::live::Proc;
use layerwise_fuzz::DataRoot;
use libfuzzer_sys::fuzz_target;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::OnceLock;

/// What must never change.
const PRECIOUS: [&str; 4] = ["docker/volumes/metadata.db", "docker/overlay2/live", "docker/image/overlay2/layerdb/sha256/live", "precious"];

const RUN: &str = ".layerwise/20260131T120000Z-4242";

/// The data-root, and the rights to change it.
struct Fixture {
    root: DataRoot,
    own: Own,
    offline: Offline,
}

impl Fixture {
    fn get() -> &'static Self {
        static FIXTURE: OnceLock<Fixture> = OnceLock::new();
        FIXTURE.get_or_init(|| {
            let root = DataRoot::new();
            for name in PRECIOUS {
                root.write(name, name.as_bytes());
            }
            let docker = layerwise::dir::Dir::root(&root.path().join("docker")).expect("a data-root");
            let own = Own::acquire(&docker).expect("nobody else is here");
            let offline = Offline::acquire(&docker, &Proc::open("/proc").expect("/proc")).expect("no dockerd is here");
            Self { root, own, offline }
        })
    }

    /// A run with a directory, a file and a link in its slots.
    fn fill(&self, journal: &[u8]) {
        let docker = self.root.path().join("docker");
        let run = docker.join(RUN);
        fs::create_dir_all(run.join("0/diff")).expect("a run");
        for place in [docker.join(".layerwise"), run.clone()] {
            fs::set_permissions(place, Permissions::from_mode(0o700)).expect("its mode");
        }
        fs::write(run.join("1"), "taken").expect("a file");
        symlink("../0123/diff", run.join("2")).expect("a link");
        fs::write(run.join("journal"), journal).expect("its journal");
    }

    fn assert_is_whole(&self) {
        for name in PRECIOUS {
            assert_eq!(fs::read(self.root.path().join(name)).expect("it is there"), name.as_bytes());
        }
        assert_eq!(fs::read_dir(self.root.path()).expect("the top").count(), 2, "something left the data-root");
    }
}

fuzz_target!(|data: &[u8]| {
    let fixture = Fixture::get();
    fixture.fill(data);
    let docker = fixture.root.path().join("docker");
    let dir = layerwise::dir::Dir::root(&docker).expect("a data-root");
    let tops = Tops::open(&dir).expect("its file systems");
    let mut trash = Trash::open(&tops).expect("a trash");
    let runs = trash.runs().expect("its runs");
    std::hint::black_box(trash::list(&runs));
    for run in &runs {
        if matches!(run.state, State::Kept | State::Interrupted) {
            restore(&mut trash, (run, Copies::Believe), |_| true, (&fixture.offline, &fixture.own));
        }
    }
    fixture.assert_is_whole();
    for run in trash.runs().expect("its runs") {
        if let Ok(examined) = trash.examine(&run, Copies::Believe) {
            trash.doom(&examined).expect("to give it up");
        }
    }
    fixture.assert_is_whole();
    clear(fixture.root.path(), fixture.root.path());
});

/// Takes away everything in `dir` but what must never change.
fn clear(root: &Path, dir: &Path) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        let below = path.strip_prefix(root).expect("it lies below");
        if PRECIOUS.iter().any(|precious| Path::new(precious) == below) {
        } else if PRECIOUS.iter().any(|precious| Path::new(precious).starts_with(below)) {
            clear(root, &path);
        } else if path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            fs::remove_dir_all(path).expect("to remove it");
        } else {
            fs::remove_file(path).expect("to remove it");
        }
    }
}
