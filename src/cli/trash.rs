use super::args::{Global, ListArgs};
use super::exit::{Failure, Status};
use super::list::{self, List};
use super::output::Output;
use super::session::{Scan, Session};
use super::until::Until;
use super::{interrupt, progress};
use crate::apply::{self, Copies, Item, Offline, Origin, Own, Refusal, Run, State, Tally, Tops};
use crate::data_root::Machine;
use crate::render::column::{Column, Kind, short_id};
use crate::render::escape;
use crate::render::size::{self, Digits};
use crate::report::trash::{self, BroughtBack, Trashed};
use crate::report::{Document, Items};
use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::HashMap;

/// List, restore or delete what `prune --trash` put aside
///
/// The trash lies on the data-root's own file system, where dockerd never looks: `.layerwise` in the data-root, and in overlay2/ or image/ where
/// those were file systems of their own when it was written. It is looked for in all three.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  layerwise trash ls
  layerwise trash restore 20260131T120000Z-4242        everything that this run took
  layerwise trash restore 20260131T120000Z-4242/3      one thing of it
  layerwise trash empty --older-than 7d")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List what is in the trash
    #[command(alias = "list")]
    Ls {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Bring back runs, or single things of them, exactly as they were; without an ID everything
    ///
    /// What has been replaced since stays in the trash: nothing is ever overwritten. So does what lacks a part, because a file system is not
    /// mounted, say: nothing comes back in part. dockerd must be stopped.
    Restore {
        /// A run, a run and a number (as `ls` says), or the ID of a thing
        #[arg(value_name = "ID")]
        ids: Vec<String>,
        /// Also of a trash that was copied, as by cp -a: what looks as it did (kind, size, times, owner, link text) although it is another inode
        #[arg(long)]
        copied: bool,
    },
    /// Delete what is in the trash for good
    Empty {
        /// Only runs that are older than this: 24h, 7d
        #[arg(long, value_name = "DURATION")]
        older_than: Option<Until>,
        /// Do not ask
        #[arg(short, long)]
        force: bool,
        /// Also runs of a trash that was copied, as by cp -a, if all in them looks as it did although it is other inodes
        #[arg(long)]
        copied: bool,
    },
}

impl From<bool> for Copies {
    /// From the flag `--copied`.
    fn from(copied: bool) -> Self {
        if copied { Self::Believe } else { Self::Refuse }
    }
}

const COLUMNS: [Column; 9] = [
    Column::new("id", "TRASH ID", Kind::Name),
    Column::new("created", "CREATED", Kind::Age).optional(2),
    Column::new("state", "STATE", Kind::Name).optional(1),
    Column::new("class", "CLASS", Kind::Name),
    Column::new("subject", "ID", Kind::Id),
    Column::new("bytes", "SIZE", Kind::Bytes(Digits::Four)),
    Column::new("path", "PATH", Kind::Text),
    Column::new("kind", "KIND", Kind::Name).wide(),
    Column::new("run", "RUN", Kind::Name).wide(),
];

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let open = |output: &mut Output| Session::open(global, Scan::Skip, output);
    match &args.command {
        Command::Ls { list } => ls(list, global, output),
        Command::Restore { ids, copied } => restore(&open(output)?, (ids, (*copied).into()), global, output),
        Command::Empty { older_than, force, copied } => {
            let goes = Goes { older_than: older_than.as_ref(), copies: (*copied).into() };
            empty(&open(output)?, (&goes, *force), global, output)
        }
    }
}

fn refused(error: apply::ApplyError) -> Failure {
    Refusal::from(error).into()
}

fn ls(args: &ListArgs, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let printer = List::new(&COLUMNS, "items", (&args.choice, global, output))?;
    let session = Session::open(global, Scan::Skip, output)?;
    let tops = Tops::open(&session.root.dir).map_err(refused)?;
    let runs = apply::Trash::open(&tops).and_then(|trash| trash.runs()).map_err(refused)?;
    mention_elsewhere(&runs, output);
    let items: Vec<Trashed> = trash::list(&runs);
    printer.print(&Document::new("trash", &session.audit.inventory, Items { items }), output)?;
    Ok(Status::Fine)
}

