use super::args::{Global, ListArgs};
use super::exit::{Failure, Status};
use super::habits::{self, Habits, is_reference};
use super::input::Input;
use super::list::{self, List};
use super::output::Output;
use crate::render::column::{Column, Kind, Show};
use crate::render::docker::IMAGES;
use crate::render::size::Digits;
use crate::report::images::{self, Item};
use jiff::Timestamp;

/// List images with the bytes and inodes that they share and have alone
///
/// SIZE is what an image's layers take on the disk, SHARED what of that other images have too, EXCLUSIVE what no other image has, and
/// RECLAIMABLE what removing this image alone would give back. Docker's own figures are in `docker_size`, `docker_shared_size` and
/// `docker_unique_size`.
///
/// Docker's filters work here: dangling=true, reference='app*', before=IMAGE, since=IMAGE, label=KEY[=VALUE], until=24h; and so do Docker's
/// fields in templates.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Show the nameless images between the steps of a build too
    #[arg(short, long)]
    all: bool,
    /// Show the digests too
    #[arg(long)]
    digests: bool,
    #[command(flatten)]
    list: ListArgs,
    /// Show only images with this name
    #[arg(value_name = "REPOSITORY[:TAG]")]
    name: Option<String>,
}

const BYTES: Kind = Kind::Bytes(Digits::Four);

static COLUMNS: [Column; 19] = columns(Show::Hidden);
static WITH_DIGESTS: [Column; 19] = columns(Show::Always);

const fn columns(digest: Show) -> [Column; 19] {
    [
        Column::new("repository", "REPOSITORY", Kind::NamePart { more: None }),
        Column::new("tag", "TAG", Kind::NamePart { more: Some("references") }),
        Column { show: digest, ..Column::new("digest", "DIGEST", Kind::Text) },
        Column::new("id", "IMAGE ID", Kind::Id),
        Column::new("created", "CREATED", Kind::Age).optional(3),
        Column::new("layers", "LAYERS", Kind::Count).optional(5),
        Column::new("bytes", "SIZE", BYTES),
        Column::new("shared_bytes", "SHARED", BYTES).optional(4),
        Column::new("exclusive_bytes", "EXCLUSIVE", BYTES),
        Column::new("reclaimable_bytes", "RECLAIMABLE", BYTES).optional(1),
        Column::new("inodes", "INODES", Kind::Count).optional(2),
        Column::new("containers", "CONTAINERS", Kind::Count).optional(6),
        Column::new("docker_size", "DOCKER SIZE", Kind::Bytes(Digits::Three)).wide(),
        Column::new("docker_shared_size", "DOCKER SHARED", BYTES).wide(),
        Column::new("docker_unique_size", "DOCKER UNIQUE", BYTES).wide(),
        Column::new("references", "NAMES", Kind::References).wide(),
        Column::new("parent", "PARENT", Kind::Id).hidden(),
        Column::new("intermediate", "INTERMEDIATE", Kind::Bool).hidden(),
        Column::new("missing_layers", "MISSING", Kind::Count).hidden(),
    ]
}

/// The filters of `docker images` that are no keys.
const FILTERS: [&str; 6] = ["dangling", "reference", "before", "since", "label", "until"];

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let (habits, list) = Habits::take(&args.list, &FILTERS);
    let wanted = Wanted::new(args, &habits, output)?;
    let columns = if args.digests { &WITH_DIGESTS } else { &COLUMNS };
    let mut printer = List::with_fields(columns, ("items", Some(&IMAGES)), (&list.choice, global, output))?;
    if args.digests {
        printer.show_digests();
    }
    let listed = |input: &Input| wanted.list(input);
    list::print_resolved(printer, ("images", &["parent"]), listed, (&list, global, output))
}

/// Which images are wanted, as Docker's filters say it.
struct Wanted<'a> {
    all: bool,
    habits: &'a Habits,
    dangling: Option<bool>,
    until: Option<Timestamp>,
    patterns: Vec<&'a str>,
}

impl<'a> Wanted<'a> {
    fn new(args: &'a Args, habits: &'a Habits, output: &Output) -> Result<Self, Failure> {
        let now = output.look.now;
        Ok(Self {
            all: args.all,
            habits,
            dangling: habits.flag("dangling")?,
            until: habits.of("until").map(|text| habits::until(text, now)).collect::<Result<Vec<_>, _>>()?.into_iter().min(),
            patterns: args.name.iter().map(String::as_str).chain(habits.of("reference")).collect(),
        })
    }

    fn list(&self, input: &Input) -> Result<Vec<Item>, Failure> {
        let audit = input.audit();
        let mut items = images::list(audit);
        if self.habits.has("label") {
            let root = input.root().ok_or_else(|| Failure::usage("labels of images in archives are not read"))?;
            images::add_labels(&mut items, root);
        }
        let when = |text: &str| {
            let id = habits::image(audit, text)?;
            Ok(habits::created(audit.inventory.images.get(&id).and_then(|image| image.config.created.as_deref())))
        };
        let times = |key| self.habits.of(key).map(when).collect::<Result<Vec<Timestamp>, Failure>>();
        let (before, since) = (times("before")?.into_iter().min(), times("since")?.into_iter().max());
        items.retain(|item| {
            let created = habits::created(item.created.as_deref());
            (self.all || !item.intermediate)
                && before.is_none_or(|time| created < time)
                && since.is_none_or(|time| created > time)
                && self.until.is_none_or(|time| created < time)
                && self.habits.label(&item.labels)
                && self.dangling.is_none_or(|wanted| wanted == is_dangling(item))
        });
        if !self.patterns.is_empty() {
            for item in &mut items {
                item.keep_names(|name| self.patterns.iter().any(|pattern| is_reference(pattern, name)));
            }
            items.retain(|item| !item.references.is_empty());
        }
        // As Docker lists them; those that do not say when come last.
        items.sort_by(|one, other| other.created.cmp(&one.created));
        Ok(items)
    }
}

/// Whether nothing leads to an image any more but its ID, and no image was built upon it.
fn is_dangling(item: &Item) -> bool {
    item.references.is_empty() && !item.intermediate
}
