use super::args::{Choice, Global};
use super::exit::{Failure, Status};
use super::input::Input;
use super::list::List;
use super::output::Output;
use super::progress;
use super::session::Scan;
use super::targets;
use crate::graph::Thing;
use crate::id::ImageId;
use crate::inventory::Inventory;
use crate::render::column::{Column, Kind, short_id};
use crate::render::escape;
use crate::render::format::Format;
use crate::render::size::{self, Digits};
use crate::render::words;
use crate::report::Document;
use crate::report::target::Target;
use crate::report::waste::{Content, Duplicates, PathItem, Waste};
use crate::union::waste::{self, Ask, Forest};
use std::collections::BTreeSet;

/// Say what images store and no container of theirs can see
///
/// WASTED is what later layers delete or overwrite, files copied again with the same content (UNCHANGED), and whiteouts; with what is visible it
/// adds up to SIZE. Under it stand the worst paths, the steps that made and hid them, and what to change. EFFICIENCY is computed as the
/// best-known explorer of layers does. Without IMAGE all images are looked at, but for the
/// nameless ones between the steps of a build; each layer is read once, however many have it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  layerwise waste
  layerwise waste app:1 --paths 50
  layerwise waste --duplicates --larger-than 1MB
  layerwise waste --archive app.tar                    of what `docker save` wrote, without Docker
  layerwise waste --sort wasted_bytes --format '{{.References}} {{.WastedBytes}} {{.Efficiency}}'")]
pub(super) struct Args {
    /// Only these images
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// How many of the worst paths are told
    #[arg(long, value_name = "N", default_value_t = 10)]
    paths: usize,
    /// Also find files of the same content, which reads every file that is as long as another
    #[arg(long)]
    duplicates: bool,
    /// How long files must be for --duplicates to look at them
    #[arg(long, value_name = "SIZE", default_value = "64kB", value_parser = size::parse)]
    larger_than: u64,
    /// Show more columns
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    choice: Choice,
}

const BYTES: Kind = Kind::Bytes(Digits::Four);

static COLUMNS: [Column; 15] = [
    Column::new("references", "IMAGE", Kind::References),
    Column::new("id", "IMAGE ID", Kind::Id),
    Column::new("layers", "LAYERS", Kind::Count).optional(5),
    Column::new("bytes", "SIZE", BYTES).optional(1),
    Column::new("wasted_bytes", "WASTED", BYTES),
    Column::new("deleted_bytes", "DELETED", BYTES).optional(2),
    Column::new("overwritten_bytes", "OVERWRITTEN", BYTES).optional(3),
    Column::new("unchanged_bytes", "UNCHANGED", BYTES).optional(4),
    Column::new("efficiency", "EFFICIENCY", Kind::Percent),
    Column::new("inodes", "INODES", Kind::Count).wide(),
    Column::new("wasted_inodes", "WASTED INODES", Kind::Count).wide(),
    Column::new("whiteouts", "WHITEOUTS", Kind::Count).wide(),
    Column::new("visible_bytes", "VISIBLE", BYTES).wide(),
    Column::new("visible_inodes", "VISIBLE INODES", Kind::Count).wide(),
    Column::new("has_redirects", "REDIRECTS", Kind::Bool).hidden(),
];

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let mut list = List::new(&COLUMNS, "items", (&args.choice, global, output))?;
    if args.verbose {
        list.widen();
    }
    let input = Input::open(global, Scan::Skip, output)?;
    input.mention_hidden_marks(output);
    let audit = input.audit();
    let images = images(&input, &args.images)?;
    let (forest, incomplete) = Forest::plant(&audit.inventory, &images);
    for missing in &incomplete {
        let (image, layer) = (missing.image.to_string(), missing.layer.to_string());
        let why = match input {
            Input::DataRoot(_) => format!("there is no directory of its layer {layer}; see `layerwise check`"),
            Input::Archives(..) => format!("its layer {layer} could not be read"),
        };
        output.note(&format!("image {image} was left out: {why}"));
    }
    let ask = Ask { copies: args.duplicates.then_some(args.larger_than), ..Ask::default() };
    let found = progress::while_reading(&ask.met, || waste::find(&*input.layers(), &forest, &ask));
    let mut report = Waste::new(audit, &forest, &found, args.paths);
    report.duplicates = args.duplicates.then(|| Duplicates::new(audit, &forest, &found, args.paths));
    report.incomplete = incomplete.iter().map(|missing| missing.image).collect();
    if report.items.iter().any(|item| item.has_redirects) {
        output.note("note: some images have directories that were renamed by reference: what these show is counted as if it were hidden");
    }
    let document = Document::new("waste", &audit.inventory, report).with(&found.lost);
    list.print(&document, output)?;
    if global.format == Format::Table && !global.quiet {
        output.print(&worst(&document.body, output))?;
    }
    let status = targets::told(&found.lost, output);
    Ok(if incomplete.is_empty() && input.status() == Status::Fine { status } else { Status::Findings })
}

