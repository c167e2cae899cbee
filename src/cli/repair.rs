mod show;

use super::args::{Global, Planning};
use super::exit::{Failure, Status};
use super::list::print_single;
use super::output::Output;
use super::prune::{ask, file, notice};
use super::session::{Scan, Session};
use super::{interrupt, progress};
use crate::apply::{self, Collected, Diagnosed, Keep, Notice, Orders, Tally, Task};
use crate::data_root::Machine;
use crate::inventory::Inventory;
use crate::plan::Plan;
use crate::report::Document;
use crate::report::repair::{Became, Repair};
use jiff::Timestamp;

/// Mend what the disk itself proves
///
/// Writes again what was lost or says something wrong, where the rest of the disk leaves no doubt what it said: the links of layer directories and
/// the files link, lower, committed and work/ in them, files in the records of layers and containers. Takes away names of images that are not
/// there, and broken layer records that nothing needs and that keep a layer from being pulled again. Shows the plan and asks first. For what
/// cannot be mended it says why, and what is the shortest way out.
///
/// dockerd must be stopped. Everything that is replaced or taken away is kept in the trash: `layerwise trash restore` undoes it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    planning: Planning,
}

const EXAMPLES: &str = "Examples:
  layerwise repair --dry-run                      what can be mended and how, and the way out of the rest
  layerwise repair                                the plan, a question, and the mending
  layerwise trash restore 20260131T120000Z-4242   undo what that run did
  layerwise repair --save-plan plan.json --dry-run, and after somebody has read it: layerwise repair --plan plan.json

Exit status: 0 done or nothing to do, 1 not wanted or damage is left that cannot be mended, 4 refused for safety, 5 done in part,
130 interrupted.";

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let session = Session::open(global, Scan::Skip, output)?;
    let (root, inventory) = (&session.root.dir, &session.audit.inventory);
    if let Some(refusal) = apply::refuse_repair(root, &session.audit) {
        return Err(refusal.into());
    }
    let diagnosed = Diagnosed::look(root, &session.audit);
    let plan = match &args.planning.plan {
        Some(file) => file::load(file, "repair")?,
        None => diagnosed.draft().finish(apply::identity(root)?, Timestamp::now()),
    };
    if let Some(file) = &args.planning.save_plan {
        file::save(file, &plan)?;
        output.say(&format!("The plan was written to {}; `layerwise repair --plan` applies it", file.display()));
    }
    let body = Repair::new(&plan, &diagnosed.findings, inventory);
    let has_mends = !plan.actions.is_empty() || !plan.withheld.is_empty();
    if let Some(running) = inventory.running.as_ref().filter(|_| has_mends && !args.planning.dry_run) {
        return Err(apply::refuse_running(running).into());
    }
    if args.planning.dry_run || plan.actions.is_empty() {
        if !print(&body, inventory, global, output)? {
            output.print(&show::plan(&body, output))?;
        }
        if inventory.running.is_some() {
            output.note("note: dockerd is running: stop it to mend anything");
        }
        return Ok(status(&body));
    }
    if !args.planning.force {
        output.say_drawn(&show::plan(&body, output));
        if !ask(&show::warning(&plan), output)? {
            return Ok(Status::Findings);
        }
    }
    let collected = collect(&session, &plan, output)?;
    // What is left is what is found now.
    let session = Session::open(global, Scan::Skip, output)?;
    let diagnosed = Diagnosed::look(&session.root.dir, &session.audit);
    let next = diagnosed.draft().finish(apply::identity(&session.root.dir)?, Timestamp::now());
    let body = Repair::new(&plan, &diagnosed.findings, &session.audit.inventory).done(&collected, &next);
    if !print(&body, &session.audit.inventory, global, output)? {
        output.print(&show::outcome(&body))?;
    }
    Ok(status(&body))
}

/// Prints `body` in every format but the table; says whether it did.
fn print(body: &Repair<'_>, inventory: &Inventory, global: &Global, output: &mut Output) -> Result<bool, Failure> {
    print_single(&Document::new("repair", inventory, body), global, output)
}

fn collect(session: &Session, plan: &Plan, output: &mut Output) -> Result<Collected, Failure> {
    let proc = Machine::current().proc().map_err(Failure::unreadable)?;
    let (stop, tally) = (interrupt::flag()?, Tally::default());
    let orders = Orders { keep: Keep::Yes, task: Task::Repair };
    let root = &session.root.dir;
    let mut notify = |happens: Notice| output.say(&notice(&happens));
    let collected = progress::while_deleting(&tally, || apply::collect((root, &proc), plan, &orders, (&tally, &stop), &mut notify));
    Ok(collected?)
}

fn status(body: &Repair<'_>) -> Status {
    let is_whole = |outcome: &crate::report::repair::Outcome| outcome.actions.iter().all(|action| action.status == Became::Mended);
    match &body.outcome {
        Some(outcome) if outcome.stopped => Status::Interrupted,
        Some(outcome) if !is_whole(outcome) => Status::Partly,
        Some(outcome) if outcome.more > 0 => Status::Findings,
        _ if body.unmendable.is_empty() && body.plan.withheld.is_empty() => Status::Fine,
        _ => Status::Findings,
    }
}
