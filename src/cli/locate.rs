use super::args::{Choice, Global};
use super::changes::tops;
use super::exit::{Failure, Status};
use super::input::Input;
use super::list::List;
use super::output::Output;
use super::session::Scan;
use super::targets;
use crate::graph::Thing;
use crate::render::column::{Column, Kind};
use crate::render::escape;
use crate::render::format::Format;
use crate::render::size::Digits;
use crate::report::Document;
use crate::report::locate::Locate;
use crate::report::target::Target;
use crate::union::locate;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

/// Say which layer provides a path, and what hides its other versions
///
/// PATH is one as a container sees it; links above its last component are followed. Versions that were deleted or overwritten still occupy their
/// layers; HIDDEN says by what. What is mounted into a container (volumes, /proc, /etc/hosts) is in no layer. Exit status 1 means that a
/// container sees nothing there.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  layerwise locate /etc/passwd in app:1
  layerwise locate /usr/lib/libssl.so web -v
  layerwise locate /var/cache in app:1 --format '{{.Role}} {{.DiskPath}}'")]
pub(super) struct Args {
    /// The path, and what it is a path in, with or without `in` between them
    #[arg(required = true, num_args = 1..=3, value_names = ["PATH", "in", "IMAGE|CONTAINER"])]
    words: Vec<OsString>,
    /// Show more columns
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    choice: Choice,
}

static COLUMNS: [Column; 17] = [
    Column::new("role", "ROLE", Kind::Name),
    Column::new("layer", "LAYER", Kind::Id),
    Column::new("dir", "DIRECTORY", Kind::Id).optional(4),
    Column::new("kind", "KIND", Kind::Name).optional(3),
    Column::new("size", "SIZE", Kind::Bytes(Digits::Four)).optional(2),
    Column::new("hidden", "HIDDEN", Kind::Name),
    Column::new("hidden_by", "HIDDEN BY", Kind::Id).optional(1),
    Column::new("created_by", "CREATED BY", Kind::Step),
    Column::new("mode", "MODE", Kind::Name).wide(),
    Column::new("user", "USER", Kind::Count).wide(),
    Column::new("group", "GROUP", Kind::Count).wide(),
    Column::new("bytes", "ALLOCATED", Kind::Bytes(Digits::Four)).wide(),
    Column::new("hidden_at", "HIDDEN AT", Kind::Name).wide(),
    Column::new("hidden_by_step", "HIDDEN BY STEP", Kind::Step).wide(),
    Column::new("disk_path", "PATH ON DISK", Kind::Name).wide(),
    Column::new("layer_kind", "LAYER KIND", Kind::Name).hidden(),
    Column::new("leads_to", "LEADS TO", Kind::Name).hidden(),
];

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let (path, text) = match args.words.as_slice() {
        [path, text] => (path, text),
        [path, word, text] if word == "in" => (path, text),
        [path] => {
            let path = escape::line(&path.to_string_lossy()).into_owned();
            let failure = Failure::usage(format!("locate looks for {path} in an image or a container: say in which"));
            return Err(failure.hint(format!("layerwise locate {path} in app:1")));
        }
        _ => return Err(Failure::usage("locate takes a path and an image or container: locate PATH in IMAGE")),
    };
    let text = text.to_str().ok_or_else(|| Failure::usage("the image or container is not valid UTF-8"))?;
    let mut list = List::new(&COLUMNS, "items", (&args.choice, global, output))?;
    if args.verbose {
        list.widen();
    }
    let input = Input::open(global, Scan::Skip, output)?;
    input.mention_hidden_marks(output);
    let audit = input.audit();
    let target = input.find(text)?;
    let tops = tops(audit, text, &target)?;
    if let Target::Thing(Thing::Image(id)) = target
        && audit.inventory.images.get(&id).is_some_and(|image| image.config.diff_ids.len() > tops.len())
    {
        let error = Failure::unreadable(format!("cannot say what is in {text}: not all of its layers are there"));
        return Err(error.hint("`missing_layers` of images says which are not"));
    }
    let top = *tops.last().ok_or_else(|| Failure::not_found(format!("{text} has no layer")))?;
    let (directories, union) = input.union(top)?;
    let Some(location) = locate::locate(&union, path.as_bytes()) else {
        return Err(Failure::not_found(format!("the links of {} lead in a circle", escape::name(path.as_bytes()))));
    };
    let locate = Locate::new(audit, (text, target.kind(), target.id()), path.as_bytes(), (&union, &directories, &location));
    let unread = union.into_lost();
    let document = Document::new("locate", &audit.inventory, locate).with(&unread);
    if global.format == Format::Table && !global.quiet {
        output.print(&format!("{}\n\n", escape::line(&sentence(&document.body))))?;
    }
    list.print(&document, output)?;
    let status = targets::told(&unread, output).or(input.status());
    Ok(if document.body.exists { status } else { Status::Findings })
}

/// The answer in a sentence.
fn sentence(locate: &Locate) -> String {
    let Locate { target, resolved_path, leads_to, items, .. } = locate;
    let leads = leads_to.as_ref().map_or_else(String::new, |link| format!(", and leads to {link}"));
    match items.iter().find(|item| item.role == "provides") {
        Some(item) => format!("{resolved_path} in {target} is a {}{leads}", item.kind),
        None if items.is_empty() => format!("{resolved_path} is not in {target}, and was in none of its layers"),
        None => format!("{resolved_path} is not in {target} any more"),
    }
}