/// The images that are meant: if none is named, all that somebody may make a container of.
fn images(input: &Input, texts: &[String]) -> Result<BTreeSet<ImageId>, Failure> {
    if texts.is_empty() {
        return Ok(images_of_use(&input.audit().inventory));
    }
    let image = |text: &String| match input.find(text)? {
        Target::Thing(Thing::Image(id)) => Ok(id),
        other => Err(Failure::usage(format!("{text} is a {}, not an image", other.kind()))),
    };
    texts.iter().map(image).collect()
}

/// All images but those between the steps of a build: they have no name and no container, another was built upon them, and they show what the
/// finished one has deleted.
fn images_of_use(inventory: &Inventory) -> BTreeSet<ImageId> {
    let of_containers = inventory.containers.values().filter_map(|container| container.config.as_ref()?.image);
    let used: BTreeSet<ImageId> = inventory.references.values().copied().chain(of_containers).collect();
    let steps: BTreeSet<ImageId> = inventory.images.values().filter_map(|image| image.parent).collect();
    inventory.images.keys().copied().filter(|image| used.contains(image) || !steps.contains(image)).collect()
}

/// What is said under the table.
fn worst(waste: &Waste, output: &Output) -> String {
    let totals = &waste.totals;
    let share = size::percent(totals.unseen_bytes, totals.bytes).map_or_else(String::new, |percent| format!(" ({percent}%)"));
    let inodes = words::count(totals.unseen_inodes, "inode");
    let (stored, unseen) = (output.bytes(totals.bytes), output.bytes(totals.unseen_bytes));
    let mut lines = vec![String::new(), format!("Seen by none of these images: {unseen} of {stored}{share}, {inodes}")];
    for path in &waste.paths {
        lines.push(String::new());
        lines.extend(told(path, output));
    }
    if waste.paths_omitted > 0 {
        lines.push(String::new());
        lines.push(format!("and {}: see --paths", words::count(waste.paths_omitted, "more path")));
    }
    if let Some(duplicates) = &waste.duplicates {
        lines.push(String::new());
        lines.push(format!("Stored more than once, by files: {}", output.bytes(duplicates.bytes_lost)));
        lines.extend(duplicates.contents.iter().flat_map(|content| copies(content, output)));
        if duplicates.omitted > 0 {
            lines.push(format!("and {}: see --paths", words::count(duplicates.omitted, "more content")));
        }
    }
    lines.iter().map(|line| escape::line(line).into_owned() + "\n").collect()
}

fn copies(content: &Content, output: &Output) -> Vec<String> {
    let place = if content.in_one_image { "in one image" } else { "in different images" };
    let mut lines =
        vec![String::new(), format!("{}  {}, {place}", output.bytes(content.bytes_lost), words::count(number_of(content), "file"))];
    lines.extend(content.copies.iter().map(|copy| {
        let layer = copy.layer.map_or_else(String::new, |layer| short_id(&layer.to_string(), output.look.ids));
        format!("  {}  {layer} {}", copy.path, copy.created_by.as_deref().unwrap_or_default())
    }));
    lines
}

fn number_of(content: &Content) -> u64 {
    u64::try_from(content.copies.len()).unwrap_or(u64::MAX)
}

fn told(path: &PathItem, output: &Output) -> Vec<String> {
    let images = words::count(path.images, "image");
    let verb = if path.why == "unchanged" { "stored again with the same content" } else { path.why };
    let by = |layer: Option<crate::id::ChainId>, step: &Option<String>| {
        let layer = layer.map_or_else(String::new, |layer| short_id(&layer.to_string(), output.look.ids));
        step.as_ref().map_or(layer.clone(), |step| format!("{layer} {step}"))
    };
    vec![
        format!("{}  {}: {verb}, in {images}", output.bytes(path.bytes), path.path),
        format!("  stored by  {}", by(path.stored_in, &path.stored_by_step)),
        format!("  hidden by  {}", by(path.hidden_by, &path.hidden_by_step)),
        format!("  advice     {}", path.advice),
    ]
}
