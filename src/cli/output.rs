//! Where the commands print to: data on stdout, talk on stderr.

use super::args::{Color, Global};
use super::exit::Failure;
use crate::render::column::{Ids, Look, Sizes};
use crate::render::escape;
use crate::render::size::{self, Digits};
use crate::render::table::{Colour, Style};
use std::collections::BTreeSet;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

/// The two streams and how to print on them.
#[derive(Debug)]
pub(super) struct Output {
    /// How tables are laid out.
    pub style: Style,
    /// How values are shown.
    pub look: Look,
    /// The notes that were given.
    noted: BTreeSet<String>,
}

impl Output {
    /// Looks at the streams of this process.
    pub(super) fn new(global: &Global) -> Self {
        let terminal = io::stdout().is_terminal();
        let ask = |name: &str| std::env::var(name).ok();
        let measured =
            || if terminal { rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col)) } else { None };
        let width = columns(ask).or_else(measured);
        Self {
            style: Style { width: width.filter(|&width| width > 0 && !global.no_trunc), colour: colour(global.color, terminal, ask) },
            look: Look {
                ids: if global.no_trunc { Ids::Full } else { Ids::Short },
                sizes: if global.bytes { Sizes::Raw } else { Sizes::Human },
                now: jiff::Timestamp::now(),
            },
            noted: BTreeSet::new(),
        }
    }

    /// Shows a number of bytes as sizes are shown here.
    pub(super) fn bytes(&self, bytes: u64) -> String {
        match self.look.sizes {
            Sizes::Human => size::human(bytes, Digits::Four),
            Sizes::Raw => bytes.to_string(),
        }
    }

    #[expect(clippy::unused_self, reason = "printing is what an output is for, wherever it goes")]
    /// Prints data; a reader that has gone away is no error.
    pub(super) fn print(&mut self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::unreadable(format!("cannot write to stdout: {error}"))),
            _ => Ok(()),
        }
    }

    #[expect(clippy::unused_self, reason = "as above")]
    /// Says something to the person in front of it.
    pub(super) fn say(&mut self, text: &str) {
        write_line(text);
    }

    /// Says several lines.
    pub(super) fn say_lines(&mut self, text: &str) {
        text.lines().for_each(|line| self.say(line));
    }

    #[expect(clippy::unused_self, reason = "as above")]
    /// Says what was drawn for the terminal already, with its colours and its cells escaped.
    pub(super) fn say_drawn(&mut self, text: &str) {
        // If this fails there is nowhere left to say so.
        drop(io::stderr().lock().write_all(text.as_bytes()));
    }

    /// Says something worth knowing, once.
    pub(super) fn note(&mut self, text: &str) {
        if self.noted.insert(text.to_owned()) {
            self.say(text);
        }
    }

    #[expect(clippy::unused_self, reason = "as above")]
    /// Says what went wrong and what to do next.
    pub(super) fn error(&mut self, failure: &Failure) {
        report(failure);
    }
}

/// Says what went wrong and what to do next.
pub(super) fn report(failure: &Failure) {
    write_line(&format!("layerwise: {}", failure.message));
    failure.lines.iter().for_each(|line| write_line(line));
    if let Some(hint) = &failure.hint {
        write_line(&format!("hint: {hint}"));
    }
}

fn write_line(text: &str) {
    // If this fails there is nowhere left to say so.
    drop(writeln!(io::stderr().lock(), "{}", escape::line(text)));
}

/// Whether there are to be colours: what the command line says, then `NO_COLOR`, `CLICOLOR_FORCE` and `TERM`, then whether it is a terminal.
fn colour(asked: Color, terminal: bool, ask: impl Fn(&str) -> Option<String>) -> Colour {
    let is_set = |name: &str| ask(name).is_some_and(|value| !value.is_empty());
    let is_on = |name: &str| ask(name).is_some_and(|value| !value.is_empty() && value != "0");
    let is_dumb = ask("TERM").is_some_and(|term| term == "dumb");
    let coloured = match asked {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if is_set("NO_COLOR") => false,
        Color::Auto => is_on("CLICOLOR_FORCE") || terminal && !is_dumb,
    };
    if coloured { Colour::Always } else { Colour::Never }
}

/// How many columns a line may have, if `COLUMNS` says so: on a terminal, and elsewhere.
fn columns(ask: impl Fn(&str) -> Option<String>) -> Option<usize> {
    ask("COLUMNS")?.trim().parse().ok().filter(|&columns: &usize| columns > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heeds_what_the_environment_says_of_colours() {
        use Color::{Always, Auto, Never};
        for (asked, terminal, environment, coloured) in [
            (Auto, true, &[][..], true),
            (Auto, false, &[], false),
            (Auto, true, &[("NO_COLOR", "1")], false),
            (Auto, true, &[("NO_COLOR", "")], true),
            (Auto, true, &[("TERM", "dumb")], false),
            (Auto, true, &[("TERM", "xterm")], true),
            (Auto, false, &[("CLICOLOR_FORCE", "1")], true),
            (Auto, false, &[("CLICOLOR_FORCE", "0")], false),
            (Auto, true, &[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")], true),
            (Auto, true, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
            (Always, false, &[("NO_COLOR", "1")], true),
            (Never, true, &[("CLICOLOR_FORCE", "1")], false),
        ] {
            let ask = |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(colour(asked, terminal, ask) == Colour::Always, coloured, "{asked:?} {terminal} {environment:?}");
        }
    }

    #[test]
    fn heeds_columns() {
        let columns = |value: &str| columns(|name| (name == "COLUMNS").then(|| value.to_owned()));
        assert_eq!(["80", " 80 ", "0", "", "x", "-1"].map(columns), [Some(80), Some(80), None, None, None, None]);
    }
}
