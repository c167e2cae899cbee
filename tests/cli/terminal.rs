//! Tables on a terminal: a row is a line of it, however narrow it is.

use crate::sample::{binary, root};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

/// What `layerwise` prints on the sample to a terminal of so many columns, without the colour of the header.
fn on_terminal(width: u16, arguments: &[&str]) -> String {
    let mut command = binary();
    command.arg("--copy").args(arguments).env("LAYERWISE_DATA_ROOT", root()).stderr(Stdio::null());
    let (status, shown) = in_terminal(width, command, Stdin::Empty);
    assert_eq!(status, 0, "{arguments:?}");
    shown.replace("\x1b[1m", "").replace("\x1b[0m", "")
}

/// What a command reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stdin {
    /// Nothing.
    Empty,
    /// Its terminal, on which a person answers "n"; what it says goes there too.
    Terminal,
}

/// How a command ends on a terminal of so many columns, and all that is seen there.
fn in_terminal(width: u16, mut command: Command, stdin: Stdin) -> (i32, String) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let path = ptsname(&controller, Vec::new()).unwrap();
    let terminal = File::options().read(true).write(true).open(path.to_str().unwrap()).unwrap();
    tcsetwinsize(&terminal, Winsize { ws_row: 24, ws_col: width, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    if stdin == Stdin::Terminal {
        command.stdin(terminal.try_clone().unwrap()).stderr(terminal.try_clone().unwrap());
        (&File::from(controller.try_clone().unwrap())).write_all(b"n\n").unwrap();
    }
    let mut child = command.stdout(terminal).spawn().unwrap();
    // Keeps the terminal open on this side too, which would be waited for.
    drop(command);
    let mut shown = Vec::new();
    // When nobody has the terminal open any more, reading it fails.
    File::from(controller).read_to_end(&mut shown).unwrap_or_default();
    let status = child.wait().unwrap().code().unwrap();
    (status, String::from_utf8(shown).unwrap().replace("\r\n", "\n"))
}

#[test]
fn no_command_prints_escape_sequences_as_text() {
    let sample = tempfile::tempdir().unwrap();
    let root = sample.path().join("root");
    let made = binary().args(["demo", "--keep"]).arg(&root).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(made.unwrap().success());
    // Something to mend: the directory of the lowest layer no longer says what it is called.
    let mut directories = std::fs::read_dir(root.join("overlay2")).unwrap().map(|entry| entry.unwrap().path());
    let lowest = directories.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("4bdf31f013c9")).unwrap();
    std::fs::remove_file(lowest.join("link")).unwrap();
    let commands: [&[&str]; 18] = [
        &["roots"],
        &["df", "-v"],
        &["images", "--all"],
        &["layers"],
        &["containers"],
        &["build-cache"],
        &["tree"],
        &["why", "debian:12"],
        &["inspect", "debian:12"],
        &["freed", "debian:12"],
        &["changes", "web"],
        &["locate", "/etc/passwd", "in", "debian:12"],
        &["waste"],
        &["check"],
        &["prune"],
        &["prune", "--dry-run"],
        &["repair"],
        &["trash", "ls"],
    ];
    for arguments in commands {
        let mut command = binary();
        command.args(["--data-root", root.to_str().unwrap()]).args(arguments).env("TERM", "xterm-256color");
        let (status, shown) = in_terminal(100, command, Stdin::Terminal);
        assert!(status < 2, "{arguments:?}: {status}: {shown}");
        assert!(!shown.contains("\\x1b") && !shown.contains("\\u{1b}"), "{arguments:?}: {shown}");
        let asks = matches!(arguments, ["prune" | "repair"]);
        assert_eq!(shown.contains("Are you sure you want to continue?"), asks, "{arguments:?}: {shown}");
    }
}

#[test]
fn tables_fit_the_width() {
    for width in [60, 80, 120, 200] {
        for command in [
            &["images"][..],
            &["layers"],
            &["containers"],
            &["build-cache"],
            &["tree"],
            &["roots"],
            &["prune", "--dry-run"],
            &["df"],
            &["changes", "web"],
            &["locate", "/etc/passwd", "in", "shop/api:2"],
            &["waste"],
        ] {
            let shown = on_terminal(width, command);
            // What is not of a table are sentences.
            let is_table = |part: &&str| part.split([' ', '\n']).next().is_some_and(|word| word.chars().all(|c| c.is_ascii_uppercase()));
            let tables = shown.split("\n\n").filter(is_table);
            let widest = tables.flat_map(str::lines).map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= width.into(), "{command:?}: {widest} columns of {width}:\n{shown}");
        }
    }
}

#[test]
fn what_says_most_is_not_left_out() {
    let header = |width, command| on_terminal(width, &[command]).lines().next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(header(80, "images"), "REPOSITORY TAG IMAGE ID SIZE EXCLUSIVE RECLAIMABLE");
    assert_eq!(header(60, "images"), "REPOSITORY TAG IMAGE ID SIZE EXCLUSIVE");
    assert_eq!(header(80, "layers"), "LAYER DIRECTORY STATE SIZE INODES CREATED BY");
    assert_eq!(header(60, "tree"), "LAYER SIZE CREATED BY");
    assert_eq!(header(60, "df"), "CLASS SIZE INODES UNUSED");
    assert!(header(160, "images").ends_with("INODES CONTAINERS"));
    let whole = [["images"], ["tree"], ["df"]].map(|command| on_terminal(60, &[&command[..], &["--no-trunc"]].concat()));
    assert!(
        whole[0].contains("CREATED") && whole[0].contains("debian@sha256:d2606e9ec34bf666de0182b77fd66a9a75933b7bf85025d8ca4e6c167530421e")
    );
    assert!(whole[1].contains("debian@sha256:d2606e9ec34bf666de0182b77fd66a9a75933b7bf85025d8ca4e6c167530421e"), "{}", whole[1]);
    assert!(whole[2].contains("APPARENT"));
}
