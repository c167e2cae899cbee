//! What a test needs of the machine: a process of its own, and mounts that nobody else sees.

use std::process::Command;

const OWN_PROCESS: &str = "LAYERWISE_TEST_PROCESS";

/// Whether this is a process in which only `test` runs; if not, such a one has done it.
pub(crate) fn is_alone(test: &str) -> bool {
    is_child() || run(test, Command::new(std::env::current_exe().unwrap()))
}

/// Whether this is a process in which only `test` runs, with mounts of its own that end with it; if not, such a one has done it, or there
/// can be none.
pub(crate) fn can_mount(test: &str) -> bool {
    if is_child() {
        return true;
    }
    if !Command::new("unshare").args(["--mount", "true"]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {test} needs root, and the right to mount");
        return false;
    }
    let mut command = Command::new("unshare");
    command.arg("--mount").arg(std::env::current_exe().unwrap());
    run(test, command)
}

fn is_child() -> bool {
    std::env::var_os(OWN_PROCESS).is_some()
}

fn run(test: &str, mut command: Command) -> bool {
    let output = command.args(["--exact", test, "--nocapture"]).env(OWN_PROCESS, "").output().unwrap();
    let [said, complained] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(said.contains("1 passed"), "there is no test called {test}: {said}");
    eprint!("{complained}");
    false
}

/// Whether the larger trees are to be made, which takes some minutes: `LAYERWISE_TEST_LARGE=1 cargo test --test scan`.
pub(crate) fn is_for_large_trees() -> bool {
    std::env::var_os("LAYERWISE_TEST_LARGE").is_some()
}

/// The most memory that this process ever had, in bytes.
pub(crate) fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}
