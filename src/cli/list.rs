//! What every list command does.

use super::args::{Choice, Global, ListArgs};
use super::exit::{Failure, Status};
use super::input::Input;
use super::output::Output;
use super::session::Scan;
use super::targets;
use crate::audit::Audit;
use crate::render::column::{Column, short_id};
use crate::render::docker::Fields;
use crate::render::escape;
use crate::render::format::Format;
use crate::render::list::{self, Extent, Listing, View};
use crate::report::{Document, Items};
use serde::Serialize;
use serde_json::Value;

/// A list as the command line wants it.
#[derive(Debug)]
pub(super) struct List {
    view: View,
    columns: &'static [Column],
    items: &'static str,
    fields: Option<&'static Fields>,
}

/// The name of a list command, and what its items have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// The word in the schema.
    pub name: &'static str,
    /// Its keys.
    pub columns: &'static [Column],
    /// Docker's fields of the same things.
    pub fields: Option<&'static Fields>,
}

impl List {
    /// A list with these columns of what stands under the key `items` of its document.
    ///
    /// Fails when the command line names what they do not have: then nothing needs to be read.
    pub(super) fn new(
        columns: &'static [Column],
        items: &'static str,
        (choice, global, output): (&Choice, &Global, &Output),
    ) -> Result<Self, Failure> {
        Self::with_fields(columns, (items, None), (choice, global, output))
    }

    /// As [`List::new`], of what Docker lists too.
    pub(super) fn with_fields(
        columns: &'static [Column],
        (items, fields): (&'static str, Option<&'static Fields>),
        (choice, global, output): (&Choice, &Global, &Output),
    ) -> Result<Self, Failure> {
        let view = View {
            format: global.format.clone(),
            extent: if global.quiet { Extent::Ids } else { Extent::Usual },
            sort: choice.sort.clone(),
            filters: choice.filter.iter().cloned().collect(),
            digests: false,
            look: output.look,
            style: output.style,
        };
        view.check(columns, fields).map_err(Failure::usage)?;
        Ok(Self { view, columns, items, fields })
    }

    /// Shows all columns that there may be.
    pub(super) fn widen(&mut self) {
        if self.view.extent == Extent::Usual {
            self.view.extent = Extent::Wide;
        }
    }

    /// Fills templates in for each digest of an image.
    pub(super) const fn show_digests(&mut self) {
        self.view.digests = true;
    }

    /// Takes names for the things that filters mean: what has an ID is found by its name too.
    pub(super) fn resolve(&mut self, audit: &Audit, keys: &[&str]) -> Result<(), Failure> {
        self.view.filters.replace(self.columns, |key, text| {
            if !keys.contains(&key) || text.parse::<u64>().is_ok() {
                return Ok(None);
            }
            // What is gone has an ID all the same, and several may begin alike.
            let is_id = text.strip_prefix("sha256:").unwrap_or(text).bytes().all(|byte| byte.is_ascii_hexdigit());
            match targets::named(audit, text, "filter by a name, an id or its beginning") {
                Ok(target) => Ok(Some(target.id())),
                Err(_) if is_id => Ok(None),
                Err(failure) => Err(failure),
            }
        })
    }

    /// Prints what `document` lists.
    pub(super) fn print<T: Serialize>(&self, document: &Document<T>, output: &mut Output) -> Result<(), Failure> {
        let listing = Listing { document: value(document)?, items: self.items, columns: self.columns, fields: self.fields };
        let text = list::list(listing, &self.view).map_err(Failure::usage)?;
        output.print(&text)
    }
}

/// Runs a list command: reads and measures the data-root or the archives, and prints what `list` finds there.
pub(super) fn run<T: Serialize>(
    (name, columns): (&'static str, &'static [Column]),
    list: impl FnOnce(&Audit) -> Vec<T>,
    args: (&ListArgs, &Global, &mut Output),
) -> Result<Status, Failure> {
    run_resolved(Kind { name, columns, fields: None }, &[], |input| Ok(list(input.audit())), args)
}

/// As [`run`]; filters by one of the `named` keys take the names of things too.
pub(super) fn run_resolved<T: Serialize>(
    kind: Kind,
    named: &[&str],
    list: impl FnOnce(&Input) -> Result<Vec<T>, Failure>,
    (args, global, output): (&ListArgs, &Global, &mut Output),
) -> Result<Status, Failure> {
    let printer = List::with_fields(kind.columns, ("items", kind.fields), (&args.choice, global, output))?;
    print_resolved(printer, (kind.name, named), list, (args, global, output))
}

/// As [`run_resolved`], with a list that is ready to be printed.
pub(super) fn print_resolved<T: Serialize>(
    mut printer: List,
    (name, named): (&str, &[&str]),
    list: impl FnOnce(&Input) -> Result<Vec<T>, Failure>,
    (args, global, output): (&ListArgs, &Global, &mut Output),
) -> Result<Status, Failure> {
    let input = Input::open(global, Scan::from(args.no_scan), output)?;
    printer.resolve(input.audit(), named)?;
    let items = list(&input)?;
    printer.print(&Document::new(name, &input.audit().inventory, Items { items }), output)?;
    Ok(input.status())
}

/// A report as JSON.
pub(super) fn value<T: Serialize>(document: &T) -> Result<Value, Failure> {
    serde_json::to_value(document).map_err(|error| Failure::unreadable(format!("cannot write JSON: {error}")))
}

/// Prints a report that is a list drawn by its command: as one document, as its items one by one, or as a table, which is `draw`n.
///
/// With `-q` the identifiers stand for the table.
pub(super) fn print_items<T: Serialize>(
    document: &Document<Items<T>>,
    id: impl Fn(&T) -> &str,
    (global, output): (&Global, &mut Output),
    draw: impl Fn(&[T], &Output) -> Result<String, Failure>,
) -> Result<(), Failure> {
    let items = &document.body.items;
    let text = match &global.format {
        Format::Json => return print_single(document, global, output).map(drop),
        Format::Table if global.quiet => {
            items.iter().map(|item| escape::line(&short_id(id(item), output.look.ids)).into_owned() + "\n").collect()
        }
        Format::Table => draw(items, output)?,
        format => {
            let one = |item| Ok(list::single(&value(item)?, format).map_err(Failure::usage)?.unwrap_or_default());
            items.iter().map(one).collect::<Result<String, Failure>>()?
        }
    };
    output.print(&text)
}

/// Prints a report that is one thing, in every format but the table; says whether it did.
pub(super) fn print_single<T: Serialize>(document: &T, global: &Global, output: &mut Output) -> Result<bool, Failure> {
    let text = list::single(&value(document)?, &global.format).map_err(Failure::usage)?;
    text.as_ref().map_or(Ok(false), |text| output.print(text).map(|()| true))
}
