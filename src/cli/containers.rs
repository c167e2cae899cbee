use super::args::{Global, ListArgs};
use super::exit::{Failure, Status};
use super::habits::{self, Habits, is_name};
use super::input::Input;
use super::output::Output;
use super::{list, targets};
use crate::audit::Audit;
use crate::graph::Thing;
use crate::id::ImageId;
use crate::render::column::{Column, Kind};
use crate::render::docker::CONTAINERS;
use crate::render::escape::brief;
use crate::render::size::Digits;
use crate::report::containers::{self, Item};
use crate::report::target::Target;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// List containers with what they take beside their image
///
/// SIZE is what the container alone takes on the disk: its RW and init layers, its own files and its logs. Docker's own figures are in
/// `docker_size` and `docker_virtual_size`.
///
/// Docker's filters work here: name=PART, status=exited, ancestor=IMAGE, label=KEY[=VALUE], volume=NAME, network=NAME, exited=CODE, health=WORD,
/// before=CONTAINER, since=CONTAINER; and so do Docker's fields in templates.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

/// `docker ps`: the containers that run, or all of them
#[derive(Debug, clap::Args)]
pub(super) struct PsArgs {
    /// Show those that do not run too
    #[arg(short, long)]
    all: bool,
    /// Show sizes; they always are
    #[arg(short, long)]
    size: bool,
    #[command(flatten)]
    list: ListArgs,
}

const BYTES: Kind = Kind::Bytes(Digits::Four);

static COLUMNS: [Column; 25] = [
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
    Column::new("docker_image", "DOCKER IMAGE", Kind::Text).hidden(),
    Column::new("command", "COMMAND", Kind::Text).hidden(),
    Column::new("labels", "LABELS", Kind::Text).hidden(),
    Column::new("networks", "NETWORKS", Kind::Text).hidden(),
    Column::new("ports", "PORTS", Kind::Text).hidden(),
    Column::new("mounts", "MOUNTS", Kind::Count).hidden(),
    Column::new("started", "STARTED", Kind::Age).hidden(),
    Column::new("finished", "FINISHED", Kind::Age).hidden(),
    Column::new("exit_code", "EXIT CODE", Kind::Text).hidden(),
    Column::new("health", "HEALTH", Kind::Name).hidden(),
];

/// The filters of `docker ps` that mean something else than a key of that name, or are no keys.
const FILTERS: [&str; 9] = ["name", "ancestor", "label", "volume", "network", "exited", "health", "before", "since"];

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    list(&args.list, Of::All, (global, output))
}

/// Lists containers as `docker ps` does.
pub(super) fn ps(args: &PsArgs, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    // A filter for a status asks for all that have it.
    let asks_status = args.list.choice.filter.iter().any(|filter| filter.equality().is_some_and(|(key, _)| key == "status"));
    list(&args.list, if args.all || asks_status { Of::All } else { Of::Running }, (global, output))
}

/// Which containers are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    All,
    Running,
}

fn list(args: &ListArgs, of: Of, (global, output): (&Global, &mut Output)) -> Result<Status, Failure> {
    let (habits, args) = Habits::take(args, &FILTERS);
    let kind = list::Kind { name: "containers", columns: &COLUMNS, fields: Some(&CONTAINERS) };
    let listed = |input: &Input| wanted(input, &habits, of);
    list::run_resolved(kind, &["image"], listed, (&args, global, output))
}

/// The containers that Docker's filters let through.
fn wanted(input: &Input, habits: &Habits, of: Of) -> Result<Vec<Item>, Failure> {
    let audit = input.audit();
    let mut items = input.root().map_or_else(|| containers::list(audit), |root| containers::list_shown(audit, root));
    let ancestors = habits.of("ancestor").map(|text| Ok(habits::descendants(audit, habits::image(audit, text)?)));
    let ancestors = ancestors.collect::<Result<Vec<BTreeSet<ImageId>>, Failure>>()?;
    let times = |key| habits.of(key).map(|text| created_of(audit, text)).collect::<Result<Vec<Timestamp>, Failure>>();
    let (before, since) = (times("before")?.into_iter().min(), times("since")?.into_iter().max());
    items.retain(|item| {
        let created = habits::created(Some(&item.created));
        let is_running = matches!(item.status.as_str(), "running" | "paused" | "restarting");
        (of == Of::All || is_running)
            && (ancestors.is_empty() || item.image.is_some_and(|image| ancestors.iter().any(|images| images.contains(&image))))
            && before.is_none_or(|time| created < time)
            && since.is_none_or(|time| created > time)
            && habits.any("name", |text| is_name(text, &item.name))
            && is_shown(item, habits)
    });
    // As Docker lists them.
    items.sort_by(|one, other| other.created.cmp(&one.created));
    Ok(items)
}

/// What filters ask of a container that only Docker shows.
fn is_shown(item: &Item, habits: &Habits) -> bool {
    let Some(shown) = &item.shown else { return FILTERS.iter().skip(2).take(5).all(|key| !habits.has(key)) };
    let has_ended = matches!(item.status.as_str(), "exited" | "dead");
    habits.label(&shown.labels)
        && habits.any("volume", |text| {
            shown.mounts.iter().any(|mount| mount.name.as_deref() == Some(text) || mount.destination == text || mount.source == text)
        })
        && habits.any("network", |text| shown.networks.iter().any(|network| network == text))
        && habits.any("exited", |text| has_ended && shown.exit_code.to_string() == text)
        && habits.any("health", |text| shown.health.as_deref().unwrap_or("none") == text)
}

fn created_of(audit: &Audit, text: &str) -> Result<Timestamp, Failure> {
    let container = match targets::named(audit, text, "give the name or the id of a container")? {
        Target::Thing(Thing::Container(id)) => audit.inventory.containers.get(&id),
        _ => None,
    };
    let config = container.and_then(|container| container.config.as_ref());
    let config = config.ok_or_else(|| Failure::not_found(format!("{} is no container that says when it was made", brief(text))))?;
    Ok(habits::created(Some(&config.created)))
}
