//! From a plan to its outcome: the lock, a second look at everything, the taking, a third look, and the deleting.
//!
//! ```text
//! Own ─► Permit ─► read everything again ─► draft, keep only what the plan has ─► take ─► look who holds what was taken ─► put that back
//!                                                                                                        │
//!                                          delete what was given up ◄── let dockerd start ◄── give up ◄──┘
//! ```
//!
//! dockerd is kept from starting only between the second arrow and "let dockerd start"; the slow part comes after that.

use super::basis::Diagnosed;
use super::delete::{Deletion, Tally};
use super::judge::Judged;
use super::lock::{Offline, Online, Own, Permit, Refusal};
use super::refuse::{identity, refuse, refuse_repair};
use super::restore::{Restored, put_back};
use super::take::{How, Keep, Outcome, Status, take};
use super::top::Tops;
use super::trash::{Copies, Run, State, Trash};
use super::{Stop, held, point};
use crate::audit::Audit;
use crate::dir::Dir;
use crate::inventory::Inventory;
use crate::plan::{Action, Mode, Plan, Wanted};
use crate::store::live::{self, Proc};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What to do with a plan.
#[derive(Debug, Clone)]
pub struct Orders {
    /// What is to become of what is taken.
    pub keep: Keep,
    /// What the plan is drawn up of when it is again.
    pub task: Task,
}

/// What a plan is about.
#[derive(Debug, Clone)]
pub enum Task {
    /// What is garbage, and what goes besides that.
    Prune(Wanted),
    /// What can be mended.
    Repair,
}

/// Something that whoever waits for it should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// From now on dockerd cannot start.
    Locked,
    /// From now on it can; how long it could not.
    Unlocked(Duration),
    /// These dockerds came up meanwhile and are still there; if they are older than 24.0 they may know of what is gone.
    Lingering(Vec<u32>),
    /// A run that was stopped before its end is finished: its name, and when it was.
    Finishing(String),
    /// This run is left alone, and why.
    LeftAlone(String, String),
}

/// What became of a plan in the end.
#[derive(Debug)]
pub struct Collected {
    /// What became of each action of the plan.
    pub statuses: Vec<(Action, Status)>,
    /// The run in which the things are kept, if they are.
    pub kept: Option<String>,
    /// What was deleted, of this run and of earlier ones.
    pub deletion: Deletion,
    /// Whether somebody stopped it.
    pub stopped: bool,
    /// How long dockerd could not start, if it was kept from that.
    pub locked: Option<Duration>,
    /// How long the deleting took, after that.
    pub deleting: Duration,
}

/// Applies `plan` to `root`: what is garbage now and was so, to the letter, when the plan was made.
///
/// # Errors
/// When nothing may be changed now; nothing has been then.
pub fn collect(
    (root, proc): (&Dir, &Proc),
    plan: &Plan,
    orders: &Orders,
    (tally, stop): (&Tally, &Stop),
    notify: &mut dyn FnMut(Notice),
) -> Result<Collected, Refusal> {
    let own = Own::acquire(root)?;
    let tops = Tops::open(root)?;
    let mut trash = Trash::open(&tops)?;
    let begun = Instant::now();
    let permit = permit(root, proc, plan.mode)?;
    if matches!(permit, Permit::Offline(_)) {
        notify(Notice::Locked);
    }
    point::reach("locked");
    let how = How { keep: orders.keep, tally, stop };
    let mut work = Work { root, proc, trash: &mut trash, permit: &permit, own: &own, how: &how };
    let taken = work.finish_interrupted(notify).and_then(|()| work.take(plan, &orders.task));
    // However it ended: nobody may come in with what they read before.
    let locked = release(permit, (root, proc), begun, notify);
    point::reach("unlocked");
    let Taken { statuses, kept } = taken?;
    let unlocked = Instant::now();
    let deletion = trash.delete_doomed(tally, stop);
    let deleting = unlocked.elapsed();
    point::reach("deleted");
    Ok(Collected { statuses, kept, stopped: deletion.stopped, deletion, locked, deleting })
}

/// Lets dockerd start again, if it could not since `begun`, and says how long that was.
fn release(permit: Permit, (root, proc): (&Dir, &Proc), begun: Instant, notify: &mut dyn FnMut(Notice)) -> Option<Duration> {
    let Permit::Offline(offline) = permit else { return None };
    let lingering = offline.release(root, proc);
    let locked = begun.elapsed();
    notify(if lingering.is_empty() { Notice::Unlocked(locked) } else { Notice::Lingering(lingering) });
    Some(locked)
}