/// Says of which runs a part is where nothing of them is found.
fn mention_elsewhere(runs: &[Run], output: &mut Output) {
    for run in runs {
        for place in &run.elsewhere {
            output.note(&format!(
                "note: a part of the run {} was put into the trash in {place}, and is not there: is a file system to be mounted there, or to be unmounted?",
                run.id
            ));
        }
    }
}

fn restore(session: &Session, (ids, copies): (&[String], Copies), global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let root = &session.root.dir;
    let proc = Machine::current().proc().map_err(Failure::unreadable)?;
    let own = Own::acquire(root)?;
    let tops = Tops::open(root).map_err(refused)?;
    let mut trash = apply::Trash::open(&tops).map_err(refused)?;
    let runs = trash.runs().map_err(refused)?;
    mention_elsewhere(&runs, output);
    if let Some(id) = ids.iter().find(|id| !runs.iter().any(|run| run.items.iter().any(|item| is_meant(id, run, item)))) {
        return Err(Failure::not_found(format!("nothing in the trash is called {id}")).hint("`layerwise trash ls` lists what is there"));
    }
    let offline = Offline::acquire(root, &proc)?;
    let mut brought_back = Vec::new();
    // What was taken last lies on what was taken first.
    for run in runs.iter().rev().filter(|run| matches!(run.state, State::Kept | State::Interrupted)) {
        let is_wanted = |item: &Item| ids.is_empty() || ids.iter().any(|id| is_meant(id, run, item));
        let items: HashMap<usize, &Item> = run.items.iter().map(|item| (item.number, item)).collect();
        for (number, restored) in apply::restore(&mut trash, (run, copies), is_wanted, (&offline, &own)) {
            brought_back.extend(items.get(&number).map(|item| trash::brought_back(run, item, restored)));
        }
    }
    super::prune::tell_lingering(offline.release(root, &proc), output);
    tell(session, &brought_back, global, output)
}

/// Whether `id` names a run, an item of it, or the thing that the item is.
fn is_meant(id: &str, run: &Run, item: &Item) -> bool {
    const SHORTEST: usize = 6;
    let subject = item.id.strip_prefix("sha256:").unwrap_or(&item.id);
    let begins = id.len() >= SHORTEST && subject.starts_with(id.strip_prefix("sha256:").unwrap_or(id));
    id == run.id || id == trash::name(run, item) || begins
}

/// Prints a document of the trash in every format but the table; says whether it did.
fn print<T: Serialize>(session: &Session, body: T, global: &Global, output: &mut Output) -> Result<bool, Failure> {
    list::print_single(&Document::new("trash", &session.audit.inventory, body), global, output)
}

fn tell(session: &Session, brought_back: &[BroughtBack], global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let status = if brought_back.iter().all(|item| item.restored) { Status::Fine } else { Status::Partly };
    if print(session, Items { items: brought_back.to_vec() }, global, output)? {
        return Ok(status);
    }
    for item in brought_back {
        let id = short_id(&item.subject, output.look.ids);
        let line = match &item.why {
            None => format!("Restored: {} {id}", item.kind),
            Some(why) => format!("Not restored: {} {id} ({}): {why}", item.kind, item.id),
        };
        output.print(&(escape::line(&line).into_owned() + "\n"))?;
    }
    if brought_back.is_empty() {
        output.print("There is nothing to restore.\n")?;
    }
    Ok(status)
}

/// What emptying the trash gave back.
#[derive(Debug, Serialize)]
struct Emptied {
    reclaimed_bytes: u64,
    reclaimed_inodes: u64,
    /// The runs that were not given up.
    left_alone: u64,
    failed: u64,
    stopped: bool,
}

/// Which runs are to be deleted.
struct Goes<'a> {
    older_than: Option<&'a Until>,
    copies: Copies,
}

