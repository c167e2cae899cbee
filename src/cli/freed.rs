use super::args::Global;
use super::exit::{Failure, Status};
use super::list::print_single;
use super::output::Output;
use super::session::{Scan, Session};
use super::targets;
use crate::graph::Thing;
use crate::render::column::short_id;
use crate::render::size::{self, Digits};
use crate::render::{escape, words};
use crate::report::Document;
use crate::report::freed::{self, Freed};
use crate::report::target::Target;
use std::collections::BTreeSet;

/// Say what removing exactly these images and containers would give back
///
/// Nothing is removed. What would stay is listed with what holds it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  layerwise freed app:1 web        what `docker rm web` and `docker rmi app:1` would give back together")]
pub(super) struct Args {
    /// An image or a container
    #[arg(required = true, value_name = "IMAGE|CONTAINER")]
    targets: Vec<String>,
    /// Answer without measuring
    #[arg(long)]
    no_scan: bool,
}

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let session = Session::open(global, Scan::from(args.no_scan), output)?;
    let mut things = BTreeSet::new();
    for text in &args.targets {
        match targets::find(&session, text)? {
            Target::Thing(thing @ (Thing::Image(_) | Thing::Container(_))) => {
                things.insert(thing);
            }
            other => return Err(Failure::usage(format!("{text} is a {}: only images and containers can be removed", other.kind()))),
        }
    }
    let document = Document::new("freed", &session.audit.inventory, freed::find(&session.audit, &things));
    if !print_single(&document, global, output)? {
        let text = explain(&document.body, output);
        output.print(&text)?;
    }
    Ok(Status::Fine)
}

fn explain(freed: &Freed, output: &Output) -> String {
    let size = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), |bytes| size::human(bytes, Digits::Four));
    let count = |list: usize, noun| words::count(u64::try_from(list).unwrap_or(u64::MAX), noun);
    let inodes = freed.inodes.map_or_else(|| "-".to_owned(), |inodes| words::count(inodes, "inode"));
    let mut lines = vec![
        format!("Would be freed: {}, {inodes}", size(freed.bytes)),
        format!(
            "Would go: {}, {}, {}",
            count(freed.images.len(), "image"),
            count(freed.containers.len(), "container"),
            count(freed.layers.len(), "layer")
        ),
    ];
    for kept in &freed.kept_because {
        let because = kept.held_by.as_ref().map(|holder| {
            let more = if kept.holders > 1 { format!(" and {} more", kept.holders - 1) } else { String::new() };
            format!(" ({} {}: {}{more})", holder.kind, holder.name, holder.via)
        });
        let id = short_id(&kept.id, output.look.ids);
        lines.push(format!("Would stay: {} {id}, {}{}", kept.kind, size(kept.bytes), because.unwrap_or_default()));
    }
    lines.iter().map(|line| escape::line(line).into_owned() + "\n").collect()
}
