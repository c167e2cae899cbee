//! The same facts, of real dockerds seen from outside their namespaces.

use crate::engine::Engine;
use layerwise::audit::Audit;
use layerwise::data_root::{DataRoot, Reason};
use layerwise::demo::{Builder, ImageSpec, Tree};
use layerwise::dir::Dir;
use layerwise::graph::Thing;
use layerwise::id::DirId;
use layerwise::inventory::Inventory;
use layerwise::report::target::Target;
use layerwise::report::why;
use layerwise::store::live::daemons::Evidence;
use layerwise::store::live::{Daemon, Live, LockState, Proc, read};
use layerwise::unreadable::Pins;
use layerwise::usage::class::Classifier;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

fn live(root: &Path) -> Live {
    let live = read(&Proc::open("/proc").unwrap(), &Dir::root(root).unwrap());
    assert_eq!(live.incomplete, []);
    live
}

fn only_daemon(live: &Live) -> Daemon {
    let daemons: Vec<_> = live.daemons_here().collect();
    let [daemon] = daemons.as_slice() else { panic!("{daemons:?}") };
    (*daemon).clone()
}

/// The directory of a container's RW layer, and its link.
fn rw_layer(root: &Path, container: &str) -> (String, String) {
    let dir = fs::read_to_string(root.join(format!("image/overlay2/layerdb/mounts/{container}/mount-id"))).unwrap();
    let lower = fs::read_to_string(root.join("overlay2").join(&dir).join("lower")).unwrap();
    (dir, lower.split(':').next().unwrap().strip_prefix("l/").unwrap().to_owned())
}

