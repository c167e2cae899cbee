//! Trees: a row a node, its place drawn before its label, and columns to the right of all labels.
//!
//! ```text
//! app:1                        12.3MB
//! ├── 0e35a2bf52d4   ADD file   7.8MB
//! │   └── 9b1c0d5c1f2a   RUN    4.1MB
//! └── …
//! ```
//!
//! Rows are given in the order in which they are drawn, each with its depth, so nothing here recurses. A row can also *continue* the one
//! above it: it stands in the same place, without a branch of its own, as the next layer of a chain in which nothing parts.
//!
//! ```text
//! ├── 0e35a2bf52d4   ADD file   7.8MB
//! │   9b1c0d5c1f2a   RUN        4.1MB
//! │   └── app:1
//! └── …
//! ```
//!
//! Guides stop growing where they would leave no room for labels: a row below says how deep it is instead.

use super::table::{Fit, Heading, Style, Table};

/// How many levels are drawn with guides where the width is not limited. What lies deeper says how deep.
pub const DEEPEST: usize = 40;

/// How many columns the guide of a level takes.
const GUIDE: usize = 4;

/// What of a label is seen however narrow the terminal: as much as an identifier takes, with a count of layers before it.
const LEGIBLE: usize = 25;

/// Which characters connect the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Guides {
    /// Box-drawing characters.
    #[default]
    Unicode,
    /// ASCII, for terminals and tools that know nothing else.
    Ascii,
}

/// Rows with their depth, first a root, then all that is below it, then the next root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    headings: Vec<Heading>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    depth: usize,
    joint: Joint,
    label: String,
    cells: Vec<String>,
}

/// How a row is joined to those above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joint {
    /// It is a branch of the row above that is one level less deep.
    Branch,
    /// It continues the row just above.
    Continuation,
}

/// A row as it is seen from below: whether it is the last of its siblings, and whether each of its ancestors is.
struct Place {
    depth: usize,
    joint: Joint,
    is_last: Vec<bool>,
    /// How many levels have guides.
    deepest: usize,
}

impl Tree {
    /// Begins a tree: the first heading is that of the labels, the others are those of the columns beside them.
    #[must_use]
    pub const fn new(headings: Vec<Heading>) -> Self {
        Self { headings, rows: Vec::new() }
    }

    /// Adds a row; a root has depth 0, and no row is more than one level deeper than the one before it.
    pub fn push(&mut self, depth: usize, label: String, cells: Vec<String>) {
        let deepest = self.rows.last().map_or(0, |row| row.depth + 1);
        self.rows.push(Row { depth: depth.min(deepest), joint: Joint::Branch, label, cells });
    }

    /// Adds a row that continues the one above it, at the same depth.
    pub fn push_on(&mut self, label: String, cells: Vec<String>) {
        let depth = self.rows.last().map_or(0, |row| row.depth);
        let joint = if self.rows.is_empty() { Joint::Branch } else { Joint::Continuation };
        self.rows.push(Row { depth, joint, label, cells });
    }

    /// Draws the tree, each line with its end.
    #[must_use]
    pub fn render(mut self, guides: Guides, style: &Style) -> String {
        let prefixes = self.prefixes(guides, deepest(style));
        if let Some(labels) = self.headings.first_mut().filter(|labels| labels.fit == Fit::Shorten) {
            // Guides lead nowhere without the beginning of what they lead to.
            let least = |(row, prefix): (&Row, &String)| prefix.chars().count() + row.label.chars().count().min(LEGIBLE);
            labels.fit = Fit::ShortenTo(self.rows.iter().zip(&prefixes).map(least).max().unwrap_or_default());
        }
        let mut table = Table::new(self.headings);
        for (row, prefix) in self.rows.into_iter().zip(prefixes) {
            table.push(std::iter::once(prefix + &row.label).chain(row.cells));
        }
        table.render(style)
    }

    /// Draws what stands before each label, from the last row to the first: only what follows a row tells whether it is its parent's last.
    fn prefixes(&self, guides: Guides, deepest: usize) -> Vec<String> {
        // Whether a later row of each level belongs to the same parent.
        let mut followed: Vec<bool> = Vec::new();
        let mut prefixes: Vec<String> = Vec::with_capacity(self.rows.len());
        for row in self.rows.iter().rev() {
            followed.resize(row.depth + 1, false);
            let drawn = followed.iter().take(deepest + 1).skip(1).map(|followed| !followed).collect();
            prefixes.push(Place { depth: row.depth, joint: row.joint, is_last: drawn, deepest }.prefix(guides));
            if row.joint == Joint::Branch {
                followed.pop();
                followed.push(true);
            }
        }
        prefixes.reverse();
        prefixes
    }
}

impl Place {
    fn prefix(&self, guides: Guides) -> String {
        let [passing, blank, branch, corner] = match guides {
            Guides::Unicode => ["│   ", "    ", "├── ", "└── "],
            Guides::Ascii => ["|   ", "    ", "|-- ", "`-- "],
        };
        let Some((own, ancestors)) = self.is_last.split_last() else { return String::new() };
        let mut prefix: String = ancestors.iter().map(|is_last| if *is_last { blank } else { passing }).collect();
        prefix.push_str(match (self.joint, *own) {
            (Joint::Branch, true) => corner,
            (Joint::Branch, false) => branch,
            (Joint::Continuation, true) => blank,
            (Joint::Continuation, false) => passing,
        });
        if self.depth > self.deepest {
            prefix.extend(["(level ", &self.depth.to_string(), ") "]);
        }
        prefix
    }
}

