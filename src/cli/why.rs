use super::args::Global;
use super::exit::{Failure, Status};
use super::list::print_items;
use super::output::Output;
use super::session::{Scan, Session};
use super::targets;
use crate::render::column::short_id;
use crate::render::escape;
use crate::render::size::{self, Digits};
use crate::report::why::{self, Item};
use crate::report::{Document, Items};
use crate::usage::class::Classifier;

/// Say what something is, what holds it, and if nothing does, why not
///
/// TARGET is whatever is in hand: a directory of `overlay2/` or the beginning of its name, any path below the data-root (absolute, or
/// from the working directory, the data-root or `overlay2/` on), a link of `overlay2/l/`, the id of an image, layer, container or build snapshot, a `repo:tag`, a container's name.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  layerwise why /var/lib/docker/overlay2/4f2c…/diff/usr
  layerwise why 6Y5IM2XC7TSNIJZZFLJCS6I4I4
  layerwise why app:1 web")]
pub(super) struct Args {
    /// What to explain
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<String>,
    /// Measure too, to say how large it is
    #[arg(long)]
    scan: bool,
    /// Accepted for symmetry with the lists: nothing is measured unless --scan is given
    #[arg(long, hide = true)]
    no_scan: bool,
}

/// How many holders are shown to people.
const SHOWN: usize = 10;

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let session = Session::open(global, if args.scan { Scan::Measure } else { Scan::Skip }, output)?;
    let audit = &session.audit;
    let classifier = Classifier::new(&audit.inventory, &audit.graph, &audit.verdicts);
    let (items, status) = targets::answer(&session, &args.targets, output, |text, target| why::answer(audit, &classifier, text, target));
    let document = Document::new("why", &audit.inventory, Items { items });
    let draw = |items: &[Item], output: &Output| Ok(items.iter().map(|item| explain(item, global, output)).collect());
    print_items(&document, |item| &item.id, (global, output), draw)?;
    Ok(status)
}

/// The answer for people.
fn explain(item: &Item, global: &Global, output: &Output) -> String {
    let mut lines = vec![format!("{} {}", item.kind, item.id)];
    if let Some(path) = &item.path {
        lines.push(format!("  path: {path}"));
    }
    if let (Some(bytes), Some(inodes)) = (item.bytes, item.inodes) {
        lines.push(format!("  size: {}, {}", size::human(bytes, Digits::Four), crate::render::words::count(inodes, "inode")));
    }
    let reason = item.reason.as_ref().map(|reason| match why::describe_garbage(reason) {
        Some(what) => format!(" ({reason}): {what}"),
        None => format!(": {reason}"),
    });
    lines.push(format!("  verdict: {}{}", item.verdict, reason.unwrap_or_default()));
    lines.push(format!("  class: {}", item.class));
    if item.held_by.is_empty() {
        // What dockerd or the kernel asks for by itself needs no holder.
        let nothing = if item.verdict == "in-use" { "nothing else" } else { "nothing" };
        lines.push(format!("  held by: {nothing}"));
    } else {
        lines.push("  held by:".to_owned());
    }
    let shown = if global.no_trunc { usize::MAX } else { SHOWN };
    for holder in item.held_by.iter().take(shown) {
        let is_name = matches!(holder.kind.as_str(), "reference" | "live-mount" | "process");
        let id = if is_name { holder.id.clone() } else { short_id(&holder.id, output.look.ids) };
        let named = if holder.name == id || holder.name == holder.id { String::new() } else { format!(" ({})", holder.name) };
        lines.push(format!("    {} {id}{named}: {}", holder.kind, holder.via));
    }
    if item.held_by.len() > shown {
        lines.push(format!("    … and {} more (--no-trunc shows all)", item.held_by.len() - shown));
    }
    lines.iter().map(|line| escape::line(line).into_owned() + "\n").collect()
}
