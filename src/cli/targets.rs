//! From what a person typed to the things that are meant.

use super::exit::{Failure, Status};
use super::output::Output;
use super::session::Session;
use crate::audit::Audit;
use crate::id::lookup::Match;
use crate::render::{escape, words};
use crate::report::target::{self, Target};
use crate::unreadable::Unreadable;
use std::path::{Component, Path, PathBuf};

/// What can be asked about.
const HINT: &str = "give a name, an id or its beginning, a directory of overlay2/, a link, or a path below the data-root";

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
    let named = || named(&session.audit, text, HINT);
    match below_root(session, text) {
        // Names of images have slashes in them too.
        Some(below) if Path::new(text).is_relative() => named().or_else(|_| of_path(session, &below)),
        Some(below) => of_path(session, &below),
        None => named(),
    }
}

/// The one thing that has the name `text`; if there is none, `hint` says what might have.
pub(super) fn named(audit: &Audit, text: &str, hint: &str) -> Result<Target, Failure> {
    match target::find(audit, text) {
        Match::One(target) => Ok(target),
        Match::None => Err(Failure::not_found(unknown(text, &target::similar(audit, text))).hint(hint)),
        Match::Ambiguous(candidates) => Err(ambiguous(text, &candidates)),
    }
}

/// The path below the data-root that `text` leads to: an absolute path, or one that starts in the working directory, in the data-root or in
/// `overlay2/`, as in `lower` and in what is printed here.
pub(super) fn below_root(session: &Session, text: &str) -> Option<PathBuf> {
    let (root, path) = (&session.root.dir, Path::new(text));
    if path.is_absolute() {
        // What is gone from the disk can be asked for too.
        return normal(path.strip_prefix(root.path()).ok()).or_else(|| real(root.path(), path));
    }
    if !text.contains('/') && path.file_name().is_some() {
        return None;
    }
    let here = std::env::current_dir().ok().and_then(|here| real(root.path(), &here.join(path)));
    let there = normal(Some(path)).into_iter().flat_map(|path| [path.clone(), Path::new("overlay2").join(path)]);
    here.into_iter().chain(there).find(|below| below.as_os_str().is_empty() || root.kind(below).is_ok_and(|kind| kind.is_some()))
}

/// A path that leads only downwards.
fn normal(path: Option<&Path>) -> Option<PathBuf> {
    path.filter(|path| path.components().all(|component| matches!(component, Component::Normal(_)))).map(Path::to_owned)
}

/// The path below `root` where the file system ends up, for a person may come through links and up again; the last component may be a link
/// itself.
fn real(root: &Path, path: &Path) -> Option<PathBuf> {
    let real = match path.file_name() {
        Some(name) => path.parent()?.canonicalize().ok()?.join(name),
        None => path.canonicalize().ok()?,
    };
    normal(real.strip_prefix(root).ok())
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

fn unknown(text: &str, similar: &[String]) -> String {
    let text = escape::line(text);
    match similar {
        [] => format!("nothing here is called {text}"),
        names => format!("nothing here is called {text}, did you mean {}?", names.join(", ")),
    }
}

fn ambiguous(text: &str, candidates: &[Target]) -> Failure {
    const SHOWN: usize = 10;
    let mut lines: Vec<String> =
        candidates.iter().take(SHOWN).map(|candidate| format!("  {} {}", candidate.kind(), candidate.id())).collect();
    if candidates.len() > SHOWN {
        lines.push(format!("  and {} more", candidates.len() - SHOWN));
    }
    let message = format!("{} may mean {} things:", escape::line(text), candidates.len());
    Failure::not_found(message).with_lines(lines).hint("give more of the id")
}
