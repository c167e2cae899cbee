use super::args::{Choice, Global};
use super::exit::{Failure, Status};
use super::input::Input;
use super::list::List;
use super::output::Output;
use super::session::Scan;
use super::targets;
use crate::audit::Audit;
use crate::id::DirId;
use crate::render::column::{Column, Kind};
use crate::render::format::Format;
use crate::render::size::Digits;
use crate::render::words;
use crate::report::Document;
use crate::report::changes::{Changes, Totals};
use crate::report::target::Target;
use crate::union::stack;

/// Say what a container or a layer changes of what lies below it
///
/// Of a container these are the paths of `docker diff`, which DOCKER shows with -v or in JSON, and copies that differ in nothing, which that does
/// not list; of an image what each of its layers changes, base first. COPIED is what it cost to change a file that was there before, for overlayfs
/// stores all of it again; CONTENT says whether it is other than it was. HIDES is what of the layers below nobody sees any more.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  layerwise changes web
  layerwise changes web --format '{{.Docker}} {{.Path}}' --filter docker!=    what `docker diff web` prints
  layerwise changes app:1 --sort size --filter change!=added
  layerwise changes web --filter content=same                                files that were copied for nothing")]
pub(super) struct Args {
    /// What changes something
    #[arg(value_name = "CONTAINER|LAYER|IMAGE")]
    target: String,
    /// Show more columns
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    choice: Choice,
}

const BYTES: Kind = Kind::Bytes(Digits::Four);

static COLUMNS: [Column; 17] = [
    Column::new("change", "CHANGE", Kind::Name),
    // Not cut, for it begins with a slash, and what `-q` prints.
    Column::new("path", "PATH", Kind::Id),
    Column::new("kind", "KIND", Kind::Name).optional(5),
    Column::new("size", "SIZE", BYTES),
    Column::new("copied_bytes", "COPIED", BYTES).optional(1),
    Column::new("content", "CONTENT", Kind::Name).optional(3),
    Column::new("hidden_bytes", "HIDES", BYTES).optional(2),
    Column::new("differs", "DIFFERS", Kind::Text),
    Column::new("layer", "LAYER", Kind::Id).optional(4),
    Column::new("docker", "DOCKER", Kind::Name).wide(),
    Column::new("kind_before", "WAS", Kind::Name).wide(),
    Column::new("size_before", "SIZE BEFORE", BYTES).wide(),
    Column::new("bytes", "ALLOCATED", BYTES).wide(),
    Column::new("hidden_inodes", "HIDES INODES", Kind::Count).wide(),
    Column::new("dir", "DIRECTORY", Kind::Id).wide(),
    Column::new("created_by", "CREATED BY", Kind::Step).wide(),
    Column::new("links", "LINKS", Kind::Count).hidden(),
];

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let mut list = List::new(&COLUMNS, "items", (&args.choice, global, output))?;
    if args.verbose {
        list.widen();
    }
    let input = Input::open(global, Scan::Skip, output)?;
    input.mention_hidden_marks(output);
    let audit = input.audit();
    let target = input.find(&args.target)?;
    let tops = tops(audit, &args.target, &target)?;
    let mut changes = Changes::new(&args.target, (target.kind(), target.id()));
    let mut unread = Vec::new();
    for top in tops {
        let (_, union) = input.union(top)?;
        changes.add(audit, top, &crate::union::changes::find(&union, (0, 1)));
        unread.append(&mut union.into_lost());
    }
    let document = Document::new("changes", &audit.inventory, changes).with(&unread);
    list.print(&document, output)?;
    if global.format == Format::Table && !global.quiet {
        output.print(&summary(&document.body.totals, output))?;
    }
    Ok(targets::told(&unread, output).or(input.status()))
}

/// The directories that are meant, or why there are none.
pub(super) fn tops(audit: &Audit, text: &str, target: &Target) -> Result<Vec<DirId>, Failure> {
    let tops = if let Target::Thing(thing) = target { stack::tops(&audit.inventory, thing) } else { Vec::new() };
    if tops.is_empty() {
        let hint = "give a container, an image, a layer or a directory of overlay2/";
        return Err(Failure::not_found(format!("{text} is a {} without a layer directory that is known", target.kind())).hint(hint));
    }
    Ok(tops)
}

fn summary(totals: &Totals, output: &Output) -> String {
    let bytes = |bytes| output.bytes(bytes);
    let Totals { added, changed, replaced, deleted, copied, .. } = totals;
    let mut lines =
        vec![String::new(), format!("{added} added, {changed} changed, {replaced} replaced, {deleted} deleted, {copied} only copied")];
    lines.push(format!("Occupied: {}, of which {} for files that were there before", bytes(totals.bytes), bytes(totals.copied_bytes)));
    if totals.unchanged > 0 {
        let files = words::count(totals.unchanged, "file");
        lines.push(format!("Copied up without need: {files} with the same content as before, {}", bytes(totals.unchanged_bytes)));
    }
    if totals.hidden_inodes > 0 {
        let inodes = words::count(totals.hidden_inodes, "inode");
        lines.push(format!("Hidden of the layers below: {}, {inodes}", bytes(totals.hidden_bytes)));
    }
    lines.join("\n") + "\n"
}
