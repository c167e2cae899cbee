//! Which engine the tests run against, and whether they can run at all.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Names the chroot whose engine is tested; unset for the machine's own.
const ENGINE: &str = "LAYERWISE_TEST_ENGINE";
/// Makes a missing engine a failure.
const REQUIRED: &str = "LAYERWISE_REQUIRE_DOCKER";

/// Returns the root directory of the engine under test, or says on stderr why there is none.
///
/// # Panics
/// When there is none and `LAYERWISE_REQUIRE_DOCKER` is `1`.
pub(crate) fn chroot_of_engine(test: &str) -> Option<&'static Path> {
    static CHROOT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match CHROOT.get_or_init(find) {
        Ok(chroot) => Some(chroot),
        Err(why) if env::var(REQUIRED).is_ok_and(|value| value == "1") => panic!("{test} needs a Docker engine: {why}"),
        Err(why) => {
            eprintln!("skipped {test}: {why}");
            None
        }
    }
}

fn find() -> Result<PathBuf, String> {
    let chroot = env::var_os(ENGINE).map_or_else(|| PathBuf::from("/"), PathBuf::from);
    let missing: Vec<&str> = ["usr/sbin/dockerd", "usr/bin/docker"].into_iter().filter(|program| !chroot.join(program).is_file()).collect();
    if !missing.is_empty() {
        return Err(format!("{} has no {}", chroot.display(), missing.join(" and no ")));
    }
    if !is_root() {
        return Err("only root can run dockerd".to_owned());
    }
    if let Some(program) = ["busybox", "docker-registry", "unshare", "nsenter"].into_iter().find(|program| !on_path(program)) {
        return Err(format!("{program} is not installed"));
    }
    let unshare = Command::new("unshare")
        .args(["--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc", "--propagation", "private", "true"])
        .stdin(Stdio::null())
        .output();
    match unshare {
        Ok(output) if output.status.success() => Ok(chroot),
        Ok(output) => Err(format!("cannot make namespaces: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Err(format!("cannot run unshare: {error}")),
    }
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    uids.split_whitespace().nth(1) == Some("0")
}

fn on_path(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|directory| directory.join(program).is_file()))
}
