use super::args::{Choice, Global, ListArgs};
use super::exit::{Failure, Status};
use super::input::Input;
use super::list::{self, print_single};
use super::output::Output;
use super::session::{Scan, Session};
use crate::plan::Wanted;
use crate::render::age;
use crate::render::column::{Column, Kind};
use crate::render::docker::DISK_USAGE;
use crate::render::format::Format;
use crate::render::size::{self, Digits};
use crate::render::table::{Align, Fit, Heading, Table};
use crate::report::df::{self, Detail, Df, FromCacheItem, LargeItem, Weight};
use crate::report::{Document, docker_df, why};
use crate::usage::class::Class;

/// Show what the disk space and the inodes are used for
///
/// The classes add up to the total, and the total is what `du -sx` counts, to the byte and the inode. UNUSED is what no container needs; the
/// lines below the table say which command gives it back. Exit status 1: something could not be measured, so there is more than shown.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Show the largest things of each class too (all of them with --no-trunc), the largest files and the fullest directories
    #[arg(short, long)]
    verbose: bool,
}

/// How many things of a class, files and directories `-v` shows.
const SHOWN: usize = 10;

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let scan = if args.verbose { Scan::MeasureLargest(SHOWN) } else { Scan::Measure };
    let session = Session::open_with(global, (scan, &Wanted::default()), output)?;
    let Some(account) = &session.audit.account else { return Err(Failure::unreadable("nothing was measured")) };
    let detail = if args.verbose { Detail::Things } else { Detail::Classes };
    let df = df::sum(&session.audit, account, session.filesystem(), detail);
    let unmeasured = &account.measured.unreadable;
    let status = if unmeasured.is_empty() { Status::Fine } else { Status::Findings };
    let document = Document::new("df", &session.audit.inventory, df).with(unmeasured);
    if print_single(&document, global, output)? {
        return Ok(status);
    }
    let mut text = classes(&document.body, output);
    text.push_str(&remarks(&document.body, output));
    if let Some(things) = &document.body.things {
        let shown = if global.no_trunc { usize::MAX } else { SHOWN };
        for class in Class::ALL {
            text.push_str(&largest(class, things, shown, output));
        }
        // What is in remembered layers was not looked at.
        let of = if document.body.from_cache.as_ref().is_some_and(|from_cache| from_cache.layers > 0) {
            ", OF WHAT WAS MEASURED NOW"
        } else {
            ""
        };
        text.push_str(&paths((&format!("LARGEST FILES{of}"), "SIZE"), document.body.largest_files.as_deref(), output));
        text.push_str(&paths((&format!("FULLEST DIRECTORIES{of}"), "ENTRIES"), document.body.fullest_directories.as_deref(), output));
    }
    output.print(&text)?;
    Ok(status)
}

/// Answers `system df`: with a template of Docker's fields as Docker does, else as `df`.
pub(super) fn system(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let asks_docker = match &global.format {
        Format::Template(template) | Format::TableOf(template) => DISK_USAGE.names.iter().any(|(name, _)| template.names(name)),
        Format::Table | Format::Json | Format::JsonLines => false,
    };
    if !asks_docker {
        return run(args, global, output);
    }
    let list = ListArgs { choice: Choice { sort: None, filter: Vec::new() }, no_scan: false };
    let kind = list::Kind { name: "system-df", columns: &SYSTEM, fields: Some(&DISK_USAGE) };
    let listed = |input: &Input| Ok(input.root().map_or_else(Vec::new, |root| docker_df::list(input.audit(), root)));
    list::run_resolved(kind, &[], listed, (&list, global, output))
}

static SYSTEM: [Column; 6] = [
    Column::new("kind", "TYPE", Kind::Name),
    Column::new("total_count", "TOTAL", Kind::Count),
    Column::new("active", "ACTIVE", Kind::Count),
    Column::new("docker_size", "SIZE", Kind::Bytes(Digits::Four)),
    Column::new("docker_reclaimable", "RECLAIMABLE", Kind::Bytes(Digits::Four)),
    Column::new("docker_reclaimable_text", "RECLAIMABLE", Kind::Text).hidden(),
];

fn bytes(bytes: u64, output: &Output) -> String {
    output.bytes(bytes)
}

fn heading(title: &str, align: Align) -> Heading {
    Heading { title: title.to_owned(), align, fit: if align == Align::Left { Fit::Shorten } else { Fit::Keep } }
}

/// The table of the classes and their sum.
fn classes(df: &Df, output: &Output) -> String {
    let right = |(title, fit): (&str, Fit)| Heading { title: title.to_owned(), align: Align::Right, fit };
    let figures = [("COUNT", Fit::Omit(2)), ("SIZE", Fit::Keep), ("APPARENT", Fit::Omit(1)), ("INODES", Fit::Keep), ("UNUSED", Fit::Keep)];
    let class = Heading { title: "CLASS".to_owned(), align: Align::Left, fit: Fit::Keep };
    let mut table = Table::new(std::iter::once(class).chain(figures.map(right)).collect());
    let mut row = |name: &str, count: String, weight: Weight, reclaimable: u64| {
        let share = size::percent(reclaimable, weight.bytes).map_or_else(String::new, |percent| format!(" ({percent}%)"));
        let reclaimable = format!("{}{share}", bytes(reclaimable, output));
        table.push([
            name.to_owned(),
            count,
            bytes(weight.bytes, output),
            bytes(weight.apparent_bytes, output),
            weight.inodes.to_string(),
            reclaimable,
        ]);
    };
    for class in &df.classes {
        row(class.class.name(), class.count.to_string(), class.weight, class.reclaimable_bytes);
    }
    let reclaimable = df.classes.iter().map(|class| class.reclaimable_bytes).sum();
    row("total", String::new(), df.total, reclaimable);
    table.render(&output.style)
}

