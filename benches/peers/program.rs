//! The programs that are compared, how each is asked for the same thing, and how its answer is understood.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What a program can tell of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// One sum.
    Total,
    /// The sum of each directory.
    Directories,
    /// The sums of each owner.
    Owners,
    /// The least that can be done: for the floor.
    Less,
}

/// A program that walks a tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) answer: Answer,
    /// Whether it can be told how many threads to use.
    pub(crate) is_parallel: bool,
    /// Its arguments; `{t}` is the number of threads.
    arguments: &'static [&'static str],
    /// Where to get it.
    source: &'static str,
}

pub(crate) const OURS: Program =
    Program { name: "layerwise", answer: Answer::Owners, is_parallel: true, arguments: &["--walk", "scan", "{t}"], source: "" };
/// The same with a cache.
pub(crate) const CACHED: Program =
    Program { name: "layerwise --cached", answer: Answer::Owners, is_parallel: true, arguments: &["--walk", "cached", "{t}"], source: "" };
pub(crate) const FLOOR: Program =
    Program { name: "floor", answer: Answer::Less, is_parallel: true, arguments: &["--walk", "floor", "{t}"], source: "" };
pub(crate) const DU: Program =
    Program { name: "du", answer: Answer::Total, is_parallel: false, arguments: &["-sx", "--block-size=1"], source: "GNU coreutils" };

/// All others.
pub(crate) const PEERS: [Program; 6] = [
    DU,
    Program {
        name: "dua",
        answer: Answer::Total,
        is_parallel: true,
        arguments: &["-t", "{t}", "-x", "-f", "bytes", "aggregate"],
        source: "cargo install --locked --root target/peers dua-cli",
    },
    Program {
        name: "diskus",
        answer: Answer::Total,
        is_parallel: true,
        arguments: &["-j", "{t}"],
        source: "cargo install --locked --root target/peers diskus",
    },
    Program {
        name: "dust",
        answer: Answer::Directories,
        is_parallel: true,
        arguments: &["-T", "{t}", "-x", "-d", "0", "-P", "-b", "-c", "-o", "b"],
        source: "cargo install --locked --root target/peers du-dust",
    },
    Program {
        name: "pdu",
        answer: Answer::Directories,
        is_parallel: true,
        arguments: &["--threads", "{t}", "-b", "plain", "-d", "1", "-H", "-x"],
        source: "cargo install --locked --root target/peers parallel-disk-usage",
    },
    Program {
        name: "gdu",
        answer: Answer::Directories,
        is_parallel: true,
        arguments: &["-npsx", "--no-prefix", "-m", "{t}"],
        source: "apt-get install gdu",
    },
];

impl Program {
    /// The command line that walks `tree` with so many threads; none: as many as it likes itself.
    pub(crate) fn command(&self, tree: &Path, threads: usize) -> Vec<String> {
        let is_own = matches!(self.answer, Answer::Owners | Answer::Less);
        let program = if is_own { std::env::current_exe().unwrap_or_default() } else { self.program() };
        let program = program.display().to_string();
        let arguments = self.arguments.iter().map(|argument| argument.replace("{t}", &threads.to_string()));
        std::iter::once(program).chain(arguments).chain([tree.display().to_string()]).collect()
    }

    /// The program: where `cargo install --root target/peers` puts it, or wherever `PATH` has it.
    fn program(&self) -> PathBuf {
        let own = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers/bin")).join(self.name);
        if own.exists() { own } else { self.name.into() }
    }

    /// The bytes in what it printed: the first number of a line that ends a sum, whatever drawing is around it.
    pub(crate) fn total(&self, printed: &str) -> Option<u64> {
        let line = match self.name {
            "dua" => printed.lines().last()?,
            _ => printed.lines().next()?,
        };
        let digits: String = line.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    }

    /// Its version, if it is installed.
    pub(crate) fn version(&self) -> Result<String, String> {
        let output =
            Command::new(self.program()).arg("--version").output().map_err(|_| format!("{} is missing: {}", self.name, self.source))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(text.lines().next().unwrap_or_default().replace('\t', " "))
    }
}
