//! Tables in Docker's style: upper-case headers, three spaces between the columns, no lines, nothing after the last word.
//!
//! On a terminal columns that may be left out are, until what remains fits its width with texts that can still be read, and then the widest
//! columns that may be shortened. Elsewhere nothing is, except that a text of more than [`WIDEST`] columns is cut unless it ends its row,
//! since every other row would be padded to it.

use super::escape;
use comfy_table::{CellAlignment, ColumnConstraint, Width, presets};

/// The most columns that a cell may make its neighbours stand apart.
pub const WIDEST: usize = 1000;

/// What stands for the part of a text that was cut off.
const CUT: &str = "…";
/// Spaces between two columns.
const GAP: usize = 3;
/// What a shortened column keeps at least.
const NARROWEST: usize = 8;
/// What a column is not shortened below for the sake of one that may be left out.
const READABLE: usize = 20;
/// How many rows are laid out at a time, so that a long table is not in memory twice.
const BLOCK: usize = 1024;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// The text above it.
    pub title: String,
    /// On which side its texts begin.
    pub align: Align,
    /// What becomes of it where space is short.
    pub fit: Fit,
}

/// On which side of a column its texts stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Texts.
    Left,
    /// Sizes and counts.
    Right,
}

/// What becomes of a column where space is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It stays as it is.
    Keep,
    /// Its texts are shortened.
    Shorten,
    /// Its texts are shortened, but not to less than so many columns.
    ShortenTo(usize),
    /// It is left out: of several first the one with the highest number.
    Omit(u8),
}

/// Whether escape sequences for colours may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colour {
    /// None at all.
    #[default]
    Never,
    /// Headers stand out.
    Always,
}

/// What is known of the place that the text is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// How many columns a line may have, if it is a terminal's.
    pub width: Option<usize>,
    /// Whether colours may be used.
    pub colour: Colour,
}

/// Rows of texts below headings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    headings: Vec<Heading>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Begins a table; it has no line of headers if they are all empty.
    #[must_use]
    pub const fn new(headings: Vec<Heading>) -> Self {
        Self { headings, rows: Vec::new() }
    }

    /// Adds a row of texts, escaping them; missing ones are empty, surplus ones dropped.
    pub fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        let escaped = cells.into_iter().map(|cell| escape::line(&cell).into_owned());
        self.rows.push(escaped.chain(std::iter::repeat_with(String::new)).take(self.headings.len()).collect());
    }

    /// Writes the table, each line with its end.
    #[must_use]
    pub fn render(mut self, style: &Style) -> String {
        let header: Vec<String> = self.headings.iter().map(|heading| escape::line(&heading.title).into_owned()).collect();
        let has_header = header.iter().any(|title| !title.is_empty());
        if has_header {
            self.rows.insert(0, header);
        }
        let mut widths: Vec<usize> = (0..self.headings.len()).map(|column| self.natural(column)).collect();
        if let Some(width) = style.width {
            self.omit(&mut widths, width);
        }
        self.fit(&mut widths, style);
        let mut text = String::new();
        for block in self.rows.chunks(BLOCK) {
            self.write(block, &widths, &mut text);
        }
        match (has_header, style.colour, text.split_once('\n')) {
            (true, Colour::Always, Some((header, rows))) => format!("\u{1b}[1m{header}\u{1b}[0m\n{rows}"),
            _ => text,
        }
    }

    /// Leaves out columns until the others fit.
    fn omit(&mut self, widths: &mut Vec<usize>, width: usize) {
        let needed = |headings: &[Heading], widths: &[usize]| -> usize {
            headings.iter().zip(widths).map(|(heading, width)| readable(heading, *width) + GAP).sum()
        };
        while needed(&self.headings, widths) > width + GAP {
            let ranks = self.headings.iter().enumerate().filter_map(|(at, heading)| Some((heading.fit.rank()?, at)));
            let Some((_, at)) = ranks.max() else { return };
            self.headings.remove(at);
            widths.remove(at);
            self.rows.iter_mut().for_each(|row| drop(row.remove(at)));
        }
    }

    /// Decides how wide each column is, with the widest that may be shortened giving way first.
    fn fit(&self, widths: &mut [usize], style: &Style) {
        let Some(room) = style.width.map(|width| width.saturating_sub(GAP * self.headings.len().saturating_sub(1))) else {
            widths.last_mut().filter(|_| self.is_open()).into_iter().for_each(|width| *width = usize::MAX);
            return;
        };
        let mut surplus = widths.iter().sum::<usize>().saturating_sub(room);
        while surplus > 0 {
            let shortable =
                widths.iter_mut().zip(&self.headings).filter(|(width, heading)| least(heading).is_some_and(|least| **width > least));
            let Some((widest, _)) = shortable.max_by_key(|(width, _)| **width) else { break };
            *widest -= 1;
            surplus -= 1;
        }
    }

    /// Tells whether rows end in texts, which need no padding: one long text must not pad all other rows.
    fn is_open(&self) -> bool {
        self.headings.last().is_some_and(|heading| heading.align == Align::Left)
    }

    /// The width of a column's widest cell.
    fn natural(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| width(cell)).max().unwrap_or_default().min(WIDEST)
    }

    fn write(&self, rows: &[Vec<String>], widths: &[usize], text: &mut String) {
        let closed = self.headings.len() - usize::from(self.is_open());
        let lines = layout(rows, self.headings.iter().zip(widths).take(closed));
        for (row, mut line) in rows.iter().zip(lines) {
            if let Some((last, width)) = row.iter().zip(widths).nth(closed) {
                line.push_str(&cut(last, *width));
            }
            text.push_str(line.trim_end_matches(' '));
            text.push('\n');
        }
    }
}

