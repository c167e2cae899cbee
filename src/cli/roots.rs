use super::args::{Global, ListArgs};
use super::exit::{Failure, Status};
use super::list::List;
use super::output::Output;
use crate::data_root::{Machine, roots};
use crate::inventory::Inventory;
use crate::render::column::{Column, Kind};
use crate::report::{Document, Items, roots as report};

/// List the data-roots of this machine and what lies in them
///
/// Looked at are `--data-root`, `LAYERWISE_DATA_ROOT`, running dockerds, daemon.json, the usual places of dockerd, rootless dockerd and the snap,
/// and the sub-roots of userns-remap.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

static COLUMNS: [Column; 7] = [
    Column::new("path", "PATH", Kind::Text),
    Column::new("reasons", "FOUND BY", Kind::Text),
    Column::new("daemons", "DAEMON", Kind::Count).hidden(),
    Column::new("lock", "LOCK", Kind::Name),
    Column::new("description", "WHAT IT IS", Kind::Text),
    Column::new("error", "ERROR", Kind::Text).wide(),
    Column::new("stores", "STORES", Kind::Count).hidden(),
];

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let list = List::new(&COLUMNS, "items", (&args.list.choice, global, output))?;
    let roots = roots::roots(&Machine::current(), global.data_root.as_deref());
    let items = report::list(&roots);
    let status = if items.is_empty() { Status::Unreadable } else { Status::Fine };
    if items.is_empty() {
        output.say("no data-root of Docker was found on this machine");
    }
    let inventory = Inventory { unreadable: roots.incomplete, ..Inventory::default() };
    list.print(&Document::new("roots", &inventory, Items { items }), output)?;
    Ok(status)
}