/// How many levels have guides: they take at most half of a terminal, so that the columns stay in place.
fn deepest(style: &Style) -> usize {
    style.width.map_or(DEEPEST, |width| (width / 2 / GUIDE).clamp(2, DEEPEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::table::Align;

    fn draw(rows: &[(usize, &str)], guides: Guides) -> String {
        let mut tree = Tree::new(vec![Heading { title: String::new(), align: Align::Left, fit: Fit::Keep }]);
        for (depth, label) in rows {
            tree.push(*depth, (*label).to_owned(), Vec::new());
        }
        tree.render(guides, &Style::default())
    }

    #[test]
    fn draws_branches_and_corners() {
        let rows = [(0, "a"), (1, "b"), (2, "c"), (2, "d"), (3, "e"), (1, "f"), (2, "g"), (0, "h"), (1, "i")];
        let text = "a\n├── b\n│   ├── c\n│   └── d\n│       └── e\n└── f\n    └── g\nh\n└── i\n";
        assert_eq!(draw(&rows, Guides::Unicode), text);
        let ascii = text.replace('├', "|").replace('└', "`").replace('│', "|").replace('─', "-");
        assert_eq!(draw(&rows, Guides::Ascii), ascii);
    }

    #[test]
    fn continues_a_row_where_nothing_parts() {
        let mut tree = Tree::new(vec![Heading { title: String::new(), align: Align::Left, fit: Fit::Keep }]);
        let row = |label: &str| label.to_owned();
        tree.push(0, row("a"), Vec::new());
        tree.push_on(row("b"), Vec::new());
        tree.push(1, row("c"), Vec::new());
        tree.push_on(row("d"), Vec::new());
        tree.push(2, row("e"), Vec::new());
        tree.push(1, row("f"), Vec::new());
        tree.push_on(row("g"), Vec::new());
        tree.push(2, row("h"), Vec::new());
        let text = "a\nb\n├── c\n│   d\n│   └── e\n└── f\n    g\n    └── h\n";
        assert_eq!(tree.render(Guides::Unicode, &Style::default()), text);
    }

    #[test]
    fn guides_leave_room_for_what_they_lead_to() {
        let mut tree = Tree::new(vec![Heading { title: String::new(), align: Align::Left, fit: Fit::Shorten }]);
        (0..60).for_each(|depth| tree.push(depth, "0123456789ab".to_owned(), Vec::new()));
        let text = tree.render(Guides::Unicode, &Style { width: Some(80), ..Style::default() });
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.ends_with("└── (level 59) 0123456789ab\n"), "{text}");
    }

    #[test]
    fn does_not_leave_a_level_out() {
        assert_eq!(draw(&[(5, "a"), (7, "b"), (7, "c"), (2, "d")], Guides::Unicode), "a\n└── b\n    ├── c\n    └── d\n");
        assert_eq!(draw(&[], Guides::Unicode), "");
    }

    #[test]
    fn aligns_columns_beside_the_labels() {
        let mut tree = Tree::new(vec![
            Heading { title: "LAYER".to_owned(), align: Align::Left, fit: Fit::Keep },
            Heading { title: "SIZE".to_owned(), align: Align::Right, fit: Fit::Keep },
            Heading { title: "CREATED BY".to_owned(), align: Align::Left, fit: Fit::Shorten },
        ]);
        for (depth, label, size, step) in
            [(0, "app:1", "12.3MB", ""), (1, "0e35", "8MB", "ADD a\nfile"), (2, "9b1c", "4.1MB", "RUN apt-get install")]
        {
            tree.push(depth, label.to_owned(), vec![size.to_owned(), step.to_owned()]);
        }
        let style = Style { width: Some(34), ..Style::default() };
        let text = "LAYER            SIZE   CREATED BY\n\
                    app:1          12.3MB\n\
                    └── 0e35          8MB   ADD a\\nfi…\n\
                    \u{20}   └── 9b1c    4.1MB   RUN apt-g…\n";
        assert_eq!(tree.render(Guides::Unicode, &style), text);
    }

    #[test]
    fn shortens_labels_to_what_can_still_be_read() {
        let labels = Heading { title: "LAYER".to_owned(), align: Align::Left, fit: Fit::Shorten };
        let size = Heading { title: "SIZE".to_owned(), align: Align::Right, fit: Fit::Keep };
        let mut tree = Tree::new(vec![labels, size]);
        for (depth, label) in [(0, "6be5022fb763"), (1, "99fbf589527a"), (2, "registry.example/team/application:2024")] {
            tree.push(depth, label.to_owned(), vec!["1.5MB".to_owned()]);
        }
        let at = |width| tree.clone().render(Guides::Unicode, &Style { width: Some(width), ..Style::default() });
        assert!(at(54).contains("\n    └── registry.example/team/application:2024   1.5MB\n"), "{}", at(54));
        assert!(at(44).contains("\n    └── registry.example/team/appli…   1.5MB\n"), "{}", at(44));
        assert!(at(3).contains("\n└── 99fbf589527a                    1.5MB\n    └── registry.example/team/ap…   1.5MB\n"), "{}", at(3));
    }

    #[test]
    fn draws_a_chain_of_any_length() {
        let rows: Vec<(usize, &str)> = (0..20_000).map(|depth| (depth, "x")).collect();
        let text = draw(&rows, Guides::Ascii);
        assert_eq!(text.lines().count(), 20_000);
        assert!(text.ends_with("`-- (level 19999) x\n"));
        assert!(text.lines().all(|line| line.len() < 4 * DEEPEST + 20));
    }
}
