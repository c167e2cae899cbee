use super::args::{Global, ListArgs};
use super::exit::{Failure, Status};
use super::list::value;
use super::output::Output;
use super::session::{Scan, Session};
use crate::render::column::{Column, Kind};
use crate::render::list::{self, Extent, Listing, View};
use crate::report::{Document, check};

/// List what could not be read, what is missing and what is garbage
///
/// Exit status 1 means that something in use is broken, or that something could not be read that may hide more.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

const COLUMNS: [Column; 7] = [
    Column::new("severity", "SEVERITY", Kind::Name),
    Column::new("code", "CODE", Kind::Name),
    Column::new("path", "PATH", Kind::Text),
    Column::new("message", "WHAT", Kind::Text),
    Column::new("kind", "KIND", Kind::Name).wide(),
    Column::new("id", "ID", Kind::Id).wide(),
    Column::new("pins", "PINS", Kind::Name).wide(),
];

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let session = Session::open(global, Scan::Skip, output)?;
    let check = check::find(&session.audit);
    let bad = check.findings.iter().any(|finding| matches!(finding.severity, check::Severity::Error | check::Severity::Warning));
    let document = Document::new("check", &session.audit.inventory, check);
    let view = View {
        format: global.format.clone(),
        extent: if global.quiet { Extent::Ids } else { Extent::Usual },
        sort: args.list.sort.clone(),
        filters: args.list.filter.iter().cloned().collect(),
        look: output.look,
        style: output.style,
    };
    let listing = Listing { document: value(&document)?, items: "findings", columns: &COLUMNS };
    let text = list::list(listing, &view).map_err(Failure::usage)?;
    output.print(&text)?;
    Ok(if bad { Status::Findings } else { Status::Fine })
}
