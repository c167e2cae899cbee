//! A damage, what is found of it, and what dockerd does about it.

use std::fmt::Write as _;
use std::process::Command;

use super::root::Root;

/// One row of the page.
pub(super) struct Case {
    /// What is damaged.
    pub(super) damage: &'static str,
    pub(super) inflict: fn(&Root),
    /// The command that finds it.
    pub(super) check: &'static str,
    /// What it finds beyond garbage.
    pub(super) codes: &'static [&'static str],
    pub(super) start: Start,
    /// What dockerd says then, if it starts, one after the other.
    pub(super) then: &'static [(&'static str, Says)],
    /// All that in words.
    pub(super) reaction: &'static str,
    pub(super) repair: Repair,
}

/// What `repair` does about it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repair {
    /// Everything is as it was before the damage.
    Mends,
    /// The same is found afterwards.
    Leaves,
}

/// What becomes of dockerd.
pub(super) enum Start {
    Works,
    /// It starts, and this is in its log.
    Says(&'static str),
    /// It ends, or never answers, with this in its log.
    Fails(&'static str),
}

/// What becomes of a `docker` command.
pub(super) enum Says {
    Works,
    /// It succeeds and prints this, perhaps among other things.
    Prints(&'static str),
    /// It succeeds and prints nothing.
    Nothing,
    /// It fails, and says this.
    Fails(&'static str),
}

impl Says {
    /// Runs the command, and returns what became of it if it was something else.
    pub(super) fn is_wrong(&self, line: &str, mut command: Command) -> Option<String> {
        let output = command.output().unwrap();
        let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let is_right = match self {
            Self::Works => output.status.success(),
            Self::Prints(text) => output.status.success() && out.contains(text),
            Self::Nothing => output.status.success() && out.trim().is_empty(),
            Self::Fails(text) => !output.status.success() && err.contains(text),
        };
        (!is_right).then(|| format!("`docker {line}`: {}: {out}{err}", output.status))
    }
}

/// The tables of the page.
pub(super) fn page(parts: &[(&str, &[Case])]) -> String {
    let mut page = String::new();
    for (title, cases) in parts {
        write!(page, "\n## {title}\n\n| damage | what dockerd 20.10 does | what `check` says | `repair` |\n|---|---|---|---|\n").unwrap();
        for case in *cases {
            let codes: Vec<_> = case.codes.iter().map(|code| format!("`{code}`")).collect();
            let codes = if codes.is_empty() { "–".to_owned() } else { codes.join(", ") };
            let deep = if case.check.contains("--deep") { " (`--deep`)" } else { "" };
            let repair = if case.repair == Repair::Mends { "mends it" } else { "–" };
            writeln!(page, "| {} | {} | {codes}{deep} | {repair} |", case.damage, case.reaction).unwrap();
        }
    }
    page
}
