//! Somebody who may not read everything is told so.

use crate::sample::{Ran, root, run};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// Runs `df` on `root`, as somebody who is not root.
fn df(root: &Path, place: &Path) -> Ran {
    const NOBODY: u32 = 65_534;
    let program = place.join("layerwise");
    // Not by this process, whose other tests would hand the open file on to what they start.
    assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_layerwise")).arg(&program).status().unwrap().success());
    let mut command = Command::new(program);
    command.env_clear().env("HOME", "/nonexistent").current_dir("/").args(["df", "--format", "json", "--data-root"]).arg(root);
    if nix::unistd::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    run(&mut command)
}

#[test]
fn what_may_not_be_read_is_a_finding_and_the_rest_is_counted() {
    let place = tempfile::tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = place.path().join("docker");
    assert!(Command::new("cp").arg("-a").args([root(), &copy]).status().unwrap().success());
    assert!(Command::new("chmod").args(["-R", "a+rX"]).arg(&copy).status().unwrap().success());
    let whole = df(&copy, place.path());
    assert_eq!(whole.status, 0, "{}", whole.errors);
    let volume = copy.join("volumes/orders");
    assert!(volume.is_dir());
    let du = Command::new("du").args(["-s", "--inodes"]).arg(&volume).output().unwrap();
    let hidden: u64 = String::from_utf8(du.stdout).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    fs::set_permissions(&volume, fs::Permissions::from_mode(0o000)).unwrap();
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&volume, Some(0), Some(0)).unwrap();
    }
    let part = df(&copy, place.path());
    fs::set_permissions(&volume, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(part.status, 1);
    assert!(part.errors.contains("1 place could not be measured, so sizes leave out what is there"), "{}", part.errors);
    let [whole, part]: [serde_json::Value; 2] = [whole, part].map(|ran| serde_json::from_str(&ran.output).unwrap());
    let inodes = |document: &serde_json::Value| document["total"]["inodes"].as_u64().unwrap();
    // The directory itself can still be seen from outside.
    assert_eq!(inodes(&part), inodes(&whole) - (hidden - 1));
    let unreadable = part["unreadable"].as_array().unwrap();
    assert!(unreadable.iter().any(|it| it["path"].as_str().unwrap().ends_with("volumes/orders") && it["operation"] == "open"));
}

#[test]
fn root_in_a_user_namespace_is_told_what_the_kernel_does_not_show_it() {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user"]);
        command
    };
    if !unshare().arg("true").status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: no user namespace can be made here");
        return;
    }
    let ran = run(unshare().arg(env!("CARGO_BIN_EXE_layerwise")).args(["--copy", "waste", "--data-root"]).arg(root()));
    assert!(ran.errors.contains("note: only root with all rights is shown which directories hide"), "{ran:?}");
}