/// Whether some mount holds a directory and a link.
fn is_held(live: &Live, (dir, link): &(String, String)) -> bool {
    let names = |mount: &layerwise::store::live::LiveMount| {
        mount.directories.iter().any(|found| found.to_string() == *dir) && mount.links.iter().any(|found| found.to_string() == *link)
    };
    live.mounts.iter().any(names)
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

#[test]
fn a_dockerd_its_mounts_and_what_outlives_it_are_seen_from_outside() {
    let began = now();
    let Some(mut engine) = Engine::start("a_dockerd_its_mounts_and_what_outlives_it_are_seen_from_outside") else { return };
    let root = engine.data_root();
    let seen = live(&root);
    let daemon = only_daemon(&seen);
    assert_eq!((daemon.evidence, daemon.here.as_deref(), daemon.user), (Evidence::OpenDatabase, Some(&*root), Some(0)));
    assert_eq!(seen.lock, LockState::Held { by: vec![daemon.pid] });
    let (seconds, _) = daemon.started.unwrap();
    // Up to a second and a tick early, never late.
    assert!((began - 2..=now()).contains(&seconds), "{seconds} is not between {began} and now");
    let kind = DataRoot::open(&root, Reason::Flag).unwrap().kind;
    assert_eq!(kind.describe(), "a data-root with the overlay2 store");

    engine.import_busybox("base");
    let container = engine.docker("run -d --network=none base sleep 1000");
    let rw = rw_layer(&root, &container);
    let seen = live(&root);
    assert!(is_held(&seen, &rw), "{rw:?} is in none of {:?}", seen.mounts);
    assert!(seen.shims.iter().any(|shim| shim.container.to_string() == container));
    // The daemon was born before what it has made.
    let made = Dir::root(&root).unwrap().stamp(Path::new("overlay2").join(&rw.0)).unwrap().unwrap().born;
    assert!(made.is_none_or(|made| daemon.started.unwrap() < made));

    // dockerd dies alone; its container lives on.
    engine.kill_daemon();
    let seen = live(&root);
    assert_eq!((seen.lock.clone(), seen.daemons_here().count()), (LockState::Free, 0));
    assert!(is_held(&seen, &rw), "{rw:?} is in none of {:?}", seen.mounts);
    assert!(seen.shims.iter().any(|shim| shim.container.to_string() == container));
}

#[test]
fn a_data_root_mounted_elsewhere_in_the_daemons_namespace_is_recognised() {
    let Some(mut engine) = Engine::start("a_data_root_mounted_elsewhere_in_the_daemons_namespace_is_recognised") else { return };
    engine.stop();
    engine.mount_data_root_elsewhere();
    engine.start_daemon();
    let root = engine.data_root();
    let daemon = only_daemon(&live(&root));
    assert_eq!((daemon.data_root.as_path(), daemon.evidence), (Path::new("/mnt/elsewhere"), Evidence::OpenDatabase));
    assert_eq!(daemon.here.as_deref(), Some(&*root));
    // By a path through the process one would open another directory, which is refused.
    let through = format!("/proc/{}/root/mnt", daemon.pid);
    let error = DataRoot::open(Path::new(&through), Reason::Flag).unwrap_err().to_string();
    assert!(error.contains("another mount namespace"), "{error}");
    // The database is deleted under the running daemon: nothing is locked that we could ask for, and yet it runs.
    fs::remove_file(root.join("volumes/metadata.db")).unwrap();
    let seen = live(&root);
    assert_eq!((seen.lock.clone(), only_daemon(&seen).pid), (LockState::Missing, daemon.pid));
}

/// The answer to `why` about a layer directory of the data-root at `root`, with what this machine says.
fn why(root: &Path, id: DirId) -> why::Item {
    let root = Dir::root(root).unwrap();
    let live = read(&Proc::open("/proc").unwrap(), &root);
    let audit = Audit::new(Inventory::read(&root, Some(live)), None);
    let classifier = Classifier::new(&audit.inventory, &audit.graph, &audit.verdicts);
    why::answer(&audit, &classifier, "it", &Target::Thing(Thing::Dir(id)))
}

#[test]
fn a_process_in_a_layer_directory_holds_it() {
    let temp = tempfile::tempdir().unwrap();
    let mut root = Builder::create(temp.path().join("docker")).unwrap();
    let base = root.layer(None, Tree::new("base").file("base", 10)).unwrap();
    root.image(&ImageSpec::new(&base).tag("base:1")).unwrap();
    let orphan = root.orphan_directory("orphan", None, &Tree::new("orphan").file("bin/tool", 10)).unwrap();
    let diff = root.path().join(orphan.path()).join("diff");
    // Processes that cannot be looked into could hold it.
    let whole = read(&Proc::open("/proc").unwrap(), &Dir::root(root.path()).unwrap()).incomplete.is_empty();
    let unheld = if whole { "garbage" } else { "unknown" };
    // We hold nothing ourselves.
    let _ours = fs::File::open(diff.join("bin/tool")).unwrap();
    assert_eq!(why(root.path(), orphan.id).verdict, unheld);

    let sleep = |command: &mut Command| command.arg("1000").stdin(Stdio::null()).spawn().unwrap();
    let mut stands = sleep(Command::new("sleep").current_dir(&diff));
    let mut reads = Command::new("sleep").arg("1000").stdin(fs::File::open(diff.join("bin/tool")).unwrap()).spawn().unwrap();
    let sleep_program = Command::new("sh").args(["-c", "command -v sleep"]).output().unwrap().stdout;
    fs::copy(String::from_utf8(sleep_program).unwrap().trim(), diff.join("bin/sleep")).unwrap();
    let mut runs = sleep(&mut Command::new(diff.join("bin/sleep")));
    let item = why(root.path(), orphan.id);
    let held: Vec<_> = item.held_by.iter().map(|holder| (holder.kind.as_str(), holder.id.clone(), holder.via.clone())).collect();
    for (child, via) in [(&stands, "working directory"), (&reads, "open file"), (&runs, "program")] {
        let expected = ("process", child.id().to_string(), format!("{via} of pid {}", child.id()));
        assert!(held.contains(&expected), "{expected:?} is not among {held:?}");
    }
    assert_eq!((item.verdict.as_str(), item.class.as_str(), item.held_by[0].name.as_str()), ("in-use", "other", "sleep"));

    for child in [&mut stands, &mut reads, &mut runs] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(why(root.path(), orphan.id).verdict, unheld);
}

/// A process that stands so deep below `place` that the kernel cannot tell its path.
fn deep_process(place: &Path) -> std::process::Child {
    let script =
        format!("i=0; while [ $i -lt 30 ]; do mkdir {0}; cd -P {0}; i=$((i+1)); done; echo there; exec sleep 1000", "d".repeat(200));
    let mut command = Command::new("sh");
    let mut child = command.args(["-c", &script]).current_dir(place).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut there = [0; 5];
    child.stdout.as_mut().unwrap().read_exact(&mut there).unwrap();
    child
}

#[test]
fn a_process_deeper_than_a_path_can_tell_pins_only_where_it_stands_in_the_store() {
    let temp = tempfile::tempdir().unwrap();
    let mut root = Builder::create(temp.path().join("docker")).unwrap();
    let base = root.layer(None, Tree::new("base").file("base", 10)).unwrap();
    root.image(&ImageSpec::new(&base).tag("base:1")).unwrap();
    let orphan = root.orphan_directory("orphan", None, &Tree::new("orphan").file("file", 10)).unwrap();
    let gaps = || -> Vec<_> {
        let live = read(&Proc::open("/proc").unwrap(), &Dir::root(root.path()).unwrap());
        live.incomplete.into_iter().filter(|gap| gap.error.contains("longer than the kernel tells")).map(|gap| gap.pins).collect()
    };
    let mut outside = deep_process(temp.path());
    assert_eq!(gaps(), []);
    let mut inside = deep_process(&root.path().join(orphan.path()).join("diff"));
    assert_eq!(gaps(), [Pins::Directories]);
    assert_eq!(why(root.path(), orphan.id).verdict, "unknown");
    for child in [&mut outside, &mut inside] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
