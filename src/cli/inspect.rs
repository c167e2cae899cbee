use super::args::Global;
use super::exit::{Failure, Status};
use super::list::{print_items, value};
use super::output::Output;
use super::session::{Scan, Session};
use super::targets;
use crate::render::json;
use crate::report::inspect::{self, Item};
use crate::report::{Document, Items};
use crate::usage::class::Classifier;

/// Print everything that is known of something, as JSON
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to inspect: everything that `why` takes
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<String>,
    /// Answer without measuring
    #[arg(long)]
    no_scan: bool,
}

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let session = Session::open(global, Scan::from(args.no_scan), output)?;
    let audit = &session.audit;
    let classifier = Classifier::new(&audit.inventory, &audit.graph, &audit.verdicts);
    let (items, status) = targets::answer(&session, &args.targets, output, |text, target| inspect::tell(audit, &classifier, text, target));
    let document = Document::new("inspect", &audit.inventory, Items { items });
    let whole = |_: &[Item], _: &Output| Ok(json::pretty(&value(&document)?) + "\n");
    print_items(&document, |item| &item.why.id, (global, output), whole)?;
    Ok(status)
}