/// The runs that were stopped before their end and that the next one finishes.
///
/// A trash that is not ours has none.
#[must_use]
pub fn unfinished(root: &Dir) -> Vec<String> {
    let runs = Tops::open(root).and_then(|tops| Trash::open(&tops)?.runs()).unwrap_or_default();
    runs.into_iter().filter(|run| matches!(run.state, State::Interrupted | State::Doomed)).map(|run| run.id).collect()
}

/// What is done while the lock is held.
struct Work<'a, 'tops> {
    root: &'a Dir,
    proc: &'a Proc,
    trash: &'a mut Trash<'tops>,
    permit: &'a Permit,
    own: &'a Own,
    how: &'a How<'a>,
}

/// What became of each action of a plan, and the run in which the things are, if they are to stay there.
struct Taken {
    statuses: Vec<(Action, Status)>,
    kept: Option<String>,
}

/// What became of a run that was to be given up.
struct GivenUp {
    /// What was put back, and how that went.
    back: Vec<(usize, Restored)>,
    /// Why it was not given up after all.
    disputed: Option<String>,
}

impl Work<'_, '_> {
    /// Gives up what earlier runs took that were to delete it and were stopped.
    fn finish_interrupted(&mut self, notify: &mut dyn FnMut(Notice)) -> Result<(), Refusal> {
        for run in self.trash.runs()? {
            match &run.state {
                State::Interrupted | State::Doomed => match self.give_up(&run)?.disputed {
                    None => notify(Notice::Finishing(run.id)),
                    Some(why) => notify(Notice::LeftAlone(run.id, why)),
                },
                State::Unreadable(why) => notify(Notice::LeftAlone(run.id, why.clone())),
                // It was stopped before it took anything.
                State::Kept if run.items.is_empty() => self.trash.forget_everywhere(&run.id),
                State::Kept => {}
            }
        }
        Ok(())
    }

    /// Takes what is still as `plan` says.
    fn take(&mut self, plan: &Plan, task: &Task) -> Result<Taken, Refusal> {
        let fresh = draw_up_again((self.root, self.proc), plan, task, self.permit)?;
        if fresh.actions.is_empty() {
            return Ok(Taken { statuses: statuses(plan, &fresh, Vec::new()), kept: None });
        }
        let mut outcome = take(&fresh, self.trash, (self.permit, self.own), self.how)?;
        let kept = self.settle(&mut outcome);
        Ok(Taken { statuses: statuses(plan, &fresh, outcome.statuses), kept })
    }

    /// Gives up what was taken, unless it is to be kept; names the run in which it is then.
    fn settle(&mut self, outcome: &mut Outcome) -> Option<String> {
        point::reach("settle");
        // A run that cannot be given up is finished the next time.
        let stays = Some(outcome.run.clone());
        let Ok(runs) = self.trash.runs() else { return stays };
        let Some(run) = runs.into_iter().find(|run| run.id == outcome.run && !run.items.is_empty()) else {
            self.trash.forget_everywhere(&outcome.run);
            return None;
        };
        let settled = match self.how.keep {
            Keep::Yes => Ok(self.give_back_held(&run)),
            Keep::No => self.give_up(&run),
        };
        let Ok(GivenUp { back, disputed }) = settled else { return stays };
        let is_empty = back.len() == run.items.len() && disputed.is_none();
        let kept = stays.filter(|_| disputed.is_some() || self.how.keep == Keep::Yes && !is_empty);
        for (number, restored) in back {
            let Some(status) = outcome.statuses.get_mut(number) else { continue };
            *status = match restored {
                Restored::Whole => Status::Skipped("somebody began to use it at this moment: it was put back".to_owned()),
                Restored::Refused(why) | Restored::Partly(why) => {
                    Status::Failed(format!("somebody uses it, and it is in the trash: {why}"))
                }
            };
        }
        kept
    }

    /// Gives up a run, but for what somebody holds of it.
    fn give_up(&mut self, run: &Run) -> Result<GivenUp, Refusal> {
        let mut given_up = self.give_back_held(run);
        if given_up.disputed.is_none() {
            match self.trash.examine(run, Copies::Refuse) {
                Ok(examined) => self.trash.doom(&examined)?,
                Err(error) => given_up.disputed = Some(error.to_string()),
            }
        }
        Ok(given_up)
    }

