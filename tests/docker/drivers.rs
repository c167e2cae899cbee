//! Other storage drivers: nothing of theirs is said to be missing, and their store goes only where dockerd does not use it.

use crate::engine::{Builder, Engine};
use crate::layerwise::{Layerwise, text};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Builds with both builders and makes a container; says whether dockerd starts with `driver` here.
fn fill(engine: &mut Engine, driver: &str) -> bool {
    engine.configure(&format!(r#"{{"storage-driver":"{driver}"}}"#));
    engine.switch_on();
    engine.launch_daemon();
    if let Err(log) = engine.await_daemon() {
        eprintln!("skipped: dockerd does not start with {driver} here: {}", log.lines().last().unwrap_or_default());
        return false;
    }
    engine.import_busybox("base:1");
    let context = engine.context("drivers", &[("Dockerfile", "FROM base:1\nRUN echo a > /a\nCOPY Dockerfile /c\nRUN echo b > /b\n")]);
    engine.build(Builder::BuildKit, "-t new:1", &context);
    engine.build(Builder::Classic, "-t old:1", &context);
    engine.docker("create --name web --network none new:1 sh");
    true
}

/// What is said to be wrong with the data-root, but for garbage.
fn warnings(root: &Path) -> Vec<Value> {
    let findings = Layerwise::on(root).findings();
    findings.into_iter().filter(|finding| matches!(text(finding, "severity"), "error" | "warning")).collect()
}

#[test]
fn nothing_is_missing_from_a_healthy_store_of_another_driver() {
    for driver in ["vfs", "overlay", "fuse-overlayfs", "btrfs"] {
        let test = format!("nothing_is_missing_from_a_healthy_store_of_another_driver: {driver}");
        let disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mounted = if driver == "btrfs" { Some(Mounted::new(disk.path())) } else { None };
        let root = match &mounted {
            Some(None) => {
                eprintln!("skipped: no btrfs can be mounted here");
                continue;
            }
            Some(Some(mounted)) => Some(mounted.0.join("docker")),
            None => None,
        };
        let Some(mut engine) = Engine::off(&test, root) else { return };
        if !fill(&mut engine, driver) {
            continue;
        }
        assert_eq!(warnings(&engine.data_root()), Vec::<Value>::new(), "{driver}: while dockerd runs");
        engine.stop();
        assert_eq!(warnings(&engine.data_root()), Vec::<Value>::new(), "{driver}");
    }
}

/// A btrfs of its own, unmounted when it goes.
struct Mounted(std::path::PathBuf);

impl Mounted {
    fn new(disk: &Path) -> Option<Self> {
        let (image, place) = (disk.join("image"), disk.join("mounted"));
        std::fs::create_dir(&place).unwrap();
        let script = "truncate -s 512M \"$1\" && mkfs.btrfs -q \"$1\" && mount -o loop \"$1\" \"$2\"";
        let made = Command::new("sh").args(["-c", script, "sh"]).args([&image, &place]).output().unwrap();
        made.status.success().then_some(Self(place))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "{} stays mounted", self.0.display());
    }
}

/// What a plan with the stores of former drivers takes, and what it says.
fn plan(root: &Path) -> (Vec<String>, String) {
    let document = Layerwise::on(root).ask("prune --dry-run --include inactive-stores", &[]);
    let actions = document["plan"]["actions"].as_array().unwrap().iter();
    (actions.map(|action| text(action, "path").to_owned()).collect(), document["plan"]["withheld"].to_string())
}

#[test]
fn a_store_goes_only_if_the_last_start_of_dockerd_did_not_open_it() {
    let Some(mut engine) = Engine::start("a_store_goes_only_if_the_last_start_of_dockerd_did_not_open_it") else { return };
    engine.import_busybox("old:1");
    engine.stop();
    let root = engine.data_root();
    engine.configure(r#"{"storage-driver":"vfs"}"#);
    engine.start_daemon();
    engine.import_busybox("new:1");
    // Whatever layerwise itself does to overlay2/ is no sign.
    let assert_stays = |engine: &mut Engine| {
        engine.stop();
        for _ in 0..2 {
            let (taken, why) = plan(&root);
            assert!(taken.is_empty() && why.contains("the vfs store may be in use"), "{taken:?} {why}");
            std::fs::create_dir(root.join("overlay2/by-hand")).unwrap();
            std::fs::remove_dir(root.join("overlay2/by-hand")).unwrap();
        }
        engine.start_daemon();
    };
    assert_stays(&mut engine);
    // Only started, and nothing done.
    assert_stays(&mut engine);
    engine.stop();
    engine.configure(r#"{"storage-driver":"overlay2"}"#);
    engine.start_daemon();
    engine.stop();
    assert_eq!(plan(&root).0, ["image/vfs", "vfs"]);
    engine.configure(r#"{"storage-driver":"vfs"}"#);
    engine.start_daemon();
    assert_stays(&mut engine);
    assert!(engine.docker("images").contains("new"));
}
