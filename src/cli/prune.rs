pub(super) mod file;
mod show;

use super::args::{Global, Planning};
use super::exit::{Failure, Status};
use super::list::print_single;
use super::output::Output;
use super::progress;
use super::session::{Scan, Session};
use super::until::{self, Until};
use super::{interrupt, targets};
use crate::apply::{self, Collected, Judged, Keep, Notice, Orders, Refusal, Tally, Task};
use crate::data_root::Machine;
use crate::graph::verdict::Emptiness;
use crate::inventory::Inventory;
use crate::plan::{Draft, Include, Limits, Mode, Plan, Wanted};
use crate::render::size;
use crate::report::prune::Prune;
use crate::report::target::Target;
use crate::report::{Document, prune};
use jiff::Timestamp;
use std::io::{self, IsTerminal as _, Write as _};

/// Take back what belongs to nothing
///
/// Removes what is proven dead, and never anything else: orphan layer directories, layers that no image, container or build needs, read-write
/// layers without an owner, what interrupted pulls, builds and removals left, dangling links, stale temporary files. Shows the plan and asks
/// first. What cannot be proven dead is kept, and listed with the reason.
///
/// dockerd must be stopped, and cannot start until everything is out of its sight, which takes moments; the slow deleting comes after that.
/// With --online it may run; then only orphan directories are taken that are older than this dockerd.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Args {
    #[command(flatten)]
    planning: Planning,
    /// Keep what is taken in the trash, from which it can be restored
    #[arg(long)]
    trash: bool,
    /// Work beside a running dockerd: take only orphan directories, and only those older than it
    #[arg(long, conflicts_with = "plan")]
    online: bool,
    /// Take this class too, which nothing is wrong with
    #[arg(long, value_name = "CLASS", value_enum, conflicts_with = "plan")]
    include: Vec<Include>,
    /// Take only what is older: until=24h, or until=2026-01-31T12:00:00Z
    #[arg(long, value_name = "until=TIME", value_parser = until::filter, conflicts_with = "plan")]
    filter: Vec<Until>,
    /// Take only what is older than this: 24h, 7d
    #[arg(long, value_name = "DURATION", conflicts_with = "plan")]
    older_than: Option<Until>,
    /// Keep this thing, and all that it lies on; or what is at this path
    #[arg(long, value_name = "TARGET", conflicts_with = "plan")]
    exclude: Vec<String>,
    /// Take at most so much: 10GB
    #[arg(long, value_name = "SIZE", value_parser = size::parse, conflicts_with = "plan")]
    max_bytes: Option<u64>,
    /// Believe an empty store: all images, containers and builds were really removed
    ///
    /// Layer directories without one image, container or build that needs any of them are what remains when everything was removed, and what
    /// remains when the metadata was lost. Only you know which it is.
    #[arg(long)]
    allow_empty: bool,
    /// What `docker system prune` and `docker image prune` have
    #[arg(short, long, hide = true)]
    all: bool,
}

const EXAMPLES: &str = "Examples:
  layerwise prune --dry-run                       what would go, what would stay and why
  layerwise prune                                 the plan, a question, and the removal
  layerwise prune --trash                         the same, but it can be undone: layerwise trash restore
  layerwise prune --online --older-than 24h -f    beside a running dockerd, for a timer
  layerwise prune --save-plan plan.json --dry-run, and after somebody has read it: layerwise prune --plan plan.json

Exit status: 0 done or nothing to do, 1 not wanted, 4 refused for safety, 5 done in part, 130 interrupted.";

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    if args.all {
        let failure = Failure::usage("prune takes no --all: it takes back what belongs to nothing, and never more");
        return Err(
            failure.hint("`docker image prune -a` removes images that no container uses; `layerwise df` says how much that gives back")
        );
    }
    let planned = Planned::new(args, global, output)?;
    let Planned { session, plan } = &planned;
    if let Some(file) = &args.planning.save_plan {
        file::save(file, plan)?;
        output.say(&format!("The plan was written to {}; `layerwise prune --plan` applies it", file.display()));
    }
    let inventory = &session.audit.inventory;
    let unfinished = apply::unfinished(&session.root.dir);
    let has_nothing = plan.actions.is_empty() && plan.withheld.is_empty() && unfinished.is_empty();
    if args.planning.plan.is_none() && !args.planning.dry_run && !has_nothing {
        refuse_beside_dockerd(args, inventory)?;
    }
    if args.planning.dry_run || plan.actions.is_empty() && unfinished.is_empty() {
        let body = Prune::planned(plan);
        if !print(&body, inventory, global, output)? {
            output.print(&show::plan(plan, output))?;
        }
        mention_daemon(args, inventory, output);
        for run in unfinished {
            output.note(&format!("note: the run {run} was stopped before its end: prune finishes it"));
        }
        return Ok(Status::Fine);
    }
    // What an earlier run was to delete has been agreed to.
    if !args.planning.force && !plan.actions.is_empty() && !is_wanted(plan, output)? {
        return Ok(Status::Findings);
    }
    let collected = collect(args, &planned, output)?;
    let body = Prune::done(plan, &collected);
    if !print(&body, inventory, global, output)? {
        output.print(&show::outcome(&body, output))?;
    }
    Ok(status(&body))
}

