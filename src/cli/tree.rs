use super::args::Global;
use super::exit::{Failure, Status};
use super::input::Input;
use super::list::print_items;
use super::output::Output;
use super::session::Scan;
use crate::graph::Thing;
use crate::render::column::{Kind, short_id};
use crate::render::size::Digits;
use crate::render::table::{Align, Fit, Heading};
use crate::render::tree::{Guides, Tree};
use crate::render::words;
use crate::report::images::Item;
use crate::report::target::Target;
use crate::report::tree::{self, Node};
use crate::report::{Document, Items};
use std::collections::BTreeSet;

/// Show how images share layers
///
/// Every layer is shown once, with the images that stand on it below it. The tree branches only where images part: a run of layers that the
/// same images have is one line, with the step that made its largest layer. --all shows each layer, and the images between build steps.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  layerwise tree app:1 app:2
  layerwise tree --all app:1                             each layer on a line of its own
  layerwise tree --archive app.tar --archive base.tar    what archives share")]
pub(super) struct Args {
    /// Show only these images
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// Show each layer, and the nameless images between the steps of a build
    #[arg(short, long)]
    all: bool,
    /// Do not measure; show Docker's sizes
    #[arg(long)]
    no_scan: bool,
    /// Draw with ASCII characters only
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
    let is_shown = |image: &Item| if wanted.is_empty() { args.all || !image.intermediate } else { wanted.contains(&image.id) };
    let nodes = tree::forest(input.audit(), is_shown);
    let document = Document::new("tree", &input.audit().inventory, Items { items: nodes });
    print_items(&document, |node| &node.id, (global, output), |nodes, output| Ok(draw(nodes, args, output)))?;
    Ok(input.status())
}

/// Layers of which each stands on the one before and on nothing parts, or an image.
struct Run<'a> {
    /// Its first node is the lowest.
    nodes: &'a [Node],
    /// How many branches are above it.
    depth: usize,
}

/// Gathers the nodes into runs, in their order: what is one line of the tree, unless all layers are shown.
fn runs(nodes: &[Node]) -> Vec<Run<'_>> {
    let mut children = vec![0_u64; nodes.len()];
    for above in nodes.iter().filter_map(|node| node.above) {
        children.get_mut(above).into_iter().for_each(|count| *count += 1);
    }
    let continues = |(at, node): (usize, &Node)| {
        let above = node.above.filter(|above| above + 1 == at && node.kind == LAYER);
        above.is_some_and(|above| children.get(above) == Some(&1))
    };
    let starts: Vec<usize> = nodes.iter().enumerate().filter(|&place| !continues(place)).map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([nodes.len()]);
    let mut depths: Vec<usize> = Vec::with_capacity(nodes.len());
    let mut runs = Vec::with_capacity(starts.len());
    for (&start, end) in starts.iter().zip(ends) {
        let run = nodes.get(start..end).unwrap_or_default();
        let above = run.first().and_then(|node| node.above).and_then(|above| depths.get(above));
        let depth = above.map_or(0, |depth| depth + 1);
        depths.resize(end, depth);
        runs.push(Run { nodes: run, depth });
    }
    runs
}

/// What [`Node::kind`] is for a layer.
const LAYER: &str = "layer";

fn draw(nodes: &[Node], args: &Args, output: &Output) -> String {
    let heading = |title: &str, align, fit| Heading { title: title.to_owned(), align, fit };
    let mut tree = Tree::new(vec![
        heading("LAYER", Align::Left, Fit::Shorten),
        heading("SIZE", Align::Right, Fit::Keep),
        heading("INODES", Align::Right, Fit::Omit(2)),
        heading("IMAGES", Align::Right, Fit::Omit(1)),
        heading("CREATED BY", Align::Left, Fit::Shorten),
    ]);
    for run in runs(nodes) {
        match run.nodes {
            [_, .., top] if !args.all => {
                tree.push(run.depth, format!("{} to {}", count(run.nodes), id(top, output)), sums(run.nodes, output));
            }
            [first, rest @ ..] => {
                tree.push(run.depth, label(first, output), cells(first, output));
                for node in rest {
                    tree.push_on(label(node, output), cells(node, output));
                }
            }
            [] => {}
        }
    }
    tree.render(if args.ascii { Guides::Ascii } else { Guides::Unicode }, &output.style)
}

/// What a node is called.
fn label(node: &Node, output: &Output) -> String {
    match (node.kind, node.references.as_slice()) {
        (LAYER, _) => id(node, output),
        (_, []) => format!("<none> {}", id(node, output)),
        (_, references) => words::names(references, output.look.ids),
    }
}

fn id(node: &Node, output: &Output) -> String {
    short_id(&node.id, output.look.ids)
}

fn count(layers: &[Node]) -> String {
    words::count(words::to_u64(layers.len()), LAYER)
}

/// What stands beside a node.
fn cells(node: &Node, output: &Output) -> Vec<String> {
    let images = if node.kind == LAYER { node.images.to_string() } else { String::new() };
    let step = node.created_by.as_deref().map(|step| words::step(step, output.look.ids)).unwrap_or_default();
    vec![size(weight(node), output), number(node.inodes), images, step]
}

/// What stands beside a run of layers: its sums, and the step that made the largest.
fn sums(layers: &[Node], output: &Output) -> Vec<String> {
    let sum = |value: fn(&Node) -> Option<u64>| layers.iter().try_fold(0_u64, |sum, node| sum.checked_add(value(node)?));
    let images = layers.first().map(|node| node.images.to_string()).unwrap_or_default();
    let largest = layers.iter().max_by_key(|node| weight(node));
    let step = largest.and_then(|node| {
        let step = words::step(node.created_by.as_deref()?, output.look.ids);
        Some(format!("largest {}: {step}", size(weight(node), output)))
    });
    vec![size(sum(weight), output), number(sum(|node| node.inodes)), images, step.unwrap_or_default()]
}

fn weight(node: &Node) -> Option<u64> {
    node.bytes.or(node.docker_size)
}

fn size(bytes: Option<u64>, output: &Output) -> String {
    Kind::Bytes(Digits::Four).show(&serde_json::json!(bytes), &output.look)
}

fn number(value: Option<u64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