impl Goes<'_> {
    /// Whether a run is meant.
    fn means(&self, run: &Run) -> bool {
        let is_old = || self.older_than.is_none_or(|until| run.created.parse().is_ok_and(|created: Timestamp| created < until.age().until));
        match run.state {
            State::Kept | State::Interrupted => is_old(),
            State::Doomed => true,
            State::Unreadable(_) => false,
        }
    }

    /// Why a run that is meant stays all the same.
    fn why_left_alone(&self, run: &Run) -> Option<&'static str> {
        let is_refused = run.state != State::Doomed && run.origin == Origin::Copied && self.copies == Copies::Refuse;
        is_refused.then_some("it is a copy of a trash, and nothing in it is the inode that its journal knows: --copied deletes it")
    }
}

fn empty(session: &Session, (goes, force): (&Goes<'_>, bool), global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let root = &session.root.dir;
    let _own = Own::acquire(root)?;
    let tops = Tops::open(root).map_err(refused)?;
    let mut trash = apply::Trash::open(&tops).map_err(refused)?;
    let runs = trash.runs().map_err(refused)?;
    let mut left_alone = 0;
    for run in &runs {
        let unreadable = matches!(run.state, State::Unreadable(_)).then_some("its journal cannot be read");
        if let Some(why) = unreadable.or_else(|| goes.why_left_alone(run).filter(|_| goes.means(run))) {
            left_alone += 1;
            output.say(&format!("left alone: the run {}: {why}", run.id));
        }
    }
    let going: Vec<&Run> = runs.iter().filter(|run| goes.means(run) && goes.why_left_alone(run).is_none()).collect();
    for run in &going {
        // What lies there stays, and cannot be restored without what is deleted now.
        left_alone += u64::from(!run.elsewhere.is_empty());
        mention_elsewhere(std::slice::from_ref(*run), output);
    }
    if !going.is_empty() && !force && !super::prune::ask(&format!("WARNING! This will delete {} for good.", runs_of(&going)), output)? {
        return Ok(Status::Findings);
    }
    for run in &going {
        if let Err(why) = give_up(session, &trash, (run, goes.copies)) {
            left_alone += 1;
            output.say(&format!("left alone: the run {}: {why}", run.id));
        }
    }
    let (tally, stop) = (Tally::default(), interrupt::flag()?);
    let deletion = progress::while_deleting(&tally, || trash.delete_doomed(&tally, &stop));
    let emptied = Emptied {
        reclaimed_bytes: deletion.bytes,
        reclaimed_inodes: deletion.inodes,
        left_alone,
        failed: deletion.failed,
        stopped: deletion.stopped,
    };
    if !print(session, emptied, global, output)? {
        for failure in &deletion.failures {
            output.say(&format!("cannot delete {}: {}", failure.path.display(), failure.error));
        }
        output.print(&format!("Total reclaimed space: {}\n", size::human(deletion.bytes, Digits::Four)))?;
    }
    Ok(match (deletion.stopped, deletion.failed + left_alone) {
        (true, _) => Status::Interrupted,
        (false, 0) => Status::Fine,
        (false, _) => Status::Partly,
    })
}

/// Gives a run up, unless somebody uses what is in it, or something is in it that it did not take.
fn give_up(session: &Session, trash: &apply::Trash<'_>, (run, copies): (&Run, Copies)) -> Result<(), String> {
    let proc = Machine::current().proc().map_err(|error| error.to_string())?;
    if apply::is_held((&session.root.dir, &proc), run) {
        return Err("something uses what is in it".to_owned());
    }
    let examined = trash.examine(run, copies).map_err(|error| error.to_string())?;
    trash.doom(&examined).map_err(|error| error.to_string())
}

fn runs_of(runs: &[&Run]) -> String {
    let things: usize = runs.iter().map(|run| run.items.len()).sum();
    let count = |number: usize, noun| crate::render::words::count(u64::try_from(number).unwrap_or(u64::MAX), noun);
    format!("{} of {}", count(things, "thing"), count(runs.len(), "run"))
}