/// A plan and what it was drawn up from.
struct Planned {
    session: Session,
    plan: Plan,
}

impl Planned {
    fn new(args: &Args, global: &Global, output: &mut Output) -> Result<Self, Failure> {
        let wanted = wanted(args);
        if let Some(file) = &args.planning.plan {
            let plan = file::load(file, "prune")?;
            let session = Session::open_with(global, (Scan::Skip, &wanted), output)?;
            return Ok(Self { session, plan });
        }
        let session = Session::open_with(global, (Scan::Measure, &wanted), output)?;
        session.mention_cache(output);
        let root = &session.root.dir;
        if let Some(refusal) = apply::refuse(root, &session.audit, wanted.emptiness) {
            return Err(refusal.into());
        }
        let mode = if args.online && session.audit.inventory.running.is_some() { Mode::Online } else { Mode::Offline };
        let mut draft = Judged::gather(root, &session.audit, &wanted).draft(mode);
        draft.limit(&limits(args, &session, &draft)?);
        let plan = draft.finish(apply::identity(root)?, Timestamp::now());
        Ok(Self { session, plan })
    }
}

fn wanted(args: &Args) -> Wanted {
    let emptiness = if args.allow_empty { Emptiness::Believed } else { Emptiness::Suspect };
    Wanted { emptiness, include: args.include.iter().copied().collect() }
}

fn limits(args: &Args, session: &Session, draft: &Draft<'_>) -> Result<Limits, Failure> {
    let mut limits = Limits { max_bytes: args.max_bytes, ..Limits::default() };
    for text in &args.exclude {
        let owner = match targets::find(session, text)? {
            Target::Thing(thing) => {
                limits.excluded.insert(thing);
                continue;
            }
            Target::Owner(owner) => owner,
        };
        let path = targets::below_root(session, text).unwrap_or_else(|| owner.path());
        if !draft.takes(&path) {
            return Err(Failure::usage(format!("{} is nothing that prune would take", path.display())));
        }
        limits.excluded_paths.insert(path);
    }
    // Several limits hold all: the earliest time is the strictest.
    let untils = args.filter.iter().chain(&args.older_than);
    limits.age = untils.map(Until::age).min_by_key(|age| age.until);
    Ok(limits)
}

/// Prints `body` in every format but the table; says whether it did.
fn print(body: &Prune<'_>, inventory: &Inventory, global: &Global, output: &mut Output) -> Result<bool, Failure> {
    print_single(&Document::new("prune", inventory, body), global, output)
}

/// Says before anybody is asked what would be refused afterwards.
fn refuse_beside_dockerd(args: &Args, inventory: &Inventory) -> Result<(), Failure> {
    match &inventory.running {
        Some(running) if !args.online => Err(apply::refuse_running(running).into()),
        _ => Ok(()),
    }
}

fn mention_daemon(args: &Args, inventory: &Inventory, output: &mut Output) {
    if inventory.running.is_some() && !args.online {
        output.note("note: dockerd is running, so what it may know is kept; the plan is applied when it is stopped, or with --online");
    }
}

fn is_wanted(plan: &Plan, output: &mut Output) -> Result<bool, Failure> {
    output.say_drawn(&show::plan(plan, output));
    ask(&show::warning(plan, output), output)
}

/// Says which dockerds came up while they could not start and are still there.
pub(super) fn tell_lingering(pids: Vec<u32>, output: &mut Output) {
    if !pids.is_empty() {
        output.say(&show::notice(&Notice::Lingering(pids)));
    }
}

/// What is said of something that happens meanwhile.
pub(super) fn notice(notice: &Notice) -> String {
    show::notice(notice)
}

/// Warns and asks, as Docker does; without somebody to ask nothing is done.
pub(super) fn ask(warning: &str, output: &mut Output) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("there is nobody to ask: stdin is not a terminal").hint("look first, then say --force"));
    }
    output.say_lines(warning);
    drop(write!(io::stderr().lock(), "Are you sure you want to continue? [y/N] "));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| Failure::usage(format!("cannot read the answer: {error}")))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn collect(args: &Args, planned: &Planned, output: &mut Output) -> Result<Collected, Failure> {
    let proc = Machine::current().proc().map_err(Failure::unreadable)?;
    let stop = interrupt::flag()?;
    let tally = Tally::default();
    let orders = Orders { keep: if args.trash { Keep::Yes } else { Keep::No }, task: Task::Prune(wanted(args)) };
    let root = &planned.session.root.dir;
    let mut notify = |notice: Notice| output.say(&show::notice(&notice));
    let collected =
        progress::while_deleting(&tally, || apply::collect((root, &proc), &planned.plan, &orders, (&tally, &stop), &mut notify));
    collected.map_err(|refusal: Refusal| refusal.into())
}

fn status(body: &Prune<'_>) -> Status {
    match &body.outcome {
        Some(outcome) if outcome.stopped => Status::Interrupted,
        Some(outcome) if outcome.failed > 0 || outcome.actions.iter().any(|action| action.status != prune::Became::Taken) => Status::Partly,
        _ => Status::Fine,
    }
}
