//! What every list command does with its items.

use super::args::{Global, ListArgs};
use super::exit::Failure;
use super::output::Output;
use crate::inventory::Inventory;
use crate::render::column::Column;
use crate::render::list::{self, Extent, Listing, View};
use crate::report::{Document, Items};
use serde::Serialize;
use serde_json::Value;

/// Prints `items` as the command line asks for.
pub(super) fn print<T: Serialize>(
    (command, columns): (&str, &[Column]),
    inventory: &Inventory,
    items: Vec<T>,
    (global, args, output): (&Global, &ListArgs, &mut Output),
) -> Result<(), Failure> {
    let document = Document::new(command, inventory, Items { items });
    let view = View {
        format: global.format.clone(),
        extent: if global.quiet { Extent::Ids } else { Extent::Usual },
        sort: args.sort.clone(),
        filters: args.filter.iter().cloned().collect(),
        look: output.look,
        style: output.style,
    };
    let listing = Listing { document: value(&document)?, items: "items", columns };
    let text = list::list(listing, &view).map_err(Failure::usage)?;
    output.print(&text)
}

/// A report as JSON.
pub(super) fn value<T: Serialize>(document: &T) -> Result<Value, Failure> {
    serde_json::to_value(document).map_err(|error| Failure::unreadable(format!("cannot write JSON: {error}")))
}

/// Prints a report that is one thing, in every format but the table; says whether it did.
pub(super) fn print_single<T: Serialize>(document: &T, global: &Global, output: &mut Output) -> Result<bool, Failure> {
    let text = list::single(&value(document)?, &global.format).map_err(Failure::usage)?;
    text.as_ref().map_or(Ok(false), |text| output.print(text).map(|()| true))
}
