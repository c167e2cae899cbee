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
        let width = if terminal { rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col)) } else { None };
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let coloured = match global.color {
            Color::Auto => terminal && !plain,
            Color::Always => true,
            Color::Never => false,
        };
        Self {
            style: Style {
                width: width.filter(|&width| width > 0 && !global.no_trunc),
                colour: if coloured { Colour::Always } else { Colour::Never },
            },
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
        // Nobody is left to tell if this fails.
        drop(writeln!(io::stderr().lock(), "{}", escape::line(text)));
    }

    /// Says several lines.
    pub(super) fn say_lines(&mut self, text: &str) {
        text.lines().for_each(|line| self.say(line));
    }

    /// Says something worth knowing, once.
    pub(super) fn note(&mut self, text: &str) {
        if self.noted.insert(text.to_owned()) {
            self.say(text);
        }
    }

    /// Says what went wrong and what to do next.
    pub(super) fn error(&mut self, failure: &Failure) {
        self.say(&format!("layerwise: {}", failure.message));
        failure.lines.iter().for_each(|line| self.say(line));
        if let Some(hint) = &failure.hint {
            self.say(&format!("hint: {hint}"));
        }
    }
}
