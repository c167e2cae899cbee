//! From what a person typed to the things that are meant.

use super::exit::{Failure, Status};
use super::output::Output;
use super::session::Session;
use crate::audit::Audit;
use crate::id::lookup::Match;
use crate::render::words;
use crate::report::target::{self, Target};
use crate::unreadable::Unreadable;
use std::path::{Path, PathBuf};

/// Answers about everything that `texts` mean; of what cannot be found it is said why, and the status tells.
pub(super) fn answer<T>(session: &Session, texts: &[String], output: &mut Output, answer: impl Fn(&str, &Target) -> T) -> (Vec<T>, Status) {
    let mut answers = Vec::new();
    let mut status = Status::Fine;
    for text in texts {
        match find(session, text) {
            Ok(target) => answers.push(answer(text, &target)),
            Err(failure) => {
                output.error(&failure);
                status = failure.status;
            }
        }
    }
    (answers, status)
}

/// The one thing that `text` means.
pub(super) fn find(session: &Session, text: &str) -> Result<Target, Failure> {
    if let Some(below) = below_root(session, text) {
        return of_path(session, &below);
    }
    named(&session.audit, text, "give a name, an id or its beginning, a directory of overlay2/, a link, or a path below the data-root")
}

/// The one thing that has the name `text`; if there is none, `hint` says what might have.
pub(super) fn named(audit: &Audit, text: &str, hint: &str) -> Result<Target, Failure> {
    match target::find(audit, text) {
        Match::One(target) => Ok(target),
        Match::None => Err(Failure::not_found(format!("nothing here is called {text}")).hint(hint)),
        Match::Ambiguous(candidates) => Err(ambiguous(text, &candidates)),
    }
}

/// The path below the data-root, if `text` is an absolute path that leads there.
pub(super) fn below_root(session: &Session, text: &str) -> Option<PathBuf> {
    let path = Path::new(text);
    if !path.is_absolute() {
        return None;
    }
    let root = session.root.dir.path();
    // The person may have come through a link that the data-root's own path does not have.
    let direct = path.strip_prefix(root).map(Path::to_owned).ok();
    direct.or_else(|| {
        let parent = path.parent()?.canonicalize().ok()?;
        Some(parent.strip_prefix(root).ok()?.join(path.file_name()?))
    })
}

fn of_path(session: &Session, below: &Path) -> Result<Target, Failure> {
    use crate::dir::Kind;
    let kind = if below.as_os_str().is_empty() { Some(Kind::Directory) } else { session.root.dir.kind(below).ok().flatten() };
    match kind {
        Some(kind) => Ok(target::of_path(&session.audit, below, kind == Kind::Directory)),
        // What is in a layer may be gone from the disk and its layer not.
        None if below.components().count() > 2 => Ok(target::of_path(&session.audit, below, false)),
        None => Err(Failure::not_found(format!("{} does not exist", session.root.dir.path().join(below).display()))),
    }
}

/// Says how much of the layers could not be read: then there may be more than what was told.
pub(super) fn told(lost: &[Unreadable], output: &mut Output) -> Status {
    if lost.is_empty() {
        return Status::Fine;
    }
    let places = words::count(u64::try_from(lost.len()).unwrap_or(u64::MAX), "place");
    output.note(&format!("{places} in the layers could not be read; see `unreadable` of --format json"));
    Status::Findings
}

fn ambiguous(text: &str, candidates: &[Target]) -> Failure {
    const SHOWN: usize = 10;
    let mut lines = vec![format!("{text} may mean {} things:", candidates.len())];
    lines.extend(candidates.iter().take(SHOWN).map(|candidate| format!("  {} {}", candidate.kind(), candidate.id())));
    if candidates.len() > SHOWN {
        lines.push(format!("  and {} more", candidates.len() - SHOWN));
    }
    Failure::not_found(lines.join("\n")).hint("give more of the id")
}
