//! Mends, and what cannot be mended, for people.

use super::super::output::Output;
use crate::plan::{Action, Plan};
use crate::render::column::short_id;
use crate::render::table::{Align, Fit, Heading, Table};
use crate::render::{escape, words};
use crate::report::repair::Repair;

/// What would be mended, one by one, and what not and why.
pub(super) fn plan(body: &Repair<'_>, output: &Output) -> String {
    let left = left(body);
    let mut text = String::new();
    if body.plan.actions.is_empty() {
        text.push_str(if left.is_empty() { "Nothing to mend.\n" } else { "Nothing can be mended.\n" });
    } else {
        text.push_str(&table(body.plan, output));
        text.extend(["\nTo be mended: ", &words::count(len(body.plan.actions.len()), "place"), "\n"]);
    }
    text + &left
}

fn table(plan: &Plan, output: &Output) -> String {
    let heading = |title: &str, fit| Heading { title: title.to_owned(), align: Align::Left, fit };
    let columns = [("CLASS", Fit::Keep), ("KIND", Fit::Keep), ("ID", Fit::Keep), ("PATH", Fit::Shorten), ("BECOMES", Fit::Shorten)];
    let mut table = Table::new(columns.map(|(title, fit)| heading(title, fit)).to_vec());
    for action in &plan.actions {
        let id = short_id(&action.id, output.look.ids);
        table.push([action.class.code().to_owned(), action.kind.clone(), id, action.path.to_string(), becomes(action)]);
    }
    table.render(&output.style)
}

/// What becomes of the places of an action.
fn becomes(action: &Action) -> String {
    let puts = action.objects.iter().filter_map(|object| object.put.as_ref());
    let texts: Vec<String> = puts.map(|new| new.content.describe()).collect();
    if texts.is_empty() { "nothing: it goes into the trash".to_owned() } else { texts.join(", ") }
}

/// What stays as it is, why, and the way out.
fn left(body: &Repair<'_>) -> String {
    let mut lines = Vec::new();
    for withheld in &body.plan.withheld {
        lines.push(format!("Left as it is: {}: {}", withheld.path, withheld.reason));
    }
    if !body.unmendable.is_empty() {
        lines.extend([String::new(), "Cannot be mended:".to_owned()]);
    }
    for unmendable in &body.unmendable {
        lines.push(format!("  {} {}: {}", unmendable.code, unmendable.path, unmendable.message));
        lines.push(format!("    {}", unmendable.why));
        // Where pulling cures it, all of that is told at once below.
        let alone = unmendable.hint.as_ref().filter(|_| body.way_out.is_empty() || !unmendable.is_in_way_out);
        lines.extend(alone.map(|hint| format!("    {hint}")));
    }
    if !body.way_out.is_empty() {
        lines.extend([String::new(), "The shortest way out:".to_owned()]);
    }
    lines.extend(body.way_out.iter().map(|step| format!("  {}  ({})", step.step, step.why)));
    lines.iter().map(|line| escape::line(line).into_owned() + "\n").collect()
}

/// The question's first part.
pub(super) fn warning(plan: &Plan) -> String {
    let places = words::count(len(plan.actions.len()), "place");
    format!("WARNING! This will change {places} of the data-root. What was there is kept in the trash.\n")
}

/// What became of everything.
pub(super) fn outcome(body: &Repair<'_>) -> String {
    let Some(outcome) = &body.outcome else { return String::new() };
    let mut lines = Vec::new();
    for action in &outcome.actions {
        let why = action.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        lines.push(format!("{}: {} {}{why}", action.status.describe(), action.class, action.path));
    }
    if let Some(kept) = &outcome.kept {
        lines.push(format!("To undo it: layerwise trash restore {kept}; to keep it for good: layerwise trash empty"));
    }
    if outcome.more > 0 {
        lines.push(format!("{} more can be mended now: run it again", words::count(len(outcome.more), "place")));
    }
    let told: String = lines.iter().map(|line| escape::line(line).into_owned() + "\n").collect();
    told + &left(body)
}

fn len(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
