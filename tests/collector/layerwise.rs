//! The program under test: its plans, its runs, and what it says of either.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// `layerwise` on one data-root.
#[derive(Debug, Clone)]
pub(crate) struct Layerwise {
    data_root: PathBuf,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit status; nothing if a signal ended it.
    pub(crate) status: Option<i32>,
    /// What it printed, if that was JSON.
    pub(crate) document: Value,
    /// What it said.
    pub(crate) talk: String,
}

/// What is to be taken and what is not.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) actions: Vec<Value>,
    pub(crate) withheld: Vec<Value>,
}

impl Layerwise {
    /// Returns the program for the data-root at `data_root`.
    pub(crate) fn on(data_root: &Path) -> Self {
        Self { data_root: data_root.to_owned() }
    }

    /// Returns the command with the words of `line`.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_layerwise"));
        command.env_remove("LAYERWISE_DATA_ROOT").arg("--data-root").arg(&self.data_root).args(["--format", "json"]);
        command.args(line.split_whitespace()).stdin(Stdio::null());
        command
    }

    /// Runs it with the words of `line`.
    pub(crate) fn run(&self, line: &str) -> Ran {
        Ran::of(&mut self.command(line))
    }

    /// Returns the plan that it draws up with the options in `line`.
    pub(crate) fn plan(&self, line: &str) -> Plan {
        let ran = self.run(&format!("prune --dry-run {line}"));
        assert_eq!(ran.status, Some(0), "{ran:?}");
        Plan::of(&ran.document)
    }

    /// Takes everything that is dead, as `line` says, and returns the plan by which it did.
    ///
    /// # Panics
    /// When not everything in that plan was taken and deleted.
    pub(crate) fn prune(&self, line: &str) -> Plan {
        let ran = self.run(&format!("prune --force {line}"));
        assert_eq!(ran.status, Some(0), "{ran:?}");
        Plan::of(&ran.document)
    }
}

impl Ran {
    /// Runs `command` to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::of_output(&command.output().unwrap())
    }

    /// How a run ended that printed `output`.
    pub(crate) fn of_output(output: &Output) -> Self {
        let document = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        Self { status: output.status.code(), document, talk: String::from_utf8_lossy(&output.stderr).into_owned() }
    }
}

impl Plan {
    /// Returns the plan in a document.
    pub(crate) fn of(document: &Value) -> Self {
        let list = |key: &str| document["plan"][key].as_array().unwrap_or_else(|| panic!("a plan: {document}")).clone();
        Self { actions: list("actions"), withheld: list("withheld") }
    }

    /// Counts the actions by their classes.
    pub(crate) fn classes(&self) -> BTreeMap<String, usize> {
        count(&self.actions, "class")
    }

    /// Counts what is withheld by its reasons.
    pub(crate) fn reasons(&self) -> BTreeMap<String, usize> {
        count(&self.withheld, "reason")
    }

    /// Returns the paths of everything that it takes, in this order.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let objects = self.actions.iter().flat_map(|action| action["objects"].as_array().unwrap());
        objects.map(|object| PathBuf::from(object["path"].as_str().unwrap())).collect()
    }
}

/// Returns the names of the places between two steps that a run with the words of `line` comes by.
pub(crate) fn trace(program: &Layerwise, line: &str) -> Vec<String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let ran = Ran::of(program.command(line).env("LAYERWISE_TEST_TRACE", file.path()));
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let text = std::fs::read_to_string(file.path()).unwrap();
    text.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
}

/// Adds the counts of `more` to `sum`.
pub(crate) fn add(sum: &mut BTreeMap<String, usize>, more: BTreeMap<String, usize>) {
    for (key, number) in more {
        *sum.entry(key).or_default() += number;
    }
}

fn count(items: &[Value], key: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item[key].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    counts
}
