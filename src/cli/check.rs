use super::args::{Global, ListArgs};
use super::exit::{Failure, Status};
use super::list::List;
use super::output::Output;
use super::session::{Scan, Session};
use crate::render::column::{Column, Kind};
use crate::report::{Document, check};
use crate::store::leftovers;

/// List what could not be read, what is missing and what is garbage
///
/// Exit status 1 means that something in use is broken, or that something could not be read that may hide more.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

static COLUMNS: [Column; 7] = [
    Column::new("severity", "SEVERITY", Kind::Name),
    Column::new("code", "CODE", Kind::Name),
    Column::new("path", "PATH", Kind::Text),
    Column::new("message", "WHAT", Kind::Text),
    Column::new("kind", "KIND", Kind::Name).wide(),
    Column::new("id", "ID", Kind::Id).wide(),
    Column::new("pins", "PINS", Kind::Name).wide(),
];

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let list = List::new(&COLUMNS, "findings", (&args.list, global, output))?;
    let session = Session::open(global, Scan::Skip, output)?;
    let leftovers = leftovers::read(&session.root.dir, &session.audit.inventory, &mut Vec::new());
    let check = check::find(&session.audit, &leftovers.others);
    let bad = check.findings.iter().any(|finding| matches!(finding.severity, check::Severity::Error | check::Severity::Warning));
    list.print(&Document::new("check", &session.audit.inventory, check), output)?;
    Ok(if bad { Status::Findings } else { Status::Fine })
}
