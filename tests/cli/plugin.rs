//! `docker layerwise`: the real client finds the plugin, passes its command line on, and shows what it prints.

use crate::sample::{self, Ran, run};
use std::path::Path;
use std::process::{Command, Stdio};

/// Docker's client, as Debian installs it.
const CLIENT: &str = "/usr/bin/docker";

/// A directory of the client's configuration in which this program is a plugin.
fn config() -> Option<tempfile::TempDir> {
    if !Path::new(CLIENT).exists() {
        assert!(std::env::var_os("LAYERWISE_REQUIRE_DOCKER").is_none(), "{CLIENT} is not installed");
        eprintln!("skipped: {CLIENT} is not installed");
        return None;
    }
    let config = tempfile::tempdir().unwrap();
    let plugins = config.path().join("cli-plugins");
    std::fs::create_dir(&plugins).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_layerwise"), plugins.join("docker-layerwise")).unwrap();
    Some(config)
}

fn docker(config: &tempfile::TempDir, words: &[&str]) -> Ran {
    let mut command = Command::new(CLIENT);
    command.env_clear().env("HOME", config.path()).env("LAYERWISE_DATA_ROOT", sample::root()).stdin(Stdio::null());
    run(command.arg("--config").arg(config.path()).args(words))
}

#[test]
fn the_client_lists_and_runs_the_plugin() {
    let Some(config) = config() else { return };
    let help = docker(&config, &["help"]).output;
    let listed = help.lines().find(|line| line.trim_start().starts_with("layerwise*")).unwrap_or_else(|| panic!("{help}"));
    assert!(listed.contains("reclaim"), "{listed}");
    assert!(!help.contains("Invalid Plugins"), "{help}");
    for words in [&["layerwise", "images", "-q", "--copy"][..], &["--context", "default", "-D", "layerwise", "images", "-q", "--copy"]] {
        let ran = docker(&config, words);
        assert_eq!((ran.status, ran.output.lines().count()), (0, 6), "{words:?}: {ran:?}");
    }
    let help = docker(&config, &["layerwise", "df", "--help"]);
    assert!(help.output.contains("Usage: docker layerwise df"), "{help:?}");
}

#[test]
fn another_machine_is_refused_clearly() {
    let Some(config) = config() else { return };
    let ran = docker(&config, &["--host", "tcp://192.0.2.1:2375", "layerwise", "df"]);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.errors.contains("reads the disk of this machine") && ran.errors.contains("--data-root DIR"), "{ran:?}");
}
