//! The program under test, run as a person runs it, and what it answered.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// `layerwise` on one data-root.
#[derive(Debug, Clone)]
pub(crate) struct Layerwise {
    data_root: PathBuf,
    condition: Condition,
}

/// Whether everything can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// The data-root was never interrupted, and the whole machine can be seen.
    Whole,
    /// A power cut left halves of things, or a namespace hides the processes of others.
    Partial,
}

/// The whole of what it says of a data-root at one moment.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) images: Vec<Value>,
    pub(crate) layers: Vec<Value>,
    pub(crate) containers: Vec<Value>,
    pub(crate) build_cache: Vec<Value>,
    pub(crate) findings: Vec<Value>,
    pub(crate) df: Value,
}

impl Layerwise {
    /// Returns the program for the data-root at `data_root`.
    pub(crate) fn on(data_root: &Path) -> Self {
        Self { data_root: data_root.to_owned(), condition: Condition::Whole }
    }

    /// Returns the program for a data-root in which a power cut may have left halves of things.
    pub(crate) fn on_damaged(data_root: &Path) -> Self {
        Self { data_root: data_root.to_owned(), condition: Condition::Partial }
    }

    /// Returns the program, without anything that this process's environment says of data-roots.
    pub(crate) fn command() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_layerwise"));
        command.env_remove("LAYERWISE_DATA_ROOT").stdin(Stdio::null());
        command
    }

    /// Returns the document that the words of `line`, and then `targets`, make it print.
    pub(crate) fn ask(&self, line: &str, targets: &[&str]) -> Value {
        let mut command = Self::command();
        command.arg("--data-root").arg(&self.data_root).args(["--format", "json"]);
        document_of(self.condition, command.args(line.split_whitespace()).arg("--").args(targets))
    }

    /// Returns the items that it lists for `line` and `targets`.
    pub(crate) fn items(&self, line: &str, targets: &[&str]) -> Vec<Value> {
        take(&mut self.ask(line, targets), "items")
    }

    /// Returns what it calls damage and garbage.
    pub(crate) fn findings(&self) -> Vec<Value> {
        take(&mut self.ask("check", &[]), "findings")
    }

    /// Asks it everything.
    pub(crate) fn answers(&self) -> Answers {
        Answers {
            images: self.items("images --all", &[]),
            layers: self.items("layers", &[]),
            containers: self.items("containers", &[]),
            build_cache: self.items("build-cache", &[]),
            findings: self.findings(),
            df: self.ask("df", &[]),
        }
    }
}

/// Runs `command` and reads the JSON that it prints.
///
/// # Panics
/// When it fails otherwise than by having found something (1), or says that it could not read something.
pub(crate) fn document(command: &mut Command) -> Value {
    document_of(Condition::Whole, command)
}

/// Runs `command` and reads the JSON that it prints; in the `condition` that it is in, it may say that it could not read something.
pub(crate) fn document_of(condition: Condition, command: &mut Command) -> Value {
    let output = command.output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{command:?}: {}: {talk}", output.status);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{command:?}: {error}: {talk}"));
    let unread = document["unreadable"].as_array().expect("what was unreadable");
    assert!(unread.is_empty() || condition == Condition::Partial, "{command:?}: {talk}{unread:?}");
    document
}

/// The text at `key` of an item.
pub(crate) fn text<'item>(item: &'item Value, key: &str) -> &'item str {
    item[key].as_str().unwrap_or_else(|| panic!("a text at {key} of {item}"))
}

/// The number at `key` of an item.
pub(crate) fn number(item: &Value, key: &str) -> u64 {
    item[key].as_u64().unwrap_or_else(|| panic!("a number at {key} of {item}"))
}

/// The texts at `key` of an item.
pub(crate) fn texts<'item>(item: &'item Value, key: &str) -> Vec<&'item str> {
    item[key].as_array().unwrap_or_else(|| panic!("a list at {key} of {item}")).iter().filter_map(Value::as_str).collect()
}

fn take(document: &mut Value, key: &str) -> Vec<Value> {
    match document[key].take() {
        Value::Array(items) => items,
        other => panic!("a list at {key}, not {other}"),
    }
}
