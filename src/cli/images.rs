use super::args::{Global, ListArgs};
use super::exit::{Failure, Status};
use super::list;
use super::output::Output;
use crate::audit::Audit;
use crate::render::column::{Column, Kind};
use crate::render::size::Digits;
use crate::report::images;

/// List images with the bytes and inodes that they share and have alone
///
/// SIZE is what an image's layers take on the disk, SHARED what of that other images have too, EXCLUSIVE what no other image has, and
/// RECLAIMABLE what removing this image alone would give back. Docker's own figures are in `docker_size`, `docker_shared_size` and
/// `docker_unique_size`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Show the nameless images between the steps of a build too
    #[arg(short, long)]
    all: bool,
    #[command(flatten)]
    list: ListArgs,
}

const BYTES: Kind = Kind::Bytes(Digits::Four);

static COLUMNS: [Column; 19] = [
    Column::new("repository", "REPOSITORY", Kind::NamePart { more: None }),
    Column::new("tag", "TAG", Kind::NamePart { more: Some("references") }),
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
    Column::new("digest", "DIGEST", Kind::Text).hidden(),
    Column::new("parent", "PARENT", Kind::Id).hidden(),
    Column::new("intermediate", "INTERMEDIATE", Kind::Bool).hidden(),
    Column::new("missing_layers", "MISSING", Kind::Count).hidden(),
];

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let listed = |audit: &Audit| {
        let mut items = images::list(audit);
        items.retain(|item| args.all || !item.intermediate);
        // As Docker lists them; those that do not say when come last.
        items.sort_by(|one, other| other.created.cmp(&one.created));
        items
    };
    list::run(("images", &COLUMNS), listed, (&args.list, global, output))
}
