use super::args::{Global, ListArgs};
use super::exit::{Failure, Status};
use super::habits;
use super::input::Input;
use super::list;
use super::output::Output;
use crate::render::column::{Column, Kind};
use crate::render::docker::HISTORY;
use crate::render::size::Digits;
use crate::report::history;

/// List the steps that made an image, the newest first
///
/// As `docker history`, with the layer that each step made, its inodes, and how many images have it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    list: ListArgs,
    /// The image
    #[arg(value_name = "IMAGE")]
    image: String,
}

static COLUMNS: [Column; 11] = [
    Column::new("image", "IMAGE", Kind::Id).optional(3),
    Column::new("layer", "LAYER", Kind::Id),
    Column::new("created", "CREATED", Kind::Age).optional(2),
    Column::new("created_by", "CREATED BY", Kind::Step),
    Column::new("bytes", "SIZE", Kind::Bytes(Digits::Four)),
    Column::new("inodes", "INODES", Kind::Count).optional(1),
    Column::new("images", "IMAGES", Kind::Count).optional(4),
    Column::new("docker_size", "DOCKER SIZE", Kind::Bytes(Digits::Three)).wide(),
    Column::new("dir", "DIRECTORY", Kind::Id).wide(),
    Column::new("comment", "COMMENT", Kind::Text).wide(),
    Column::new("empty", "EMPTY", Kind::Bool).hidden(),
];

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let listed = |input: &Input| {
        let audit = input.audit();
        let image = audit.inventory.images.get(&habits::image(audit, &args.image)?);
        let image = image.ok_or_else(|| Failure::not_found("the config of this image cannot be read"))?;
        Ok(history::list(audit, image))
    };
    let kind = list::Kind { name: "history", columns: &COLUMNS, fields: Some(&HISTORY) };
    list::run_resolved(kind, &["image"], listed, (&args.list, global, output))
}
