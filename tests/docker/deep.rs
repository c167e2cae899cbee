//! `check --deep` on layers that a real dockerd made: whole ones are found whole whichever way they came, and no change of a file goes unseen.

mod change;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::Command;

use ::layerwise::audit::Audit;
use ::layerwise::deep::{self, Control, Job, Outcome, Owners, Status};
use ::layerwise::dir::Dir;
use ::layerwise::inventory::Inventory;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

use crate::engine::Engine;
use crate::fixture;
use crate::layerwise::{Layerwise, text};
use change::Change;

/// What `check --deep` says of each layer, and what would alarm somebody.
fn verify(engine: &Engine) -> (Vec<Value>, Vec<Value>) {
    let document = Layerwise::on(&engine.data_root()).ask("check --deep", &[]);
    let findings = document["findings"].as_array().unwrap().iter();
    let alarms = findings.filter(|finding| matches!(text(finding, "severity"), "error" | "warning")).cloned().collect();
    (document["deep"]["layers"].as_array().unwrap().clone(), alarms)
}

fn assert_whole(engine: &Engine, moment: &str) {
    let (layers, alarms) = verify(engine);
    assert_eq!(alarms, Vec::<Value>::new(), "{moment}");
    let states: BTreeMap<&str, &str> = layers.iter().map(|layer| (text(layer, "chain_id"), text(layer, "status"))).collect();
    assert!(states.len() > 20 && states.values().all(|status| *status == "verified"), "{moment}: {states:#?}");
}

/// Imports what tars seldom have: devices, capabilities, names that are no text, long ones, times before 1970 and between seconds, other owners,
/// and files without the directories that they are in.
fn import_oddities(engine: &Engine) {
    let root = engine.work().join("odd");
    let long = format!("{}/{}", "d".repeat(150), "f".repeat(200));
    for directory in ["dev", "bin", "implied/by/a/file", &"d".repeat(150)] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    let write = |path: &Path| fs::write(root.join(path), "content\n").unwrap();
    for path in ["bin/capable", "owned", "ancient", "between", "implied/by/a/file/x", "name \\ with < > & \u{2028}", &long] {
        write(Path::new(path));
    }
    write(Path::new(std::ffi::OsStr::from_bytes(b"no \xff\xfe text")));
    let run = |program: &str, arguments: &[&str]| engine.succeed(Command::new(program).args(arguments).current_dir(&root));
    run("mknod", &["dev/null", "c", "1", "3"]);
    run("mknod", &["dev/loop", "b", "7", "200"]);
    run("touch", &["--date=1960-01-02", "ancient"]);
    run("touch", &["--date=2001-02-03 04:05:06.123456789", "between"]);
    chown(root.join("owned"), Some(1234), Some(70_000)).unwrap();
    symlink("x/".repeat(90), root.join("far")).unwrap();
    fs::set_permissions(root.join("bin/capable"), fs::Permissions::from_mode(0o755)).unwrap();
    let capability = [&[1, 0, 0, 2, 0, 0x20][..], &[0; 14]].concat();
    rustix::fs::lsetxattr(root.join("bin/capable"), "security.capability", &capability, rustix::fs::XattrFlags::empty()).unwrap();
    let names: Vec<_> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).filter(|name| name != "implied").collect();
    for (name, format) in [("odd-gnu", "gnu"), ("odd-pax", "pax")] {
        let archive = engine.work().join(name).with_extension("tar");
        let mut tar = Command::new("tar");
        tar.arg(format!("--format={format}")).args(["--xattrs", "--xattrs-include=security.*", "-cf"]).arg(&archive).arg("-C").arg(&root);
        engine.succeed(tar.arg("implied/by/a/file/x").args(&names));
        engine.docker(&format!("import {} {name}:1", archive.display()));
    }
}

#[test]
fn layers_of_every_origin_are_whole() {
    let Some(mut engine) = Engine::start("layers_of_every_origin_are_whole") else { return };
    fixture::fill(&mut engine);
    import_oddities(&engine);
    assert_whole(&engine, "with dockerd running");
    engine.kill_daemon();
    assert_whole(&engine, "with dockerd killed");
    engine.start_daemon();
    engine.stop();
    assert_whole(&engine, "with dockerd stopped");
    no_change_goes_unseen(&engine.data_root());
}

/// Changes a random file of a random layer in a random way, many times, and looks at that layer each time.
fn no_change_goes_unseen(root: &Path) {
    let dir = Dir::root(root).unwrap();
    let jobs = deep::jobs(&Audit::new(Inventory::read(&dir, None), None), None);
    let verify = |job: &Job| -> Outcome {
        let outcomes = deep::verify(&dir, std::slice::from_ref(job), &Owners::Same, (1, &Control::default()), |_| {});
        outcomes.into_iter().next().unwrap()
    };
    let cases = Config { cases: 3 * Config::default().cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(cases, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let counted = std::cell::RefCell::new(&mut seen);
    let strategy =
        (proptest::prelude::any::<proptest::sample::Index>(), proptest::prelude::any::<proptest::sample::Index>(), change::any());
    let look = |(layer, file, change): (proptest::sample::Index, proptest::sample::Index, Change)| {
        let job = layer.get(&jobs);
        let diff = root.join(format!("overlay2/{}/diff", job.dir));
        let files = change::files(&diff, change);
        if files.is_empty() {
            return Ok(());
        }
        let path = file.get(&files);
        let undo = change::apply(&diff, path, change);
        let changed = verify(job);
        undo();
        let whole = verify(job);
        let what = format!("{change:?} of {} in {}: {changed:#?}", path.display(), job.chain);
        proptest::prop_assert_eq!(whole.status, Status::Verified, "{} was not undone", what);
        proptest::prop_assert_eq!(&changed.status, &Status::Different, "{}", &what);
        let is_it = |found: &[u8]| change::names(&diff, path).iter().any(|name| name.as_os_str().as_bytes() == found);
        proptest::prop_assert!(changed.differences.iter().all(|difference| is_it(&difference.path)), "{}", what);
        *counted.borrow_mut().entry(format!("{change:?}").split('(').next().unwrap().to_owned()).or_default() += 1;
        Ok(())
    };
    // Which layers there are differs from run to run, and not every change can be made to every layer: go on until each was made.
    let rounds = (0..10).take_while(|_| counted.borrow().len() < Change::KINDS);
    rounds.for_each(|_| runner.run(&strategy, look).unwrap());
    eprintln!("changes of files of {} layers, all seen: {seen:?}", jobs.len());
    assert_eq!(seen.len(), Change::KINDS, "some change was never made");
}
