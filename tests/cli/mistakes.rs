//! Command lines that cannot be understood, and data-roots that cannot be read.

use crate::sample::{binary, layerwise, run};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Asserts that the command ends so, prints nothing, and says something with these words in it.
fn refuses(arguments: &[&str], status: i32, words: &[&str]) {
    let ran = layerwise(arguments);
    assert_eq!((ran.status, ran.output.as_str()), (status, ""), "{arguments:?}: {}", ran.errors);
    for word in words {
        assert!(ran.errors.contains(word), "{arguments:?} does not say {word:?}: {}", ran.errors);
    }
}

#[test]
fn what_is_misspelt_is_refused_with_what_was_probably_meant() {
    refuses(&["imagess"], 2, &["'images'"]);
    refuses(&["images", "--sort", "bytez"], 2, &["unknown column bytez, did you mean bytes?", "exclusive_bytes"]);
    refuses(&["images", "--sort", "bytes:up"], 2, &["unknown order up", "asc, desc"]);
    refuses(&["images", "--filter", "exclusve_bytes>1MB"], 2, &["unknown column exclusve_bytes, did you mean exclusive_bytes?"]);
    refuses(&["images", "--filter", "nonsense"], 2, &["nonsense is not a filter: write KEY=VALUE"]);
    refuses(&["images", "--filter", "bytes>x"], 2, &["cannot filter by bytes: x is not a size"]);
    refuses(&["images", "--format", "jsno"], 2, &["unknown format jsno, did you mean json?"]);
    refuses(&["images", "--format", "{{.Idd}}"], 2, &["unknown field Idd, did you mean id?"]);
    refuses(&["images", "--format", "{{.ID"], 2, &["{{ without }}"]);
    refuses(&["images", "--threads", "0"], 2, &["--threads"]);
    refuses(&["images", "--threads", "many"], 2, &["--threads"]);
    refuses(&["why"], 2, &["<TARGET>"]);
    refuses(&["images", "--no-such-option"], 2, &["--no-such-option"]);
}

#[test]
fn a_data_root_that_is_none_ends_with_3() {
    let hint = "hint: `layerwise roots` lists the data-roots of this machine\n";
    for command in ["df", "images", "layers", "containers", "build-cache", "tree", "check"] {
        let ran = run(binary().args([command, "--data-root", "/nonexistent"]));
        assert_eq!((ran.status, ran.output.as_str()), (3, ""), "{command}");
        assert_eq!(ran.errors, format!("layerwise: cannot open /nonexistent: No such file or directory (os error 2)\n{hint}"));
    }
    let empty = tempfile::tempdir().unwrap();
    let ran = run(binary().args(["df", "--data-root"]).arg(empty.path()));
    assert_eq!(ran.status, 3);
    assert!(ran.errors.ends_with(&format!("as a data-root: it is an empty directory\n{hint}")), "{}", ran.errors);
    let ran = run(binary().args(["df", "--data-root", "/proc/self/exe"]));
    assert_eq!(ran.status, 3, "{}", ran.errors);
}

#[test]
fn the_flag_wins_over_the_environment() {
    let ran = run(binary().args(["images", "--no-scan", "--data-root", "/nonexistent"]).env("LAYERWISE_DATA_ROOT", crate::sample::root()));
    assert_eq!(ran.status, 3);
}

#[test]
fn what_a_dockerd_may_be_using_is_no_copy() {
    let ran = run(binary().args(["images", "--copy", "--no-scan"]));
    assert_ne!(ran.status, 0, "{}", ran.output);
    let temp = tempfile::tempdir().unwrap();
    let copy = temp.path().join("docker");
    assert_eq!(run(binary().args(["demo", "--keep"]).arg(&copy)).status, 0);
    let mut command = binary();
    command.args(["images", "--copy", "--no-scan", "--data-root"]).arg(&copy);
    assert_eq!(run(&mut command).status, 0);
    let database = fs::File::open(copy.join("volumes/metadata.db")).unwrap();
    let _lock = nix::fcntl::Flock::lock(database, nix::fcntl::FlockArg::LockExclusiveNonblock).unwrap();
    let ran = run(&mut command);
    assert_eq!((ran.status, ran.output.as_str()), (2, ""));
    assert!(ran.errors.contains("is no copy: a dockerd holds its lock"), "{}", ran.errors);
}

