//! A scan that is interrupted ends at once, and nothing of it looks like an answer.

use crate::sample::binary;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Whether the process has a directory of a layer open, as it has when it scans.
fn scans(child: &Child) -> bool {
    let open = fs::read_dir(format!("/proc/{}/fd", child.id())).into_iter().flatten().flatten();
    open.filter_map(|fd| fs::read_link(fd.path()).ok()).any(|path| path.to_str().is_some_and(|path| path.contains("/volumes/v/")))
}

#[test]
fn a_scan_that_is_interrupted_prints_nothing() {
    let place = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let root = place.path().join("docker");
    layerwise::demo::Builder::create(&root).unwrap();
    for directory in 0..600 {
        let directory = root.join(format!("volumes/v/{directory}"));
        fs::create_dir_all(&directory).unwrap();
        (0..100).for_each(|file| fs::write(directory.join(format!("{file}")), "").unwrap());
    }
    let mut command = binary();
    command.args(["df", "--threads", "1", "--cached", "--cache-dir"]).arg(place.path().join("cache")).arg("--data-root").arg(&root);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    while !scans(&child) {
        assert!(child.try_wait().unwrap().is_none() && begin.elapsed() < Duration::from_secs(30), "it was never seen scanning");
    }
    let interrupted = Instant::now();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    // What a shell calls 130.
    assert_eq!(output.status.signal(), Some(2), "{output:?}");
    assert!(interrupted.elapsed() < Duration::from_secs(1), "it took {:?}", interrupted.elapsed());
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(fs::read_dir(place.path().join("cache")).unwrap().count(), 0, "nothing half-measured is remembered");
}
