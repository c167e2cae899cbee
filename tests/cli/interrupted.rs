//! A scan that is interrupted ends at once, and nothing of it looks like an answer.

use crate::sample::binary;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Whether the process has a directory of the volume open, as it has when it scans.
fn scans(process: u32) -> bool {
    let open = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    open.filter_map(|fd| fs::read_link(fd.path()).ok()).any(|path| path.to_str().is_some_and(|path| path.contains("/volumes/v/")))
}

/// Starts a scan that takes a while, as what `before` runs; interrupts it when it is seen scanning; and says how it ended.
fn interrupted(before: &[&str]) -> Output {
    let place = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let root = place.path().join("docker");
    layerwise::demo::Builder::create(&root).unwrap();
    for directory in 0..600 {
        let directory = root.join(format!("volumes/v/{directory}"));
        fs::create_dir_all(&directory).unwrap();
        (0..100).for_each(|file| fs::write(directory.join(format!("{file}")), "").unwrap());
    }
    let mut command = match before {
        [] => binary(),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(binary().get_program());
            command
        }
    };
    command
        .args(["df", "--copy", "--threads", "1", "--cached", "--cache-dir"])
        .arg(place.path().join("cache"))
        .arg("--data-root")
        .arg(&root);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    let scanning = loop {
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).unwrap_or_default();
        let mut processes = children.split_whitespace().map(|id| id.parse().unwrap()).chain([child.id()]);
        if let Some(process) = processes.find(|&process| scans(process)) {
            break Pid::from_raw(process.cast_signed()).unwrap();
        }
        assert!(child.try_wait().unwrap().is_none() && begin.elapsed() < Duration::from_secs(30), "it was never seen scanning");
    };
    let interrupted = Instant::now();
    kill_process(scanning, Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(interrupted.elapsed() < Duration::from_secs(1), "it took {:?}", interrupted.elapsed());
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(fs::read_dir(place.path().join("cache")).unwrap().count(), 0, "nothing half-measured is remembered");
    output
}

#[test]
fn a_scan_that_is_interrupted_prints_nothing() {
    // What a shell calls 130.
    assert_eq!(interrupted(&[]).status.signal(), Some(2));
}

#[test]
fn the_first_process_of_a_container_is_interrupted_too() {
    let unshare = ["unshare", "--pid", "--fork"];
    if !Command::new(unshare[0]).args(&unshare[1..]).arg("true").output().is_ok_and(|output| output.status.success()) {
        return eprintln!("skipped: the_first_process_of_a_container_is_interrupted_too needs root, and the right to make namespaces");
    }
    assert_eq!(interrupted(&unshare).status.code(), Some(130));
}