    /// Puts back what somebody holds of a run, with what it lies on: whoever came between the last look and the taking is seen now, and nobody
    /// can come any more.
    fn give_back_held(&mut self, run: &Run) -> GivenUp {
        let held = held::of_run((self.root, self.proc), run);
        let has_records = run.items.iter().any(|item| held.contains(&item.number) && item.kind != "directory");
        if matches!(self.permit, Permit::Online(_)) && has_records {
            // A record that comes back beside a running dockerd is one that this does not know.
            return GivenUp { back: Vec::new(), disputed: Some("something uses what it took: stop dockerd and restore it".to_owned()) };
        }
        let back = if held.is_empty() { Vec::new() } else { put_back(self.trash, run, |item| held.contains(&item.number)) };
        let all_back = back.iter().all(|(_, restored)| *restored == Restored::Whole);
        let disputed = (!all_back).then(|| "something uses what it took, and not all of that could be put back".to_owned());
        GivenUp { back, disputed }
    }
}

/// The right to change what `mode` wants to: for a plan beside a running dockerd the lock serves as well, if that has ended.
fn permit(root: &Dir, proc: &Proc, mode: Mode) -> Result<Permit, Refusal> {
    match (Offline::acquire(root, proc), mode) {
        (Ok(offline), _) => Ok(Permit::Offline(offline)),
        (Err(refusal), Mode::Offline) => Err(refusal),
        (Err(_), Mode::Online) => {
            let live = live::read(proc, root);
            Ok(Permit::Online(Online::check(&Inventory::read(root, Some(live)), proc)?))
        }
    }
}

/// Reads everything again, judges it again, and keeps of the plan what is still so.
fn draw_up_again((root, proc): (&Dir, &Proc), plan: &Plan, task: &Task, permit: &Permit) -> Result<Plan, Refusal> {
    let mut inventory = Inventory::read(root, Some(live::read(proc, root)));
    match permit {
        Permit::Online(_) => {
            Online::check(&inventory, proc)?;
        }
        // Whoever was seen to hold the lock is us; a dockerd that came meanwhile waits for it, and goes when it does not get it.
        Permit::Offline(_) => inventory.running = None,
    }
    let wanted = match task {
        Task::Prune(wanted) => wanted.and_what_is_in(plan),
        Task::Repair => Wanted::default(),
    };
    let assumptions = wanted.assumptions(&inventory);
    let audit = Audit::with(inventory, None, &assumptions);
    let refusal = match task {
        Task::Prune(_) => refuse(root, &audit, wanted.emptiness),
        Task::Repair => refuse_repair(root, &audit),
    };
    if let Some(refusal) = refusal {
        return Err(refusal);
    }
    let mut draft = match task {
        Task::Prune(_) => Judged::gather(root, &audit, &wanted).draft(plan.mode),
        Task::Repair => Diagnosed::look(root, &audit).draft(),
    };
    draft.keep_only(plan);
    let identity = identity(root)?;
    if !plan.identity.inode.zip(identity.inode).is_some_and(|(planned, here)| planned.is_same_file(&here)) {
        return Err(Refusal::new("the plan is of another data-root", "make a new one"));
    }
    let mut fresh = draft.finish(identity, jiff::Timestamp::now());
    fresh.weigh_as(plan);
    Ok(fresh)
}

/// What became of each action of the plan, whether or not it was still to be done.
fn statuses(plan: &Plan, fresh: &Plan, done: Vec<Status>) -> Vec<(Action, Status)> {
    let done = fresh.actions.iter().zip(done);
    let mut done: HashMap<_, _> = done.map(|(action, status)| (&action.path, status)).collect();
    let withheld: HashMap<_, _> = fresh.withheld.iter().map(|withheld| (withheld.path.as_str(), &withheld.reason)).collect();
    let status = |action: &Action| {
        done.remove(&action.path).unwrap_or_else(|| {
            let why = withheld.get(action.path.as_str()).map(|why| (*why).clone());
            Status::Skipped(why.unwrap_or_else(|| "it is no longer as the plan says".to_owned()))
        })
    };
    let statuses: Vec<Status> = plan.actions.iter().map(status).collect();
    plan.actions.iter().cloned().zip(statuses).collect()
}
