use super::args::Global;
use super::exit::{Failure, Status};
use super::input::Input;
use super::list::print_items;
use super::output::Output;
use super::session::Scan;
use crate::graph::Thing;
use crate::render::column::{Column, Kind};
use crate::render::size::Digits;
use crate::render::table::{Align, Fit, Heading};
use crate::render::tree::{Guides, Tree};
use crate::report::target::Target;
use crate::report::tree::{self, Node};
use crate::report::{Document, Items};
use std::collections::BTreeSet;

/// Show images over their layers, every shared layer once
///
/// Each layer stands on the one above it in the tree, with the step that made it and the number of images that have it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  layerwise tree app:1 app:2
  layerwise tree --archive app.tar --archive base.tar    what archives share")]
pub(super) struct Args {
    /// Only these images
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// Answer without measuring: sizes are Docker's
    #[arg(long)]
    no_scan: bool,
    /// Draw with ASCII characters
    #[arg(long)]
    ascii: bool,
}

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let input = Input::open(global, Scan::from(args.no_scan), output)?;
    let mut wanted = BTreeSet::new();
    for text in &args.images {
        match input.find(text)? {
            Target::Thing(Thing::Image(id)) => {
                wanted.insert(id);
            }
            other => return Err(Failure::usage(format!("{text} is a {}, not an image", other.kind()))),
        }
    }
    let nodes = tree::forest(input.audit(), &wanted);
    let document = Document::new("tree", &input.audit().inventory, Items { items: nodes });
    let guides = if args.ascii { Guides::Ascii } else { Guides::Unicode };
    print_items(&document, |node| &node.id, (global, output), |nodes, output| Ok(draw(nodes, guides, output)))?;
    Ok(input.status())
}

fn draw(nodes: &[Node], guides: Guides, output: &Output) -> String {
    let heading = |title: &str, align, fit| Heading { title: title.to_owned(), align, fit };
    let mut drawn = Tree::new(vec![
        heading("LAYER", Align::Left, Fit::Shorten),
        heading("SIZE", Align::Right, Fit::Keep),
        heading("INODES", Align::Right, Fit::Omit(2)),
        heading("IMAGES", Align::Right, Fit::Omit(1)),
        heading("CREATED BY", Align::Left, Fit::Shorten),
    ]);
    let size = Column::new("bytes", "SIZE", Kind::Bytes(Digits::Four));
    let shown = |bytes: Option<u64>| size.kind.show(&serde_json::json!(bytes), &output.look);
    for node in nodes {
        let bytes = shown(node.bytes.or(node.docker_size));
        let inodes = node.inodes.map_or_else(|| "-".to_owned(), |inodes| inodes.to_string());
        let id = crate::render::column::short_id(&node.id, output.look.ids);
        if node.kind == "layer" {
            drawn.push(node.level, id, vec![bytes, inodes, node.images.to_string(), node.created_by.clone().unwrap_or_default()]);
        } else {
            let name = if node.references.is_empty() { format!("<none> {id}") } else { node.references.join(", ") };
            drawn.push(node.level, name, vec![bytes, inodes, String::new(), String::new()]);
        }
    }
    drawn.render(guides, &output.style)
}
