//! Where the table goes: to the terminal and into a file, line by line, so that what was measured is there if the rest fails.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

#[derive(Debug)]
pub(crate) struct Report(File);

impl Report {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        println!("writing {}\n", path.display());
        File::create(path).map(Self)
    }

    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        println!("{text}");
        writeln!(self.0, "{text}")
    }

    /// A row of a table.
    pub(crate) fn row(&mut self, cells: &[&str]) -> io::Result<()> {
        self.line(&format!("| {} |", cells.join(" | ")))
    }
}
