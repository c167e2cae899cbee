use super::args::{Global, ListArgs};
use super::exit::{Failure, Status};
use super::habits::{Habits, is_name};
use super::input::Input;
use super::list;
use super::output::Output;
use crate::render::column::{Column, Kind};
use crate::render::docker::VOLUMES;
use crate::render::size::Digits;
use crate::report::volumes::{self, Item};

/// List volumes with what they take, and the containers that use them
///
/// UNUSED is yes where no container uses the volume, running or not. ANONYMOUS is a volume whose name dockerd made up. Docker's filters work
/// here: dangling=true, driver=NAME, label=KEY[=VALUE], name=PART; and so do Docker's fields in templates.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

const BYTES: Kind = Kind::Bytes(Digits::Four);

static COLUMNS: [Column; 10] = [
    Column::new("name", "VOLUME NAME", Kind::Id),
    Column::new("driver", "DRIVER", Kind::Name).optional(3),
    Column::new("bytes", "SIZE", BYTES),
    Column::new("inodes", "INODES", Kind::Count).optional(2),
    Column::new("containers", "CONTAINERS", Kind::Count),
    Column::new("unused", "UNUSED", Kind::Bool),
    Column::new("anonymous", "ANONYMOUS", Kind::Bool).optional(1),
    Column::new("docker_size", "DOCKER SIZE", BYTES).wide(),
    Column::new("path", "PATH", Kind::Text).wide(),
    Column::new("labels", "LABELS", Kind::Text).wide(),
];

/// The filters of `docker volume ls` that mean something else than a key of that name, or are no keys.
const FILTERS: [&str; 3] = ["name", "label", "dangling"];

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let (habits, list) = Habits::take(&args.list, &FILTERS);
    let dangling = habits.flag("dangling")?;
    let listed = |input: &Input| {
        let mut items: Vec<Item> = input.root().map_or_else(Vec::new, |root| volumes::list(input.audit(), root));
        items.retain(|item| {
            habits.label(&item.labels)
                && habits.any("name", |text| is_name(text, &item.name))
                && dangling.is_none_or(|wanted| item.unused == Some(wanted))
        });
        Ok(items)
    };
    let kind = list::Kind { name: "volumes", columns: &COLUMNS, fields: Some(&VOLUMES) };
    list::run_resolved(kind, &["containers"], listed, (&list, global, output))
}
