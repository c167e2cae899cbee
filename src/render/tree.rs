//! Trees: a row a node, its place drawn before its label, and columns to the right of all labels.
//!
//! ```text
//! app:1                        12.3MB
//! ├── 0e35a2bf52d4   ADD file   7.8MB
//! │   └── 9b1c0d5c1f2a   RUN    4.1MB
//! └── …
//! ```
//!
//! Rows are given in the order in which they are drawn, each with its depth, so nothing here recurses: a chain of a hundred thousand
//! layers is drawn as one of three is, save that its guides stop growing at [`DEEPEST`].

use super::table::{Fit, Heading, Style, Table};

/// How many levels are drawn with guides; Docker allows 125 layers. What lies deeper says how deep.
pub const DEEPEST: usize = 160;

/// What of a label is seen however narrow the terminal: as much as an identifier is long.
const LEGIBLE: usize = 12;

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
    label: String,
    cells: Vec<String>,
}

/// A row as it is seen from below: whether it is the last of its siblings, and whether each of its ancestors is.
struct Place {
    depth: usize,
    is_last: Vec<bool>,
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
        self.rows.push(Row { depth: depth.min(deepest), label, cells });
    }

    /// Draws the tree, each line with its end.
    #[must_use]
    pub fn render(mut self, guides: Guides, style: &Style) -> String {
        let prefixes = self.prefixes(guides);
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
    fn prefixes(&self, guides: Guides) -> Vec<String> {
        // Whether a later row of each level belongs to the same parent.
        let mut followed: Vec<bool> = Vec::new();
        let mut prefixes: Vec<String> = Vec::with_capacity(self.rows.len());
        for row in self.rows.iter().rev() {
            followed.resize(row.depth + 1, false);
            let drawn = followed.iter().take(DEEPEST + 1).skip(1).map(|followed| !followed).collect();
            prefixes.push(Place { depth: row.depth, is_last: drawn }.prefix(guides));
            followed.pop();
            followed.push(true);
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
        prefix.push_str(if *own { corner } else { branch });
        if self.depth > DEEPEST {
            prefix.extend(["(level ", &self.depth.to_string(), ") "]);
        }
        prefix
    }
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
        assert!(at(40).contains("\n    └── registry.example/team/a…   1.5MB\n"), "{}", at(40));
        assert!(at(3).contains("\n└── 99fbf589527a       1.5MB\n    └── registry.ex…   1.5MB\n"), "{}", at(3));
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
