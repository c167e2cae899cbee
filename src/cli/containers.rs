use super::args::{Global, ListArgs};
use super::exit::{Failure, Status};
use super::list;
use super::output::Output;
use crate::render::column::{Column, Kind};
use crate::render::size::Digits;
use crate::report::containers;

/// List containers with what they take beside their image
///
/// SIZE is what the container alone takes on the disk: its RW and init layers, its own files and its logs. Docker's own figures are in
/// `docker_size` and `docker_virtual_size`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

const BYTES: Kind = Kind::Bytes(Digits::Four);

static COLUMNS: [Column; 15] = [
    Column::new("id", "CONTAINER ID", Kind::Id),
    Column::new("name", "NAME", Kind::Text),
    Column::new("image_name", "IMAGE", Kind::Text),
    Column::new("status", "STATUS", Kind::Name),
    Column::new("created", "CREATED", Kind::Age).optional(4),
    Column::new("bytes", "SIZE", BYTES),
    Column::new("inodes", "INODES", Kind::Count).optional(2),
    Column::new("log_bytes", "LOGS", BYTES).optional(3),
    Column::new("rw_dir", "RW DIRECTORY", Kind::Id).optional(1),
    Column::new("init_dir", "INIT DIRECTORY", Kind::Id).wide(),
    Column::new("docker_size", "DOCKER SIZE", Kind::Bytes(Digits::Three)).wide(),
    Column::new("docker_virtual_size", "DOCKER VIRTUAL", Kind::Bytes(Digits::Three)).wide(),
    Column::new("image", "IMAGE ID", Kind::Id).wide(),
    Column::new("volumes", "VOLUMES", Kind::Text).wide(),
    Column::new("driver", "DRIVER", Kind::Name).hidden(),
];

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    list::run(("containers", &COLUMNS), containers::list, (&args.list, global, output))
}
