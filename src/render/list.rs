//! The one place where a list command's items are printed, in every format.
//!
//! Filters come first, then the order, then the format; so every format shows the same items. What else stands in the document (totals, what
//! could not be read) is about the whole data-root and stays as it is. `-q` prints the identifiers instead of a table; as with Docker, another
//! format that was asked for wins over it.

use super::column::{self, Column, Kind, Look, Show};
use super::docker::{Asked, Fields};
use super::filter::{FilterError, Filters};
use super::format::Format;
use super::sort::Sort;
use super::table::{Align, Fit, Heading, Style, Table};
use super::template::{Template, TemplateError};
use super::{escape, json};
use crate::suggest::Unknown;
use serde_json::{Map, Value};

/// What a list command reports.
#[derive(Debug, Clone)]
pub struct Listing<'a> {
    /// The whole document, an object.
    pub document: Value,
    /// The key of the document under which its items are.
    pub items: &'a str,
    /// The keys of an item, hidden ones too, in the order of a table's columns.
    pub columns: &'a [Column],
    /// Docker's own fields of an item, for templates.
    pub fields: Option<&'a Fields>,
}

/// How a list is to be shown.
#[derive(Debug, Clone)]
pub struct View {
    /// In which form.
    pub format: Format,
    /// What of each item.
    pub extent: Extent,
    /// In which order; as reported if nothing is said.
    pub sort: Option<Sort>,
    /// Which items.
    pub filters: Filters,
    /// Whether a template that does not name the digests of images is to be filled in for each of them all the same (`--digests`).
    pub digests: bool,
    /// How values are shown to people.
    pub look: Look,
    /// To what it is written.
    pub style: Style,
}

/// How much of each item a table shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extent {
    /// Only its identifier (`-q`).
    Ids,
    /// The usual columns.
    #[default]
    Usual,
    /// All columns that there may be (`-v`).
    Wide,
}

/// Why a list cannot be shown as asked: the request is wrong, not the data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// A filter is wrong.
    #[error("{0}")]
    Filter(#[from] FilterError),
    /// The order is.
    #[error("{0}")]
    Sort(#[from] Unknown),
    /// The template is.
    #[error("{0}")]
    Template(#[from] TemplateError),
}

impl View {
    /// Makes sure that what is asked for names only what there is, before anything is done for it.
    ///
    /// # Errors
    /// If a filter, the order or the template does not.
    pub fn check(&self, columns: &[Column], fields: Option<&Fields>) -> Result<(), ListError> {
        self.filters.check(columns)?;
        if let Some(sort) = &self.sort {
            sort.check(columns)?;
        }
        match &self.format {
            Format::Template(template) | Format::TableOf(template) => Ok(template.check(&known(columns, fields))?),
            Format::Table | Format::Json | Format::JsonLines => Ok(()),
        }
    }
}

/// Prints a list, each line with its end.
///
/// # Errors
/// If a filter, the order or the template names what there is not, or cannot be applied.
pub fn list(listing: Listing<'_>, view: &View) -> Result<String, ListError> {
    let Listing { mut document, items: key, columns, fields } = listing;
    let mut items = match document.get_mut(key).map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    items = view.filters.apply(items, columns)?;
    if let Some(sort) = &view.sort {
        items = sort.apply(items, columns)?;
    }
    Ok(match &view.format {
        Format::Table if view.extent == Extent::Ids => ids(&items, columns, &view.look),
        Format::Table => table(&items, columns, view),
        Format::TableOf(template) => {
            let rows = rows(template, (&items, columns, fields), view)?;
            table_of(&template.header(|field| title(field, columns, fields)), &rows, &view.style)
        }
        Format::Template(template) => rows(template, (&items, columns, fields), view)?.into_iter().map(|row| row + "\n").collect(),
        Format::JsonLines => items.iter().map(|item| json::compact(item) + "\n").collect(),
        Format::Json => {
            if let Some(object) = document.as_object_mut() {
                object.insert(key.to_owned(), Value::Array(items));
            }
            json::compact(&document) + "\n"
        }
    })
}

/// Prints a report that is one thing rather than a list; nothing if it is to be a table, which its command draws itself.
///
/// # Errors
/// If the template cannot be filled in with it.
pub fn single(document: &Value, format: &Format) -> Result<Option<String>, TemplateError> {
    match format {
        Format::Table => Ok(None),
        Format::Json | Format::JsonLines => Ok(Some(json::compact(document) + "\n")),
        Format::Template(template) => Ok(Some(template.render(document, &[])? + "\n")),
        Format::TableOf(template) => {
            let row = template.render(document, &[])?;
            Ok(Some(table_of(&template.header(|_| None), &[row], &Style::default())))
        }
    }
}

/// What a template may ask for.
fn known<'a>(columns: &[Column], fields: Option<&Fields>) -> Vec<&'a str> {
    let fields = fields.into_iter().flat_map(|fields| fields.names).map(|(name, _)| *name);
    columns.iter().map(|column| column.key).chain(fields).collect()
}

/// What a template gives for each item, or for each of the rows that Docker has for it.
fn rows(
    template: &Template,
    (items, columns, fields): (&[Value], &[Column], Option<&Fields>),
    view: &View,
) -> Result<Vec<String>, TemplateError> {
    let known = known(columns, fields);
    let mut asked = Asked::by(template, view.look);
    asked.digests |= view.digests;
    let mut rows = Vec::new();
    for item in items {
        for fields in fields.map_or_else(|| vec![Map::new()], |fields| (fields.rows)(item, &asked)) {
            rows.push(template.render_with(item, &known, &fields)?);
        }
    }
    Ok(rows)
}

fn title(field: &str, columns: &[Column], fields: Option<&Fields>) -> Option<String> {
    let docker = fields.into_iter().flat_map(|fields| fields.names).find(|(name, _)| *name == field);
    let own = || column::find(columns, field).ok().map(|column| column.header.to_owned());
    docker.map(|(_, title)| (*title).to_owned()).or_else(own).filter(|header| !header.is_empty())
}

/// Prints the identifiers, those of the first column that has such.
fn ids(items: &[Value], columns: &[Column], look: &Look) -> String {
    let Some(column) = columns.iter().find(|column| column.kind == Kind::Id).or(columns.first()) else { return String::new() };
    items.iter().map(|item| escape::line(&column.show(item, look)).into_owned() + "\n").collect()
}

fn table(items: &[Value], columns: &[Column], view: &View) -> String {
    let is_full = view.look.ids == column::Ids::Full;
    let widest = if is_full || view.extent == Extent::Wide { Show::Wide } else { Show::Always };
    let columns: Vec<&Column> = columns.iter().filter(|column| column.show <= widest).collect();
    let mut table = Table::new(columns.iter().map(|column| column.heading()).collect());
    for item in items {
        table.push(columns.iter().map(|column| column.show(item, &view.look)));
    }
    let width = view.style.width.filter(|_| !is_full);
    table.render(&Style { width, ..view.style })
}

/// Prints a table whose columns are what a template has between tabs.
fn table_of(headings: &str, rows: &[String], style: &Style) -> String {
    let heading = |title: &str| Heading { title: title.trim().to_owned(), align: Align::Left, fit: Fit::Keep };
    let mut table = Table::new(headings.split('\t').map(heading).collect());
    for row in rows {
        table.push(row.split('\t').map(str::to_owned));
    }
    table.render(style)
}

#[cfg(test)]
mod tests;
