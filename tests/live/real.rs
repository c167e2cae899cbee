//! The same facts, of real dockerds seen from outside their namespaces.

use crate::engine::{Engine, is_missing};
use layerwise::data_root::{DataRoot, Reason};
use layerwise::dir::Dir;
use layerwise::store::live::daemons::Evidence;
use layerwise::store::live::{Daemon, Live, LockState, Proc, holders, read};
use std::fs;
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
    if is_missing() {
        return;
    }
    let began = now();
    let engine = Engine::start("", "BASE/data");
    let root = engine.path("data");
    let seen = live(&root);
    let daemon = only_daemon(&seen);
    assert_eq!((daemon.evidence, daemon.here.as_deref(), daemon.user), (Evidence::OpenDatabase, Some(&*root), Some(0)));
    assert_eq!(seen.lock, LockState::Held { by: vec![daemon.pid] });
    let (seconds, _) = daemon.started.unwrap();
    // Up to a second and a tick early, never late.
    assert!((began - 2..=now()).contains(&seconds), "{seconds} is not between {began} and now");
    let kind = DataRoot::open(&root, Reason::Flag).unwrap().kind;
    assert_eq!(kind.describe(), "a data-root with the overlay2 store");

    engine.import("base");
    let container = engine.ask(&["run", "-d", "--network=none", "base", "/bin/busybox", "sleep", "1000"]);
    let rw = rw_layer(&root, &container);
    let seen = live(&root);
    assert!(is_held(&seen, &rw), "{rw:?} is in none of {:?}", seen.mounts);
    assert!(seen.shims.iter().any(|shim| shim.container.to_string() == container));
    // The daemon was born before what it has made.
    let made = Dir::root(&root).unwrap().stamp(Path::new("overlay2").join(&rw.0)).unwrap().unwrap().born;
    assert!(made.is_none_or(|made| daemon.started.unwrap() < made));

    // dockerd dies alone; its container lives on.
    let pid = rustix::process::Pid::from_raw(i32::try_from(daemon.pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    engine.wait_for("dockerd to end", || live(&root).daemons_here().next().is_none());
    engine.wait_for("the lock to be free", || live(&root).lock == LockState::Free);
    let seen = live(&root);
    assert!(is_held(&seen, &rw), "{rw:?} is in none of {:?}", seen.mounts);
    assert!(seen.shims.iter().any(|shim| shim.container.to_string() == container));
    drop(engine);
}

#[test]
fn a_data_root_mounted_elsewhere_in_the_daemons_namespace_is_recognised() {
    if is_missing() {
        return;
    }
    let engine =
        Engine::start("mount -t tmpfs none /mnt && mkdir /mnt/elsewhere && mount --bind $BASE/data /mnt/elsewhere", "/mnt/elsewhere");
    let root = engine.path("data");
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

#[test]
fn a_process_in_a_layer_directory_is_a_holder() {
    let temp = tempfile::tempdir().unwrap();
    let layer = temp.path().join("overlay2").join(crate::machine::DIR).join("diff");
    fs::create_dir_all(&layer).unwrap();
    let mut sleeper = Command::new("sleep").arg("1000").current_dir(&layer).stdin(Stdio::null()).spawn().unwrap();
    let (holders, _) = holders::read(&Proc::open("/proc").unwrap());
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    let held: Vec<_> = holders.iter().filter(|holder| holder.pid == sleeper.id()).collect();
    assert!(matches!(held.as_slice(), [holder] if holder.via == holders::Via::WorkingDirectory), "{held:?}");
    assert_eq!(held[0].names.directories.first().unwrap().to_string(), crate::machine::DIR);
}