/// What is to be said beside the table.
fn remarks(df: &Df, output: &Output) -> String {
    let mut lines = vec![String::new()];
    if let Some(filesystem) = &df.filesystem {
        let inodes = match filesystem.inodes_total {
            0 => String::new(),
            total => format!(", {} of {total} inodes", filesystem.inodes_free),
        };
        let (available, total) = (bytes(filesystem.bytes_available, output), bytes(filesystem.bytes_total, output));
        lines.push(format!("File system: {}, available: {available} of {total}{inodes}", filesystem.kind));
    }
    let logs: u64 = df.classes.iter().filter_map(|class| class.log_bytes).sum();
    if logs > 0 {
        lines.push(format!("Logs of containers: {} of container-files", bytes(logs, output)));
    }
    for garbage in &df.garbage {
        let what = why::describe_garbage(garbage.code).unwrap_or_default();
        lines.push(format!("Garbage: {} {}, {}: {what}", garbage.count, garbage.code, bytes(garbage.weight.bytes, output)));
    }
    let copies = df.stored_more_than_once.len();
    if copies > 0 {
        let lost = df.stored_more_than_once.iter().filter_map(|copy| copy.bytes_lost).sum();
        lines.push(format!(
            "Stored more than once: {}, {} lost to copies",
            crate::render::words::count(crate::render::words::to_u64(copies), "content"),
            bytes(lost, output)
        ));
    }
    if !df.not_entered.is_empty() {
        lines.push(format!(
            "Not counted: what is mounted at {} below the data-root",
            crate::render::words::count(len(&df.not_entered), "place")
        ));
    }
    lines.extend(df.from_cache.as_ref().map(|from_cache| from(from_cache, output)));
    lines.push(String::new());
    lines.join("\n") + &ways(df, output)
}

/// Which command gives back how much of what is not used.
fn ways(df: &Df, output: &Output) -> String {
    if df.ways.is_empty() {
        return String::new();
    }
    let mut table =
        Table::new(vec![heading("TO GET IT BACK", Align::Left), heading("UP TO", Align::Right), heading("REMOVES", Align::Left)]);
    for way in &df.ways {
        table.push([way.command.to_owned(), bytes(way.bytes, output), way.removes.to_owned()]);
    }
    format!("\n{}", table.render(&output.style))
}

/// What was not measured now.
fn from(cache: &FromCacheItem, output: &Output) -> String {
    let layers = crate::render::words::count(cache.layers, "layer directory");
    let oldest = cache.oldest.as_ref().and_then(|oldest| oldest.parse().ok()).map(|oldest| age::ago(oldest, output.look.now));
    let Some(oldest) = oldest else { return "From the cache: nothing; everything was measured now".to_owned() };
    let (bytes, inodes) = (bytes(cache.bytes, output), crate::render::words::count(cache.inodes, "inode"));
    format!("From the cache: {layers}, {bytes}, {inodes}; the oldest figure was measured {}", oldest.to_lowercase())
}

fn len<T>(list: &[T]) -> u64 {
    u64::try_from(list.len()).unwrap_or(u64::MAX)
}

/// The table of the largest things of a class.
fn largest(class: Class, things: &[df::ThingItem], shown: usize, output: &Output) -> String {
    let things: Vec<_> = things.iter().filter(|thing| thing.class == class).collect();
    if things.is_empty() {
        return String::new();
    }
    let mut table = Table::new(vec![
        Heading { title: class.name().to_uppercase(), align: Align::Left, fit: Fit::Keep },
        heading("ID", Align::Left),
        heading("SIZE", Align::Right),
        heading("INODES", Align::Right),
        heading("BELONGS TO", Align::Left),
    ]);
    for thing in things.iter().take(shown) {
        let belongs = thing.reason.as_ref().map_or_else(|| thing.name.clone(), |reason| format!("nothing: {reason}"));
        let id = crate::render::column::short_id(&thing.id, output.look.ids);
        table.push([thing.kind.clone(), id, bytes(thing.weight.bytes, output), thing.weight.inodes.to_string(), belongs]);
    }
    let more = match things.len().saturating_sub(shown) {
        0 => String::new(),
        more => format!("… and {more} more\n"),
    };
    format!("\n{}{more}", table.render(&output.style))
}

/// The table of the largest files, or of the fullest directories.
fn paths((title, measure): (&str, &str), paths: Option<&[LargeItem]>, output: &Output) -> String {
    let Some(paths) = paths.filter(|paths| !paths.is_empty()) else { return String::new() };
    let mut table = Table::new(vec![heading(title, Align::Left), heading(measure, Align::Right)]);
    for large in paths {
        let weight = large.bytes.map(|size| bytes(size, output)).or(large.entries.map(|entries| entries.to_string()));
        table.push([large.path.clone(), weight.unwrap_or_default()]);
    }
    format!("\n{}", table.render(&output.style))
}
