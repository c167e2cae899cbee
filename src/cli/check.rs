mod deep;
mod page;

use super::args::{Global, ListArgs};
use super::exit::{Failure, Status};
use super::list::value;
use super::output::Output;
use super::session::{Scan, Session};
use crate::check::{self, Code, Facts, Finding, Severity};
use crate::render::column::{Column, Kind};
use crate::render::format::Format;
use crate::render::list::{self, Extent, Listing, View};
use crate::report::{Document, check as report};
use crate::store::detail::Details;
use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

/// Find damage, what it breaks and the way out, and garbage
///
/// Findings are grouped, the worst first. Errors: something in use is or will be broken. Warnings: what is seldom done will fail, or more may
/// be hidden. Garbage belongs to nothing. Notices are good to know. While a dockerd runs, what it may be in the middle of is marked and does
/// not count for the exit status.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  layerwise check
  layerwise check --fail-on warning --no-scan
  layerwise check --deep app:1
  layerwise check --deep --max-duration 1h
  layerwise check --explain missing-link")]
pub(super) struct Args {
    #[command(flatten)]
    deep: deep::DeepArgs,
    #[command(flatten)]
    list: ListArgs,
    /// Exit with status 1 if there is a finding as bad as this or worse
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    fail_on: FailOn,
    /// Say what a code means, what Docker does about it and how to get out of it; without CODE, list all codes
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "all", conflicts_with_all = ["fail_on", "sort", "filter", "no_scan", "deep"])]
    explain: Option<Explain>,
}

/// What is to be explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Explain {
    /// Every code, in a sentence each.
    All,
    /// This one, at length.
    Code(Code),
}

impl FromStr for Explain {
    type Err = crate::suggest::Unknown;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" { Ok(Self::All) } else { text.parse().map(Self::Code) }
    }
}

/// From which severity on a finding is a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Garbage,
    Notice,
    Never,
}

impl FailOn {
    const fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Garbage => Some(Severity::Garbage),
            Self::Notice => Some(Severity::Notice),
            Self::Never => None,
        }
    }
}

/// For how long what looks broken while a dockerd runs is given to become whole.
const MEANWHILE: Duration = Duration::from_secs(1);

static COLUMNS: [Column; 12] = [
    Column::new("severity", "SEVERITY", Kind::Name),
    Column::new("code", "CODE", Kind::Name),
    Column::new("path", "PATH", Kind::Text),
    Column::new("message", "WHAT", Kind::Text),
    Column::new("kind", "KIND", Kind::Name).wide(),
    Column::new("id", "ID", Kind::Id).wide(),
    Column::new("hint", "HINT", Kind::Text).wide(),
    Column::new("pins", "PINS", Kind::Name).wide(),
    Column::new("bytes", "SIZE", Kind::Bytes(crate::render::size::Digits::Four)).hidden(),
    Column::new("inodes", "INODES", Kind::Count).hidden(),
    Column::new("affects", "BREAKS", Kind::Count).hidden(),
    Column::new("in_progress", "IN PROGRESS", Kind::Bool).hidden(),
];

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    if let Some(explain) = args.explain {
        output.print(&page::explanation(explain))?;
        return Ok(Status::Fine);
    }
    let view = view(args, global, output)?;
    let session = Session::open(global, Scan::from(args.list.no_scan), output)?;
    let mut findings = find(&session);
    look_again(&mut findings, global, output, &session)?;
    let verified = if args.deep.deep { Some(deep::verify(&args.deep, &session, (global, output), &mut findings)?) } else { None };
    let is_bad = |finding: &Finding| args.fail_on.severity().is_some_and(|severity| finding.severity <= severity && !finding.in_progress);
    let status = if findings.iter().any(is_bad) { Status::Findings } else { Status::Fine };
    let report = report::Check { deep: verified, ..report::Check::new(&session.audit, &findings) };
    let document = Document::new("check", &session.audit.inventory, report);
    print(args, &view, output, value(&document)?)?;
    Ok(status)
}

/// Everything that is found in what was read.
fn find(session: &Session) -> Vec<Finding> {
    let details = Details::read(&session.root.dir, &session.audit.inventory);
    let file_system = session.filesystem();
    let facts = Facts { details: &details, file_system: file_system.as_ref(), marks: session.marks(), now: jiff::Timestamp::now() };
    check::find(&session.audit, &facts)
}

/// Reads everything a second time if something looks broken while a dockerd runs, and forgets what is whole by then: it was the middle of
/// something.
fn look_again(findings: &mut Vec<Finding>, global: &Global, output: &mut Output, session: &Session) -> Result<(), Failure> {
    let is_doubtful = |finding: &Finding| finding.severity <= Severity::Warning && !finding.code.needs_measuring();
    if session.audit.inventory.running.is_none() || !findings.iter().any(is_doubtful) {
        return Ok(());
    }
    std::thread::sleep(MEANWHILE);
    let again = find(&Session::open(global, Scan::Skip, output)?);
    let still: BTreeSet<_> = again.iter().map(|finding| (finding.code, &finding.subject, &finding.path)).collect();
    findings.retain(|finding| !is_doubtful(finding) || still.contains(&(finding.code, &finding.subject, &finding.path)));
    Ok(())
}

/// How findings are to be shown; fails when the command line names what they do not have.
fn view(args: &Args, global: &Global, output: &Output) -> Result<View, Failure> {
    let view = View {
        format: global.format.clone(),
        extent: if global.quiet { Extent::Ids } else { Extent::Usual },
        sort: args.list.choice.sort.clone(),
        filters: args.list.choice.filter.iter().cloned().collect(),
        digests: false,
        look: output.look,
        style: output.style,
    };
    view.check(&COLUMNS, None).map_err(Failure::usage)?;
    Ok(view)
}

fn print(args: &Args, view: &View, output: &mut Output, document: serde_json::Value) -> Result<(), Failure> {
    let is_page = view.format == Format::Table && view.extent == Extent::Usual && args.list.choice.sort.is_none();
    let text = if is_page {
        page::groups(&document, view).map_err(Failure::usage)?
    } else {
        list::list(Listing { document, items: "findings", columns: &COLUMNS, fields: None }, view).map_err(Failure::usage)?
    };
    output.print(&text)
}