/// Pads the cells of the first columns to their widths, with the gap after each.
fn layout<'a>(rows: &[Vec<String>], columns: impl Iterator<Item = (&'a Heading, &'a usize)> + Clone) -> Vec<String> {
    let mut table = comfy_table::Table::new();
    table.load_style(presets::NOTHING);
    for row in rows {
        table.add_row(row.iter().zip(columns.clone()).map(|(cell, (_, width))| cut(cell, *width)));
    }
    let gap = u16::try_from(GAP).unwrap_or_default();
    for (column, (heading, width)) in table.column_iter_mut().zip(columns) {
        let width = u16::try_from(*width).unwrap_or(u16::MAX);
        column.set_padding((0, gap));
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width.saturating_add(gap))));
        column.set_cell_alignment(match heading.align {
            Align::Left => CellAlignment::Left,
            Align::Right => CellAlignment::Right,
        });
    }
    let mut lines: Vec<String> = table.lines().collect();
    lines.resize(rows.len(), String::new());
    lines
}

impl Fit {
    /// How soon it is left out, if it may be.
    const fn rank(self) -> Option<u8> {
        match self {
            Self::Omit(rank) => Some(rank),
            Self::Keep | Self::Shorten | Self::ShortenTo(_) => None,
        }
    }
}

/// What a column may be shortened to, if it may be.
fn least(heading: &Heading) -> Option<usize> {
    match heading.fit {
        Fit::Shorten => Some(width(&heading.title).max(NARROWEST)),
        Fit::ShortenTo(least) => Some(width(&heading.title).max(least)),
        Fit::Keep | Fit::Omit(_) => None,
    }
}

/// What a column so wide needs before others are left out.
fn readable(heading: &Heading, natural: usize) -> usize {
    least(heading).map_or(natural, |least| natural.min(least.max(READABLE)))
}

/// Counts the columns that a text takes on a terminal.
fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    // A tree's guides are in every row of it, and are as wide as letters.
    if text.chars().all(|c| c.is_ascii() || matches!(c, '\u{2500}'..='\u{257f}')) {
        return text.chars().count();
    }
    let mut table = comfy_table::Table::new();
    table.add_row([text]);
    table.column_max_content_widths().first().copied().map_or(0, usize::from)
}

/// Shortens a text to so many columns.
fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let kept = room.saturating_sub(width(CUT));
    // No more than a few marks stand on one letter, so what fits is within the first of these characters.
    let ends: Vec<usize> = text.char_indices().map(|(start, _)| start).take(kept * 8 + 1).collect();
    let fitting = ends.partition_point(|end| text.get(..*end).is_some_and(|start| start.is_empty() || width(start) <= kept));
    let end = fitting.checked_sub(1).and_then(|last| ends.get(last)).copied().unwrap_or_default();
    format!("{}{CUT}", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests;