#[test]
fn what_names_no_column_is_refused_before_anything_is_read() {
    for command in ["images", "layers", "containers", "build-cache", "check"] {
        for wrong in [["--sort", "bytez"], ["--filter", "bytez>1"], ["--filter", "nonsense=1"], ["--format", "{{if .id}}{{.Idd}}{{end}}"]] {
            let ran = run(binary().arg(command).args(wrong).args(["--data-root", "/nonexistent"]));
            assert_eq!((ran.status, ran.output.as_str()), (2, ""), "{command} {wrong:?}: {}", ran.errors);
        }
    }
    assert_eq!(run(binary().args(["roots", "--sort", "bytez"])).status, 2);
}

/// What is done to a data-root.
type Spoil = fn(&Path);

#[test]
fn a_lock_that_is_no_file_keeps_no_command_from_reading_and_every_one_from_changing() {
    let spoil: [(&str, Spoil); 4] = [
        ("a directory", |root| {
            fs::remove_file(root.join("volumes/metadata.db")).unwrap();
            fs::create_dir(root.join("volumes/metadata.db")).unwrap();
        }),
        ("a pipe", |root| {
            fs::remove_file(root.join("volumes/metadata.db")).unwrap();
            nix::unistd::mkfifo(&root.join("volumes/metadata.db"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        }),
        ("a link", |root| {
            fs::rename(root.join("volumes/metadata.db"), root.join("elsewhere.db")).unwrap();
            symlink("../elsewhere.db", root.join("volumes/metadata.db")).unwrap();
        }),
        ("volumes/ is a link", |root| {
            fs::rename(root.join("volumes"), root.join("elsewhere")).unwrap();
            symlink("elsewhere", root.join("volumes")).unwrap();
        }),
    ];
    let reading: [(&[&str], i32); 9] = [
        (&["df"], 0),
        (&["check"], 1),
        (&["images"], 0),
        (&["layers"], 0),
        (&["containers"], 0),
        (&["build-cache"], 0),
        (&["tree"], 0),
        (&["trash", "ls"], 0),
        (&["prune", "--dry-run"], 0),
    ];
    for (name, spoil) in spoil {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("docker");
        assert_eq!(run(binary().args(["demo", "--keep"]).arg(&root)).status, 0);
        spoil(&root);
        for (command, status) in reading {
            for copy in [&[][..], &["--copy"]] {
                let ran = run(binary().args(command).args(copy).arg("--data-root").arg(&root));
                assert_eq!(ran.status, status, "{name}: {command:?} {copy:?}: {}", ran.errors);
                assert_eq!(ran.errors.contains("--copy cannot be believed"), !copy.is_empty(), "{name}: {command:?}: {}", ran.errors);
            }
        }
        // Nobody can say that no dockerd is at work, so no record and no directory of a layer is called dead.
        let ran = run(binary().args(["prune", "--dry-run", "--copy", "--data-root"]).arg(&root));
        assert!(ran.output.contains(": a dockerd that cannot be seen from here may be running"), "{name}: {}", ran.output);
        assert!(!ran.output.contains("orphan-directory") && !ran.output.contains("unreferenced-layer"), "{name}: {}", ran.output);
        for command in [&["prune", "--force"][..], &["prune", "--force", "--trash"], &["trash", "restore"]] {
            let ran = run(binary().args(command).arg("--data-root").arg(&root));
            assert_eq!(ran.status, 4, "{name}: {command:?}: {} {}", ran.output, ran.errors);
        }
    }
}

#[test]
fn a_newline_in_a_name_does_not_break_the_line_of_an_error() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("a\nhint: rm -rf it");
    assert_eq!(run(binary().args(["demo", "--keep"]).arg(&root)).status, 0);
    fs::remove_file(root.join("volumes/metadata.db")).unwrap();
    fs::create_dir(root.join("volumes/metadata.db")).unwrap();
    for (command, status) in [(&["prune", "--force"][..], 4), (&["trash", "restore"], 4), (&["why", "x\nhint: y"], 1)] {
        let ran = run(binary().args(command).arg("--data-root").arg(&root));
        assert_eq!(ran.status, status, "{command:?}: {}", ran.errors);
        let hints = ran.errors.lines().filter(|line| line.starts_with("hint: ")).count();
        assert!(hints == 1 && !ran.errors.lines().any(|line| line.starts_with("hint: rm")), "{command:?}: {}", ran.errors);
    }
    let nowhere = temp.path().join("no\nhint: such");
    let ran = run(binary().args(["df", "--data-root"]).arg(&nowhere));
    assert!(ran.status == 3 && ran.errors.lines().count() == 2 && ran.errors.contains("no\\nhint: such"), "{}", ran.errors);
}
