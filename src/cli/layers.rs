use super::args::{Global, ListArgs};
use super::exit::{Failure, Status};
use super::list;
use super::output::Output;
use crate::render::column::{Column, Kind};
use crate::render::size::Digits;
use crate::report::layers;

/// List layers with who stands on them
///
/// STATE is `in-use`, `garbage` or `unknown`; COPIES says how many layers store the same content.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

const BYTES: Kind = Kind::Bytes(Digits::Four);

static COLUMNS: [Column; 17] = [
    Column::new("chain_id", "LAYER", Kind::Id),
    Column::new("dir", "DIRECTORY", Kind::Id),
    Column::new("depth", "DEPTH", Kind::Count).optional(4),
    Column::new("images", "IMAGES", Kind::Count).optional(3),
    Column::new("containers", "CONTAINERS", Kind::Count).optional(5),
    Column::new("build_cache", "BUILDS", Kind::Count).optional(6),
    Column::new("state", "STATE", Kind::Name).optional(1),
    Column::new("bytes", "SIZE", BYTES),
    Column::new("inodes", "INODES", Kind::Count).optional(2),
    Column::new("copies", "COPIES", Kind::Count).optional(7),
    Column::new("created_by", "CREATED BY", Kind::Step),
    Column::new("diff_id", "DIFF ID", Kind::Id).wide(),
    Column::new("parent", "PARENT", Kind::Id).wide(),
    Column::new("link", "LINK", Kind::Name).wide(),
    Column::new("apparent_bytes", "APPARENT", BYTES).wide(),
    Column::new("docker_size", "DOCKER SIZE", BYTES).wide(),
    Column::new("reason", "REASON", Kind::Text).hidden(),
];

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let kind = list::Kind { name: "layers", columns: &COLUMNS, fields: None };
    list::run_resolved(kind, &["images", "containers"], |input| Ok(layers::list(input.audit())), (&args.list, global, output))
}
