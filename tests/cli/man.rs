//! `man` and `completions`: what is made of the description of the command line.

use crate::sample::{binary, run};
use std::fs;

#[test]
fn there_is_a_manual_page_for_each_command() {
    let temp = tempfile::tempdir().unwrap();
    let ran = run(binary().arg("man").arg(temp.path()));
    assert_eq!((ran.status, ran.output.as_str()), (0, ""));
    let page = |name: &str| fs::read_to_string(temp.path().join(name)).unwrap();
    let help = run(binary().arg("--help")).output;
    let groups = help.split_once("\nLook:").unwrap().1.split_once("\nOptions:").unwrap().0;
    let lines = groups.lines().filter_map(|line| line.strip_prefix("  "));
    let commands: Vec<_> = lines.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    assert!(commands.contains(&"why") && commands.contains(&"df"), "{commands:?}");
    for command in commands {
        assert!(page(&format!("layerwise-{command}.1")).contains(".SH SYNOPSIS"), "{command}");
    }
    assert!(page("layerwise.1").contains("layerwise\\-why(1)"));
    assert!(page("layerwise-why.1").contains("TARGET is whatever is in hand"));
    let new = temp.path().join("share/man1");
    assert_eq!(run(binary().arg("man").arg(&new)).status, 0);
    assert!(new.join("layerwise.1").is_file());
    let ran = run(binary().args(["man", "/dev/null/man1"]));
    assert_eq!(ran.status, 2);
    assert!(ran.errors.contains("cannot write manual pages to /dev/null/man1"), "{}", ran.errors);
}

#[test]
fn each_shell_has_completions_of_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = run(binary().args(["completions", shell]));
        assert_eq!((ran.status, ran.errors.as_str()), (0, ""), "{shell}");
        assert!(ran.output.contains("build-cache"), "{shell}");
    }
}
