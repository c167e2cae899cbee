//! The data-root of the tour, written once for all tests by the binary itself, and runs on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) output: String,
    pub(crate) errors: String,
}

/// What every command says on the sample before anything else.
const NOTES: [&str; 2] = [
    "note: ROOT is a data-root with the overlay2 store; a vfs store left over; sub-roots of userns-remap (100000.100000)",
    "4 things could not be read; see `layerwise check`",
];

/// The binary, with nothing of the machine's environment.
pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_layerwise"));
    command.env_clear().env("HOME", "/nonexistent").stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let [output, errors] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap().replace(root().to_str().unwrap(), "ROOT"));
    Ran { status: status.code().unwrap(), output, errors }
}

/// The path of the sample.
pub(crate) fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-sample-{}", std::process::id()));
        let status = binary().args(["demo", "--keep"]).arg(&path).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.unwrap().success());
        path.canonicalize().unwrap()
    })
}

/// Runs `layerwise` on the sample, which is nobody's; the notes that it always begins with are taken off what it says.
pub(crate) fn layerwise(arguments: &[&str]) -> Ran {
    let mut ran = run(binary().arg("--copy").args(arguments).env("LAYERWISE_DATA_ROOT", root()));
    for note in NOTES {
        if let Some(rest) = ran.errors.strip_prefix(note) {
            ran.errors = rest.strip_prefix('\n').unwrap().to_owned();
        }
    }
    ran
}

/// What `layerwise` prints on the sample; it must say nothing else and end well.
pub(crate) fn printed(arguments: &[&str]) -> String {
    let ran = layerwise(arguments);
    assert_eq!((ran.status, ran.errors.as_str()), (0, ""), "{arguments:?}");
    ran.output
}

/// The same as JSON.
pub(crate) fn json(arguments: &[&str]) -> serde_json::Value {
    let ran = layerwise(&[arguments, &["--format", "json"]].concat());
    assert_eq!(ran.errors, "", "{arguments:?}");
    assert_eq!(ran.output.lines().count(), 1, "{arguments:?}");
    serde_json::from_str(&ran.output).unwrap()
}

/// A table with its cells apart and what depends on the day left out.
pub(crate) fn table(text: &str) -> Vec<String> {
    let cells = |line: &str| {
        let cells: Vec<_> = line.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        cells.iter().map(|cell| if cell.ends_with(" ago") { "AGO" } else { cell }).collect::<Vec<_>>().join(" | ")
    };
    text.lines().map(cells).collect()
}

/// Removes the sample when it is known that no test will use it any more: at the next run.
#[test]
fn samples_of_earlier_runs_are_removed() {
    let own = root().file_name().unwrap();
    for entry in fs::read_dir(env!("CARGO_TARGET_TMPDIR")).unwrap().map(Result::unwrap) {
        let pid = entry.file_name().to_str().and_then(|name| name.strip_prefix("cli-sample-")).map(str::to_owned);
        if pid.is_some_and(|pid| entry.file_name() != own && !Path::new("/proc").join(pid).exists()) {
            fs::remove_dir_all(entry.path()).unwrap_or_default();
        }
    }
    assert!(root().is_dir());
}
