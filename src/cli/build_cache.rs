use super::args::{Global, ListArgs};
use super::exit::{Failure, Status};
use super::list;
use super::output::Output;
use crate::render::column::{Column, Kind};
use crate::render::size::Digits;
use crate::report::build_cache;

/// List what BuildKit keeps, as `docker system df -v` does, with directories
///
/// IN USE says whether something is mounted from it now; what else a running step uses only dockerd knows. SHARED is what an image has too.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

const BYTES: Kind = Kind::Bytes(Digits::Four);

static COLUMNS: [Column; 15] = [
    Column::new("id", "CACHE ID", Kind::Id),
    Column::new("kind", "TYPE", Kind::Name),
    Column::new("dir", "DIRECTORY", Kind::Id).optional(1),
    Column::new("bytes", "SIZE", BYTES),
    Column::new("inodes", "INODES", Kind::Count).optional(5),
    Column::new("last_used", "LAST USED", Kind::Age).optional(4),
    Column::new("usage_count", "USAGE", Kind::Count).optional(6),
    Column::new("in_use", "IN USE", Kind::Bool).optional(3),
    Column::new("shared", "SHARED", Kind::Bool).optional(2),
    Column::new("description", "DESCRIPTION", Kind::Text),
    Column::new("docker_size", "DOCKER SIZE", BYTES).wide(),
    Column::new("created", "CREATED", Kind::Age).wide(),
    Column::new("parent", "PARENT", Kind::Id).wide(),
    Column::new("chain_id", "LAYER", Kind::Id).wide(),
    Column::new("parents", "PARENTS", Kind::Id).hidden(),
];

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    list::run(("build-cache", &COLUMNS), build_cache::list, (&args.list, global, output))
}
