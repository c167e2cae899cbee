//! How a command ends: its exit status and what it says on the way out.

use crate::apply::Refusal;
use crate::data_root::FindError;
use std::fmt;
use std::process::ExitCode;

/// The exit statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// All is well.
    Fine,
    /// There are findings, or something asked for was not found.
    Findings,
    /// The command line cannot be understood.
    Usage,
    /// The data-root cannot be read.
    Unreadable,
    /// It would not be safe.
    Refused,
    /// Some of it was done.
    Partly,
    /// Somebody ended it.
    Interrupted,
}

impl Status {
    /// This one, unless all is well: then the other.
    pub(super) const fn or(self, other: Self) -> Self {
        if matches!(self, Self::Fine) { other } else { self }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Fine => 0,
            Status::Findings => 1,
            Status::Usage => 2,
            Status::Unreadable => 3,
            Status::Refused => 4,
            Status::Partly => 5,
            Status::Interrupted => 130,
        })
    }
}

/// A command that could not do what it was asked.
#[derive(Debug)]
pub(super) struct Failure {
    /// How the program ends.
    pub status: Status,
    /// What went wrong, in a sentence: one line, whatever the names in it hold.
    pub message: String,
    /// What belongs to it and is shown on lines of its own.
    pub lines: Vec<String>,
    /// What to do next.
    pub hint: Option<String>,
}

impl From<FindError> for Failure {
    fn from(error: FindError) -> Self {
        Self::unreadable(error).hint("`layerwise roots` lists the data-roots of this machine")
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self { status: Status::Refused, message: format!("refused: {}", refusal.why), lines: Vec::new(), hint: Some(refusal.hint) }
    }
}

impl Failure {
    /// A command line that cannot be understood.
    pub(super) fn usage(message: impl fmt::Display) -> Self {
        Self { status: Status::Usage, message: message.to_string(), lines: Vec::new(), hint: None }
    }

    /// A data-root that cannot be read.
    pub(super) fn unreadable(message: impl fmt::Display) -> Self {
        Self { status: Status::Unreadable, message: message.to_string(), lines: Vec::new(), hint: None }
    }

    /// Something that was asked for and is not there, or not the only one.
    pub(super) fn not_found(message: impl fmt::Display) -> Self {
        Self { status: Status::Findings, message: message.to_string(), lines: Vec::new(), hint: None }
    }

    /// Adds lines of their own.
    #[must_use]
    pub(super) fn with_lines(self, lines: impl IntoIterator<Item = String>) -> Self {
        Self { lines: lines.into_iter().collect(), ..self }
    }

    /// Adds what to do next.
    #[must_use]
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}
