//! Plans and outcomes for people.

use super::super::output::Output;
use crate::apply::Notice;
use crate::plan::{Class, Plan};
use crate::render::column::{Sizes, short_id};
use crate::render::size::{self, Digits};
use crate::render::table::{Align, Fit, Heading, Table};
use crate::render::{escape, words};
use crate::report::prune::{Became, Prune};
use std::collections::BTreeMap;

fn bytes(bytes: u64, output: &Output) -> String {
    match output.look.sizes {
        Sizes::Human => size::human(bytes, Digits::Four),
        Sizes::Raw => bytes.to_string(),
    }
}

fn measured(value: Option<u64>, show: impl Fn(u64) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}

/// What would go, one by one, and what would stay.
pub(super) fn plan(plan: &Plan, output: &Output) -> String {
    let mut text = String::new();
    if plan.actions.is_empty() {
        text.push_str("Nothing to take back.\n");
    } else {
        text.push_str(&table(plan, output));
        let (things, inodes) = (words::count(len(plan.actions.len()), "thing"), words::count(plan.inodes(), "inode"));
        let weight = bytes(plan.bytes(), output);
        text.extend(["\nTo be taken back: ", &things, ", ", &weight, ", ", &inodes, "\n"]);
    }
    text.push_str(&withheld(plan, output));
    text
}

fn table(plan: &Plan, output: &Output) -> String {
    let heading = |title: &str, align, fit| Heading { title: title.to_owned(), align, fit };
    let mut table = Table::new(vec![
        heading("CLASS", Align::Left, Fit::Keep),
        heading("KIND", Align::Left, Fit::Omit(2)),
        heading("ID", Align::Left, Fit::Shorten),
        heading("SIZE", Align::Right, Fit::Keep),
        heading("INODES", Align::Right, Fit::Omit(1)),
        heading("PATH", Align::Left, Fit::Shorten),
    ]);
    for action in &plan.actions {
        table.push([
            action.class.code().to_owned(),
            action.kind.clone(),
            short_id(&action.id, output.look.ids),
            measured(action.bytes, |value| bytes(value, output)),
            measured(action.inodes, |value| value.to_string()),
            action.path.to_string(),
        ]);
    }
    table.render(&output.style)
}

/// What stays although nothing is known to use it, by reason.
fn withheld(plan: &Plan, output: &Output) -> String {
    let mut reasons: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for withheld in &plan.withheld {
        let (count, sum) = reasons.entry(&withheld.reason).or_default();
        *count += 1;
        *sum += withheld.bytes.unwrap_or_default();
    }
    let line = |(reason, (count, sum)): (&str, (u64, u64))| {
        let line = format!("Kept: {}, {}: {reason}", words::count(count, "thing"), bytes(sum, output));
        escape::line(&line).into_owned() + "\n"
    };
    reasons.into_iter().map(line).collect()
}

/// The question's first part: what will be removed, by class.
pub(super) fn warning(plan: &Plan, output: &Output) -> String {
    let mut classes: BTreeMap<Class, (u64, u64)> = BTreeMap::new();
    for action in &plan.actions {
        let (count, sum) = classes.entry(action.class).or_default();
        *count += 1;
        *sum += action.bytes.unwrap_or_default();
    }
    let line = |(class, (count, sum)): (Class, (u64, u64))| format!("  - {count} {class}, {}: {}\n", bytes(sum, output), class.describe());
    std::iter::once("WARNING! This will remove:\n".to_owned()).chain(classes.into_iter().map(line)).collect()
}

/// What became of the plan.
pub(super) fn outcome(body: &Prune<'_>, output: &Output) -> String {
    let Some(outcome) = &body.outcome else { return String::new() };
    let mut lines = Vec::new();
    for action in outcome.actions.iter().filter(|action| action.status != Became::Taken) {
        let why = action.why.as_deref().unwrap_or_default();
        let id = short_id(&action.id, output.look.ids);
        lines.push(format!("{}: {} {id}{}{why}", action.status.describe(), action.kind, if why.is_empty() { "" } else { ": " }));
    }
    for failure in &outcome.failures {
        lines.push(format!("Could not be deleted: {}: {}", failure.path, failure.error));
    }
    let told = len(outcome.failures.len());
    if outcome.failed > told {
        lines.push(format!("… and {} more", outcome.failed - told));
    }
    if let Some(kept) = &outcome.kept {
        lines.push(format!("Put into the trash as {kept}, {}", bytes(outcome.trash_bytes, output)));
    }
    lines.push(format!("Total reclaimed space: {}", bytes(outcome.reclaimed_bytes, output)));
    lines.iter().map(|line| escape::line(line).into_owned() + "\n").collect()
}

/// Something that happens meanwhile.
pub(super) fn notice(notice: &Notice) -> String {
    match notice {
        Notice::Locked => "dockerd cannot start until everything is out of its sight …".to_owned(),
        Notice::Unlocked(locked) => format!("dockerd can start again, after {:.1} s", locked.as_secs_f64()),
        Notice::Lingering(pids) => format!(
            "WARNING! dockerd ({}) was started meanwhile and has not given up: if it is older than 24.0, restart it",
            pids.iter().map(|pid| format!("pid {pid}")).collect::<Vec<_>>().join(", ")
        ),
        Notice::Finishing(run) => format!("finishing the run {run}, which was stopped before its end"),
        Notice::LeftAlone(run, why) => format!("left alone: the run {run} in the trash: {why}"),
    }
}

fn len(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
